"""Twisted's own commands, hosted: twistd in front and behind, twist, and what they leave."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.porting.conftest import with_twisted
from tests.programs import LIMIT

pytestmark = [
    with_twisted,
    pytest.mark.skipif(os.name != "posix", reason="twistd is another one on Windows"),
]

TAC = """
import os, signal
from twisted.application import internet, service
from twisted.internet import protocol, reactor

assert reactor.__class__.__module__ == "reactorlite.internet.asyncioreactor"

class Said(service.Service):
    def startService(self):
        super().startService()
        reactor.callWhenRunning(self.serve)  # before that, a signal would just kill

    def serve(self):
        with open("served.new", "w") as file:
            print(os.getpid(), file=file)
        os.rename("served.new", "served")
        if os.path.exists("stopped by a signal"):
            reactor.callLater(0.01, os.kill, os.getpid(), signal.SIGTERM)
        if os.path.exists("briefly"):
            reactor.callLater(0.01, reactor.stop)

application = service.Application("said")
server = internet.TCPServer(0, protocol.Factory.forProtocol(protocol.Protocol))
server.setServiceParent(application)
Said().setServiceParent(application)
"""


@pytest.fixture
def start(tmp_path, hosted):
    """Runs twistd on an application, as its script does."""
    (tmp_path / "said.tac").write_text(TAC)
    (tmp_path / "start.py").write_text("from twisted.scripts.twistd import run\nrun()\n")
    return lambda *options: hosted("start.py", *options, "-y", "said.tac")


def _eventually(condition):
    late = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < late, "it has not come about"
        time.sleep(0.01)


def test_in_front(tmp_path, start):
    """`twistd -n` serves until it is stopped, says what it does, and leaves no pid file."""
    (tmp_path / "briefly").touch()

    ended = start("--nodaemon")

    assert ended.status == 0, ended.out + ended.err
    assert "reactor class: reactorlite.internet.asyncioreactor.Reactor" in ended.out
    assert "Server Shut Down" in ended.out
    assert not (tmp_path / "twistd.pid").exists()


def test_behind(tmp_path, start):
    """A daemon writes its pid file and its log, serves, and goes in order on SIGTERM."""
    served, pid_file, log_file = (tmp_path / name for name in ("served", "said.pid", "said.log"))

    ended = start("--pidfile=said.pid", "--logfile=said.log")
    _eventually(served.exists)
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    _eventually(lambda: "Server Shut Down" in log_file.read_text())  # its very last act

    assert (ended.status, ended.err) == (0, "")
    assert int(served.read_text()) == pid
    assert not pid_file.exists()
    log = log_file.read_text()
    assert "Received SIGTERM, shutting down" in log
    assert "Traceback" not in log


def test_in_front_until_a_signal(tmp_path, start):
    """`twistd -n` ends by the signal that stopped it, for whoever started it to see."""
    (tmp_path / "stopped by a signal").touch()

    ended = start("--nodaemon")

    assert ended.status == -signal.SIGTERM
    assert "Server Shut Down" in ended.out


def test_second_daemon_is_refused(tmp_path, start):
    """A pid file of a process that lives keeps another from starting."""
    (tmp_path / "said.pid").write_text(str(os.getpid()))

    ended = start("--pidfile=said.pid", "--nodaemon")

    assert ended.status == 1
    assert f"Another twistd server is running, PID {os.getpid()}" in ended.err


def test_twist(hosted):
    """`python -m twisted` lists its plug-ins and takes its options."""
    ended = hosted("-m", "twisted", "--help")

    assert ended.status == 0, ended.err
    assert "A general-purpose web server" in ended.out
