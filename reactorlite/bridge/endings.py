"""Why a connection ended: asyncio's exception and what this side asked for, as a reason."""

from __future__ import annotations

import enum
import ssl

from reactorlite.internet import error
from reactorlite.python.failure import Failure


class Ending(enum.Enum):
    """What has decided, on this side, how the connection ends."""

    NONE = enum.auto()
    EOF = enum.auto()  # the peer ended, and this side follows
    ABORT = enum.auto()
    STOP = enum.auto()  # the reactor stopped
    GIVEN_UP = enum.auto()  # the program closed the socket itself


def reason_for(exc: BaseException | None, ending: Ending | Failure) -> Failure:
    """The `Failure` that `connectionLost` gets; what the protocol raised, if it did.

    asyncio passes None for a peer's end of data, for our `close()` and for our `abort()`
    alike, so the exception alone can't tell them apart.
    """
    if isinstance(ending, Failure):
        return ending
    if ending is Ending.ABORT:
        return Failure(error.ConnectionAborted())
    if ending is Ending.EOF:
        # Twisted has told the protocol by now; what goes wrong after that is nobody's.
        return Failure(error.ConnectionDone())
    if ending is Ending.GIVEN_UP:
        return Failure(error.ConnectionDone())
    if ending is Ending.STOP:
        return Failure(error.ConnectionLost("Connection lost"))
    if isinstance(exc, OSError) and not _is_of_tls(exc):
        lost = error.ConnectionLost()
        lost.__cause__ = exc
        return Failure(lost)
    return Failure(error.ConnectionDone() if exc is None else exc)


def _is_of_tls(exc: OSError) -> bool:
    """Whether it says what is wrong with TLS, and not only that the stream broke off."""
    if isinstance(exc, ssl.SSLEOFError) or not isinstance(exc, ssl.SSLError):
        return False
    # asyncio's own TLS finds this when the peer went on writing after we had closed.
    return getattr(exc, "reason", None) != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
