"""Standard input and output as a transport: pipes, files, terminals, and how each ends."""

import os
import pty
import socket
import subprocess
import sys
import tty

import pytest

from reactorlite.internet import error, stdio
from reactorlite.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from reactorlite.internet.protocol import Protocol
from reactorlite.internet.stdio import PipeAddress, StandardIO
from reactorlite.python.components import implementer
from tests.waiting import PATIENCE, call_after_turns, call_when


class Story(Protocol):
    """Notes what happens to it, and stops the reactor in the end."""

    def __init__(self, reactor, acts=()):
        self.reactor = reactor
        self.acts = acts
        self.events = []

    def connectionMade(self):
        self.events.append("made")
        for act in self.acts:
            act(self.transport)

    def dataReceived(self, data):
        self.events.append(data)

    def connectionLost(self, reason):
        self.events.append(reason.type)
        if self.reactor.running:
            self.reactor.stop()


@implementer(IHalfCloseableProtocol)
class Half(Story):
    def readConnectionLost(self):
        self.events.append("read lost")

    def writeConnectionLost(self):
        self.events.append("write lost")


class Pipes:
    """A pipe for the input and one for the output, with our other ends of them."""

    def __init__(self):
        self.stdin, self.feed = os.pipe()
        self.read, self.stdout = os.pipe()

    def close(self, *names):
        for name in names or list(vars(self)):
            os.close(vars(self).pop(name))

    def output(self):
        """What was written, once the output is closed."""
        self.close("stdout")
        pieces = []
        while data := os.read(self.read, 65536):
            pieces.append(data)
        return b"".join(pieces)


@pytest.fixture
def pipes():
    """Pipes for input and output."""
    made = Pipes()
    yield made
    made.close()


def play(reactor, protocol, stdin, stdout, act=None, after="made"):
    """Connect the protocol, act some turns after an event, and run until it stops the reactor."""
    io = StandardIO(protocol, stdin, stdout, reactor)
    if act is not None:
        call_when(reactor, lambda: after in protocol.events, lambda: call_after_turns(reactor, act))
    limit = reactor.callLater(PATIENCE, reactor.stop)
    reactor.run()
    limit.cancel()
    return io


# ── data and ends ────────────────────────────────────────────────────────────────────────


def test_input_and_output(reactor, pipes):
    """What is read is received, what is written comes out, and the end of the input is the end."""
    story = Story(reactor, [lambda io: io.write(b"hello "), lambda io: io.writeSequence([b"you"])])
    os.write(pipes.feed, b"question")
    pipes.close("feed")

    io = play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", b"question", error.ConnectionDone]
    assert io.disconnected
    assert pipes.output() == b"hello you"


def test_what_was_written_is_delivered_at_the_end_of_input(reactor, pipes):
    """The end of the input waits for more output than a pipe holds."""
    story = Story(reactor, [lambda io: io.write(bytes(300_000))])
    pipes.close("feed")
    reader = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(len(sys.stdin.buffer.read()))"],
        stdin=pipes.read,
        stdout=subprocess.PIPE,
    )

    play(reactor, story, pipes.stdin, pipes.stdout)
    pipes.close("stdout")

    assert reader.communicate()[0] == b"300000\n"
    assert story.events == ["made", error.ConnectionDone]


def test_lose_connection_after_write(reactor, pipes):
    """`loseConnection` ends it when all is written, though the input goes on."""
    story = Story(reactor, [lambda io: io.write(b"last"), lambda io: io.loseConnection()])

    io = play(reactor, story, pipes.stdin, pipes.stdout)
    io.loseConnection()
    io.resumeProducing()
    io.write(b"too late")
    io.connectionLost(error.ConnectionLost())

    assert story.events == ["made", error.ConnectionDone]
    assert io.disconnecting
    assert pipes.output() == b"last"


def test_stop_producing_ends_it(reactor, pipes):
    """As a producer it can be stopped."""
    story = Story(reactor, [lambda io: io.stopProducing()])

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", error.ConnectionDone]


