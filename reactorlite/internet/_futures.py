"""Deferreds and our coroutines, seen from asyncio: its tasks' futures, and fellow tasks.

The only module of its layer that imports asyncio. It knows of a `Deferred` no more than
that it can be cancelled and awaited, so that it stands below all of `internet.defer`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import weakref
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn

from reactorlite.python import log
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextvars import Context
    from types import FrameType

    from reactorlite.internet._deferred import Deferred


AsyncioCancelledError = asyncio.CancelledError
Task = asyncio.Task
isfuture = asyncio.isfuture

running_loop: Callable[[], asyncio.AbstractEventLoop | None] = asyncio._get_running_loop

if sys.version_info < (3, 12):
    # There asyncio asks the system for the number of the process each time, as it may have been
    # forked: a seventh of what it costs a task to await a Deferred. asyncio's own loops know the
    # thread that they run in, so that the one that was found last can be asked for that.
    _found_last: weakref.ref[Any] | None = None

    def running_loop() -> asyncio.AbstractEventLoop | None:
        """The loop that runs in this thread, if any."""
        if _found_last is not None:
            loop = _found_last()
            if loop is not None and loop._thread_id == get_ident():
                return loop  # type: ignore[no-any-return]  # it is one of asyncio's own
        loop = asyncio._get_running_loop()
        if loop is not None:
            _remember(loop)
        return loop

    def _remember(loop: asyncio.AbstractEventLoop | None) -> None:
        global _found_last
        _found_last = weakref.ref(loop) if isinstance(loop, asyncio.BaseEventLoop) else None

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _remember(None))

#: Classes of results that are neither a `Failure` nor a `Deferred`. To find a class here takes
#: less than half of the time in which `isinstance` says no, and each callback would ask that twice.
PLAIN = frozenset((type(None), bool, int, float, str, bytes, list, tuple, dict))

#: Stands for a result that is still to come.
PENDING: Any = object()


class LoopTask:
    """What a coroutine that we run shows to asyncio: the interface of its `Task`.

    asyncio lets others bring their own tasks, as long as they say which one runs. So
    `asyncio.current_task()`, `timeout()` and `TaskGroup` find this one; `asyncio.run`
    cancels it, like every task that is left, when it ends. `asyncio.Task` itself can't be
    used: it takes each step in a turn of the loop of its own.

    A subclass runs the coroutine, keeps `_waiting_for` up to date and calls `_report` with
    the outcome; what is specific to a running loop happens here, and none is needed.
    """

    __slots__ = ("__dict__", "__weakref__", "_loop", "_outcome", "_waiting_for")

    if TYPE_CHECKING:
        _context: Context
        _generator: Any
        _loop: asyncio.AbstractEventLoop | None
        _outcome: Any
        _waiting_for: Any

    # What few tasks ever change: no slots to fill for it.
    _asyncio_future_blocking = False
    _callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
    _cancel_message: Any = None
    _cancels_requested = 0
    _must_cancel = False
    _name: str | None = None

    # ---- for the subclass

    def _enter(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Be the loop's current task, and return the one that was, to `_leave` this again."""
        # A Deferred may fire inside another task, and asyncio refuses to nest them.
        interrupted = current_task(loop)
        if interrupted is not None:
            _leave_task(loop, interrupted)
        _enter_task(loop, self)
        return interrupted

    def _leave(self, loop: asyncio.AbstractEventLoop, interrupted: Any) -> None:
        _leave_task(loop, self)
        if interrupted is not None:
            _enter_task(loop, interrupted)
        if self._outcome is PENDING and self._loop is None:
            # Once, and for good: asyncio's collection of tasks is weak, and skips those done.
            self._loop = loop
            _register_task(self)

    def _suspend(self, waiting_for: Any) -> None:
        """Wait for something, or for the next turn of the loop (None)."""
        self._waiting_for = waiting_for
        if self._must_cancel and waiting_for is not None:
            self._must_cancel = not self._cancel_waiting_for(self._cancel_message)

    def _cancel_waiting_for(self, message: Any) -> bool:
        """Cancel what is waited for, and say whether it can be cancelled."""
        cancelled: bool = self._waiting_for.cancel(msg=message)
        return cancelled

    def _wait_for_future(self, future: asyncio.Future[Any], wake: Callable[[Any], object]) -> None:
        future._asyncio_future_blocking = False
        # asyncio's streams hold their future weakly, so that nothing else may hold us.
        _held.add(self)
        future.add_done_callback(wake)
        self._suspend(future)

    def _woken(self, future: asyncio.Future[Any]) -> Failure | None:
        """What to throw into the coroutine, if anything, now that `future` is done."""
        self._waiting_for = None
        _held.discard(self)
        try:
            future.result()
        except BaseException as exc:
            return Failure(exc)
        return self._asked_to_cancel()

    def _asked_to_cancel(self) -> Failure | None:
        if not self._must_cancel:
            return None
        self._must_cancel = False
        return Failure(cancelled_error(self._cancel_message))

    def _report(self) -> None:
        """Tell those who wait for the task; `_outcome` is the end of it."""
        for callback, context in self._callbacks or ():
            self.get_loop().call_soon(callback, self, context=context)
        self._callbacks = None

    # ---- asyncio.Future

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop in which it waited first; `RuntimeError` if it never did, and none runs."""
        return self._loop or asyncio.get_running_loop()

    def done(self) -> bool:
        """Whether the coroutine came to its end."""
        return self._outcome is not PENDING

    def cancelled(self) -> bool:
        """Whether it ended with asyncio's `CancelledError`."""
        outcome = self._outcome
        return isinstance(outcome, Failure) and isinstance(outcome.value, asyncio.CancelledError)

    def result(self) -> Any:
        """What the coroutine returned; raises what it raised, or `InvalidStateError`."""
        if self._outcome is PENDING:
            raise asyncio.InvalidStateError("the coroutine has not come to its end")
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()
        return self._outcome

    def exception(self) -> BaseException | None:
        """What the coroutine raised; that is raised if it is a cancellation."""
        if self.cancelled() or not isinstance(self._outcome, Failure):
            self.result()
            return None
        return self._outcome.value

    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: Context | None = None
    ) -> None:
        """Call back in the turn of the loop that follows the end."""
        if self.done():
            self.get_loop().call_soon(callback, self, context=context)
        elif self._callbacks is None:
            self._callbacks = [(callback, context)]
        else:
            self._callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Forget a callback, and return how often it had been added."""
        before = self._callbacks or []
        self._callbacks = [entry for entry in before if entry[0] != callback]
        return len(before) - len(self._callbacks)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    __iter__ = __await__

    # ---- asyncio.Task

    def cancel(self, msg: Any = None) -> bool:
        """Throw asyncio's `CancelledError` into the coroutine, in a later turn of the loop."""
        if self.done():
            return False
        self._cancels_requested += 1
        if self._waiting_for is None or not self._cancel_waiting_for(msg):
            self._must_cancel = True
            self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        """How many requests to cancel stand."""
        return self._cancels_requested

    def uncancel(self) -> int:
        """Take back one request to cancel, and return how many stand."""
        self._cancels_requested = max(0, self._cancels_requested - 1)
        if not self._cancels_requested:
            self._must_cancel = False
        return self._cancels_requested

    def get_coro(self) -> Any:
        """The coroutine."""
        return self._generator

    def get_context(self) -> Context:
        """The context that the coroutine runs in."""
        return self._context

    def get_name(self) -> str:
        """The name that was set, else the coroutine's."""
        return self._name or str(getattr(self._generator, "__qualname__", type(self).__name__))

    def set_name(self, value: object) -> None:
        """Set the name."""
        self._name = str(value)

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:
        """The frame in which the coroutine waits; none when it is done."""
        frame = getattr(self._generator, "cr_frame", None)
        return [] if frame is None or limit == 0 else [frame]

    def print_stack(self, *, limit: int | None = None, file: Any = None) -> None:
        """Print where the coroutine waits, to `file` or standard error."""
        import traceback

        for frame in self.get_stack(limit=limit):
            traceback.print_stack(frame, 1, file)

    def __repr__(self) -> str:
        state = "pending" if not self.done() else "cancelled" if self.cancelled() else "finished"
        return f"<{type(self).__name__} {state} name={self.get_name()!r} coro={self._generator!r}>"


