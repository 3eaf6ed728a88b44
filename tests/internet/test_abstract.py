"""`FileDescriptor`, for people's own classes, and what an address is."""

import random
import socket

import pytest

from reactorlite.internet import error
from reactorlite.internet.abstract import FileDescriptor, isIPAddress, isIPv6Address
from reactorlite.internet.fdesc import readFromFD, writeToFD
from reactorlite.internet.interfaces import IConsumer, IPushProducer, IReadWriteDescriptor
from reactorlite.internet.main import CONNECTION_DONE
from reactorlite.python.failure import Failure

# ── addresses ────────────────────────────────────────────────────────────────────────────

IPV4 = ["1.2.3.4", b"252.253.254.255", "0.0.0.0"]
IPV6 = ["::1", "fe80::1%eth0", "::ffff:1.2.3.4", b"::1", "::1%"]
NONE = ["", ",", "1.2.3", "1.2.3.4.5", "256.0.0.0", "1.2.3.a", "%eth0", b"\xff", "\u0661.2.3.4"]


@pytest.mark.parametrize("text", [*IPV4, *IPV6, *NONE])
def test_what_is_an_address(text):
    """Four decimal numbers are IPv4; what the system reads as IPv6 is that, zone or not."""
    assert isIPAddress(text) is (text in IPV4)
    assert isIPv6Address(text) is (text in IPV6)
    assert isIPAddress(text, socket.AF_INET6) is (text in IPV6)


def test_family_that_has_no_such_addresses():
    """A family other than the two is an error, not a no."""
    with pytest.raises(ValueError, match="AF_INET and AF_INET6"):
        isIPAddress("1.2.3.4", socket.AF_UNIX)


# ── a class of somebody's own, on a reactor ──────────────────────────────────────────────


class Line(FileDescriptor):
    """One end of a pair of sockets."""

    def __init__(self, reactor, sock):
        super().__init__(reactor)
        self.sock, self.received, self.reasons = sock, b"", []
        sock.setblocking(False)
        self.connected = 1
        self.startReading()

    def fileno(self):
        return self.sock.fileno()

    def doRead(self):
        return readFromFD(self.fileno(), self.took)

    def took(self, data):
        self.received += data

    def writeSomeData(self, data):
        return writeToFD(self.fileno(), data)

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.sock.close()
        self.reasons.append(reason.type)


def test_two_of_them_talk(reactor):
    """Two descriptors write to each other; what is written before the end arrives before it."""
    one, other = (Line(reactor, sock) for sock in socket.socketpair())
    data = bytes(1_000_000)

    def act():
        one.write(data)
        one.writeSequence([b"th", b"e end"])
        one.loseConnection()

    reactor.callWhenRunning(act)
    other.readConnectionLost = lambda reason: (other.connectionLost(reason), reactor.stop())
    reactor.run()

    assert other.received == data + b"the end"
    assert one.reasons == other.reasons == [error.ConnectionDone]
    assert one.disconnected
    assert not one.connected


def test_what_could_change_is_copied():
    """What is written is what a bytearray held then."""
    line = FileDescriptor(object())
    line.connected, line.startWriting, taken = 1, lambda: None, []
    line.writeSomeData = lambda data: taken.append(data) or len(data)
    line.stopWriting = lambda: None
    buffer = bytearray(b"before")

    line.write(buffer)
    line.writeSequence([memoryview(buffer), b"."])
    buffer[:] = b"after!"
    line.doWrite()

    assert taken == [b"beforebefore."]


@pytest.mark.parametrize("data", ["text", None, 5])
def test_what_is_not_bytes_is_refused(data):
    """Writing something else raises, and nothing of it is kept."""
    line = FileDescriptor(object())
    line.connected = 1

    with pytest.raises(TypeError, match=r"write\(\) takes bytes, not"):
        line.write(data)
    with pytest.raises(TypeError, match=r"writeSequence\(\) takes bytes, not"):
        line.writeSequence([b"a", data])

    assert not line._waiting


def test_reactor_that_ends_ends_it(reactor):
    """The end of the reactor reaches `connectionLost`, once."""
    one, other = (Line(reactor, sock) for sock in socket.socketpair())
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert one.reasons == other.reasons == [error.ConnectionLost]