def test_paused_input_is_not_read(reactor, pipes):
    """`pauseProducing` holds data back until `resumeProducing`."""
    os.write(pipes.feed, b"data")
    story = Story(reactor, [lambda io: io.stopReading()])

    def resume():
        story.events.append("resumed")
        story.transport.startReading()
        call_when(reactor, lambda: b"data" in story.events, end)

    def end():
        story.transport.loseConnection()
        reactor.callLater(0, story.transport.resumeProducing)

    play(reactor, story, pipes.stdin, pipes.stdout, resume)

    assert story.events == ["made", "resumed", b"data", error.ConnectionDone]


def test_producers_are_paused_and_let_go(reactor, pipes):
    """A producer is paused by a full buffer, resumed when it is empty, and stopped at the end."""
    events = []

    class Producing:
        def __getattr__(self, name):
            return lambda: events.append(name)

    def begin(io):
        io.registerProducer(Producing(), True)
        io.write(bytes(70_000))

    def read_all():
        try:
            sizes.append(len(os.read(pipes.read, 65536)))
        except BlockingIOError:
            sizes.append(0)
        if sum(sizes) < 70_000:
            reactor.callLater(0, read_all)
        else:
            call_when(reactor, lambda: "resumeProducing" in events, story.transport.loseConnection)

    os.set_blocking(pipes.read, False)
    sizes = []
    story = Story(reactor, [begin])

    play(reactor, story, pipes.stdin, pipes.stdout, read_all)

    assert events == ["pauseProducing", "resumeProducing", "stopProducing"]


def test_unregistered_producer_is_left_alone(reactor, pipes):
    """After `unregisterProducer` the end is not told to it."""
    story = Story(
        reactor,
        [
            lambda io: io.registerProducer(object(), True),
            lambda io: io.unregisterProducer(),
            lambda io: io.loseConnection(),
        ],
    )

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", error.ConnectionDone]


def test_what_a_protocol_raises_ends_it(reactor, pipes, log):
    """An exception in `dataReceived` is logged, and the reason."""
    story = Story(reactor)
    story.dataReceived = lambda data: 1 / 0
    os.write(pipes.feed, b"data")

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", ZeroDivisionError]
    assert log.take() == ["ZeroDivisionError('division by zero')"]


def test_connection_lost_that_raises(reactor, pipes, log):
    """An exception in `connectionLost` is logged."""
    story = Story(reactor, [lambda io: io.loseConnection()])
    story.connectionLost = lambda reason: (reactor.stop(), 1 / 0)

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert log.take() == ["ZeroDivisionError('division by zero')"]


@pytest.mark.parametrize("paused", [False, True])
def test_reactor_that_ends_ends_it(reactor, pipes, paused):
    """The end of the reactor is told, to one that is paused too, and the modes are restored."""
    story = Story(reactor, [lambda io: io.pauseProducing()] if paused else [])

    play(reactor, story, pipes.stdin, pipes.stdout, reactor.stop)

    assert story.events == ["made", error.ConnectionLost]
    assert os.get_blocking(pipes.stdin)
    assert os.get_blocking(pipes.stdout)


def test_text_is_refused(reactor, pipes):
    """`write` takes bytes, and says so."""
    story = Story(reactor, [lambda io: io.loseConnection()])
    io = play(reactor, story, pipes.stdin, pipes.stdout)

    with pytest.raises(TypeError, match="takes bytes"):
        io.write("text")


# ── halves ───────────────────────────────────────────────────────────────────────────────


def test_end_of_input_is_half_an_end(reactor, pipes):
    """A half-closeable protocol goes on writing after the end of the input."""
    story = Half(reactor)
    story.readConnectionLost = lambda: (
        story.events.append("read lost"),
        story.transport.write(b"answer"),
        story.transport.loseConnection(),
    )
    os.write(pipes.feed, b"question")
    pipes.close("feed")

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", b"question", "read lost", error.ConnectionDone]
    assert pipes.output() == b"answer"


