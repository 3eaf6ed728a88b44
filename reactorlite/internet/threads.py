"""Between the reactor's thread and others: jobs for these, and calls back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from reactorlite.internet._current import current_reactor
from reactorlite.internet.defer import Deferred, fail, maybeDeferred
from reactorlite.python.failure import Failure
from reactorlite.python.threadpool import ThreadPool

__all__ = [
    "blockingCallFromThread",
    "callMultipleInThread",
    "deferToThread",
    "deferToThreadPool",
]

P = ParamSpec("P")
T = TypeVar("T")


def deferToThreadPool(
    reactor: Any, threadpool: ThreadPool, f: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> Deferred[T]:
    """Call `f(*args, **kwargs)` in a thread of `threadpool`.

    The `Deferred` fires in the thread of `reactor`, with what `f` returns, or fails with
    what it raises. To cancel it doesn't stop `f`, whose result is dropped then. In a pool that
    takes no more jobs `f` isn't called, and the `Deferred` has failed with `RuntimeError`.
    """
    if getattr(threadpool, "joined", False):  # a test's stand-in need not say
        return fail(RuntimeError(f"{f!r} was not called: {threadpool!r} takes no more jobs"))
    result: Deferred[T] = Deferred()

    def done(succeeded: bool, value: Any) -> None:
        reactor.callFromThread(result.callback if succeeded else result.errback, value)

    threadpool.callInThreadWithCallback(done, f, *args, **kwargs)
    return result


def deferToThread(f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Call `f(*args, **kwargs)` in a thread of the current reactor, see `deferToThreadPool`."""
    reactor = current_reactor()
    return deferToThreadPool(reactor, reactor.getThreadPool(), f, *args, **kwargs)


def callMultipleInThread(
    tupleList: Iterable[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]],
) -> None:
    """Make the calls `(f, args, kwargs)` one after the other in one thread of the reactor.

    One that raises is logged, and those behind it are not made.
    """
    current_reactor().callInThread(_call_all, tupleList)


def _call_all(
    calls: Iterable[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]],
) -> None:
    for f, args, kwargs in calls:
        f(*args, **kwargs)


def blockingCallFromThread(
    reactor: Any,
    f: Callable[P, Any],
    *a: P.args,
    **kw: P.kwargs,
) -> Any:
    """Call `f(*a, **kw)` in the thread of `reactor`, from another; wait for the result.

    If that is a `Deferred` or a coroutine, wait for it too, and raise what it fails with:
    `CancelledError` when the reactor ends first. Raises `RuntimeError` in the thread of a
    reactor that runs: it would wait for itself.
    """
    if hasattr(reactor, "runs_here") and reactor.runs_here():  # a test's stand-in need not say
        raise RuntimeError(
            "blockingCallFromThread() was called in the reactor's own thread, which would wait for"
            f" itself for ever: call {f!r} itself, and add callbacks to its Deferred, or await it"
        )
    results: SimpleQueue[Any] = SimpleQueue()

    def call() -> None:
        result = maybeDeferred(f, *a, **kw)
        result.addBoth(results.put)
        if not result.called and hasattr(reactor, "cancel_at_end"):
            reactor.cancel_at_end(result)

    reactor.callFromThread(call)
    result = results.get()
    if isinstance(result, Failure):
        result.raiseException()
    return result
