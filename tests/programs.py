"""Programs in processes of their own, and clients that speak to them."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 45.0  # seconds that anything may take: more than any needs, on a slow machine too

#: For `-c`: has a program find one loop or the other, as if uvloop were, or weren't, installed.
BOOT = """
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


def complaints(errors: str) -> str:
    """A program's standard error, without what debug mode says of slow callbacks.

    On a busy machine any may be slow.
    """
    return re.sub(r"^Executing <.* took [\d.]+ seconds\n", "", errors, flags=re.MULTILINE)


class Program:
    """A running program: its lines one by one, and how it ends. `options` are python's."""

    def __init__(self, options: Iterable[str], *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", *options, *map(str, arguments)],
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
        assert (status, complaints(self._errors)) == (0, ""), f"status {status}: {self._errors}"
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