def test_output_that_nobody_reads(reactor, pipes):
    """A half-closeable protocol hears it when the pipe's reader goes; the rest of it goes on."""
    story = Half(reactor)

    def act():
        pipes.close("read")
        call_when(reactor, lambda: "write lost" in story.events, feed)

    def feed():
        os.write(pipes.feed, b"data")
        call_when(reactor, lambda: b"data" in story.events, lambda: pipes.close("feed"))

    play(reactor, story, pipes.stdin, pipes.stdout, act)

    assert story.events == ["made", "write lost", b"data", "read lost", error.ConnectionDone]


def test_lose_write_connection(reactor, pipes):
    """`loseWriteConnection` lets the input go on; both ends together are the end."""
    story = Half(reactor, [lambda io: io.write(b"all"), lambda io: io.loseWriteConnection()])

    def act():
        story.transport.write(b"too late")
        story.transport.loseWriteConnection()
        os.write(pipes.feed, b"data")
        pipes.close("feed")

    play(reactor, story, pipes.stdin, pipes.stdout, act, after="write lost")

    assert story.events == ["made", "write lost", b"data", "read lost", error.ConnectionDone]
    assert pipes.output() == b"all"


def test_lost_output_of_a_whole_protocol(reactor, pipes):
    """Without half closing the input goes on, unheard of, and ends it."""
    story = Story(reactor, [lambda io: io.loseWriteConnection()])

    def act():
        os.write(pipes.feed, b"data")
        pipes.close("feed")

    play(reactor, story, pipes.stdin, pipes.stdout, act)

    assert story.events == ["made", b"data", error.ConnectionDone]


def test_lose_connection_after_the_output_has_ended(reactor, pipes):
    """With the output lost before, `loseConnection` still ends it, and not inside the call."""
    story = Half(reactor, [lambda io: io.loseWriteConnection()])

    def act():
        story.transport.loseConnection()
        story.events.append("asked")

    play(reactor, story, pipes.stdin, pipes.stdout, act, after="write lost")

    assert story.events == ["made", "write lost", "asked", error.ConnectionDone]


def test_half_that_raises(reactor, pipes, log):
    """What `readConnectionLost` raises is logged, and ends it all."""
    story = Half(reactor)
    story.readConnectionLost = lambda: 1 / 0
    pipes.close("feed")

    play(reactor, story, pipes.stdin, pipes.stdout)

    assert story.events == ["made", ZeroDivisionError]
    assert log.take() == ["ZeroDivisionError('division by zero')"]


# ── what there is at both ends ───────────────────────────────────────────────────────────


def test_files(reactor, tmp_path):
    """A file is read to its end, and one is written."""
    (tmp_path / "in").write_bytes(bytes(20_000))
    story = Story(reactor, [lambda io: io.write(bytes(30_000))])

    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as goal:
        play(reactor, story, source.fileno(), goal.fileno())

    assert b"".join(story.events[1:-1]) == bytes(20_000)
    assert story.events[-1] is error.ConnectionDone
    assert (tmp_path / "out").read_bytes() == bytes(30_000)


def test_null_device(reactor):
    """/dev/null is at its end, and takes everything."""
    story = Story(reactor, [lambda io: io.write(b"nobody reads this")])

    with open(os.devnull, "r+b", buffering=0) as null:
        play(reactor, story, null.fileno(), null.fileno())

    assert story.events == ["made", error.ConnectionDone]


def test_one_socket_for_both(reactor):
    """One descriptor may be input and output, as a super-server gives it."""
    here, there = socket.socketpair()
    story = Story(reactor, [lambda io: io.write(b"hello")])

    def act():
        there.send(b"data")
        there.shutdown(socket.SHUT_WR)

    with here, there:
        play(reactor, story, here.fileno(), here.fileno(), act)
        received = there.recv(100)

    assert story.events == ["made", b"data", error.ConnectionDone]
    assert received == b"hello"


