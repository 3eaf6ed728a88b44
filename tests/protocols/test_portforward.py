"""Forwarding of ports.

What Twisted does too is asserted of both: the fixture `side` imports either one's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest

from reactorlite.protocols import portforward

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
