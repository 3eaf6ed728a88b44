"""`IDelayedCall` over the loop's clock: one timer of the loop's serves a whole queue of calls.

asyncio compares its own timer handles in Python and forgets the order of equal ones;
the queue does neither, and works before there is a loop.
"""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from reactorlite.bridge.loops import check_thread, clock_of, is_uvloop
from reactorlite.internet._delayed import CallQueue

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


#: uvloop rounds delays to the nearest millisecond: half of one more makes that the next.
_UVLOOP_ROUNDING = 0.0005


class Timers(CallQueue):
    """The delayed calls of one reactor, with or without a loop to wake them."""

    def __init__(self) -> None:
        super().__init__(monotonic)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.Handle | None = None
        self._slack = 0.0

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let `loop` wake the calls from now on."""
        self._loop = loop
        self._slack = _UVLOOP_ROUNDING if is_uvloop(loop) else 0.0
        self._use(clock_of(loop))
        self._set_next_alarm()

    def detach(self) -> None:
        """Keep the calls, but leave the loop alone."""
        self._unset_alarm()
        self._loop = None
        self._alarm_time = -inf
        self._use(monotonic)

    def clear(self) -> None:
        """Cancel every call, and the loop's timer with them."""
        super().clear()
        if self._loop is not None:
            self._unset_alarm()
            self._alarm_time = inf

    def set_alarm(self, due: float) -> None:
        """Have the loop wake the queue at `due` and not later."""
        assert self._loop is not None
        check_thread(self._loop, "reactor.callLater")
        self._unset_alarm()
        self._alarm_time = due
        wait = due - self.seconds()
        if wait > 0:
            self._alarm = self._loop.call_later(wait + self._slack, self._ring)
        else:
            self._alarm = self._loop.call_soon(self._ring)

    def _use(self, clock: Callable[[], float]) -> None:
        """Change clocks; what was to be in five seconds still is."""
        if clock == self.seconds:
            return
        shift = clock() - self.seconds()
        self.seconds = clock
        waiting = sorted(self.active_calls(), key=lambda call: (call.time, call._number))
        self._entries.clear()
        self._dead = 0
        for call in waiting:
            call.time += shift
            self._push(call)

    def _set_next_alarm(self) -> None:
        self._alarm_time = inf
        due = self.next_due()
        if due is not None:
            self.set_alarm(due)

    def _unset_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        self._alarm_time = -inf
        try:
            self.run_due()
        finally:
            if self._loop is not None and self._alarm is None:
                self._set_next_alarm()
