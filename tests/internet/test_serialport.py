"""Serial ports, on a pseudo-terminal that stands for one."""

import os
import pty
import subprocess
import sys
import tty

import pytest

pytest.importorskip("serial", reason="needs pyserial")

from reactorlite.internet import error, serialport
from reactorlite.internet.protocol import Protocol
from reactorlite.internet.serialport import SerialPort
from tests.waiting import call_when, run_until


class Story(Protocol):
    """Notes what happens to it."""

    def __init__(self):
        self.events = []

    def connectionMade(self):
        self.events.append("made")

    def dataReceived(self, data):
        self.events.append(data)

    def connectionLost(self, reason):
        self.events.append(reason.type)


class Line:
    """What a port is connected to, and the port's name."""

    def __init__(self):
        self.far, near = pty.openpty()
        tty.setraw(near)
        self.name = os.ttyname(near)
        self.near = near

    def hang_up(self):
        if self.far >= 0:
            os.close(self.far)
            self.far = -1

    def close(self):
        self.hang_up()
        os.close(self.near)


@pytest.fixture
def line():
    """A line, that is closed at the end."""
    made = Line()
    yield made
    made.close()


def test_data_comes_and_goes(reactor, line):
    """What comes is received, what is written goes out, also what was when it was to be closed."""
    story = Story()
    port = SerialPort(story, line.name, reactor, baudrate=115200)

    def act():
        port.write(b"hello")
        os.write(line.far, b"answer")
        call_when(reactor, lambda: b"answer" in story.events, lose)

    def lose():
        port.write(b" and goodbye")
        port.loseConnection()

    reactor.callWhenRunning(act)
    run_until(reactor, lambda: error.ConnectionDone in story.events)

    assert story.events == ["made", b"answer", error.ConnectionDone]
    assert os.read(line.far, 100) == b"hello and goodbye"
    assert not port._serial.is_open
    assert port.fileno() == -1
    port.connectionLost(error.ConnectionLost())


def test_reactor_that_ends_closes_it(reactor, line):
    """The end of the reactor closes the port, and is told."""
    story = Story()
    port = SerialPort(story, line.name, reactor)

    run_until(reactor, lambda: True)

    assert story.events == ["made", error.ConnectionLost]
    assert not port._serial.is_open


def test_hang_up(reactor, line):
    """A port whose device is gone is lost."""
    story = Story()
    SerialPort(story, line.name, reactor)

    reactor.callWhenRunning(line.hang_up)
    run_until(reactor, lambda: len(story.events) == 2)

    assert story.events[0] == "made"
    assert issubclass(story.events[1], error.ConnectionClosed)


def test_connection_lost_that_raises(reactor, line, log):
    """What a protocol raises at the end is logged."""
    story = Story()
    story.connectionLost = lambda reason: 1 / 0
    SerialPort(story, line.name, reactor)

    run_until(reactor, lambda: True)

    assert log.take() == ["ZeroDivisionError('division by zero')"]


def test_port_that_is_not_there(reactor):
    """It is an `OSError`, with the name."""
    with pytest.raises(OSError, match="/dev/none"):
        SerialPort(Story(), "/dev/none", reactor)


def test_loop_that_refuses(reactor, line, monkeypatch):
    """Where the port can't be watched it is closed, and the protocol not begun."""
    opened, story = [], Story()

    class Kept(SerialPort):
        def startReading(self):
            opened.append(self._serial)
            raise NotImplementedError("no descriptors here")

    with pytest.raises(NotImplementedError):
        Kept(story, line.name, reactor)

    assert not opened[0].is_open
    assert story.events == []


def test_windows_is_refused(reactor, line, monkeypatch):
    """On Windows the error names the way round."""
    monkeypatch.setattr(serialport.os, "name", "nt")

    with pytest.raises(NotImplementedError, match="deferToThread"):
        SerialPort(Story(), line.name, reactor)


class Wires:
    """Stands for pyserial's port: a pseudo-terminal has no lines but for data."""

    in_waiting, dsr, cd, ri, cts = 3, True, False, True, False

    def __init__(self, name, **settings):
        self.settings = settings
        self.calls = []

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


def test_the_port_itself(line):
    """Speed, buffers and lines are pyserial's."""

    class OnWires(SerialPort):
        _serialFactory = Wires

        def startReading(self):
            """Watch nothing."""

    port = OnWires(Story(), "wires", object(), baudrate=300, parity=serialport.PARITY_EVEN)
    port.setBaudRate(1200)
    port.setDTR()
    port.setRTS(False)
    port.sendBreak()

    lines = port.getDSR(), port.getCD(), port.getRI(), port.getCTS()
    assert (port.inWaiting(), lines) == (3, (True, False, True, False))
    assert (port._serial.baudrate, port._serial.dtr, port._serial.rts) == (1200, True, False)
    assert port._serial.calls == ["reset_input_buffer", "reset_output_buffer", "send_break"]
    assert (port._serial.settings["baudrate"], port._serial.settings["parity"]) == (300, "E")


def test_without_pyserial():
    """To import it without pyserial is an `ImportError` that names it."""
    program = "import sys; sys.modules['serial'] = None; import reactorlite.internet.serialport"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert "needs pyserial" in done.stderr


def test_what_is_missing_is_named(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "serial", None)

    with pytest.raises(ImportError, match="pip install pyserial"):
        serialport._pyserial()
