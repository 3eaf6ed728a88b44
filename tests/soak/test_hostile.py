"""Peers that mean ill or do nothing, protocols that raise, and a process without descriptors.

The other connections go on, memory stays bounded, and the log says once what happened.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from reactorlite.bridge.flow import MARK
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.interfaces import IHalfCloseableProtocol
from reactorlite.internet.protocol import Protocol, ServerFactory
from reactorlite.python.components import implementer
from tests.waiting import until

ROOT = Path(__file__).parents[2]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Echo(Protocol):
    """Sends back what it gets, unless that is "raise"."""

    def dataReceived(self, data: bytes) -> None:
        if data.startswith(b"raise"):
            raise Boom("dataReceived")
        self.transport.write(data)


class Boom(Exception):
    """What is raised on purpose."""


class Server:
    """A port, and an ordinary client that is there all the time."""

    def __init__(
        self, number: int, protocol: type[Protocol], made: list[Any], next_is: list[type[Protocol]]
    ) -> None:
        self.protocol = protocol
        self.next_is = next_is
        self.number = number
        self.made = made
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def goes_on(self) -> bool:
        """Whether the ordinary client, and a new one, still get their echo."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        for into, out in ((self.writer, self.reader), (writer, reader)):
            into.write(b"ping")
            assert await out.readexactly(4) == b"ping"
        writer.close()
        await writer.wait_closed()
        return True

    async def peer(self) -> socket.socket:
        """A plain socket, connected; the protocol to be tested is the last of `made`."""
        self.next_is.append(self.protocol)
        count = len(self.made)
        peer = socket.socket()
        peer.setblocking(False)
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", self.number))
        await until(lambda: len(self.made) > count and self.made[-1].connected)
        return peer


@asynccontextmanager
async def serving(protocol: type[Protocol]) -> AsyncIterator[Server]:
    """Serve those whom `Server.peer` makes with `protocol`, and all others with `Echo`."""
    made: list[Any] = []
    next_is: list[type[Protocol]] = []

    class Factory(ServerFactory):
        noisy = False

        def buildProtocol(self, addr: Any) -> Any:
            made.append(next_is.pop()() if next_is else Echo())
            return made[-1]

    async with Reactor() as reactor:
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        server = Server(port.getHost().port, protocol, made, next_is)
        server.reader, server.writer = await asyncio.open_connection("127.0.0.1", server.number)
        await until(lambda: bool(made))
        yield server
        server.writer.close()
        await server.writer.wait_closed()


