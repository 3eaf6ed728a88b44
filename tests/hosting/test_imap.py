"""Twisted's IMAP server meets Python's imaplib; its client meets a server of plain sockets."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.hosting.conftest import HERE
from tests.hosting.peers import Script
from tests.programs import LIMIT

MESSAGE = b"From: bob@example.org\r\nSubject: Rain\r\n\r\n" + b"Take an umbrella.\r\n" * 5000


@pytest.fixture(scope="module")
def port(serve: Any) -> int:
    """The port of the server."""
    return int(serve("imap_server", HERE).port())


@pytest.fixture
def client(port: int) -> Iterator[imaplib.IMAP4]:
    """Python's client, which has not logged in."""
    client = imaplib.IMAP4("127.0.0.1", port, LIMIT)
    yield client
    with suppress(OSError):  # it has logged out, mostly
        client.shutdown()


def test_imaplib(client: imaplib.IMAP4) -> None:
    """Messages are put in, listed, looked for, read, marked and thrown away."""
    client.login("ann", "secret")
    for _ in range(2):
        client.append("INBOX", "(\\Flagged)", "", MESSAGE)

    assert client.select("INBOX") == ("OK", [b"2"])
    assert client.search(None, "FLAGGED") == ("OK", [b"1 2"])
    _, fetched = client.fetch("1", "(RFC822.SIZE BODY[HEADER.FIELDS (SUBJECT)])")
    assert b"RFC822.SIZE %d" % len(MESSAGE) in b"".join(fetched[0])
    assert b"Subject: Rain" in b"".join(fetched[0])
    _, fetched = client.fetch("2", "(RFC822.TEXT)")
    assert fetched[0][1] == MESSAGE.partition(b"\r\n\r\n")[2]
    client.store("1:2", "+FLAGS", "\\Deleted")
    assert client.expunge()[0] == "OK"
    assert client.select("INBOX") == ("OK", [b"0"])
    assert client.logout()[0] == "BYE"


def test_wrong_password(client: imaplib.IMAP4) -> None:
    """A wrong password is refused, and the next one may be right."""
    with pytest.raises(imaplib.IMAP4.error, match="failed"):
        client.login("ann", "guessed")

    assert client.login("ann", "secret")[0] == "OK"


def test_client_with_its_server(play: Any, port: int) -> None:
    """Twisted's client speaks with Twisted's server."""
    client = play("imap_client", f"tcp:127.0.0.1:{port}", "bob", "secret")

    assert client.rest() == ["messages: 1", "found: 1", "body: Take an umbrella."]


def test_client(play: Any, plain: Any) -> None:
    """Twisted's client speaks with a server that another hand wrote."""
    peer = plain(_as_server)
    client = play("imap_client", f"tcp:127.0.0.1:{peer.port}")

    assert client.rest() == ["messages: 7", "found: 3 7", "body: Take an umbrella."]


def _as_server(peer: Script) -> None:
    peer.say("* OK [CAPABILITY IMAP4rev1] ready")
    while (tag := (words := peer.line().split())[0]) and words[1] != "LOGOUT":
        if words[1] == "CAPABILITY":
            peer.say("* CAPABILITY IMAP4rev1")
        elif words[1] == "APPEND":
            peer.say("+ go on")
            assert b"umbrella" in peer.read(int(words[-1].strip("{}")))
            assert peer.line() == ""
        elif words[1] == "SELECT":
            peer.say("* 7 EXISTS", "* 0 RECENT", "* FLAGS (\\Seen)", "* OK [UIDVALIDITY 1]")
        elif words[1] == "SEARCH":
            peer.say("* SEARCH 3 7")
        elif words[1] == "FETCH":
            peer.say("* 7 FETCH (RFC822.TEXT {19}", "Take an umbrella.", ")")
        else:
            assert words[1:] == ["LOGIN", '"ann"', '"secret"']
        peer.say(f"{tag} OK {'[READ-WRITE] ' * (words[1] == 'SELECT')}done")
    peer.say("* BYE", f"{tag} OK done")
