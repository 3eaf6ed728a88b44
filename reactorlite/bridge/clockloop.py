"""An asyncio loop whose time is a `task.Clock`'s, for tests.

On it `asyncio.sleep`, `asyncio.timeout`, `loop.call_later` and the reactor's `callLater` wait
in the clock's one queue, beside what tests put there themselves. So they move together when
the clock is moved, in the order of their time, and not otherwise.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

from reactorlite.internet.task import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from reactorlite.internet._delayed import DelayedCall

__all__ = ["ClockLoop"]


class _Timer(asyncio.TimerHandle):
    """A timer of the loop's: what waits for it on the clock goes when it is cancelled."""

    __slots__ = ("waiting",)

    waiting: DelayedCall

    def cancel(self) -> None:
        """Give the call up, if it has not been made."""
        if self.waiting.active():
            self.waiting.cancel()
        super().cancel()


class ClockLoop(asyncio.SelectorEventLoop):
    """asyncio's stock loop, in which no time passes but `clock`'s.

    `clock.advance(5)` makes due what waits for no more than 5 seconds, be it asyncio's or
    Twisted-style; tasks go on when the loop next turns. `await loop.pass_time(5)` goes there
    step by step. Sockets and threads work, and take no time. Moved by the loop's own thread
    only. A clock is made if none is given; give another loop the same one, and they share it.

        with asyncio.Runner(loop_factory=ClockLoop) as runner:
            runner.run(main())
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = Clock() if clock is None else clock
        # To move the clock takes no time, however far.
        self.slow_callback_duration = inf

    def time(self) -> float:
        """The clock's time, in seconds."""
        return self.clock.seconds()

    def call_at(  # type: ignore[override]  # the stub binds the arguments to the callback
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback(*args)` in the turn after the clock has come to `when`."""
        if self.is_closed():
            raise RuntimeError("the loop is closed")
        timer = _Timer(when, callback, args, self, context)
        timer.waiting = self.clock.callLater(0, self._come_due, timer)
        if when > self.time():
            # As it is: a delay would be rounded, and might end just after the test's own.
            timer.waiting._move(when)
        return timer

    def close(self) -> None:
        """Close, and take what the loop has on the clock away."""
        for call in self.clock.getDelayedCalls():
            if call.func == self._come_due:
                call.cancel()
        super().close()

    async def pass_time(self, seconds: float) -> None:
        """Let `seconds` pass, from one thing that is due to the next.

        Before each step every task runs until it waits, so that one which sleeps a second at
        a time does so as often as there is time. What waits for a socket or a thread is not
        waited for.
        """
        clock = self.clock
        end = clock.seconds() + seconds
        await self._settle()
        while (due := self._next_due()) is not None and due <= end:
            clock.advance(max(0.0, due - clock.seconds()))
            await self._settle()
        clock.advance(max(0.0, end - clock.seconds()))
        await self._settle()

    async def _settle(self) -> None:
        """Run until nothing but this task is ready."""
        while True:
            await asyncio.sleep(0)
            if not self._ready:  # type: ignore[attr-defined]  # no stub has it
                return

    def _next_due(self) -> float | None:
        calls = self.clock.getDelayedCalls()
        return calls[0].getTime() if calls else None

    def _come_due(self, timer: _Timer) -> None:
        self.call_soon(_run, timer)


def _run(timer: _Timer) -> None:
    if not timer.cancelled():
        timer._run()