def reset(peer: socket.socket) -> None:
    """Close with an RST."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def stuff(peer: socket.socket, most: int) -> int:
    """Send until no more is taken, or `most`; how much it was."""
    sent = 0
    while sent < most:
        try:
            sent += peer.send(b"s" * min(MARK, most - sent))
        except BlockingIOError:
            break
    return sent


async def stuffed(peer: socket.socket, most: int, full: Callable[[], object] = int) -> int:
    """The same again and again, until nothing is taken any more since the other side is full."""
    sent = idle = 0
    while idle < 200 and sent < most:
        more = stuff(peer, most - sent)
        idle = 0 if more or not full() else idle + 1
        sent += more
        await asyncio.sleep(0)
    return sent


def holds_much(echo: Any) -> Callable[[], bool]:
    """Tells whether an echo waits for its peer to read."""
    return lambda: echo.transport._asyncio.get_write_buffer_size() > MARK


# ── clients that mean ill


class FlowingEcho(Echo):
    """Reads only as fast as it can write."""

    def connectionMade(self) -> None:
        self.transport.registerProducer(self.transport, True)


def test_sends_and_never_reads(run: Run) -> None:
    """An echo that is its own producer stops reading: what waits is a few reads at most."""

    async def main() -> None:
        async with serving(FlowingEcho) as server:
            peer = await server.peer()
            echo = server.made[-1]

            await stuffed(peer, 100_000_000, holds_much(echo))

            assert 0 < echo.transport._asyncio.get_write_buffer_size() <= 4 * MARK
            assert await server.goes_on()
            peer.close()
            await until(lambda: not echo.transport.connected)

    run(main())


def test_sends_and_reads_late(run: Run) -> None:
    """All of it comes back once it reads."""

    async def main() -> None:
        async with serving(FlowingEcho) as server:
            peer = await server.peer()
            sent = await stuffed(peer, 20_000_000, holds_much(server.made[-1]))
            got = 0

            while got < sent:
                got += len(await asyncio.get_running_loop().sock_recv(peer, 1 << 20))

            assert got == sent
            peer.close()

    run(main())


def test_sends_and_never_reads_without_a_producer(run: Run) -> None:
    """An echo that asks for no back-pressure holds what it wrote, as on Twisted, and no more."""

    async def main() -> None:
        async with serving(Echo) as server:
            peer = await server.peer()
            echo = server.made[-1]

            sent = await stuffed(peer, 20_000_000)

            assert sent == 20_000_000
            assert echo.transport._asyncio.get_write_buffer_size() <= sent
            assert echo.transport._first is None
            assert await server.goes_on()
            reset(peer)
            await until(lambda: not echo.transport.connected)
            assert echo.transport._asyncio.get_write_buffer_size() == 0

    run(main())


def test_connects_and_never_speaks(run: Run) -> None:
    """Silent clients cost nobody anything, and end when they are closed."""

    async def main() -> None:
        async with serving(Echo) as server:
            peers = [await server.peer() for _ in range(20)]

            assert await server.goes_on()

            for peer in peers:
                peer.close()
            silent = server.made[1:21]
            await until(lambda: not any(each.transport.connected for each in silent))

    run(main())


@pytest.mark.parametrize("size", [1, MARK, 10_000_000])
def test_resets_in_the_middle_of_a_write(run: Run, size: int) -> None:
    """The protocol hears of it once, what it goes on writing goes nowhere, nothing is logged."""
    reasons: list[type] = []

    class Lost(Echo):
        def connectionLost(self, reason: Any) -> None:  # type: ignore[override]
            reasons.append(reason.type)
            self.transport.write(b"more")

    async def main() -> None:
        async with serving(Lost) as server:
            peer = await server.peer()
            victim = server.made[-1]
            victim.transport.write(b"w" * size)
            await asyncio.sleep(0)
            reset(peer)
            for _ in range(10):
                victim.transport.write(b"w" * size)

            await until(lambda: reasons)

            assert await server.goes_on()
            assert [reason.__name__ for reason in reasons] == ["ConnectionLost"]

    run(main())


# ── protocols that raise


AT_THE_END = ("connectionLost", "stopProducing")


@pytest.mark.parametrize(
    "method",
    [
        *("connectionMade", "dataReceived", "connectionLost"),
        *("readConnectionLost", "writeConnectionLost"),
        *("pauseProducing", "resumeProducing", "stopProducing"),
    ],
)
def test_protocol_raises(run: Run, log: Any, method: str) -> None:
    """It is logged once, the connection can be ended or is, and the others go on."""

    @implementer(IHalfCloseableProtocol)
    class Raising(Protocol):
        def connectionMade(self) -> None:
            if "Producing" in method:
                self.transport.registerProducer(self, True)
                self.transport.write(b"w" * (MARK + 1))
            if method == "writeConnectionLost":
                self.transport.loseWriteConnection()

        def __getattribute__(self, name: str) -> Any:
            if name == method:
                return boom
            return super().__getattribute__(name)

        def nothing(self) -> None:
            """Have nothing to do."""

        readConnectionLost = writeConnectionLost = nothing
        pauseProducing = resumeProducing = stopProducing = nothing

    def boom(*args: Any) -> None:
        raise Boom(method)

    async def main() -> None:
        async with serving(Raising) as server:
            # `connected` is true from `makeConnection` on, whatever that raises.
            peer = await server.peer()
            transport = server.made[-1].transport
            with suppress(OSError):  # it may have ended already
                peer.send(b"data")
                peer.shutdown(socket.SHUT_WR)
            await until(lambda: method in AT_THE_END or log.told())

            assert await server.goes_on()

            # After the peer's end nobody reads, on Twisted neither: a reset would go unnoticed.
            transport.abortConnection()
            await until(lambda: not transport.connected and log.told())
            assert await server.goes_on()
            peer.close()

    run(main())

    assert log.take() == [f"Boom('{method}')"]


# ── no descriptors left


SCRIPT = """
import json, os, resource, socket, sys, tempfile
sys.path.insert(0, sys.argv[1])
from tests.soak.play import listen, side_of
side, loop, scene = sys.argv[2:]
told = listen(side)
api = side_of(side, loop)
reactor, events = api.reactor, []

