"""Port forwarding, the smallest protocols, and protocols connected to each other."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import io
import struct
import time
from typing import Any

import pytest

from reactorlite.internet.protocol import Protocol
from reactorlite.protocols import loopback, portforward, wire

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """Imports one side's modules."""
    return lambda path: importlib.import_module(f"{request.param}.{path}")


class Transport:
    """Remembers what is asked of it, in order."""

    def __init__(self) -> None:
        self.story: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.story.append((name, *args))


class Connecting:
    """A reactor that remembers who wants to connect."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def connectTCP(self, *args: Any) -> None:
        self.asked.append(args)


# ── forwarding


def forwarding(side: Any) -> tuple[Any, Any, list[Any]]:
    """A connection that came in, what it was forwarded with, and the attempts to connect."""
    reactor = Connecting()
    server = side("protocols.portforward").ProxyFactory("host", 80).buildProtocol(None)
    server.reactor = reactor
    server.makeConnection(Transport())
    ((_, _, factory),) = reactor.asked
    return server, factory, reactor.asked


def test_connects_where_it_was_told(side):
    """A connection that comes in waits, and one to the host and port is begun."""
    server, _, asked = forwarding(side)

    assert asked[0][:2] == ("host", 80)
    assert server.transport.story == [("pauseProducing",)]


def test_forwards_both_ways(side):
    """Once both are connected, what comes in on one goes out on the other."""
    server, factory, _ = forwarding(side)
    client = factory.buildProtocol(None)
    client.makeConnection(Transport())

    server.dataReceived(b"question")
    client.dataReceived(b"answer")

    assert client.transport.story == [
        ("registerProducer", server.transport, True),
        ("write", b"question"),
    ]
    assert server.transport.story[1:] == [
        ("registerProducer", client.transport, True),
        ("resumeProducing",),
        ("write", b"answer"),
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_one_end_closes_the_other(side, first):
    """When one of the connections is lost the other is closed."""
    server, factory, _ = forwarding(side)
    client = factory.buildProtocol(None)
    client.makeConnection(Transport())
    lost, left = (server, client) if first else (client, server)

    lost.connectionLost(None)

    assert left.transport.story[-1] == ("loseConnection",)


def test_failed_attempt_closes(side):
    """When no connection comes about the one that came in is closed."""
    server, factory, _ = forwarding(side)

    factory.clientConnectionFailed(None, None)

    assert server.transport.story[-1] == ("loseConnection",)


def test_lost_before_it_was_forwarded():
    """A connection may be lost before there is another: nothing is left to close."""
    server, _, _ = forwarding(lambda path: portforward)

    server.connectionLost(None)
    server.dataReceived(b"late")

    assert server.transport.story == [("pauseProducing",)]


# ── the smallest


def test_echo(side):
    """Echo sends back what it receives."""
    echo = side("protocols.wire").Echo()
    echo.makeConnection(Transport())

    echo.dataReceived(b"data")

    assert echo.transport.story == [("write", b"data")]


def test_discard(side):
    """Discard sends nothing."""
    discard = side("protocols.wire").Discard()
    discard.makeConnection(Transport())

    discard.dataReceived(b"data")

    assert discard.transport.story == []


def test_chargen(side):
    """Chargen is a pull producer of noise."""
    chargen = side("protocols.wire").Chargen()
    chargen.makeConnection(Transport())

    chargen.resumeProducing()
    chargen.pauseProducing()
    chargen.stopProducing()

    registered = ("registerProducer", chargen, False)
    assert chargen.transport.story[0] == registered
    assert chargen.transport.story[1:] == [("write", chargen.noise)]


@pytest.mark.parametrize(("name", "method"), [("QOTD", "getQuote"), ("Who", "getUsers")])
def test_answers(side, name, method):
    """The answer that a method gives is sent, and the connection is closed."""
    protocol = getattr(side("protocols.wire"), name)()
    answer = getattr(protocol, method)()

    protocol.makeConnection(Transport())

    assert protocol.transport.story == [("write", answer), ("loseConnection",)]
    assert answer.endswith(b"\r\n")


def test_time(side):
    """Time sends the seconds since 1970 as four bytes."""
    protocol = side("protocols.wire").Time()
    before = int(time.time())

    protocol.makeConnection(Transport())

    (_, data), end = protocol.transport.story
    assert before <= struct.unpack("!I", data)[0] <= time.time()
    assert end == ("loseConnection",)


def test_daytime():
    """Daytime sends a time that can be read."""
    protocol = wire.Daytime()

    protocol.makeConnection(Transport())

    (_, data), end = protocol.transport.story
    assert time.strptime(data.decode().strip())
    assert end == ("loseConnection",)


# ── connected to each other


class Teller(Protocol):
    """Tells what it is told."""

    def __init__(self, name: str, story: list[Any]) -> None:
        self.name = name
        self.story = story

    def connectionMade(self) -> None:
        self.story.append((self.name, "made"))

    def dataReceived(self, data: bytes) -> None:
        self.story.append((self.name, data))

    def connectionLost(self, reason: Any = None) -> None:
        self.story.append((self.name, reason.type.__name__))


class Echoing(Teller):
    """Sends everything back twice."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.write(data)
        self.transport.write(data)


