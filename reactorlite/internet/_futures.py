"""Deferreds, seen from asyncio: what its tasks wait on, and what it takes for a task.

The only module of its layer that imports asyncio. It knows of a `Deferred` no more than
that it can be cancelled and awaited, so that it stands below all of `internet.defer`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from reactorlite.internet._deferred import Deferred

AsyncioCancelledError = asyncio.CancelledError

_PENDING: Any = object()


class DeferredWaiter:
    """What `await deferred` gives to whatever runs the coroutine, while there is no result.

    To an asyncio task it is a future. Our own coroutines recognise it, take its Deferred,
    and are resumed by that one directly.

    A future of asyncio's own would do for its tasks, but costs every other coroutine a
    turn of the loop, and `Deferred` itself can't be one: `result` is a method there.
    """

    __slots__ = (
        "__weakref__",
        "_asyncio_future_blocking",
        "_callbacks",
        "_cancelled_with",
        "_loop",
        "deferred",
        "outcome",
    )

    def __init__(self, deferred: Deferred[Any]) -> None:
        self._asyncio_future_blocking = True
        self.deferred = deferred
        self.outcome: Any = _PENDING
        self._callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
        self._cancelled_with: asyncio.CancelledError | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, the only one that can be waiting."""
        self._loop = asyncio.get_running_loop()
        return self._loop

    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: Context | None = None
    ) -> None:
        """Call back in the turn of the loop that follows the result."""
        if self._callbacks is None:
            self._callbacks = [(callback, context)]
            if self.outcome is _PENDING:
                self.deferred._await_by(self)
        else:
            self._callbacks.append((callback, context))
        if self.outcome is not _PENDING:
            self._loop.call_soon(callback, self, context=context)

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Forget a callback, and return how often it had been added."""
        before = self._callbacks or []
        self._callbacks = [entry for entry in before if entry[0] != callback]
        return len(before) - len(self._callbacks)

    def resume(self, deferred: Deferred[Any]) -> None:
        """Take the result of the Deferred; it calls this."""
        if self.outcome is not _PENDING:
            return
        self.outcome = deferred.result
        for callback, context in self._callbacks or ():
            self._loop.call_soon(callback, self, context=context)

    def done(self) -> bool:
        """Whether there is a result."""
        return self.outcome is not _PENDING

    def cancelled(self) -> bool:
        """Whether `cancel` was called in time."""
        return self._cancelled_with is not None and self.outcome is not _PENDING

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the Deferred, and be cancelled whatever it makes of that.

        A Deferred's errbacks may well turn the cancellation into a value or an error of
        their own. A task that is cancelled must end with asyncio's own error nevertheless:
        time-outs and task groups recognise no other.
        """
        if self.outcome is not _PENDING:
            return False
        self._cancelled_with = (
            asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        )
        self.deferred.cancel()
        return True

    def result(self) -> Any:
        """The result; raises what failed, or asyncio's `CancelledError`."""
        outcome = self.outcome
        if self._cancelled_with is not None:
            if isinstance(outcome, Failure) and not outcome.check(asyncio.CancelledError):
                raise self._cancelled_with from outcome.value
            raise self._cancelled_with
        if outcome is _PENDING:
            raise asyncio.InvalidStateError("the Deferred has no result yet")
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def exception(self) -> BaseException | None:
        """What failed, if anything; raises as `result` does when cancelled or too early."""
        if isinstance(self.outcome, Failure) and self._cancelled_with is None:
            return self.outcome.value
        self.result()
        return None
