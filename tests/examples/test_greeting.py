"""The article's programs: what they print, together and apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import complaints

ROOT = Path(__file__).parents[2]
SERVER = [
    r"success from  \('127\.0\.0\.1', \d+\)",
    r"hello",
    r"\('127\.0\.0\.1', \d+\) disconnected",
    r"\[Failure instance: .*\.ConnectionDone'>: Connection was closed cleanly\.",
    r"\]",
]
CLIENT = [r"DATA Hello", r"Lost connection: Connection was closed cleanly\."]


def is_greeting(lines: list[str]) -> bool:
    """Whether the server's lines and the client's are there, each side's in order, and no more."""
    spoken = [line.startswith(("DATA", "Lost")) for line in lines]
    server = [line for line, by_client in zip(lines, spoken, strict=True) if not by_client]
    client = [line for line, by_client in zip(lines, spoken, strict=True) if by_client]
    return _are(SERVER, server) and _are(CLIENT, client)


def _are(patterns: list[str], lines: list[str]) -> bool:
    return len(patterns) == len(lines) and all(map(re.fullmatch, patterns, lines))


def test_greeting_is_one_command() -> None:
    """`python examples/greeting.py` prints what the article shows, and ends by itself."""
    command = [sys.executable, "-X", "dev", "-W", "error", "examples/greeting.py"]

    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )

    assert is_greeting(ended.stdout.splitlines())
    assert complaints(ended.stderr) == ""


def test_greeting(start: Any) -> None:
    """Server and client of one reactor greet each other on either loop."""
    lines = start("greeting").rest()

    assert is_greeting(lines), lines


def test_greeting_in_asyncio(start: Any) -> None:
    """Both greet each other as guests, and their stopping the reactor leaves the host alive."""
    *lines, last = start("greeting_in_asyncio").rest()

    assert is_greeting(lines), lines
    assert last == "asyncio goes on"


def test_server_and_client_apart(start: Any) -> None:
    """In a process each, server and client print what they are told; either's end is told too."""
    server = start("greeting_server", 0)
    client = start("greeting_client", server.port())
    greeted = [server.line(), server.line()]
    assert client.line() == "DATA Hello"

    left_by_server = server.interrupt()
    left_by_client = client.rest()

    assert _are(SERVER[:2], greeted)
    assert re.fullmatch(SERVER[2], left_by_server[0])
    assert "ConnectionLost" in left_by_server[1]
    assert _are(CLIENT[1:], left_by_client)


def test_server_survives_its_clients(start: Any, connect: Any) -> None:
    """The server greets the next client when one has gone."""
    server = start("greeting_server", 0)
    port = server.port()

    for _ in range(2):
        client = connect(port)
        assert client.read(5) == b"Hello"
        client.close()
        told = [server.line() for _ in range(4)]
        assert _are(SERVER[:1] + SERVER[2:], told)

    assert server.interrupt() == []


@pytest.mark.parametrize("ending", ["rest", "interrupt"])
def test_client_ends_with_its_connection(start: Any, listener: Any, ending: str) -> None:
    """The client ends when the server hangs up, and by Ctrl-C."""
    listener.listen()
    client = start("greeting_client", listener.getsockname()[1])
    peer, _ = listener.accept()
    with peer:
        assert peer.recv(5) == b"hello"
        if ending == "rest":
            peer.close()

        lines = getattr(client, ending)()

    assert lines[0].startswith("Lost connection: Connection ")


def test_client_without_a_server(start: Any, listener: Any) -> None:
    """A client that is refused says so and ends."""
    lines = start("greeting_client", listener.getsockname()[1]).rest()

    assert len(lines) == 1
    assert lines[0].startswith("Could not connect: Connection was refused by other side: ")
