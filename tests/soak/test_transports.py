"""Datagrams, processes, TLS, standard input and endpoints, over and over, leave nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from reactorlite import Reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.endpoints import HostnameEndpoint, connectProtocol
from reactorlite.internet.error import CannotListenError
from reactorlite.internet.protocol import (
    ClientFactory,
    DatagramProtocol,
    Factory,
    ProcessProtocol,
    Protocol,
)
from reactorlite.internet.stdio import StandardIO
from reactorlite.internet.task import deferLater
from tests.soak.leftovers import Holdings, cycles, descriptors, least
from tests.soak.verdict import ASYNCIOS_OWN, SPARE
from tests.waiting import comes

HOST = "127.0.0.1"
AT_ONCE = 20

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc"
)

Way = Callable[[Any, int], Awaitable[object]]
WAYS: dict[str, tuple[Way, int]] = {}


def way(count: int) -> Callable[[Way], Way]:
    """Enter a function among those that are played, `count` times; it gets a number each time."""

    def enter(played: Way) -> Way:
        WAYS[played.__name__] = (played, count)
        return played

    return enter


# -- datagrams


class Heard(DatagramProtocol):
    """Tells of the first datagram."""

    def __init__(self) -> None:
        self.some: Deferred[bytes] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if not self.some.called:
            self.some.callback(datagram)


@way(200)
async def udp_port(reactor: Any, number: int) -> None:
    """It gets a datagram and is closed; every other is closed at once, or in its callback."""
    protocol = Heard()
    port = reactor.listenUDP(0, protocol, HOST)
    port.write(b"to itself", (HOST, port.getHost().port))
    if number % 3 == 1:
        protocol.some.addCallback(lambda _: port.stopListening())
    if number % 3:
        await protocol.some
    await port.stopListening()


@way(60)
async def multicast_port(reactor: Any, number: int) -> None:
    """It joins a group."""
    port = reactor.listenMulticast(0, Heard())
    with suppress(OSError):  # where there is no such route
        await port.joinGroup("224.0.0.251")
    await port.stopListening()


@way(60)
async def refused_port(reactor: Any, number: int) -> None:
    """It can't be had."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        with suppress(CannotListenError):
            reactor.listenUDP(taken.getsockname()[1], Heard(), HOST)


# -- processes


class Child(ProcessProtocol):
    """Tells when it is all over."""

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def processEnded(self, reason: Any) -> None:
        self.over.callback(None)


@way(120)
async def child(reactor: Any, number: int) -> None:
    """It is fed, killed, closed, hung up, or ends by itself."""
    protocol = Child()
    does = number % 5
    process = reactor.spawnProcess(protocol, "/bin/cat", ["cat"], usePTY=does == 4)
    if does == 0:
        process.write(b"x" * 100_000)
        process.closeStdin()
    elif does == 1:
        process.signalProcess("KILL")
    elif does == 2:
        await deferLater(reactor, 0)
        process.loseConnection()
    elif does == 3:
        process.pauseProducing()
        process.write(b"x")
        process.signalProcess("TERM")
        process.resumeProducing()
    else:
        process.loseConnection()
    await protocol.over


@way(40)
async def child_that_cannot_be(reactor: Any, number: int) -> None:
    """There is no such program."""
    with suppress(FileNotFoundError):
        reactor.spawnProcess(Child(), "/nonexistent", ["x"], usePTY=number % 2)


# -- standard input and output


class Input(Protocol):
    """Answers what it gets, and ends."""

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.over.callback(None)


@way(100)
async def standard_io(reactor: Any, number: int) -> None:
    """The input ends, or the protocol does."""
    (stdin, to_stdin), (from_stdout, stdout) = os.pipe(), os.pipe()
    protocol = Input()
    io = StandardIO(protocol, stdin, stdout, reactor=reactor)
    os.write(to_stdin, b"typed")
    if number % 2:
        os.close(to_stdin)
    else:
        io.loseConnection()
        os.close(to_stdin)
    await protocol.over
    for descriptor in (stdin, from_stdout, stdout):
        os.close(descriptor)


# -- endpoints


class Greeted(Protocol):
    """Ends as soon as it is connected."""

    def connectionMade(self) -> None:
        self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.over.callback(None)


class Greeting(Factory[Any]):
    """Tells when its one connection is over."""

    noisy = False
    protocol = Greeted

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()


@way(200)
async def endpoint(reactor: Any, number: int) -> None:
    """It connects by name; every other attempt is cancelled, now or soon."""
    port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface=HOST)
    factory = Greeting()
    going = HostnameEndpoint(reactor, "localhost", port.getHost().port).connect(factory)
    given_up: list[object] = []
    going.addErrback(lambda _: given_up.append(number))
    if number % 3 == 1:
        going.cancel()
    elif number % 3 == 2:
        reactor.callLater(number % 10 / 5000, going.cancel)
    await going
    if not given_up:
        await factory.over
    await port.stopListening()


@way(100)
async def looked_up(reactor: Any, number: int) -> None:
    """Names, every other of which nobody waits for any longer."""
    looking_up = reactor.resolve("localhost").addErrback(lambda _: None)
    if number % 2:
        looking_up.cancel()
    await looking_up


