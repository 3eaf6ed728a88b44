"""The exits of child processes: each is watched, and reaped, by its own number.

Nothing here listens to SIGCHLD or waits for "any child": the other children of a host are its
own to reap.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from reactorlite.bridge.loops import exit_descriptor

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class ExitWatch:
    """Calls `ended(status)` on `loop`, once, when the child `pid` has exited and is reaped.

    `status` is what `os.waitpid` gives, or None when somebody else has taken it: a host that
    waits for all children, or SIGCHLD being ignored.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pid: int,
        ended: Callable[[int | None], object],
    ) -> None:
        self._loop = loop
        self._pid = pid
        self._ended: Callable[[int | None], object] | None = ended
        self._descriptor = exit_descriptor(loop, pid)
        if self._descriptor is None:
            _in_thread(pid, self._exited_in_thread)
        else:
            loop.add_reader(self._descriptor, self._exited)

    def give_up(self) -> None:
        """Call nothing any longer. The child is reaped all the same, whenever it exits."""
        if self._ended is not None:
            self._ended = None
            if self._descriptor is not None:
                self._close()
                reap_in_thread(self._pid)

    def _exited(self) -> None:
        ended, self._ended = self._ended, None
        if self._descriptor is not None:
            self._close()
        status = reaped(self._pid)
        if ended is not None:
            ended(status)

    def _exited_in_thread(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._exited)
        except RuntimeError:  # the loop is closed
            reaped(self._pid)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None
        if not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
        os.close(descriptor)


def reap_in_thread(pid: int) -> None:
    """Reap the child when it exits, whatever becomes of the loop."""
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            _in_thread(pid, lambda: reaped(pid))


def reaped(pid: int) -> int | None:
    """The status of a child that has exited; None when somebody else has reaped it."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def _in_thread(pid: int, exited: Callable[[], object]) -> None:
    """Call `exited` in a thread once the child has exited; it is left to be reaped."""

    def wait() -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        exited()

    # A daemon, for the process may end before the child does.
    threading.Thread(target=wait, name=f"waits for process {pid}", daemon=True).start()
