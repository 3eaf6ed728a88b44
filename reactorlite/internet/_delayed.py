"""Calls that wait for their time: the queue and its `DelayedCall`, without a clock of their own.

`task.Clock` moves such a queue by hand, `bridge.timers` by the loop. Entries are tuples
`(due, number, call)`, so that `heapq` compares them in C and calls due together keep the
order in which they were asked for. A call that is cancelled or moved leaves its old entry
behind; the entry is known by its number and dropped when it comes up, or when such
entries are most of the queue. New calls are not entered before the queue is next asked,
because most time-outs are cancelled soon.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.python import log
from reactorlite.python._saying import name_of
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

#: The number of a call that went with its whole queue.
_SWEPT = -2

#: Entries that may be dead before the queue is cleaned, so that small queues never are.
_SPARE = 64


@implementer("IDelayedCall")
class DelayedCall:
    """One call that waits for its time, and may be moved or given up until then."""

    __slots__ = (
        "__weakref__",
        "_context",
        "_number",
        "_queue",
        "args",
        "called",
        "cancelled",
        "func",
        "kw",
        "time",
    )

    def __init__(
        self,
        queue: CallQueue,
        time: float,
        func: Callable[..., object],
        args: tuple[Any, ...],
        kw: dict[str, Any],
    ) -> None:
        self.time = time
        self.func: Callable[..., object] | None = func
        self.args: tuple[Any, ...] | None = args
        self.kw: dict[str, Any] | None = kw
        self.called = 0
        self.cancelled = 0
        self._context: Context | None = copy_context()
        self._queue = queue
        self._number = 0  # of its entry; 0 without one yet, less with none any more

    def getTime(self) -> float:
        """When the call is due, in seconds of the clock it waits on."""
        return self.time

    def active(self) -> bool:
        """Whether the call is still to come."""
        return not (self.called or self.cancelled)

    def cancel(self) -> None:
        """Give the call up.

        Raises `AlreadyCalled` or `AlreadyCancelled` when there is nothing left to give up; but
        what the reactor itself gave up at its end may be given up once more.
        """
        # Written out, as setting and running a call are: time-outs are set and cancelled by
        # the thousand.
        if self.cancelled or self.called:
            self._refuse()
            self._number = -1
            return
        self.cancelled = 1
        self._number = -1
        self.func = self.args = self.kw = self._context = None
        queue = self._queue
        queue._dead += 1
        if queue._dead > _SPARE:
            queue.clean()

    def reset(self, secondsFromNow: float) -> None:
        """Make the call due `secondsFromNow` seconds from now, whatever was asked before."""
        if self.cancelled or self.called:
            self._refuse()
        else:
            self._move(self._queue.seconds() + secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Make the call due `secondsLater` seconds later than it is; negative brings it nearer."""
        if self.cancelled or self.called:
            self._refuse()
        else:
            self._move(self.time + secondsLater)

    def _move(self, time: float) -> None:
        # A later time waits until the old entry comes up, so that a time-out which is
        # reset at every read costs an assignment and not an entry.
        earlier = time < self.time
        self.time = time
        if earlier:
            self._queue.hurry(self)

    def _refuse(self) -> None:
        # A reactor that ends sweeps its calls away before it closes connections, whose
        # protocols then cancel and reset their time-outs: to them nothing is wrong.
        if self._number != _SWEPT:
            raise error.AlreadyCancelled if self.cancelled else error.AlreadyCalled

    def __repr__(self) -> str:
        left = self.time - self._queue.seconds()
        state = f"[{left}s] called={self.called} cancelled={self.cancelled}"
        if self.func is None or self.args is None or self.kw is None:
            return f"<DelayedCall {id(self):#x} {state}>"
        name = name_of(self.func)
        shown = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kw.items()]
        return f"<DelayedCall {id(self):#x} {state} {name}({', '.join(shown)})>"


