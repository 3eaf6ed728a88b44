"""Programs of `examples/`, run as their docstrings say, in processes of their own."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.programs import BOOT, LIMIT, ROOT, Client, Program


@pytest.fixture
def connect() -> Iterator[Callable[[int], Client]]:
    """Connects a client: `connect(port)`. It is closed at the end."""
    clients: list[Client] = []

    def connect(port: int) -> Client:
        clients.append(Client(port))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket with a port of its own, where nobody listens until `listen()` is called."""
    with socket.socket() as listener:
        listener.settimeout(LIMIT)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        yield listener


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """The name of the loop that the examples run on."""
    if request.param == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    return str(request.param)


@pytest.fixture
def start(loop: str) -> Iterator[Callable[..., Program]]:
    """Starts an example: `start(name, *arguments)`. What still runs at the end is killed."""
    programs: list[Program] = []

    def start(name: str, *arguments: object) -> Program:
        path = ROOT / "examples" / f"{name}.py"
        programs.append(Program(["-W", "error", "-c", BOOT, loop], path, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
