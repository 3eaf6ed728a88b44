"""Descriptors that the reactor watches, and standard input and output on pipes."""

from __future__ import annotations

import importlib
import os
import select
import socket
from collections.abc import Callable
from typing import Any

from stage import Boom, Stage, differs, scenario

Answer = Callable[[], Any]


class Watched:
    """One end of a pair of sockets; what it is called for is recorded."""

    def __init__(self, api: Stage, party: str, answer: Answer | None = None) -> None:
        self._api, self._party, self._answer = api, party, answer
        self.sock, self.peer = socket.socketpair()
        self.sock.setblocking(False)
        api.afterwards(self.sock.close)
        api.afterwards(self.peer.close)

    def fileno(self) -> int:
        return self.sock.fileno()

    def logPrefix(self) -> str:
        return self._party

    def doRead(self) -> Any:
        self._api.record(self._party, "doRead", self.sock.recv(100))
        return self._answer() if self._answer else None

    def doWrite(self) -> Any:
        self._api.record(self._party, "doWrite")
        return self._answer() if self._answer else None

    def connectionLost(self, reason: Any) -> None:
        reactor = self._api.reactor
        still = self in reactor.getReaders() or self in reactor.getWriters()
        self._api.record(self._party, "connectionLost", reason, "watched" if still else "")


def _constants(api: Stage) -> Any:
    return importlib.import_module(f"{api.side}.internet.main")


@scenario()
def reader_and_writer(api: Stage) -> Any:
    """Read when there is something, written while there is room; removed from inside."""
    one = Watched(api, "one")
    one._answer = lambda: api.reactor.removeWriter(one)
    api.reactor.addReader(one)
    api.reactor.addReader(one)
    yield api.sleep(0.01)
    one.peer.send(b"data")
    yield api.seen("one", "doRead")
    api.record("reactor", "reads", one in api.reactor.getReaders())
    api.reactor.removeReader(one)
    api.reactor.removeReader(one)
    one.peer.send(b"more")
    api.reactor.addWriter(one)
    yield api.seen("one", "doWrite")
    yield api.sleep(0.01)
    api.record("reactor", "reads", one in api.reactor.getReaders())
    api.record("reactor", "writes", one in api.reactor.getWriters())


@scenario()
def answers_end_descriptors(api: Stage) -> Any:
    """What doRead or doWrite answers or raises is the reason, and removes it from both sides."""

    def broken() -> None:
        raise Boom("from doRead")

    constants = _constants(api)
    answers: dict[str, Answer] = {
        "done": lambda: constants.CONNECTION_DONE,
        "lost": lambda: constants.CONNECTION_LOST,
        "error": lambda: Boom("answered"),
        "raises": broken,
    }
    for name, answer in answers.items():
        reader, writer = Watched(api, f"{name} read", answer), Watched(api, f"{name} write", answer)
        reader.peer.send(b"x")
        api.reactor.addReader(reader)
        api.reactor.addWriter(writer)
        for side in ("read", "write"):
            yield api.seen(f"{name} {side}", "connectionLost")
        yield api.sleep(0.01)


@scenario()
def half_closeable_descriptor(api: Stage) -> Any:
    """A clean end of reading is told to the half; any other end is the end."""

    @api.implementer(api.interfaces.IHalfCloseableDescriptor)
    class Half(Watched):
        def readConnectionLost(self, reason: Any) -> None:
            api.record(self._party, "readConnectionLost", reason)

        def writeConnectionLost(self, reason: Any) -> None:
            api.record(self._party, "writeConnectionLost", reason)

    constants = _constants(api)
    for name in ("CONNECTION_DONE", "CONNECTION_LOST"):
        one = Half(api, name, lambda name=name: getattr(constants, name))  # type: ignore[misc]
        one.peer.send(b"x")
        api.reactor.addReader(one)
        yield api.seen(name, "doRead")
        yield api.sleep(0.01)


@scenario()
def each_removes_the_other(api: Stage) -> Any:
    """Of two that are ready at once, only one is called when it removes both."""
    called: list[str] = []
    both: list[Watched] = []

    def remove() -> None:
        called.append("called")
        for each in both:
            api.reactor.removeReader(each)

    both += [Watched(api, "either", remove), Watched(api, "either", remove)]
    for each in both:
        each.peer.send(b"x")
        api.reactor.addReader(each)
    yield api.until(lambda: called)
    yield api.sleep(0.01)
    api.record("both", *called)


@scenario(alone=True)
def reactor_ends_with_descriptors(api: Stage) -> None:
    """What is watched when the reactor ends is told so, once; what was removed isn't."""
    one, other, gone = (Watched(api, name) for name in ("one", "other", "gone"))
    api.reactor.addReader(one)
    api.reactor.addWriter(one)
    api.reactor.addReader(other)
    api.reactor.addReader(gone)
    one._answer = lambda: api.reactor.removeWriter(one)

    def end(_: object) -> None:
        api.reactor.removeReader(gone)
        api.reactor.callLater(0.01, api.reactor.stop)

    api.reactor.callWhenRunning(lambda: api.seen("one", "doWrite").addCallback(end))
    api.reactor.run()


@scenario(alone=True)
def remove_all_descriptors(api: Stage) -> None:
    """`removeAll` answers them, and calls none."""
    one, other = Watched(api, "one"), Watched(api, "other")
    one.peer.send(b"x")
    api.reactor.addReader(one)
    api.reactor.addWriter(one)
    api.reactor.addWriter(other)
    api.record("removed", set(api.reactor.removeAll()) == {one, other})
    api.reactor.callLater(0.02, api.reactor.stop)
    api.reactor.run()


# ── standard input and output ────────────────────────────────────────────────────────────