def test_reactor_is_the_current_one(reactor):
    """Without a reactor it is the current one's."""
    found = []
    reactor.callWhenRunning(lambda: found.append(FileDescriptor().reactor))
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert found == [reactor]


def test_interfaces_are_declared():
    """It is a descriptor, a producer and a consumer."""
    line = FileDescriptor(object())

    for interface in (IReadWriteDescriptor, IPushProducer, IConsumer):
        assert interface.providedBy(line)
    assert line.logPrefix() == "-"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("doRead", ()), ("writeSomeData", (b"",)), ("getHost", ()), ("getPeer", ())],
)
def test_what_is_to_be_overridden(name, arguments):
    """What a class of one's own has to have says its name."""
    with pytest.raises(NotImplementedError, match=rf"FileDescriptor .*{name}"):
        getattr(FileDescriptor(object()), name)(*arguments)


def test_second_producer_is_refused():
    """The error names both."""
    line = FileDescriptor(object())
    line.producer = "the first"

    with pytest.raises(RuntimeError, match=r"'another'.*'the first'"):
        line.registerProducer("another", True)


# ── as Twisted's ─────────────────────────────────────────────────────────────────────────

SIZES = [0, 1, 10, 70_000, 140_000]
OPERATIONS = [
    *[("write", bytes(size)) for size in SIZES],
    *[("writeSequence", [bytes(size)] * count) for size in (0, 3, 40_000) for count in (0, 1, 3)],
    ("write", "text"),
    ("writeSequence", [b"a", "text"]),
    *[("space", size) for size in (-1, 0, 5, 70_000, 1_000_000)] * 2,
    *[("doWrite",)] * 12,
    *[("registerProducer", streaming) for streaming in (True, False)] * 2,
    *[("ends", name) for name in ("connectionLost", "readConnectionLost", "writeConnectionLost")],
    *[(name,) for name in ("loseConnection", "loseWriteConnection", "unregisterProducer")],
    *[(name,) for name in ("stopConsuming", "stopProducing", "pauseProducing", "resumeProducing")],
    *[(name,) for name in ("startReading", "stopReading", "startWriting", "stopWriting", "fileno")],
]
STATE = ("connected", "disconnected", "disconnecting", "producerPaused", "streamingProducer")


class Calls:
    """Notes what is called on it, by name."""

    def __init__(self, events):
        self._events = events

    def __getattr__(self, name):
        return lambda *_: self._events.append(name)


def story(base, failure, operations):
    """What a class based on `base` does and calls, for operations one after the other."""
    events = []

    class Limited(base):
        space = 0

        def writeSomeData(self, data):
            if self.space < 0:
                return ValueError()
            events.append(len(data))
            return min(self.space, len(data))

        def connectionLost(self, reason):
            events.append(("lost", reason.type.__name__))
            super().connectionLost(reason)

    line = Limited(Calls(events))
    line.connected = 1
    for name, *arguments in operations:
        try:
            answer = play(line, name, arguments, failure, Calls(events))
        except TypeError:
            answer = TypeError()
        events.append((name, answer if isinstance(answer, int) else type(answer).__name__))
        events.append([bool(getattr(line, each)) for each in STATE])
    return events


def play(line, name, arguments, failure, producer):
    """Do one operation."""
    if name == "space":
        line.space = arguments[0]
    elif name == "ends":
        return getattr(line, arguments[0])(failure(ValueError()))
    elif name == "registerProducer":
        if line.producer is None:
            line.registerProducer(producer, *arguments)
    else:
        return getattr(line, name)(*arguments)
    return None


def test_any_operations_have_the_effects_they_have_on_twisteds():
    """Operations in any order give the same calls, answers and states as on Twisted's class."""
    theirs = pytest.importorskip("twisted.internet.abstract")
    failure = pytest.importorskip("twisted.python.failure").Failure
    draw = random.Random(20_261_124)

    for _ in range(2000):
        operations = draw.choices(OPERATIONS, k=draw.randrange(3, 15))

        ours = story(FileDescriptor, Failure, operations)

        assert ours == story(theirs.FileDescriptor, failure, operations), operations


def test_end_of_all_that_was_written():
    """`doWrite` answers the reason of the end when all is written and the end was asked for."""
    line = FileDescriptor(Calls([]))
    line.connected = 1
    line.writeSomeData = len
    line.write(b"data")
    line.loseConnection()

    assert line.doWrite() is CONNECTION_DONE