class TaskWaiter:
    """What an asyncio task waits on in a Deferred's place.

    It is no future, for that would take one more turn of the loop: the task goes on in the
    very call that fires the Deferred, as Twisted's coroutines do. Only where another task
    runs, in which asyncio lets none be resumed, does it go on in the loop's next turn.
    """

    # asyncio takes `_loop` where there is no get_loop(), which would be one more call.
    __slots__ = ("_asyncio_future_blocking", "_context", "_loop", "_wake", "cancelled", "value")

    #: Called by the task before it goes on, for the sake of what it may raise. That is left to
    #: `Deferred.__await__`, which finds it here; so this is whatever says nothing the quickest.
    result = bool

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = True
        #: What is to be raised since the task was cancelled while it waited.
        self.cancelled: asyncio.CancelledError | None = None
        #: The result of the `Deferred`, a `Failure` included.
        self.value: Any = PENDING

    def _take_from(self, deferred: Deferred[Any]) -> None:
        """Let the task have the result of `deferred`, which calls this."""
        if self.cancelled is not None:
            return  # and waits on another one
        self.value = result = deferred.result
        if result.__class__ not in PLAIN and isinstance(result, Failure):
            deferred._share()
        loop = self._loop
        try:
            if running_loop() is loop and current_task(loop) is None:
                self._context.run(self._wake, self)
            else:
                self._wake_soon()
        except RuntimeError:
            self._wake_after_all()
        except (SystemExit, KeyboardInterrupt) as exc:
            loop.call_soon(_raise, exc)  # to leave the loop, and no callback of the Deferred's

    def cancel(self, msg: Any = None) -> bool:
        """Raise asyncio's `CancelledError` in the task, in the loop's next turn."""
        if self.value is not PENDING or self.cancelled is not None:
            return False
        self.cancelled = cancelled_error(msg)
        self._wake_soon()
        return True

    # ---- what the task asks

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context) -> None:
        """Keep what lets the task go on."""
        self._wake = wake
        self._context = context

    def _wake_soon(self) -> None:
        self._loop.call_soon(self._wake, self, context=self._context)

    def _wake_after_all(self) -> None:
        """Try it from the loop, where the task's context was that of the callback that fires."""
        try:
            self._wake_soon()
        except RuntimeError as exc:
            not_resumed(exc)  # the loop was closed


