"""Programs that took reactorlite's reactor, and left the rest of Twisted as it was."""

from __future__ import annotations

import textwrap

import pytest

from tests.porting.conftest import with_twisted

pytestmark = with_twisted

LISTENING = textwrap.dedent("""
    from reactorlite.internet import reactor

    for _ in range(2):
        reactor.listenTCP(0, Factory(), interface="127.0.0.1").stopListening()
    reactor.callLater(0, reactor.stop)
    reactor.run()
""")


def test_twisted_s_own_reactor_beside_ours_is_told_of_once(python):
    """Twisted's factories, whose reactor nothing runs: the log names the two ways out."""
    program = "import twisted.internet.reactor\nfrom twisted.internet.protocol import Factory"

    status, out, err = python("-c", program + LISTENING)

    assert (status, out) == (0, "")
    assert err.count("a factory from Twisted is served") == 1
    assert "reactorlite.install_as_twisted()" in err
    assert "python -m reactorlite run" in err


@pytest.mark.parametrize(
    "program",
    [
        "from twisted.internet.protocol import Factory",
        "import twisted.internet.reactor\nfrom reactorlite.internet.protocol import Factory",
        "import reactorlite\nreactorlite.install_as_twisted()\nimport twisted.internet.reactor\n"
        "from twisted.internet.protocol import Factory",
    ],
    ids=["no reactor of theirs", "factory of ours", "installed"],
)
def test_nothing_is_told_of_what_can_do_no_harm(python, program):
    """Without a factory of theirs, or a reactor of theirs, the log has nothing."""
    assert python("-c", program + LISTENING) == (0, "", "")
