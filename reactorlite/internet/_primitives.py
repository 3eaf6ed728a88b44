"""Locks, semaphores and queues whose waiting is a `Deferred`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from reactorlite.internet._current import current_reactor
from reactorlite.internet._deferred import Deferred, fail, succeed
from reactorlite.internet._failing import TimeoutError
from reactorlite.internet._inline import maybeDeferred
from reactorlite.python.lockfile import FilesystemLock

if TYPE_CHECKING:
    from typing import Self

    from reactorlite.internet.interfaces import IDelayedCall, IReactorTime

T = TypeVar("T")
P = ParamSpec("P")


class _ConcurrencyPrimitive:
    """What is taken, and given back: once by each, or through `async with` or `run`."""

    def __init__(self) -> None:
        #: Those that wait, in the order in which they asked.
        self.waiting: list[Deferred[Any]] = []

    def acquire(self) -> Deferred[Self]:
        """Wait for one's turn; fires with this object. Cancelling gives the place up."""
        if not self._take():
            waiter: Deferred[Self] = Deferred(self._cancelAcquire)
            self.waiting.append(waiter)
            return waiter
        return succeed(self)

    def release(self) -> None:
        """Give back what was taken; the first of those that wait gets it at once."""
        self._give()
        if self.waiting and self._take():
            self.waiting.pop(0).callback(self)

    def _take(self) -> bool:
        raise NotImplementedError

    def _give(self) -> None:
        raise NotImplementedError

    def _cancelAcquire(self, d: Deferred[Self]) -> None:
        self.waiting.remove(d)

    @overload
    def run(
        self,
        f: Callable[P, Deferred[T] | Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]: ...

    @overload
    def run(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]: ...

    def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Call `f` when it is this call's turn, and give back when its result is there.

        The result is that of `f`, which may be a `Deferred` or a coroutine.
        """

        def taken(_: object) -> Deferred[Any]:
            return maybeDeferred(f, *args, **kwargs).addBoth(self._releaseAndReturn)

        return self.acquire().addCallback(taken)

    def _releaseAndReturn(self, result: T) -> T:
        self.release()
        return result

    def __aenter__(self) -> Deferred[Self]:
        return self.acquire()

    def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Deferred[None]:
        self.release()
        return succeed(None)


class DeferredLock(_ConcurrencyPrimitive):
    """A lock: one at a time, in the order in which they asked.

    `release` raises `AssertionError` when nobody has it.
    """

    #: Whether someone has it.
    locked = False

    def _take(self) -> bool:
        if self.locked:
            return False
        self.locked = True
        return True

    def _give(self) -> None:
        if not self.locked:
            raise AssertionError("release() of a lock that nobody has")
        self.locked = False


class DeferredSemaphore(_ConcurrencyPrimitive):
    """A semaphore: as many at a time as it has tokens.

    `ValueError` for less than one; `release` raises `AssertionError` when none is taken.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__()
        if tokens < 1:
            raise ValueError(f"a DeferredSemaphore needs at least one token, not {tokens}")
        #: How many may be taken now, and how many there are.
        self.tokens = tokens
        self.limit = tokens

    def _take(self) -> bool:
        if not self.tokens:
            return False
        self.tokens -= 1
        return True

    def _give(self) -> None:
        if self.tokens >= self.limit:
            raise AssertionError(f"release() with all {self.limit} tokens there")
        self.tokens += 1


class QueueOverflow(Exception):
    """More was put into a `DeferredQueue` than its `size` allows."""


class QueueUnderflow(Exception):
    """More wait for a `DeferredQueue` than its `backlog` allows."""


class DeferredQueue(Generic[T]):
    """A queue: what is put in comes out in order, and who comes too early waits.

    It holds at most `size` objects that nobody waits for, and lets at most `backlog` wait;
    `None` is no limit.
    """

    def __init__(self, size: int | None = None, backlog: int | None = None) -> None:
        self.size = size
        self.backlog = backlog
        self.waiting: deque[Deferred[T]] = deque()
        self.pending: deque[T] = deque()

    def put(self, obj: T) -> None:
        """Give an object to the first that waits, else keep it.

        Raises `QueueOverflow` if `size` objects are kept.
        """
        if self.waiting:
            self.waiting.popleft().callback(obj)
        elif self.size is None or len(self.pending) < self.size:
            self.pending.append(obj)
        else:
            raise QueueOverflow

    def get(self) -> Deferred[T]:
        """Take the first object, or wait for it. Cancelling gives the place up.

        Raises `QueueUnderflow` if `backlog` others wait.
        """
        if self.pending:
            return succeed(self.pending.popleft())
        if self.backlog is not None and len(self.waiting) >= self.backlog:
            raise QueueUnderflow
        waiter: Deferred[T] = Deferred(self.waiting.remove)
        self.waiting.append(waiter)
        return waiter


class AlreadyTryingToLockError(Exception):
    """`deferUntilLocked` was called on a lock that is being waited for."""


class DeferredFilesystemLock(FilesystemLock):
    """A `FilesystemLock` that can be waited for, by asking again every second.

    `scheduler` is the clock for that: the current reactor, if none is given.
    """

    _interval = 1

    def __init__(self, name: str, scheduler: IReactorTime | None = None) -> None:
        super().__init__(name)
        self._scheduler = scheduler
        self._waiter: Deferred[None] | None = None
        self._tryLockCall: IDelayedCall | None = None
        self._timeoutCall: IDelayedCall | None = None

    def deferUntilLocked(self, timeout: float | None = None) -> Deferred[None]:
        """Fire when this process has the lock. Cancelling gives it up.

        Fails with `TimeoutError` if that takes longer than `timeout` seconds, and with
        `AlreadyTryingToLockError` if it is being waited for already; what `lock` raises is
        its failure too.
        """
        if self._waiter is not None:
            return fail(AlreadyTryingToLockError(f"{self.name} is being waited for"))
        scheduler = current_reactor() if self._scheduler is None else self._scheduler
        waiter = self._waiter = Deferred(self._stop)
        self._try(scheduler)
        if timeout is not None and self._waiter is not None:
            self._timeoutCall = scheduler.callLater(timeout, self._give_up, timeout)
        return waiter

    def _try(self, scheduler: IReactorTime) -> None:
        self._tryLockCall = None
        try:
            locked = self.lock()
        except BaseException:
            self._stop().errback()
            return
        if locked:
            self._stop().callback(None)
        else:
            self._tryLockCall = scheduler.callLater(self._interval, self._try, scheduler)

    def _give_up(self, timeout: float) -> None:
        self._timeoutCall = None
        self._stop().errback(TimeoutError(f"{self.name} was not free within {timeout} seconds"))

    def _stop(self, _: object = None) -> Deferred[None]:
        for call in (self._tryLockCall, self._timeoutCall):
            if call is not None:
                call.cancel()
        self._tryLockCall = self._timeoutCall = None
        waiter, self._waiter = self._waiter, None
        assert waiter is not None
        return waiter