class Echo(api.protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

class Client(api.protocol.ClientFactory):
    noisy = False
    protocol = api.protocol.Protocol
    def clientConnectionFailed(self, connector, reason):
        events.append(f"failed {reason.type.__name__}")
    def clientConnectionLost(self, connector, reason):
        events.append("lost")

factory = api.protocol.ServerFactory()
factory.protocol, factory.noisy = Echo, False
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
address = ("127.0.0.1", port.getHost().port)
old = socket.create_connection(address)
waiting = [socket.socket() for _ in range(10)]
filling = []

def echoed(sock):
    sock.setblocking(False)
    sock.send(b"ping")
    return sock

def ask(sock, then, tries=200):
    try:
        data = sock.recv(10)
    except BlockingIOError:
        if tries:
            reactor.callLater(0.005, ask, sock, then, tries - 1)
        else:
            then("silence")
    except ConnectionResetError:
        then("reset")
    else:
        then(data.decode() or "closed")

def fill():
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    try:
        while True:
            filling.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass

def begin():
    ask(echoed(old), lambda answer: (events.append("before: " + answer), fill(), act()))

def act():
    if scene == "listening":
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        reactor.callLater(0.1, rejected)
    elif scene == "connecting":
        for _ in range(3):
            reactor.connectTCP(*address, Client())
        reactor.callLater(0.1, still)
    else:
        try:
            reactor.listenTCP(0, factory, interface="127.0.0.1")
        except Exception as error:
            events.append(type(error).__name__)
        still()

def rejected():
    ask(waiting[0], lambda answer: (events.append("rejected: " + answer), still()))

def still():
    ask(echoed(old), lambda answer: (events.append("still: " + answer), again()))

def again():
    while filling:
        os.close(filling.pop())
    new = socket.create_connection(address)
    ask(echoed(new), lambda answer: (events.append("again: " + answer), new.close(), end()))

def end():
    for sock in (old, *waiting):
        sock.close()
    reactor.callLater(0.05, reactor.stop)

reactor.callWhenRunning(begin)
reactor.run()
print(json.dumps([events, dict(told)]))
"""


def _without_descriptors(side: str, loop: str, scene: str) -> tuple[list[str], dict[str, int]]:
    played = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT, str(ROOT), side, loop, scene],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert played.returncode == 0, played.stderr
    events, told = json.loads(played.stdout)
    return events, told


linux_only = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs limits")
loops = pytest.mark.parametrize(
    "loop", ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
)


@linux_only
@loops
def test_accepts_without_descriptors(loop: str) -> None:
    """New clients are turned away, one line of the log says so, and later ones are served."""
    events, told = _without_descriptors("reactorlite", loop, "listening")

    assert events == ["before: ping", "rejected: closed", "still: ping", "again: ping"]
    assert sum(told.values()) <= 1, told


@linux_only
@loops
def test_connects_without_descriptors(loop: str) -> None:
    """The factory of each attempt hears of it, and the connections there are go on."""
    events, told = _without_descriptors("reactorlite", loop, "connecting")

    failed = ["failed ConnectBindError"] * 3
    assert events == ["before: ping", *failed, "still: ping", "again: ping"]
    assert told == {}


@linux_only
@loops
def test_listens_without_descriptors(loop: str) -> None:
    """`listenTCP` says that it can't, and leaves nothing half open."""
    events, told = _without_descriptors("reactorlite", loop, "binding")

    assert events == ["before: ping", "CannotListenError", "still: ping", "again: ping"]
    assert told == {}
