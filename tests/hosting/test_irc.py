"""Twisted's IRC server and client meet plain sockets that speak RFC 1459."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hosting.conftest import HERE
from tests.hosting.peers import Script
from tests.programs import Client


class Person(Client):
    """A client that has signed on."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(port)
        for line in ("PASS 1234", f"NICK {name}", f"USER {name} 0 * :{name}"):
            self.send(line + "\r")
        self.wait(" 376 ")

    def wait(self, part: str) -> str:
        """Read up to the line that has `part` in it."""
        for line in iter(self.line, ""):
            if part in line:
                return line.rstrip("\r")
        raise AssertionError(f"the server hung up before it said {part!r}")


@pytest.fixture(scope="module")
def port(serve: Any) -> int:
    """The port of the server."""
    return int(serve("irc_server", HERE).port())


@pytest.fixture
def sign_on(port: int) -> Iterator[Callable[[str], Person]]:
    """Signs somebody on: `sign_on("ann")`."""
    people: list[Person] = []

    def sign_on(name: str) -> Person:
        people.append(Person(port, name))
        return people[-1]

    yield sign_on
    for person in people:
        person.close()


def test_channel(sign_on: Any) -> None:
    """Who joins is seen by those who are there, and heard by them; who goes is seen to go."""
    ann, bob = sign_on("ann"), sign_on("bob")
    ann.send("JOIN #rain\r")
    ann.wait(" 366 ")
    bob.send("JOIN #rain\r")

    assert ann.wait("JOIN").startswith(":bob!")
    assert set(bob.wait(" 353 ").rpartition(":")[2].split()) == {"ann", "bob"}
    bob.send("PRIVMSG #rain :it is raining\r")
    assert ann.wait("PRIVMSG").endswith(" PRIVMSG #rain :it is raining")
    ann.send("PRIVMSG bob :take an umbrella\r")
    assert bob.wait("PRIVMSG").endswith(" PRIVMSG bob :take an umbrella")
    bob.send("PART #rain :so long\r")
    assert ":so long" in ann.wait("PART")


def test_lines_in_pieces(sign_on: Any) -> None:
    """Commands are understood in whichever pieces they come."""
    ann = sign_on("ann")

    for piece in (b"JO", b"IN #one\r", b"\nJOIN #two\r\nJO"):
        ann.socket.sendall(piece)

    assert " #one " in ann.wait(" 366 ")
    assert " #two " in ann.wait(" 366 ")


def test_client(play: Any, plain: Any) -> None:
    """Twisted's client joins, hears, answers and quits at a server that another hand wrote."""
    peer = plain(_as_server)
    client = play("irc_client", f"tcp:127.0.0.1:{peer.port}")

    assert client.rest() == ["joined #parrots", "ann: hello", "ann: bye"]


def _as_server(peer: Script) -> None:
    for line in iter(peer.line, None):
        if line.startswith("USER"):
            break
        assert line == "NICK parrot"
    peer.say(":irc.example.org 001 parrot :Welcome")
    assert peer.line() == "JOIN #parrots"
    peer.say(":parrot!p@host JOIN #parrots", ":irc.example.org 366 parrot #parrots :End")
    peer.say("PING :today")
    assert peer.line() == "PONG today"
    peer.say(":ann!a@host PRIVMSG #parrots :hello")
    assert peer.line() == "PRIVMSG #parrots :ann says hello"
    peer.say(":ann!a@host PRIVMSG #parrots :bye")
    assert peer.line() == "QUIT :so long"
