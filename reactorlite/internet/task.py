"""Work that is done later, again and again, or a bit at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from reactorlite.internet._cooperating import (
    CooperativeTask,
    Cooperator,
    NotPaused,
    SchedulerError,
    SchedulerStopped,
    TaskDone,
    TaskFailed,
    TaskFinished,
    TaskStopped,
    coiterate,
    cooperate,
    current_cooperator,
)
from reactorlite.internet._current import current_reactor
from reactorlite.internet._delayed import CallQueue, DelayedCall
from reactorlite.internet._failing import caught
from reactorlite.internet._inline import iscoroutine
from reactorlite.internet.defer import CancelledError, Deferred, ensureDeferred, fail
from reactorlite.internet.error import ReactorNotRunning
from reactorlite.python import log
from reactorlite.python._deprecations import warn_of
from reactorlite.python._saying import name_of
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

__all__ = [
    "Clock",
    "CooperativeTask",
    "Cooperator",
    "LoopingCall",
    "NotPaused",
    "SchedulerError",
    "SchedulerStopped",
    "TaskDone",
    "TaskFailed",
    "TaskFinished",
    "TaskStopped",
    "coiterate",
    "cooperate",
    "deferLater",
    "react",
]

T = TypeVar("T")

#: Seconds that are as good as none: where Twisted's own modules say how often, it is this.
_EPSILON = 1e-8


if not TYPE_CHECKING:  # or checkers would take any name for one that is here

    def __getattr__(name: str) -> Any:
        # Twisted has one for the whole process, and programs' tests look at it.
        if name == "_theCooperator":
            return current_cooperator()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ── time by hand ─────────────────────────────────────────────────────────────────────────


class _HandQueue(CallQueue):
    """Delayed calls that are taken out one by one."""

    def take_due(self) -> DelayedCall | None:
        """The first call that is due by now, out of the queue; None if none is."""
        if self._new:
            self._enter()
        entries, now = self._entries, self.seconds()
        while entries and entries[0][0] <= now:
            call = self._take_first()
            if call is not None:
                return call
        return None


@implementer("IReactorTime")
class Clock:
    """A clock that stands still until it is told to move, for tests: give it as a reactor.

    `rightNow` is its time. Delayed calls run inside `advance`, in the order of their time,
    and what a call raises passes through to the caller; those behind it then wait for the
    next `advance`.
    """

    rightNow = 0.0

    def __init__(self) -> None:
        self._queue = _HandQueue(self.seconds)

    def seconds(self) -> float:
        """The time, in seconds."""
        return self.rightNow

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> DelayedCall:
        """Call `callable(*args, **kw)` when the clock was moved on by `delay` seconds.

        A negative delay, which a reactor refuses, is in the past already.
        """
        if delay < 0:
            call = self._queue.call_later(0, callable, args, kw)
            call.delay(delay)
            return call
        return self._queue.call_later(delay, callable, args, kw)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """The delayed calls still to come, the next one first."""
        return sorted(self._queue.active_calls(), key=lambda call: (call.time, call._number))

    @property
    def calls(self) -> list[DelayedCall]:
        """As `getDelayedCalls`."""
        return self.getDelayedCalls()

    def advance(self, amount: float) -> None:
        """Move on by `amount` seconds at once, then run what is due.

        So every call sees the time at the end of the move, and what it schedules for that
        time runs too.
        """
        self.rightNow += amount
        take_due = self._queue.take_due
        while (call := take_due()) is not None:
            func, args, kw, context = call.func, call.args, call.kw, call._context
            call.called = 1
            call._number = -1
            call.func = call.args = call.kw = call._context = None
            context.run(func, *args, **kw)  # type: ignore[union-attr, arg-type, misc]  # all set

    def pump(self, timings: Iterable[float]) -> None:
        """`advance` by each of these amounts in turn."""
        for amount in timings:
            self.advance(amount)


# ── again and again ──────────────────────────────────────────────────────────────────────


class LoopingCall:
    """Calls `f(*a, **kw)` at every multiple of an interval, counted from the start.

    A call that takes long, or comes late, moves none of those that follow; multiples that
    went by meanwhile are left out. While a `Deferred` (or coroutine) that `f` returned has
    no result, `f` is not called. `clock` is the current reactor unless it is set.

    Raises `TypeError` if `f` can't be called.
    """

    call: DelayedCall | None = None
    running = False
    interval: float | None = None
    starttime: Any = None
    _deferred: Deferred[LoopingCall] | None = None
    _given_clock: Any = None
    _clock: Any = None
    _count_first = False

    def __init__(self, f: Callable[..., object], *a: Any, **kw: Any) -> None:
        if not callable(f):
            raise TypeError(f"LoopingCall takes something to call, and its arguments, not {f!r}")
        self.f = f
        self.a = a
        self.kw = kw

    @classmethod
    def withCount(cls, countCallable: Callable[[int], object]) -> LoopingCall:
        """Make one that calls `countCallable(n)`, `n` being how many calls are due by now.

        1 if all is in time, more if intervals went by without a call. With an interval of
        0 it is always 1.
        """
        counted_until: float | None = None

        def counted() -> object:
            nonlocal counted_until
            now: float = looping._clock.seconds()
            if not looping.interval:
                counted_until = now
                return countCallable(1)
            if counted_until is None:
                counted_until = looping.starttime or 0.0
                if looping._count_first:
                    counted_until -= looping.interval
            count = looping._intervals_at(now) - looping._intervals_at(counted_until)
            if count <= 0:
                return None
            counted_until = now
            return countCallable(count)

        looping = cls(counted)
        return looping

    @property
    def clock(self) -> Any:
        """The clock that the calls go by: what was set, else the current reactor."""
        return self._clock if self._clock is not None else current_reactor()

    @clock.setter
    def clock(self, clock: Any) -> None:
        self._given_clock = self._clock = clock

    @property
    def deferred(self) -> Deferred[LoopingCall] | None:
        """What `start` returned, while running. Deprecated: keep that instead."""
        warn_of(
            "twisted.internet.task.LoopingCall.deferred",
            "16.0.0",
            "the deferred returned by start()",
        )
        return self._deferred

    def start(self, interval: float, now: bool = True) -> Deferred[LoopingCall]:
        """Call every `interval` seconds, for the first time at once if `now`.

        With an interval of 0, as often as the reactor turns. The `Deferred` fires with this
        object when `stop` was called, or fails when a call did, which ends it too. Raises
        `AssertionError` when running, and `ValueError` for a negative interval.
        """
        if self.running:
            raise AssertionError("this LoopingCall runs already")
        if interval < 0:
            raise ValueError(f"interval must be >= 0, not {interval!r}")
        # Anew at each start: the reactor of the last one may be another.
        self._clock = self._given_clock
        self._clock = self.clock
        self.running = True
        deferred: Deferred[LoopingCall] = Deferred()
        self._deferred = deferred
        self.starttime = self._clock.seconds()
        self.interval = interval
        self._count_first = now
        if now:
            self()
        else:
            self._call_after(self.starttime)
        return deferred

    def stop(self) -> None:
        """Call no more; raises `AssertionError` when not running.

        The `Deferred` of `start` fires now, or when the call that is under way has ended.
        """
        if not self.running:
            raise AssertionError("this LoopingCall does not run, so it can't be stopped")
        self.running = False
        if self.call is not None:
            self.call.cancel()
            self.call = None
            self._end()

    def reset(self) -> None:
        """Count the intervals from now on, so that the next call is a whole one away.

        Raises `AssertionError` when not running.
        """
        if not self.running:
            raise AssertionError("this LoopingCall does not run, so it can't be reset")
        if self.call is not None:
            self.call.cancel()
            self.call = None
            self.starttime = now = self._clock.seconds()
            self._call_after(now)

    def __call__(self) -> None:
        """Make one call, and see to the next."""
        self.call = None
        try:
            result = self.f(*self.a, **self.kw)
        except BaseException as exc:
            self._failed(caught(exc, Deferred.debug))
            return
        if result is None:
            # Repeats _again: nearly every call ends here.
            if self.running:
                self._call_after(self._clock.seconds())
            else:
                self._end()
        elif isinstance(result, Deferred):
            result.addCallbacks(self._again, self._failed)
        elif iscoroutine(result):
            ensureDeferred(result).addCallbacks(self._again, self._failed)  # type: ignore[arg-type]  # it is one
        elif isinstance(result, Failure):
            fail(result).addErrback(self._failed)
        else:
            self._again(result)

    def _again(self, _result: object) -> None:
        if self.running:
            self._call_after(self._clock.seconds())
        else:
            self._end()

    def _failed(self, failure: Failure) -> None:
        self.running = False
        ended, self._deferred = self._deferred, None
        assert ended is not None
        ended.errback(failure)

    def _end(self) -> None:
        ended, self._deferred = self._deferred, None
        assert ended is not None
        ended.callback(self)

    def _call_after(self, now: float) -> None:
        """Have the next call made at the first multiple of the interval after `now`."""
        interval: Any = self.interval
        wait = interval
        if interval:
            wait -= (now - self.starttime) % interval
            if now + wait == now:
                # Too near for the clock to tell the two apart: it is the one after that.
                wait = interval
        self.call = self._clock.callLater(wait, self)

    def _intervals_at(self, time: float) -> int:
        """How many intervals there were by then."""
        interval: Any = self.interval
        return int((time - self.starttime) / interval)

    def __repr__(self) -> str:
        name = name_of(self.f)
        return f"LoopingCall<{self.interval!r}>({name}, *{self.a!r}, **{self.kw!r})"


# ── once, later ──────────────────────────────────────────────────────────────────────────


def deferLater(
    clock: Any,
    delay: float,
    callable: Callable[..., Deferred[T] | Coroutine[Any, Any, T] | T] | None = None,
    *args: Any,
    **kw: Any,
) -> Deferred[T]:
    """Call `callable(*args, **kw)` in `delay` seconds of `clock`, a reactor or a `Clock`.

    The `Deferred` fires with what it returns; with None, and no call, if none is given.
    Cancelling it gives the call up.
    """

    def cancel(_later: Deferred[T]) -> None:
        if call.active():  # a reactor that ends has cancelled it before
            call.cancel()

    def come_due(_: object) -> Any:
        result = None if callable is None else callable(*args, **kw)
        return ensureDeferred(result) if iscoroutine(result) else result  # type: ignore[arg-type]  # it is one

    later: Deferred[Any] = Deferred(cancel)
    later.addCallback(come_due)
    call = clock.callLater(delay, later.callback, None)
    return later


# ── a whole program ──────────────────────────────────────────────────────────────────────


def react(
    main: Callable[..., Deferred[Any] | Coroutine[Any, Any, Any]],
    argv: Iterable[Any] = (),
    _reactor: Any = None,
) -> NoReturn:
    """Run a program: call `main(reactor, *argv)`, run the reactor until its result is there.

    Then exit, with 0; with 1 and the failure in the log if it failed; with its code if it
    failed with `SystemExit`. What still waits when the reactor stops, as for Ctrl-C, is
    cancelled, and the status is 0. A coroutine begins when the reactor runs, so that it may
    use all of asyncio from its first line. What `main` itself raises passes through.
    """
    reactor: Any = current_reactor() if _reactor is None else _reactor
    program = _Program(reactor)
    result = main(reactor, *argv)
    if iscoroutine(result):
        reactor.callWhenRunning(lambda: program.ends_with(ensureDeferred(result)))
    elif isinstance(result, Deferred):
        program.ends_with(result)
    else:
        raise TypeError(f"react() needs main to return a Deferred or a coroutine, not {result!r}")
    reactor.run()
    sys.exit(program.code)


class _Program:
    """How what `react` runs ends."""

    def __init__(self, reactor: Any) -> None:
        self.code: Any = 0
        self._reactor = reactor
        self._stopping = False
        reactor.addSystemEventTrigger("before", "shutdown", self._shut_down)

    def ends_with(self, result: Deferred[Any]) -> None:
        """Stop the reactor when `result` is there."""
        result.addErrback(self._failed)
        result.addCallback(self._done)

    def _shut_down(self) -> None:
        self._stopping = True

    def _failed(self, failure: Failure) -> None:
        if failure.check(SystemExit):
            self.code = failure.value.code  # type: ignore[attr-defined]  # as checked
        elif not (self._stopping and failure.check(CancelledError)):
            # What still waits when the loop ends is cancelled, which is no error of its own.
            log.err(failure, "main function encountered error")
            self.code = 1

    def _done(self, _: object) -> None:
        if self._stopping:
            return
        self._reactor.callWhenRunning(self._stop)

    def _stop(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            # Somebody was faster.
            self._stopping = True


for _name in __all__:
    # The private module that some are written in would show in tracebacks, pickles and logs.
    globals()[_name].__module__ = __name__
