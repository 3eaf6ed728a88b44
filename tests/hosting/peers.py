"""Servers of plain sockets, which know nothing of Twisted or of asyncio."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from tests.programs import LIMIT


class Script:
    """One conversation with one client, in a thread: `play` is called with this object."""

    def __init__(self, play: Callable[[Script], object]) -> None:
        self._play = play
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT)
        self.port: int = self._listener.getsockname()[1]
        self._trouble: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def say(self, *lines: str) -> None:
        """Send lines."""
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self) -> str:
        """The next line that comes; it must come."""
        line = self._file.readline()
        assert line.endswith(b"\r\n"), "the client went away"
        return line.decode().removesuffix("\r\n")

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all up to the end."""
        return self._file.read(size)

    def close(self) -> None:
        """Wait for the end; what went wrong in the conversation is raised here."""
        self._thread.join(LIMIT)
        for trouble in self._trouble:
            raise trouble

    def _serve(self) -> None:
        try:
            with self._listener, self._listener.accept()[0] as self._socket:
                self._socket.settimeout(LIMIT)
                with self._socket.makefile("rb") as self._file:
                    self._play(self)
        except BaseException as trouble:
            self._trouble.append(trouble)
