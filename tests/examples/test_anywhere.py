"""The server and the client that go wherever their command lines say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reactorlite.internet import asyncioreactor


def test_over_tcp(start: Any) -> None:
    """On two ports at once, by address and by name."""
    server = start("anywhere_server", "tcp:0:interface=127.0.0.1", "tcp:0:interface=127.0.0.1")
    for host in ("127.0.0.1", "localhost"):
        client = start("anywhere_client", f"tcp:{host}:{server.port()}", "hello", "world")

        assert client.rest() == ["HELLO", "WORLD"]

    assert server.interrupt() == []


@pytest.mark.skipif(
    not hasattr(asyncioreactor.Reactor, "listenUNIX"), reason="there are no UNIX sockets here"
)
def test_over_a_unix_socket(start: Any, tmp_path: Path) -> None:
    """At a path."""
    server = start("anywhere_server", f"unix:{tmp_path}/capitals")
    assert server.line() == f"listening on {tmp_path}/capitals"

    client = start("anywhere_client", f"unix:{tmp_path}/capitals", "hello", "world")

    assert client.rest() == ["HELLO", "WORLD"]
    assert server.interrupt() == []


def test_cannot_listen(start: Any) -> None:
    """A port that can't be had is told of, and ends the server."""
    server = start("anywhere_server", "tcp:0:interface=192.0.2.1")

    assert server.rest()[0].startswith("Couldn't listen on 192.0.2.1:0")
