"""`Deferred`: a result that is still to come, and the callbacks that wait for it.

How callbacks are kept. A `Deferred` without callbacks has `_entries is None`, since most
have none or one. An entry is a bare callable for `addCallback(f)`, which is by far the
most frequent; else a tuple `(callback, errback, extra)`, where a missing side is `None`
and `extra` is `None` or `(args, kwargs)`. A tuple without either side carries, in the
place of `extra`, what takes the result over: another `Deferred` that is chained to this
one, or a `Resumable`, such as a suspended coroutine.

How callbacks are run. `_advance` runs one `Deferred` as far as it goes and returns the one
that must go on next, if any; `_advance_all` follows these in a loop, so that chains of any
length cost no stack.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from reactorlite.internet._futures import AsyncioCancelledError, DeferredWaiter
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    pass

T = TypeVar("T")
N = TypeVar("N")
M = TypeVar("M")
P = ParamSpec("P")
Q = ParamSpec("Q")

_NO_EXTRAS: Mapping[str, Any] = {}


class Resumable(Protocol):
    """What waits for a `Deferred` and takes its result over."""

    def resume(self, deferred: Deferred[Any]) -> Deferred[Any] | None:
        """Take `deferred.result`; return the `Deferred` that got its own because of it, if any."""


class AlreadyCalledError(Exception):
    """`callback` or `errback` was called on a `Deferred` that has its result."""


class CancelledError(Exception, AsyncioCancelledError):
    """A `Deferred` was cancelled.

    It is Twisted's error and asyncio's at once: `except Exception` and `trap` find it as
    in Twisted, and an asyncio task that lets it pass counts as cancelled.
    """


class TimeoutError(Exception):
    """A `Deferred` was cancelled because its time was up, see `Deferred.addTimeout`."""


class DebugInfo:
    """What a `Deferred` leaves behind for the log, apart from it.

    It reports an unhandled failure when it is collected. It never refers to its
    `Deferred`, so that this works for one that is part of a cycle, and so that a
    `Deferred` that never failed is spared a finalizer.
    """

    __slots__ = ("__weakref__", "creator", "failResult", "invoker")

    def __init__(self) -> None:
        self.failResult: Failure | None = None
        self.creator: list[str] | None = None
        self.invoker: list[str] | None = None

    def _getDebugTracebacks(self) -> str:
        shown = ""
        if self.creator is not None:
            shown += _indented(" C: ", "Deferred was created:", self.creator)
        if self.invoker is not None:
            shown += _indented(" I: ", "Deferred first got a result:", self.invoker)
        return shown

    def __del__(self) -> None:
        failure = self.failResult
        if failure is None:
            return
        from reactorlite.python import log

        stacks = self._getDebugTracebacks()
        log.err(failure, "Unhandled error in Deferred" + (f"\n{stacks}" if stacks else ""))


def _indented(mark: str, title: str, stack: list[str]) -> str:
    lines = [title, *"".join(stack).rstrip().split("\n")]
    return "".join(f"{mark}{line}\n" for line in lines)


def _stack_of_caller() -> list[str]:
    import traceback

    return traceback.format_stack()[:-2]


class Deferred(Generic[T]):
    """A result that is still to come.

    Whoever makes it calls `callback` or `errback` once; whoever gets it adds callbacks,
    which run in the order they were added, each with what the one before returned, inside
    the call that gives the result, or at once when the result is there. A callback that
    raises or returns a `Failure` hands over to the errbacks after it, and an errback that
    returns anything else hands back. A callback that returns a `Deferred` makes the rest
    wait for that one's result.

    It can also be awaited: in a coroutine run by `ensureDeferred` or `inlineCallbacks`, and
    in any asyncio task.

    `canceller` is called with the `Deferred` by `cancel` and should make it fire.
    """

    # Slots, and a __dict__ for what programs add: half the time of plain attributes.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_canceller",
        "_chainedTo",
        "_debugInfo",
        "_entries",
        "_running",
        "_suppressAlreadyCalled",
        "called",
        "paused",
        "result",
    )

    #: Whether new Deferreds remember where they were made and fired, see `setDebugging`.
    debug = False

    if TYPE_CHECKING:
        #: Once fired: the value, the `Failure`, or the `Deferred` that is being waited for.
        result: Any

    def __init__(self, canceller: Callable[[Deferred[Any]], object] | None = None) -> None:
        self.called = False
        self.paused = 0
        self._canceller = canceller
        self._entries: list[Any] | None = None
        self._running = False
        self._suppressAlreadyCalled = False
        self._debugInfo: DebugInfo | None = None
        self._chainedTo: Deferred[Any] | None = None
        if self.debug:
            self._debugInfo = DebugInfo()
            self._debugInfo.creator = _stack_of_caller()

    # ---- adding callbacks

    @overload
    def addCallbacks(
        self,
        callback: Callable[..., Deferred[N] | N | Failure],
        errback: Callable[..., Deferred[N] | N | Failure],
        callbackArgs: tuple[Any, ...] = (),
        callbackKeywords: Mapping[str, Any] = ...,
        errbackArgs: tuple[Any, ...] = (),
        errbackKeywords: Mapping[str, Any] = ...,
    ) -> Deferred[N]: ...

    @overload
    def addCallbacks(
        self,
        callback: Callable[..., Deferred[N] | N | Failure],
        errback: None = None,
        callbackArgs: tuple[Any, ...] = (),
        callbackKeywords: Mapping[str, Any] = ...,
        errbackArgs: tuple[Any, ...] = (),
        errbackKeywords: Mapping[str, Any] = ...,
    ) -> Deferred[N]: ...

    def addCallbacks(
        self,
        callback: Any,
        errback: Any = None,
        callbackArgs: tuple[Any, ...] | None = (),
        callbackKeywords: Mapping[str, Any] | None = _NO_EXTRAS,
        errbackArgs: tuple[Any, ...] | None = (),
        errbackKeywords: Mapping[str, Any] | None = _NO_EXTRAS,
    ) -> Deferred[Any]:
        """Add a callback and an errback side by side: only one of them runs.

        Each may have positional and keyword arguments of its own, which come after the
        result. Without an errback a failure passes by.
        """
        if callbackArgs or callbackKeywords:
            callback = _bound(callback, callbackArgs or (), callbackKeywords or {})
        if errback is not None and (errbackArgs or errbackKeywords):
            errback = _bound(errback, errbackArgs or (), errbackKeywords or {})
        return self._add((callback, errback, None))

    @overload
    def addCallback(
        self,
        callback: Callable[Concatenate[T, P], Deferred[N]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[N]: ...

    @overload
    def addCallback(
        self,
        callback: Callable[Concatenate[T, P], Deferred[N] | N | Failure],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[N]: ...

    def addCallback(self, callback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Add a callback, called as `callback(result, *args, **kwargs)`; failures pass it by."""
        if args or kwargs:
            callback = (callback, None, (args, kwargs))
        # Repeats _add: one call less on the most frequent path of all.
        if self._entries is None:
            self._entries = [callback]
        else:
            self._entries.append(callback)
        if self.called:
            self._advance_all()
        return self

    @overload
    def addErrback(
        self,
        errback: Callable[Concatenate[Failure, P], Deferred[N]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T | N]: ...

    @overload
    def addErrback(
        self,
        errback: Callable[Concatenate[Failure, P], Deferred[N] | N | Failure],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T | N]: ...

    def addErrback(self, errback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Add an errback, called as `errback(failure, *args, **kwargs)`; values pass it by."""
        return self._add((None, errback, (args, kwargs) if args or kwargs else None))

    @overload
    def addBoth(
        self,
        callback: Callable[Concatenate[T | Failure, P], Deferred[N]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[N]: ...

    @overload
    def addBoth(
        self,
        callback: Callable[Concatenate[T | Failure, P], Deferred[N] | N | Failure],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[N]: ...

    def addBoth(self, callback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Add one callable for values and failures alike."""
        return self._add((callback, callback, (args, kwargs) if args or kwargs else None))

    def chainDeferred(self, d: Deferred[T]) -> Deferred[None]:
        """Give this one's result to `d`, whatever it is, and go on here with `None`."""
        d._chainedTo = self
        return self.addCallbacks(d.callback, d.errback)

    def _add(self, entry: Any) -> Deferred[Any]:
        if self._entries is None:
            self._entries = [entry]
        else:
            self._entries.append(entry)
        if self.called:
            self._advance_all()
        return self

    # ---- giving a result

    def callback(self, result: T | Failure) -> None:
        """Give the result, and run the callbacks before this call returns.

        Raises `AlreadyCalledError` if there was one before.
        """
        if self.called:
            return self._refuse()
        self.called = True
        self.result = result
        if self._debugInfo is not None and self.debug:
            self._debugInfo.invoker = _stack_of_caller()
        self._advance_all()

    def errback(self, fail: Failure | BaseException | None = None) -> None:
        """Give a failure as the result, and run the errbacks before this call returns.

        `fail` may also be an exception; without it the one being handled is taken. Raises
        `AlreadyCalledError` if there was a result before.
        """
        if fail is None:
            fail = Failure(captureVars=self.debug)
        elif not isinstance(fail, Failure):
            fail = Failure(fail)
        if self.called:
            return self._refuse()
        self.called = True
        self.result = fail
        if self._debugInfo is not None and self.debug:
            self._debugInfo.invoker = _stack_of_caller()
        self._advance_all()

    def _refuse(self) -> None:
        if self._suppressAlreadyCalled:
            # Cancelled, by a program that knew no way to tell whoever brings the result.
            self._suppressAlreadyCalled = False
            return
        if self._debugInfo is not None and (stacks := self._debugInfo._getDebugTracebacks()):
            raise AlreadyCalledError("\n" + stacks)
        raise AlreadyCalledError

    def cancel(self) -> None:
        """Ask that this be given up.

        While there is no result, the canceller is asked to make one, and if it doesn't, or
        there is no canceller, the result is a `CancelledError`; one late result is then
        ignored if there was no canceller. While another `Deferred` is waited for, that one
        is cancelled. Otherwise nothing happens. What the canceller raises is raised here.
        """
        if not self.called:
            if self._canceller is not None:
                self._canceller(self)
            else:
                self._suppressAlreadyCalled = True
            # The canceller may have fired it, which a checker can't see.
            if not cast("bool", self.called):
                self.errback(Failure(CancelledError()))
        elif isinstance(self.result, Deferred):
            self.result.cancel()

    # ---- running callbacks

    def pause(self) -> None:
        """Run no callbacks until `unpause` was called as often as `pause`."""
        self.paused += 1

    def unpause(self) -> None:
        """Undo one `pause`, and run what was held back if it was the last."""
        self.paused -= 1
        if not self.paused and self.called:
            self._advance_all()

    def _advance_all(self) -> None:
        """Run the callbacks of this one and of all that were waiting for it."""
        following = self._advance()
        if following is None:
            return
        stack = [self]
        while stack:
            if following is None:
                following = stack.pop()
            else:
                stack.append(following)
            following = following._advance()

    def _advance(self) -> Deferred[Any] | None:
        """Run callbacks until none is left, one has to wait, or another Deferred goes first.

        The other is returned; call this again after it.
        """
        if self._running or self.paused:
            return None
        result = self.result
        failed = isinstance(result, Failure)
        self._chainedTo = taken = following = None
        if self._entries is not None:
            self._running = True
            # Callbacks that are added meanwhile go to the end of the list, and so are met here.
            entries = iter(self._entries)
            for entry in entries:
                if entry.__class__ is not tuple:
                    if failed:
                        continue
                    step, extra = entry, None
                else:
                    callback, errback, extra = entry
                    step = errback if failed else callback
                    if step is None:
                        if callback is not errback:
                            continue
                        following = self._hand_over(extra)
                        taken = result = self.result
                        failed = isinstance(result, Failure)
                        if following is not None:
                            break
                        continue
                try:
                    if extra is None:
                        result = step(result)
                    else:
                        args, kwargs = extra
                        result = step(result, *args, **kwargs)
                except BaseException:
                    self.result = result = Failure(captureVars=self.debug)
                    failed = True
                    continue
                self.result = result
                failed = False
                if result is not None:
                    if isinstance(result, Deferred):
                        if self._must_wait(result, step):
                            break
                        result = self.result
                    failed = isinstance(result, Failure)
            self._entries = [*entries] or None
            self._running = False
        if failed and result is not taken:
            self._remember_failure(result)
        elif self._debugInfo is not None:
            self._debugInfo.failResult = None
        return following

    def _must_wait(self, inner: Deferred[Any], step: Any) -> bool:
        """Take the result of a `Deferred` that a callback returned, or wait for it."""
        if inner is self:
            _warn_of_own_deferred(step)
        if inner._settled():
            self.result = inner.result
            inner._give_away()
            return False
        self._wait_for(inner)
        return True

    def _settled(self) -> bool:
        """Whether there is a result now, and nothing that would first have to happen."""
        return self.called and not self.paused and not isinstance(self.result, Deferred)

    def _wait_for(self, inner: Deferred[Any]) -> None:
        self.paused += 1
        self._chainedTo = inner
        inner._await_by(self)

    def _await_by(self, taker: Deferred[Any] | Resumable) -> None:
        """Let `taker` have the result once all callbacks before it ran; it must be to come."""
        if self._entries is None:
            self._entries = [(None, None, taker)]
        else:
            self._entries.append((None, None, taker))

    def _hand_over(self, taker: Deferred[Any] | Resumable) -> Deferred[Any] | None:
        if not isinstance(taker, Deferred):
            return taker.resume(self)
        taker.result = self.result
        taker.paused -= 1
        self._give_away()
        return taker

    def _give_away(self) -> None:
        """Forget the result, which someone else answers for now."""
        self.result = None
        if self._debugInfo is not None:
            self._debugInfo.failResult = None

    def _remember_failure(self, failure: Failure) -> None:
        # The traceback's frames may refer to this Deferred, and a cycle would keep the
        # report back until the collector comes by.
        failure.cleanFailure()
        if self._debugInfo is None:
            self._debugInfo = DebugInfo()
        self._debugInfo.failResult = failure

    # ---- awaiting

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the result as it is when the callbacks added so far have run.

        A failure is raised. Several coroutines may wait; each gets the result.
        """
        if not self._settled():
            waiter = DeferredWaiter(self)
            yield waiter
            return cast("T", waiter.outcome)
        if isinstance(self.result, Failure):
            if self._debugInfo is not None:
                self._debugInfo.failResult = None
            raise self.result.value.with_traceback(self.result.getTracebackObject())
        return cast("T", self.result)

    __iter__ = __await__

    # ---- looking at it

    def __repr__(self) -> str:
        name = f"<{type(self).__name__} at {id(self):#x}"
        if self._chainedTo is not None:
            return f"{name} waiting on Deferred at {id(self._chainedTo):#x}>"
        if self.called:
            return f"{name} current result: {getattr(self, 'result', None)!r}>"
        return f"{name}>"


def _bound(
    function: Callable[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Callable[[Any], Any]:
    return lambda result: function(result, *args, **keywords)


def _warn_of_own_deferred(callback: Any) -> None:
    import warnings

    text = (
        "a callback returned the Deferred it was added to, which now waits for itself:"
        " return something else, or nothing"
    )
    code = getattr(callback, "__code__", None)
    if code is None:
        warnings.warn(text, DeprecationWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, DeprecationWarning, code.co_filename, code.co_firstlineno)


def setDebugging(on: bool) -> None:
    """Say whether Deferreds made from now on remember where they were made and fired.

    The stacks appear in `AlreadyCalledError` and in the report of an unhandled failure.
    """
    Deferred.debug = bool(on)


def getDebugging() -> bool:
    """Whether Deferreds remember where they were made and fired."""
    return Deferred.debug


def succeed(result: T) -> Deferred[T]:
    """Make a `Deferred` that has its result."""
    d: Deferred[T] = Deferred()
    d.called = True
    d.result = result
    return d


def fail(result: Failure | BaseException | None = None) -> Deferred[Any]:
    """Make a `Deferred` that failed: with `result`, else with the exception being handled."""
    d: Deferred[Any] = Deferred()
    d.errback(result)
    return d