class Asking(Teller):
    """Sends three bytes, and closes when six have come."""

    left = 6

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.write(b"1")
        self.transport.writeSequence([b"2", b"3"])

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.left -= len(data)
        if not self.left:
            self.transport.loseConnection()


MADE = [("server", "made"), ("client", "made")]
LOST = [("server", "ConnectionDone"), ("client", "ConnectionDone")]


def results(deferred: Any) -> list[Any]:
    """A list that the Deferred's result is put in."""
    got: list[Any] = []
    deferred.addBoth(got.append)
    return got


def test_in_memory(side):
    """Two protocols converse piece by piece until one closes."""
    story: list[Any] = []
    connect = side("protocols.loopback").loopbackAsync

    got = results(connect(Echoing("server", story), Asking("client", story)))

    assert got == [None]
    assert story == [
        *(*MADE, ("server", b"1"), ("server", b"23")),
        *(*[("client", b"1")] * 2, *[("client", b"23")] * 2, *LOST),
    ]


def test_in_memory_at_once(side):
    """The other policy delivers at once what was written before."""
    story: list[Any] = []
    module = side("protocols.loopback")

    got = results(
        module.loopbackAsync(
            Echoing("server", story), Asking("client", story), module.collapsingPumpPolicy
        )
    )

    assert got == [None]
    assert story == [*MADE, ("server", b"123"), ("client", b"123123"), *LOST]


def test_pull_producer_in_memory(side):
    """A pull producer is asked again when what it wrote was received."""
    story: list[Any] = []

    class Producer(Teller):
        left = 3

        def connectionMade(self) -> None:
            self.transport.registerProducer(self, False)

        def resumeProducing(self) -> None:
            self.left -= 1
            self.story.append("asked")
            self.transport.write(b"x")
            if not self.left:
                self.transport.unregisterProducer()
                self.transport.loseConnection()

    side("protocols.loopback").loopbackAsync(Teller("server", story), Producer("client", story))

    assert story == [("server", "made"), *["asked", ("server", b"x")] * 3, *LOST]


def test_error_in_memory(side):
    """What a protocol raises before anything has to be waited for is raised to the caller."""

    class Broken(Teller):
        def dataReceived(self, data: bytes) -> None:
            raise ValueError(data)

    with pytest.raises(ValueError, match="1"):
        side("protocols.loopback").loopbackAsync(Broken("server", []), Asking("client", []))


def test_waiting_in_memory():
    """When neither side has anything to send, the next write is delivered by the reactor."""
    story: list[Any] = []
    client = Teller("client", story)

    async def converse() -> None:
        deferred = loopback.loopbackAsync(Teller("server", story), client)
        client.transport.write(b"later")
        assert story == MADE
        client.transport.loseConnection()
        await deferred

    asyncio.run(converse())

    assert story == [*MADE, ("server", b"later"), *LOST]


def test_error_after_waiting_in_memory():
    """What a protocol raises later fails the Deferred."""

    class Broken(Teller):
        def dataReceived(self, data: bytes) -> None:
            raise ValueError(data)

    client = Teller("client", [])

    async def converse() -> None:
        deferred = loopback.loopbackAsync(Broken("server", []), client)
        client.transport.write(b"later")
        await deferred

    with pytest.raises(ValueError, match="later"):
        asyncio.run(converse())


def test_two_producers_in_memory():
    """A second producer, and text for bytes, are refused."""
    client = Teller("client", [])
    loopback.loopbackAsync(Teller("server", []), client)
    client.transport.registerProducer("one", True)

    with pytest.raises(RuntimeError):
        client.transport.registerProducer("two", True)
    with pytest.raises(TypeError):
        client.transport.write("text")

    client.transport.unregisterProducer()
    assert client.transport.producer is None
    assert client.transport.getPeer() != client.transport.getHost()


def test_over_tcp():
    """Two protocols converse over a socket, and both ends are closed when the Deferred fires."""
    story: list[Any] = []

    async def converse() -> None:
        await loopback.loopbackTCP(Echoing("server", story), Asking("client", story), noisy=False)

    asyncio.run(converse())

    assert sorted(word for _, word in story[:2]) == ["made", "made"]
    assert b"".join(data for name, data in story[2:-2] if name == "client") == b"123123"
    assert sorted(story[-2:]) == sorted(LOST)


def test_relay(side):
    """A relay keeps what is written until it is told to deliver, and then says the end."""
    story: list[Any] = []
    log = io.StringIO()
    relay = side("protocols.loopback").LoopbackRelay(Teller("target", story), log)

    relay.write(b"a")
    relay.writeSequence([b"b", b"c"])
    relay.loseConnection()
    assert story == []
    relay.clearBuffer()
    relay.clearBuffer()

    assert story == [("target", b"abc"), ("target", "ConnectionDone")]
    assert "b'abc'" in log.getvalue()
    assert (relay.getPeer(), relay.getHost()) == ("loopback", "loopback")
    assert relay.logPrefix() == "Loopback('Teller')"


def test_producer_of_a_relay(side):
    """A relay's producer is asked before each delivery."""
    story: list[Any] = []

    class Producer:
        def resumeProducing(self) -> None:
            relay.write(b"x")
            relay.unregisterProducer()

    relay = side("protocols.loopback").LoopbackRelay(Teller("target", story))
    relay.registerProducer(Producer(), False)

    relay.clearBuffer()
    relay.clearBuffer()

    assert story == [("target", b"x")]
