"""The programs in Twisted's spelling, played by Twisted and by reactorlite.

Which of the two is a matter of the package that is imported; nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from tests.benchmarks.certificate import SECURE, pem
from tests.benchmarks.sides import (
    BACKLOG,
    CHUNK,
    CHUNKS_IN_BULK,
    CHUNKS_IN_STREAM,
    HOST,
    PIECES,
    PRINTING,
    REQUEST,
    Side,
)


class Echo:
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Bursts:
    def dataReceived(self, data: bytes) -> None:
        for piece in PIECES:
            self.transport.write(piece)


class Chunks:
    wanted = len(CHUNK)
    received = 0

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        if self.received >= self.wanted:
            self.received -= self.wanted
            self.transport.write(b".")


class Bulk(Chunks):
    wanted = CHUNKS_IN_BULK * len(CHUNK)


class Stream:
    """Its own push producer."""

    left = 0
    paused = False

    def dataReceived(self, data: bytes) -> None:
        self.left = CHUNKS_IN_STREAM
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(CHUNK)
        if not self.left:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.left = 0
        self.paused = True


class Close:
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(REQUEST)
        self.transport.loseConnection()


SERVERS = {
    "echo": Echo,
    "bursts": Bursts,
    "chunks": Chunks,
    "bulk": Bulk,
    "stream": Stream,
    "close": Close,
}


class Datagrams:
    """Sends each datagram back."""

    noisy = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(datagram, addr)


def take(side: Side) -> tuple[Any, Any]:
    """Import the side's reactor and its `protocol` module."""
    if side.uvloop:
        import uvloop

        asyncioreactor = import_module(f"{side.package}.internet.asyncioreactor")
        asyncioreactor.install(uvloop.new_event_loop())
    internet = import_module(f"{side.package}.internet")
    import_module(f"{side.package}.internet.reactor")
    return internet.reactor, import_module(f"{side.package}.internet.protocol")


def serve(side: Side, case: str, started: Callable[[int], object]) -> None:
    """Serve `case` for ever, after telling the port to `started`."""
    reactor, protocol = take(side)
    if case == "datagrams":
        echo = type(case, (Datagrams, protocol.DatagramProtocol), {})()
        started(reactor.listenUDP(0, echo, interface=HOST).getHost().port)
        return reactor.run()
    kind = SERVERS[case.removeprefix(SECURE)]
    factory = protocol.Factory.forProtocol(type(case, (kind, protocol.Protocol), {}))
    factory.noisy = False
    if case.startswith(SECURE):
        tls = import_module(f"{side.package}.internet.ssl")
        with open(pem(), "rb") as file:
            options = tls.PrivateCertificate.loadPEM(file.read()).options()
        port = reactor.listenSSL(0, factory, options, backlog=BACKLOG, interface=HOST)
    else:
        port = reactor.listenTCP(0, factory, backlog=BACKLOG, interface=HOST)
    started(port.getHost().port)
    reactor.run()


def connect(installed: Any, count: int, width: int, port: int, done: Callable[[], object]) -> None:
    """Connect, ask and be closed `count` times, `width` at once."""
    reactor, protocol = installed

    class Request(protocol.Protocol):
        def connectionMade(self) -> None:
            self.transport.write(REQUEST)

    class Requests(protocol.ClientFactory):
        protocol = Request
        noisy = False
        left = count - width
        running = width

        def clientConnectionLost(self, connector: Any, reason: Any) -> None:
            if self.left:
                self.left -= 1
                reactor.connectTCP(HOST, port, self)
                return
            self.running -= 1
            if not self.running:
                done()

    factory = Requests()
    for _ in range(width):
        reactor.connectTCP(HOST, port, factory)


def cancel(installed: Any, count: int, width: int, port: int, done: Callable[[], object]) -> None:
    """Set `count` timers and cancel each at once, `width` in a turn of the reactor."""
    reactor, _ = installed
    left = count

    def turn() -> None:
        nonlocal left
        if not left:
            return done()
        for _ in range(width):
            reactor.callLater(60, print).cancel()
        left -= width
        reactor.callLater(0, turn)

    turn()


def due(installed: Any, count: int, width: int, port: int, done: Callable[[], object]) -> None:
    """Let `width` timers come due together, until `count` have."""
    reactor, _ = installed
    left = count

    def fire() -> None:
        nonlocal left
        left -= 1
        if not left:
            done()
        elif not left % width:
            together()

    def together() -> None:
        for _ in range(width):
            reactor.callLater(0.01, fire)

    together()


def spawn(installed: Any, count: int, width: int, port: int, done: Callable[[], object]) -> None:
    """Start `count` processes, `width` at once, and take what each prints."""
    reactor, protocol = installed
    left = count
    running = 0

    class Printing(protocol.ProcessProtocol):
        def outReceived(self, data: bytes) -> None:
            assert data == b"hello\n"

        def processEnded(self, reason: Any) -> None:
            nonlocal running
            running -= 1
            begin()

    def begin() -> None:
        nonlocal left, running
        if left:
            left -= 1
            running += 1
            reactor.spawnProcess(Printing(), PRINTING[0], PRINTING)
        elif not running:
            done()

    for _ in range(width):
        begin()


CLIENTS = {"connect": connect, "cancel": cancel, "due": due, "spawn": spawn}


def attend(
    side: Side, case: str, rounds: Callable[[], Iterator[Any]], done: Callable[[], object]
) -> None:
    """Play a round for each item of `rounds()`, and call `done` after each."""
    reactor, _ = installed = take(side)
    waiting = rounds()

    def play() -> None:
        round_ = next(waiting, None)
        if round_ is None:
            reactor.stop()
        else:
            CLIENTS[case](installed, *round_, finished)

    def finished() -> None:
        done()
        # A turn in between: `done` is called from inside the last operation.
        reactor.callLater(0, play)

    reactor.callWhenRunning(play)
    reactor.run()