def test_terminal(reactor):
    """A terminal is read and written, and left blocking."""
    master, terminal = pty.openpty()
    tty.setraw(terminal)
    story = Story(reactor, [lambda io: io.write(b"prompt")])
    call_when(reactor, lambda: b"typed" in story.events, lambda: story.transport.loseConnection())

    play(reactor, story, terminal, terminal, lambda: os.write(master, b"typed"))
    shown, blocking = os.read(master, 100), os.get_blocking(terminal)
    os.close(master)
    os.close(terminal)

    assert story.events == ["made", b"typed", error.ConnectionDone]
    assert (shown, blocking) == (b"prompt", True)


def test_descriptor_that_was_closed_underneath(reactor, pipes):
    """One whose descriptor was closed by somebody else can still end."""
    story = Story(reactor)
    io = StandardIO(story, pipes.stdin, pipes.stdout, reactor)
    io.pauseProducing()
    pipes.close("stdin")
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert story.events == ["made", error.ConnectionLost]


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_closed_descriptor_is_refused(reactor, pipes, name):
    """The error names the descriptor, and nothing is changed or watched."""
    numbers = {"stdin": pipes.stdin, "stdout": pipes.stdout, name: 9999}

    with pytest.raises(OSError, match=f"no {name}: descriptor 9999 is closed"):
        StandardIO(Story(reactor), **numbers, reactor=reactor)

    assert reactor.getReaders() == []
    assert all(os.get_blocking(each) for each in (pipes.stdin, pipes.stdout))


def test_number_that_was_closed_at_the_start(reactor, pipes, monkeypatch):
    """A number that Python found closed is refused, whatever has got it since."""
    monkeypatch.setattr(sys, "__stdin__", None)

    with pytest.raises(OSError, match="no stdin: descriptor 0 is closed"):
        StandardIO(Story(reactor), stdout=pipes.stdout, reactor=reactor)


@pytest.mark.parametrize(("closed", "name"), [("0<&-", "stdin"), ("1>&-", "stdout")])
def test_program_that_was_started_without(closed, name):
    """A program whose input or output was closed at its start is told so."""
    program = (
        "from reactorlite.internet import reactor, stdio, protocol\n"
        "reactor.callWhenRunning(lambda: stdio.StandardIO(protocol.Protocol()))\n"
        "reactor.callLater(0, reactor.stop)\n"
        "reactor.run()\n"
    )
    command = f'exec "$0" -c "$1" {closed}'

    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"StandardIO has no {name}" in done.stderr


def test_loop_that_refuses_leaves_nothing(reactor, pipes, monkeypatch):
    """Where the descriptors can't be watched, the modes and the reactor are as before."""

    def refuse(*_):
        raise NotImplementedError("no descriptors here")

    monkeypatch.setattr(reactor, "addReader", refuse)

    with pytest.raises(NotImplementedError):
        StandardIO(Story(reactor), pipes.stdin, pipes.stdout, reactor)

    assert os.get_blocking(pipes.stdin)
    assert reactor.getReaders() == []


def test_current_reactor_is_used(reactor, pipes, monkeypatch):
    """Without a reactor it is the current one, with descriptors 0 and 1."""
    found = []
    monkeypatch.setattr(stdio, "_mode", lambda *_: True)
    monkeypatch.setattr(stdio.os, "set_blocking", lambda *_: None)
    monkeypatch.setattr(stdio.Half, "startReading", lambda half: found.append(half.fileno()))
    reactor.callWhenRunning(lambda: found.append(StandardIO(Protocol()).reactor))
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert found[0] == 0
    assert found[-1] is reactor


def test_interfaces_and_addresses(reactor, pipes):
    """It is a transport, a producer and a consumer, and has addresses that say nothing."""
    story = Story(reactor, [lambda io: io.loseConnection()])
    io = play(reactor, story, pipes.stdin, pipes.stdout)

    for interface in (ITransport, IPushProducer, IConsumer):
        assert interface.providedBy(io)
    assert isinstance(io.getHost(), PipeAddress)
    assert isinstance(io.getPeer(), PipeAddress)
