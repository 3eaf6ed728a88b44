"""Writing to a terminal where the loop's own transport would read from it as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from reactorlite.bridge.pipes import Descriptor


class TerminalWriter:
    """A transport that writes to `file`, on a loop that watches descriptors.

    uvloop's transport for writing also reads, to notice the end, and hands what it reads to
    the protocol: a terminal, which is one for both ways, would lose its input there. `protocol`
    hears `resume_writing` whenever nothing waits any longer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, file: Descriptor, protocol: Any) -> None:
        self._loop = loop
        self._file = file
        self._protocol = protocol
        self._waiting = bytearray()
        self._closing = False
        os.set_blocking(file.fileno(), False)
        loop.call_soon(protocol.connection_made, self)

    def write(self, data: bytes) -> None:
        """Send what the terminal takes now, and the rest as it takes it."""
        if not self._closing and data:
            self._waiting += data
            if len(self._waiting) == len(data):
                self._loop.add_writer(self._file.fileno(), self._send)
                self._send()

    def close(self) -> None:
        """Close when everything is sent."""
        if not self._closing:
            self._closing = True
            if not self._waiting:
                self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """Close now."""
        self._fail(None)

    def is_closing(self) -> bool:
        """Whether it has been closed, or has failed."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """How many bytes wait."""
        return len(self._waiting)

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """Keep the limits: there is one, of zero."""

    def get_extra_info(self, name: str) -> None:
        """Tell nothing."""
        return None

    def _send(self) -> None:
        try:
            sent = os.write(self._file.fileno(), self._waiting)
        except BlockingIOError:
            return
        except OSError as exc:
            self._fail(exc)
            return
        del self._waiting[:sent]
        if not self._waiting:
            self._loop.remove_writer(self._file.fileno())
            if self._closing:
                self._loop.call_soon(self._end, None)
            else:
                self._protocol.resume_writing()

    def _fail(self, exc: OSError | None) -> None:
        if not self._closing or self._waiting:
            self._closing = True
            if self._waiting:
                self._waiting.clear()
                self._loop.remove_writer(self._file.fileno())
            self._loop.call_soon(self._end, exc)

    def _end(self, exc: OSError | None) -> None:
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._file.close()