#: Tasks that wait for a future of asyncio's.
_held: set[LoopTask] = set()

# asyncio takes any object for a task that says it is one; its annotations know only its own.
current_task: Callable[[asyncio.AbstractEventLoop], Any] = asyncio.current_task
if sys.version_info < (3, 12):
    # There it is a Python function, three times as slow as what it asks.
    current_task = asyncio.tasks._current_tasks.get  # type: ignore[attr-defined]  # no stub has it
_enter_task: Callable[[asyncio.AbstractEventLoop, Any], None] = asyncio.tasks._enter_task
_leave_task: Callable[[asyncio.AbstractEventLoop, Any], None] = asyncio.tasks._leave_task
_register_task: Callable[[Any], None] = asyncio.tasks._register_task


def cancelled_error(message: Any) -> asyncio.CancelledError:
    """asyncio's `CancelledError`, with the message that `cancel` was given if there was one."""
    return asyncio.CancelledError() if message is None else asyncio.CancelledError(message)


def raisable(failure: Failure) -> BaseException:
    """The exception of `failure`, with its traceback, as an `await` can raise it."""
    if isinstance(failure.value, StopIteration):
        error = RuntimeError("a Deferred failed with StopIteration, which can't be raised by await")
        error.__cause__ = failure.value
        return error
    return failure.value.with_traceback(failure.getTracebackObject())


def _raise(exc: BaseException) -> NoReturn:
    raise exc


def not_resumed(exc: BaseException) -> None:
    """Report what went wrong while somebody was given the result that he waited for."""
    log.err(Failure(exc), "What waited for a Deferred could not go on")
