"""Programs of `examples/`, run as their docstrings say, in processes of their own."""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 9.0  # seconds that anything may take

#: Has the program find one loop or the other, as if uvloop were, or weren't, what it runs on.
_BOOT = """
import runpy, sys, warnings
loop, path = sys.argv[1:3]
if loop == "asyncio":
    sys.modules["uvloop"] = None
else:
    import asyncio, uvloop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of policies, from Python 3.14 on
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
sys.argv[:] = sys.argv[2:]
sys.path[0] = path.rpartition("/")[0]
runpy.run_path(path, run_name="__main__")
"""


class Program:
    """A running example: its lines one by one, and how it ends."""

    def __init__(self, loop: str, name: str, *arguments: object) -> None:
        path = str(ROOT / "examples" / f"{name}.py")
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", _BOOT, loop, path]
            + [str(argument) for argument in arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors = ""
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._hear)]
        for thread in self._threads:
            thread.start()

    def line(self) -> str:
        """The next line that the program prints."""
        line = self._lines.get(timeout=LIMIT)
        assert line is not None, f"the program ended instead: {self._errors}"
        return line

    def port(self) -> int:
        """The port number at the end of the next line."""
        line = self.line()
        found = re.search(r"port (\d+)$", line)
        assert found is not None, f"{line!r} tells no port"
        return int(found[1])

    def interrupt(self) -> list[str]:
        """Press Ctrl-C; the lines that the program had left to say."""
        self.process.send_signal(signal.SIGINT)
        return self.rest()

    def rest(self) -> list[str]:
        """The lines up to the end of the program, which must be in order."""
        status = self.process.wait(LIMIT)
        self._join()
        assert (status, self._complaints()) == (0, [])
        return [line for line in iter(self._lines.get, None)]

    def errors(self) -> str:
        """What the program wrote to its standard error, once it has ended."""
        self._join()
        return self._errors

    def kill(self) -> None:
        """End the program whatever it does."""
        self.process.kill()
        self.process.wait(LIMIT)
        self._join()

    def _complaints(self) -> list[str]:
        # In debug mode asyncio tells of callbacks that were slow, as any may be on a busy machine.
        slow = re.compile(r"Executing <.* took [\d.]+ seconds$")
        return [line for line in self._errors.splitlines() if not slow.match(line)]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _hear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as errors:
            self._errors = errors.read()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(LIMIT)


class Client:
    """A client of an example, which speaks in lines or in bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self._file = self.socket.makefile("rb")

    def send(self, line: str) -> None:
        """Send a line."""
        self.socket.sendall(line.encode() + b"\n")

    def line(self) -> str:
        """The next line that comes; "" at the end."""
        return self._file.readline().decode().rstrip("\n")

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all up to the end."""
        return self._file.read(size)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.socket.close()


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
        programs.append(Program(loop, name, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