# -- TLS


class Speaker(Protocol):
    """The client of a connection, which says something and then ends it in its way."""

    def connectionMade(self) -> None:
        self.transport.write(b"hello")
        if self.factory.does == 0:
            self.transport.abortConnection()
        elif self.factory.does == 1:
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self.factory.does == 2:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()


class Speaking(ClientFactory[Any]):
    """One connection, and how it is to end."""

    noisy = False
    protocol = Speaker

    def __init__(self, does: int) -> None:
        self.does = does
        self.over: Deferred[None] = Deferred()

    def clientConnectionLost(self, connector: Any, reason: Any) -> None:
        self.over.callback(None)

    clientConnectionFailed = clientConnectionLost


class Answer(Protocol):
    """The server of a connection."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server, and of clients that trust it."""
    if shutil.which("openssl") is None:
        pytest.skip("`openssl` makes the certificate")
    where = tmp_path_factory.mktemp("tls")
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    more = "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    command = ["openssl", *make.split(), *more.split()]
    subprocess.run(command, check=True, capture_output=True, cwd=where)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(where / "cert.pem", where / "key.pem")
    return server, ssl.create_default_context(cafile=where / "cert.pem")


# -- the play


async def play(reactor: Any, played: Way, count: int) -> None:
    """Play it `count` times, some at a time."""
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await played(reactor, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    for _ in range(10):
        await asyncio.sleep(0.001)


@contextmanager
def no_collector() -> Iterator[None]:
    """What only the collector frees is there to be counted."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def left_of(reactor: Any, played: Way, count: int) -> dict[str, Any]:
    """What is left after `count` times, first of all, and of objects when all is collected."""
    await play(reactor, played, min(count, 2 * AT_ONCE))
    Holdings.now(reactor)  # what counting makes once is no leftover
    cycles()
    with no_collector():
        before = Holdings.now(reactor)
        await play(reactor, played, count)
        await comes(lambda: descriptors() <= before.descriptors)  # the servers' ends are, too
        left = Holdings.now(reactor).since(before, count)
        held = cycles()
        after = Holdings.now(reactor).since(before, count)["objects"]
    much = least(count)
    return {
        **{what: left[what] for what in ("descriptors", "tasks", "timers")},
        "held": {kind: n for kind, n in held.items() if n >= much and kind not in ASYNCIOS_OWN},
        "kept": {kind: n for kind, n in after.items() if n > LATE.get(kind, 0)},
    }


LATE = {
    # Stock asyncio keeps cancelled timers, as many as a hundred, until their time has come.
    "asyncio.events.TimerHandle": 110,
    "_contextvars.Context": 110,
    "builtins.hamt": 110,
    "builtins.hamt_bitmap_node": 110,
    **SPARE,
}
NOTHING = {"descriptors": 0, "tasks": 0, "timers": 0, "held": {}, "kept": {}}


@pytest.fixture
def soaked(run: Any) -> Callable[[Way, int], dict[str, Any]]:
    """Plays a way on a reactor of its own; what is left meanwhile, and of the reactor itself."""

    def soaked(played: Way, count: int) -> dict[str, Any]:
        async def main() -> dict[str, Any]:
            asyncio.get_running_loop().set_debug(False)  # its notes are objects, too
            async with Reactor() as reactor:
                return await left_of(reactor, played, count)

        left: dict[str, Any] = run(main())
        with pytest.raises(ChildProcessError):  # there is no child left
            os.waitpid(-1, os.WNOHANG)
        return left

    return soaked


@pytest.mark.parametrize("name", WAYS)
def test_nothing_is_left(soaked: Any, name: str) -> None:
    """Each way leaves no descriptor, task, timer, child or object, collected or not."""
    assert soaked(*WAYS[name]) == NOTHING


def test_nothing_is_left_of_tls(soaked: Any, secured: Any) -> None:
    """Nor do connections over TLS, ended before, in and after the handshake."""
    server, client = secured

    async def connection(reactor: Any, number: int) -> None:
        port = reactor.listenSSL(0, Factory.forProtocol(Answer), server, interface=HOST)
        # For every fifth the certificate is another's.
        host = "localhost" if number % 5 else HOST
        factory = Speaking(number % 4)
        reactor.connectSSL(host, port.getHost().port, factory, client)
        await factory.over
        await port.stopListening()

    assert soaked(connection, 100) == NOTHING


def test_nothing_is_left_of_what_was_alive(run: Any, secured: Any) -> None:
    """Nor is anything left of what was open, or on its way, when the reactor ended."""
    server, client = secured

    async def main() -> None:
        async with Reactor() as reactor:
            for _ in range(10):
                reactor.listenUDP(0, Heard(), HOST)
                reactor.spawnProcess(Child(), "/bin/cat", ["cat"])
                port = reactor.listenSSL(0, Factory.forProtocol(Answer), server)
                reactor.connectSSL(HOST, port.getHost().port, Speaking(3), client)
                going = HostnameEndpoint(reactor, "localhost", port.getHost().port)
                connectProtocol(going, Input()).addErrback(lambda why: why.trap(Exception))
                await asyncio.sleep(0)

    run(main())
    before = descriptors()
    run(main())

    assert descriptors() == before
