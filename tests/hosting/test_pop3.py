"""Twisted's POP3 server meets Python's poplib; its client meets a server of plain sockets."""

from __future__ import annotations

import poplib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosting.conftest import HERE
from tests.hosting.peers import Script
from tests.programs import LIMIT


@pytest.fixture(scope="module")
def port(serve: Any) -> int:
    """The port of the server."""
    return int(serve("pop3_server", HERE).port())


@pytest.fixture
def client(port: int) -> Iterator[poplib.POP3]:
    """Python's client, which has logged in."""
    client = poplib.POP3("127.0.0.1", port, LIMIT)
    client.user("ann")
    client.pass_("secret")
    yield client
    client.close()


def test_poplib(client: poplib.POP3) -> None:
    """Messages are listed, and read whole or in part, a large one too."""
    assert client.list()[1] == [b"1 35", b"2 1000020"]
    assert client.retr(1)[1] == [b"Subject: Rain", b"", b"Take an umbrella.", b"."]
    assert client.retr(2)[1][2:] == [b"It goes on raining."] * 50_000
    assert client.top(2, 1)[1] == [b"Subject: More rain", b"", b"It goes on raining."]
    assert client.uidl()[1] == [b"1 message-0", b"2 message-1"]


def test_deleted(client: poplib.POP3) -> None:
    """A message that was deleted comes back with RSET."""
    client.dele(1)
    assert client.list()[1] == [b"1 0", b"2 1000020"]
    client.rset()

    assert client.stat()[0] == 2
    client.quit()


def test_client(play: Any, plain: Any) -> None:
    """Twisted's client reads from a server that another hand wrote."""
    peer = plain(_as_server)
    client = play("pop3_client", f"tcp:127.0.0.1:{peer.port}")

    assert client.rest() == ["sizes: 20 3000", "first: b'Subject: Rain' b'' b'.'"]


def _as_server(peer: Script) -> None:
    peer.say("+OK ready")
    conversation = {
        "CAPA": ["-ERR unknown"],
        "USER ann": ["+OK"],
        "PASS secret": ["+OK"],
        "LIST": ["+OK", "1 20", "2 3000", "."],
        "RETR 1": ["+OK", "Subject: Rain", "", "..", "."],
        "DELE 1": ["+OK"],
        "QUIT": ["+OK"],
    }
    line = ""
    while line != "QUIT":
        line = peer.line()
        peer.say(*conversation[line])
