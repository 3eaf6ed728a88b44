"""Why a connection ended, as a pure function of what both sides did."""

import pytest

from reactorlite.bridge.endings import Ending, reason_for
from reactorlite.internet import error
from reactorlite.python.failure import Failure

RESET = ConnectionResetError(104, "reset")
OTHER = ValueError("other")


@pytest.mark.parametrize(
    ("exc", "ending", "kind"),
    [
        (None, Ending.NONE, error.ConnectionDone),
        (RESET, Ending.NONE, error.ConnectionLost),
        (TimeoutError(), Ending.NONE, error.ConnectionLost),
        (OTHER, Ending.NONE, ValueError),
        (None, Ending.EOF, error.ConnectionDone),
        (RESET, Ending.EOF, error.ConnectionDone),
        (None, Ending.ABORT, error.ConnectionAborted),
        (RESET, Ending.ABORT, error.ConnectionAborted),
        (None, Ending.STOP, error.ConnectionLost),
        (RESET, Ending.STOP, error.ConnectionLost),
    ],
)
def test_reason(exc, ending, kind):
    """asyncio's exception and what this side asked for decide the reason together."""
    assert reason_for(exc, ending).type is kind


def test_lost_connection_keeps_its_cause():
    """The system's error is the cause of `ConnectionLost`."""
    assert reason_for(RESET, Ending.NONE).value.__cause__ is RESET


def test_what_the_protocol_raised_is_the_reason():
    """An error in the protocol ends the connection as itself."""
    raised = Failure(OTHER)

    assert reason_for(None, raised) is raised