class Pipes:
    """Standard input and output, and our ends of them."""

    def __init__(self, api: Stage) -> None:
        self._api = api
        self.stdin, self.feed = os.pipe()
        self.read, self.stdout = os.pipe()
        os.set_blocking(self.read, False)
        self._open = {self.stdin, self.feed, self.read, self.stdout}
        api.afterwards(lambda: self.close(*self._open))

    def close(self, *ends: int) -> None:
        for end in ends:
            self._open.discard(end)
            os.close(end)

    def connect(self, half: bool = False) -> Any:
        """Connect a protocol, whose story is the party "protocol"; answers the transport."""
        api = self._api
        protocol = _recorder(api, half)()
        stdio = importlib.import_module(f"{api.side}.internet.stdio")
        return stdio.StandardIO(protocol, self.stdin, self.stdout, api.reactor)

    def filled(self) -> Any:
        """A Deferred that fires when something has come out."""
        return self._api.until(lambda: select.select([self.read], [], [], 0)[0], "output")

    def tell_output(self, told: Callable[[bytes], Any] = lambda data: data) -> None:
        """Record what came out, or how much."""
        try:
            output = told(os.read(self.read, 100_000))
        except BlockingIOError:
            output = "nothing"
        self._api.record("output", *([output, "bytes"] if isinstance(output, int) else [output]))


def _recorder(api: Stage, half: bool) -> Any:
    class Recorder(api.protocol.Protocol):  # type: ignore[misc, name-defined]
        def connectionMade(self) -> None:
            api.record("protocol", "connectionMade")

        def dataReceived(self, data: bytes) -> None:
            api.record("protocol", "dataReceived", data)

        def connectionLost(self, reason: Any) -> None:
            api.record("protocol", "connectionLost", reason)

    class Half(Recorder):
        def readConnectionLost(self) -> None:
            api.record("protocol", "readConnectionLost")

        def writeConnectionLost(self) -> None:
            api.record("protocol", "writeConnectionLost")

    return api.implementer(api.interfaces.IHalfCloseableProtocol)(Half) if half else Recorder


@scenario()
def stdio_to_the_end_of_input(api: Stage) -> Any:
    """Data is received and written, and the end of the input is the end."""
    pipes = Pipes(api)
    transport = pipes.connect()
    transport.write(b"one ")
    transport.writeSequence([b"two ", b"three"])
    os.write(pipes.feed, b"data")
    yield api.seen("protocol", "dataReceived")
    yield pipes.filled()
    pipes.tell_output()
    pipes.close(pipes.feed)
    yield api.seen("protocol", "connectionLost")


@scenario()
def stdio_lose_connection(api: Stage) -> Any:
    """What was written goes out, then it is over; what comes after that is nothing."""
    pipes = Pipes(api)
    transport = pipes.connect()
    transport.write(b"last words")
    transport.loseConnection()
    transport.loseConnection()
    os.write(pipes.feed, b"not read any more")
    api.record("protocol", "asked")
    yield api.seen("protocol", "connectionLost")
    transport.write(b"too late")
    pipes.tell_output()


@scenario(
    differs(
        "output",
        "65536 bytes",
        "34464 bytes",
        because="Twisted drops what waits to be written when the input ends; nothing is lost here",
    )
)
def stdio_written_as_input_ends(api: Stage) -> Any:
    """More is written than a pipe holds, and the input ends before it is read."""
    pipes = Pipes(api)
    transport = pipes.connect()
    transport.write(bytes(100_000))
    yield pipes.filled()
    pipes.close(pipes.feed)
    yield api.sleep(0.02)
    for _ in range(2):
        pipes.tell_output(len)
        yield api.sleep(0.02)


@scenario()
def stdio_half_closed(api: Stage) -> Any:
    """A half-closeable protocol hears of the end of the input, and goes on."""
    pipes = Pipes(api)
    transport = pipes.connect(half=True)
    os.write(pipes.feed, b"data")
    pipes.close(pipes.feed)
    yield api.seen("protocol", "readConnectionLost")
    transport.write(b"answer")
    yield pipes.filled()
    pipes.tell_output()
    transport.loseConnection()
    yield api.seen("protocol", "connectionLost")


@scenario(
    differs(
        "protocol",
        "connectionMade",
        "writeConnectionLost",
        "dataReceived b'data'",
        "connectionLost ConnectionDone",
        because="Twisted doesn't tell a protocol of the end when the output has ended before",
    )
)
def stdio_output_that_nobody_reads(api: Stage) -> Any:
    """A half-closeable protocol hears that its output is of no use, and reads on."""
    pipes = Pipes(api)
    transport = pipes.connect(half=True)
    pipes.close(pipes.read)
    yield api.seen("protocol", "writeConnectionLost")
    os.write(pipes.feed, b"data")
    yield api.seen("protocol", "dataReceived")
    transport.loseConnection()
    yield api.sleep(0.02)


@scenario()
def stdio_protocol_raises(api: Stage) -> Any:
    """What `dataReceived` raises is logged, and the reason."""
    pipes = Pipes(api)
    transport = pipes.connect()

    def broken(_: bytes) -> None:
        raise Boom("in dataReceived")

    transport.protocol.dataReceived = broken
    os.write(pipes.feed, b"data")
    yield api.seen("protocol", "connectionLost")


@scenario()
def stdio_paused(api: Stage) -> Any:
    """Paused, nothing is read; resumed, it is."""
    pipes = Pipes(api)
    transport = pipes.connect()
    transport.pauseProducing()
    os.write(pipes.feed, b"data")
    yield api.sleep(0.02)
    api.record("protocol", "resumed")
    transport.resumeProducing()
    yield api.seen("protocol", "dataReceived")
    transport.stopProducing()
    yield api.sleep(0.02)
