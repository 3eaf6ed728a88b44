"""The smallest protocols.

What Twisted does too is asserted of both: the fixture `side` imports either one's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import struct
import time
from typing import Any

import pytest

from reactorlite.protocols import wire

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
