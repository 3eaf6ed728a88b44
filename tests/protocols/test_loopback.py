"""Protocols connected to each other.

What Twisted does too is asserted of both: the fixture `side` imports either one's modules.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import io
from typing import Any

import pytest

from reactorlite.internet.protocol import Protocol
from reactorlite.protocols import loopback

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """Imports one side's modules."""
    return lambda path: importlib.import_module(f"{request.param}.{path}")


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
