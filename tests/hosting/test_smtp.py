"""Twisted's SMTP server meets Python's smtplib; its client meets a server of plain sockets."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosting.conftest import HERE
from tests.hosting.peers import Script
from tests.programs import LIMIT

MESSAGE = "Subject: Rain\r\n\r\n" + ".It goes on raining.\r\n" * 5000


@pytest.fixture(scope="module")
def server(serve: Any) -> Any:
    """The server; its port is its attribute `number`."""
    server = serve("smtp_server", "", HERE)
    server.number = server.port()
    return server


@pytest.fixture
def client(server: Any) -> Iterator[smtplib.SMTP]:
    """Python's client."""
    with smtplib.SMTP("127.0.0.1", server.number, "peer", LIMIT) as client:
        yield client


def test_smtplib(server: Any, client: smtplib.SMTP) -> None:
    """A message goes to each of its recipients, and another after it."""
    for _ in range(2):
        client.sendmail("bob@example.org", ["ann@example.org", "carl@example.org"], MESSAGE)

    told = [server.line() for _ in range(4)]
    assert sorted(told) == sorted(
        f"bob@example.org to {name}@example.org: 5003 lines" for name in ["ann", "carl"] * 2
    )


def test_recipient_elsewhere(client: smtplib.SMTP) -> None:
    """A recipient who isn't taken is refused before the message is sent."""
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
        client.sendmail("bob@example.org", ["ann@example.com"], MESSAGE)


def test_sender_that_leaves(server: Any, client: smtplib.SMTP) -> None:
    """The message is told of a client that goes in the middle of it."""
    client.mail("bob@example.org")
    client.rcpt("ann@example.org")
    client.putcmd("data")
    client.getreply()
    client.send("half a ")
    client.sock.close()
    client.close()

    assert server.line() == "bob@example.org left in the middle"


def test_client(play: Any, plain: Any) -> None:
    """Twisted's client sends to a server that another hand wrote."""
    peer = plain(_as_server)
    client = play("smtp_client", "127.0.0.1", peer.port)

    assert client.rest() == ["taken for 2"]


def _as_server(peer: Script) -> None:
    peer.say("220 peer ready")
    assert peer.line().startswith(("EHLO", "HELO"))
    peer.say("250-peer", "250 SIZE 1000")
    for expected in ("MAIL FROM:<carl@", "RCPT TO:<ann@", "RCPT TO:<bob@"):
        assert peer.line().startswith(expected)
        peer.say("250 fine")
    assert peer.line() == "DATA"
    peer.say("354 go on")
    body = [line for line in iter(peer.line, ".")]
    assert body == ["Subject: Rain", "", "Take an umbrella.", ".."]
    peer.say("250 taken")
    # The program ends then, and says no more, or RSET.