class CallQueue:
    """Delayed calls in the order of their time, run by whoever holds the clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self._new: list[DelayedCall] = []
        self._entries: list[tuple[float, int, DelayedCall]] = []
        self._next_number = count(1).__next__
        self._dead = 0  # how many of `_new` and `_entries` stand for nothing
        # What is due before this time moves the alarm; nothing is while no loop keeps one.
        self._alarm_time = -inf

    def call_later(
        self, delay: float, func: Callable[..., object], args: tuple[Any, ...], kw: dict[str, Any]
    ) -> DelayedCall:
        """Let `func(*args, **kw)` be called `delay` seconds from now, which is a number."""
        if not callable(func):
            raise TypeError(f"callLater() takes something to call, not {func!r}")
        try:
            if not delay >= 0:
                # Twisted's promise is an AssertionError; this survives `python -O`.
                raise AssertionError(
                    f"callLater() takes a delay of 0 seconds or more, not {delay!r}"
                )
        except TypeError:
            raise TypeError(f"callLater() takes a delay in seconds, not {delay!r}") from None
        due = self.seconds() + delay
        call = DelayedCall(self, due, func, args, kw)
        self._new.append(call)
        if due < self._alarm_time:
            try:
                self.set_alarm(due)
            except BaseException:
                call.cancel()
                raise
        return call

    def hurry(self, call: DelayedCall) -> None:
        """Take note that `call` is due earlier than it was."""
        if call._number:
            self._dead += 1
            call._number = 0
            self._new.append(call)
            self.clean()
        if call.time < self._alarm_time:
            self.set_alarm(call.time)

    def set_alarm(self, due: float) -> None:
        """Called when a call is due before `_alarm_time`; for queues that wake by themselves."""

    def clean(self) -> None:
        """Drop what is dead if that is most of the queue."""
        if self._dead > _SPARE and self._dead * 2 > len(self._entries) + len(self._new):
            # In place: `run_due` may be going through the very list.
            self._entries[:] = [e for e in self._entries if e[2]._number == e[1]]
            heapify(self._entries)
            self._new[:] = [call for call in self._new if not call._number]
            self._dead = 0

    def active_calls(self) -> list[DelayedCall]:
        """The calls still to come, in no particular order."""
        self._enter()
        return [call for _, number, call in self._entries if call._number == number]

    def next_due(self) -> float | None:
        """When the next call is due, or None with no call waiting."""
        self._enter()
        entries = self._entries
        while entries:
            due, number, call = entries[0]
            if call._number == number and call.time <= due:
                return due
            self._take_first()
        return None

    def run_due(self) -> None:
        """Run what is due by now; what this schedules waits for the next time.

        A call that raises is logged and the others go on; `KeyboardInterrupt` and
        `SystemExit` pass through and leave the rest waiting.
        """
        self._enter()
        now = self.seconds()
        entries = self._entries
        while entries and entries[0][0] <= now:
            call = self._take_first()
            if call is None:
                continue
            func, args, kw, context = call.func, call.args, call.kw, call._context
            call.called = 1
            call._number = -1
            call.func = call.args = call.kw = call._context = None
            try:
                context.run(func, *args, **kw)  # type: ignore[union-attr, arg-type, misc]  # all set
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException:
                log.err(Failure(), f"Unhandled error in the delayed call {name_of(func)}")

    def clear(self) -> None:
        """Cancel every call that is still to come."""
        for call in self.active_calls():
            call.cancelled = 1
            call._number = _SWEPT
            call.func = call.args = call.kw = call._context = None
        self._entries.clear()
        self._dead = 0

    def _enter(self) -> None:
        """Make entries of the calls that have none."""
        for call in self._new:
            if call._number:
                self._dead -= 1
            else:
                self._push(call)
        self._new.clear()

    def _push(self, call: DelayedCall) -> None:
        call._number = number = self._next_number()
        heappush(self._entries, (call.time, number, call))

    def _take_first(self) -> DelayedCall | None:
        """Take the first entry away; None if it was dead, or its call is due later by now."""
        due, number, call = heappop(self._entries)
        if call._number != number:
            self._dead -= 1
        elif call.time > due:
            self._push(call)
        else:
            return call
        return None
