"""Small coroutines of the bridge's own, run without a task's turns of the loop.

A task begins on the loop's next turn and goes on a turn after what it awaited was there.
To connect takes few steps, and these turns would be much of what it costs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Generator


class Errand:
    """A coroutine that is run at once, and goes on in the call that gives it what it awaits.

    It may await the loop's futures and `writable`, and must not ask for the current task.
    `among` holds it until it is done.
    """

    __slots__ = ("_among", "_loop", "_waits_for", "_work")

    def __init__(
        self,
        work: Coroutine[Any, Any, object],
        loop: asyncio.AbstractEventLoop,
        among: set[Errand],
    ) -> None:
        self._work = work
        self._loop = loop
        self._among = among
        self._waits_for: Any = None
        among.add(self)
        self._step()

    def cancel(self) -> None:
        """Have `CancelledError` raised where it waits."""
        if self._waits_for is not None:
            self._waits_for.cancel()

    def _step(self, _done: object = None) -> None:
        self._waits_for = None
        try:
            waits_for = self._work.send(None)
        except (StopIteration, asyncio.CancelledError):
            self._among.discard(self)
        except BaseException:
            self._among.discard(self)
            raise
        else:
            if waits_for is None:  # for a turn, as in `asyncio.sleep(0)`
                self._loop.call_soon(self._step)
            else:
                self._waits_for = waits_for
                waits_for._asyncio_future_blocking = False
                waits_for.add_done_callback(self._step)


class Writable:
    """Wait, in an errand, until the loop says that a socket is writable.

    Only for loops that watch descriptors.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_go_on", "_loop", "_socket")

    def __init__(self, loop: asyncio.AbstractEventLoop, waiting: socket.socket) -> None:
        self._loop = loop
        self._socket = waiting
        self._cancelled = False

    def __await__(self) -> Generator[Writable, None, None]:
        yield self
        if self._cancelled:
            raise asyncio.CancelledError

    def add_done_callback(self, go_on: Callable[[object], object]) -> None:
        """Watch the socket, and call `go_on` in the loop's own callback."""
        self._go_on = go_on
        self._loop.add_writer(self._socket.fileno(), self._stop)

    def cancel(self) -> None:
        """Watch no longer, and raise `CancelledError` in the errand."""
        self._cancelled = True
        self._stop()

    def _stop(self) -> None:
        self._loop.remove_writer(self._socket.fileno())
        self._go_on(self)
