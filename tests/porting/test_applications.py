"""`python -m reactorlite run FILE.tac` runs the application that the file makes."""

from __future__ import annotations

import os
import re
import textwrap

import pytest

from tests.porting.conftest import run_python, with_twisted

TAC = """
import os, signal, sys
from twisted.application import internet, service
from twisted.internet import protocol, reactor
from twisted.python import log

class Said(service.Service):
    def privilegedStartService(self):
        print("takes rights as", os.getuid(), os.getgid())

    def startService(self):
        super().startService()
        print("starts as", os.getuid(), os.getgid(), "with", __file__, sys.argv[1:])
        reactor.callWhenRunning(os.kill, os.getpid(), signal.SIGTERM)

    def stopService(self):
        print("stops")

application = service.Application("said", *map(int, sys.argv[1:]))
Said().setServiceParent(application)
factory = protocol.Factory.forProtocol(protocol.Protocol)
internet.TCPServer(0, factory, interface="127.0.0.1").setServiceParent(application)
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="its programs have users and signals")


@pytest.fixture(params=["beside Twisted", "without Twisted"])
def tac(request, tmp_path):
    """Runs the text of a .tac file hosted, where Twisted is installed and where it isn't."""
    options = ("-X", "dev", "-W", "error", *(["-S"] if request.param == "without Twisted" else []))

    def run(text, *arguments):
        (tmp_path / "said.tac").write_text(text)
        command = ("-m", "reactorlite", "run", "said.tac", *arguments)
        return run_python(*command, cwd=tmp_path, options=options)

    return run


def _log(ended):
    """The lines of a log without the times."""
    return re.sub(r"^.*?\[-\] ", "", ended.out, flags=re.MULTILINE).splitlines()


def test_application_is_run(tac, tmp_path):
    """Its services start, and stop when a signal ends the reactor; the log is printed."""
    ended = tac(TAC)

    told = _log(ended)
    us = f"{os.getuid()} {os.getgid()}"
    assert (ended.status, ended.err, told[0]) == (0, "", "Log opened.")
    starts = told.index(f"starts as {us} with {tmp_path}/said.tac []")
    assert told.index(f"takes rights as {us}") < starts < told.index("stops")
    assert any(re.match(r"Factory starting on \d+", line) for line in told[:starts])


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root becomes another")
def test_application_becomes_another(tac, tmp_path):
    """It starts as the user and the group that it was given, after it used its rights."""
    tmp_path.chmod(0o755)

    told = "\n".join(_log(tac(TAC, "65534", "65534")))

    assert told.index("takes rights as 0 0") < told.index("starts as 65534 65534")


def test_log_is_the_applications(tac, tmp_path):
    """An application that hears the log itself has nothing printed."""
    hearing = """
        def hear(event):
            with open("heard", "a") as file:
                print(log.textFromEventDict(event), file=file)

        application.setComponent(log.ILogObserver, hear)
    """

    ended = tac(TAC + textwrap.dedent(hearing))

    assert ended == (0, "", "")
    assert "stops" in (tmp_path / "heard").read_text()


def test_file_without_an_application(tac):
    """A file that makes none is told what it should make."""
    ended = tac("application = None")

    assert ended.status == 1
    assert "said.tac makes no `application`" in ended.err


def test_error_at_the_start_is_shown(tac):
    """What a service raises when it starts ends the program, and the log has the traceback."""
    ended = tac(TAC.replace("        super().startService()", "        1 / 0"))

    assert ended.status == 1
    assert "ZeroDivisionError" in ended.out


@with_twisted
def test_application_of_ours_beside_twisted(tac):
    """So is one run that is made with reactorlite's own names."""
    ended = tac(TAC.replace("from twisted.", "from reactorlite."))

    assert (ended.status, ended.err) == (0, "")
    assert "stops" in _log(ended)
