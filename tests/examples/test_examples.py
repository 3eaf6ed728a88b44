"""Every example does what its docstring says, with real clients, and ends in order."""

from __future__ import annotations

import ast
import os
import socket
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_says_how_to_start_it(path: Path) -> None:
    """An example begins with what it shows and the command that starts it; a test does start it."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))

    assert f"\n    python examples/{path.name}" in docstring
    assert f'"{path.stem}"' in tests


@pytest.mark.parametrize("name", ["echo", "echo_in_asyncio"])
def test_echo(start: Any, connect: Any, name: str) -> None:
    """Every client gets back what it sent, and its end when the server ends."""
    server = start(name, 0)
    port = server.port()
    clients = {connect(port): os.urandom(100_000) for _ in range(3)}

    for client, data in clients.items():
        client.socket.sendall(data)
    for client, data in clients.items():
        assert client.read(len(data)) == data

    assert server.interrupt() == []
    assert [client.read() for client in clients] == [b"", b"", b""]


def test_chat(start: Any, connect: Any) -> None:
    """What one says, everyone else reads; who comes and goes is told."""
    server = start("chat", 0)
    port = server.port()
    ann, bob = (enter(connect(port), name) for name in ("ann", "bob"))
    assert ann.line() == "* bob comes"

    ann.send("good morning")
    bob.send("hi")
    assert bob.line() == "ann: good morning"
    assert ann.line() == "bob: hi"
    bob.close()
    assert ann.line() == "* bob goes"

    assert server.interrupt() == []
    assert ann.read() == b""


def test_chat_names(start: Any, connect: Any) -> None:
    """A name is taken until its owner goes, and a newcomer hears who is there."""
    server = start("chat", 0)
    port = server.port()
    ann, other = enter(connect(port), "ann"), connect(port)

    assert other.line() == "Your name?"
    other.send("ann")
    assert other.line() == "That one is taken. Your name?"
    other.send("carl")
    assert other.line() == "Hello carl, here are: ann"

    assert ann.line() == "* carl comes"
    server.interrupt()


def test_chat_puts_lines_together(start: Any, connect: Any) -> None:
    """Lines are lines in whichever pieces they come; one that has no end ends the connection."""
    server = start("chat", 0)
    port = server.port()
    ann, bob = (enter(connect(port), name) for name in ("ann", "bob"))

    for piece in (b"on", b"e\ntw", b"o\n"):
        bob.socket.sendall(piece)
    assert [ann.line() for _ in range(3)] == ["* bob comes", "bob: one", "bob: two"]
    bob.socket.sendall(b"x" * 2000)

    assert ann.line() == "* bob goes"
    server.interrupt()


def enter(client: Any, name: str) -> Any:
    """Give a name in the chat, and read up to the welcome."""
    assert client.line() == "Your name?"
    client.send(name)
    assert client.line().startswith(f"Hello {name}")
    return client


def test_reconnecting_client(start: Any, listener: Any) -> None:
    """The client comes back to a server that was not there yet, hung up, or went for a while."""
    address = listener.getsockname()
    client = start("reconnecting_client", address[1])
    assert client.line().startswith("not connected: Connection was refused")

    listener.listen()
    with listener.accept()[0] as peer:
        peer.sendall(b"one")
    assert heard(client) == "received one"
    with listener.accept()[0] as peer:
        listener.close()
        peer.sendall(b"two")
    assert heard(client) == "received two"
    assert client.line().startswith("not connected: Connection was refused")
    with socket.create_server(address) as again, again.accept()[0] as peer:
        peer.sendall(b"three")
    assert heard(client) == "received three"

    client.interrupt()


def heard(client: Any) -> str:
    """What the client tells of its next connection, that was refused meanwhile or not."""
    connected = next(line for line in iter(client.line, None) if "not connected" not in line)
    received, lost = client.line(), client.line()
    assert (connected, lost) == ("connected", "lost: Connection was closed cleanly.")
    return received


def test_reactors_in_threads(start: Any, connect: Any) -> None:
    """Each thread's reactor serves its port and keeps its own time; Ctrl-C ends them all."""
    program = start("reactors_in_threads", 3)
    clients = [connect(program.port()) for _ in range(3)]

    answers = [client.read().decode().splitlines() for client in clients]

    assert answers == [[f"reactor {at}: {number}" for number in (1, 2, 3)] for at in range(3)]
    assert program.interrupt() == []


def test_reactors_in_threads_with_clients(start: Any, connect: Any) -> None:
    """Ctrl-C closes the connections that are open in each thread."""
    program = start("reactors_in_threads", 2)
    clients = [connect(program.port()) for _ in range(2)]
    assert [client.line() for client in clients] == ["reactor 0: 1", "reactor 1: 1"]

    assert program.interrupt() == []

    for at, client in enumerate(clients):
        rest = client.read().decode()
        assert f"reactor {at}: 2\nreactor {at}: 3\n".startswith(rest)


def test_asyncio_application(start: Any, connect: Any, loop: str) -> None:
    """What comes in through asyncio's streams goes out through the Twisted-style factory."""
    program = start("asyncio_application", 0, 0)
    writer, *readers = connect(program.port()), *map(connect, [program.port()] * 2)
    assert program.line().startswith("loop: " + loop)
    assert [reader.line() for reader in readers] == ["Welcome", "Welcome"]

    writer.send("rain")

    assert writer.line() == "2 read it"
    assert [reader.line() for reader in readers] == ["rain", "rain"]
    assert program.interrupt() == []
    assert [client.read() for client in (writer, *readers)] == [b"", b"", b""]


def test_adapt(start: Any) -> None:
    """A Twisted-style factory serves asyncio's port, and an asyncio protocol the reactor's."""
    lines = start("adapt").rest()

    assert lines == ["Echo, adapted: hello", "Shout, hosted: HELLO"]
