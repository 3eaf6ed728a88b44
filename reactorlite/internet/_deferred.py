"""`Deferred`: a result that is still to come, and the callbacks that wait for it.

For how callbacks are kept see `_entries`.

How callbacks are run. `_advance` runs one `Deferred` as far as it goes and returns the one
that must go on next, if any; `_follow` does so in a loop, so that chains of any
length cost no stack.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    NoReturn,
    ParamSpec,
    TypeVar,
    overload,
)

from reactorlite.internet._entries import bound, nothing_to_call, pairs
from reactorlite.internet._failing import (
    AlreadyCalledError,
    CancelledError,
    DebugInfo,
    as_ours,
    caught,
    stack_of_caller,
    timed_out,
    warn_of_own_deferred,
)
from reactorlite.internet._futures import (
    PLAIN,
    AsyncioCancelledError,
    LoopTask,
    Task,
    TaskWaiter,
    current_task,
    raisable,
    running_loop,
)
from reactorlite.python._deprecations import warn_of
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from reactorlite.internet._entries import Taker
    from reactorlite.internet.interfaces import IReactorTime

T = TypeVar("T")
N = TypeVar("N")
P = ParamSpec("P")


_NO_EXTRAS: Mapping[str, Any] = {}


# `Deferred.debug`, where it is quickest to look up; and whether it ever was on, for all or one.
_debugging = _debugged = False


class _Debug:
    """An attribute that is the same for all, but for those where it was set."""

    def __get__(self, deferred: Deferred[Any] | None, owner: type) -> bool:
        return _debugging if deferred is None else deferred.__dict__.get("debug", _debugging)

    def __set__(self, deferred: Deferred[Any], on: bool) -> None:
        global _debugged
        _debugged = True
        deferred.__dict__["debug"] = on
        if on and deferred._debugInfo is None:
            deferred._debugInfo = DebugInfo()


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
        "_entries",
        "_running",
        "called",
        "paused",
        "result",
    )

    if TYPE_CHECKING:
        #: Whether this remembers where it is fired, with the variables of what it fails with;
        #: of the class: see `setDebugging`. It may be set for one alone.
        debug: bool
    else:
        debug = _Debug()

    # What few ever need: no slots to fill for that.
    _debugInfo: DebugInfo | None = None
    _suppressAlreadyCalled = False
    _taken: Failure | None = None
    _explicitly_chained_to: Deferred[Any] | None = None

    if TYPE_CHECKING:
        #: Once fired: the value, the `Failure`, or the `Deferred` that is being waited for.
        result: Any

    def __init__(self, canceller: Callable[[Deferred[Any]], object] | None = None) -> None:
        self.called = False
        self.paused = 0
        self._canceller = canceller
        self._entries: Any = ()
        self._running = False
        if _debugging:
            self._debugInfo = DebugInfo()
            self._debugInfo.creator = stack_of_caller()

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
            callback = bound(callback, callbackArgs or (), callbackKeywords or {})
        elif callback is None:
            callback = nothing_to_call
        if errback is not None and (errbackArgs or errbackKeywords):
            errback = bound(errback, errbackArgs or (), errbackKeywords or {})
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
        if kwargs:
            callback = bound(callback, args, kwargs)
        elif args:
            callback = (callback, None, args)
        # Repeats _add and _advance_all: fewer calls on the most frequent path of all.
        entries = self._entries
        if entries.__class__ is list:
            entries.append(callback)
        else:
            self._entries = [(None, None, *entries), callback] if entries else [callback]
        if self.called:
            following = self._advance()
            if following is not None:
                self._follow(following)
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
        if kwargs:
            errback, args = bound(errback, args, kwargs), ()
        elif errback is None:
            errback = nothing_to_call
        entry = (None, errback, args or None)
        entries = self._entries
        if entries.__class__ is list:
            entries.append(entry)
        else:
            self._entries = [(None, None, *entries), entry] if entries else [entry]
        if self.called:
            self._advance_all()
        return self

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
        if kwargs:
            callback, args = bound(callback, args, kwargs), ()
        elif callback is None:
            callback = nothing_to_call
        return self._add((callback, callback, args or None))

    def chainDeferred(self, d: Deferred[T]) -> Deferred[None]:
        """Give this one's result to `d`, whatever it is, and go on here with `None`."""
        d._explicitly_chained_to = self
        return self._add((d.callback, d.errback, None))

    def _add(self, entry: Any) -> Deferred[Any]:
        entries = self._entries
        if entries.__class__ is list:
            entries.append(entry)
        else:
            self._entries = [(None, None, *entries), entry] if entries else [entry]
        if self.called:
            following = self._advance()
            if following is not None:
                self._follow(following)
        return self

    # ---- giving a result

    def callback(self, result: T | Failure) -> None:
        """Give the result, and run the callbacks before this call returns.

        Raises `AlreadyCalledError` if there was one before.
        """
        if self.called:
            return self._refuse()
        self.called = True
        self._canceller = None
        self.result = result
        if _debugged and self.debug and self._debugInfo is not None:
            self._debugInfo.invoker = stack_of_caller()
        # Repeats _advance_all, as addCallback does.
        following = self._advance()
        if following is not None:
            self._follow(following)

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
        self._canceller = None
        self.result = fail
        if _debugged and self.debug and self._debugInfo is not None:
            self._debugInfo.invoker = stack_of_caller()
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
            if not self.called:
                self.errback(Failure(CancelledError()))
        elif isinstance(self.result, Deferred):
            self.result.cancel()

    def addTimeout(
        self,
        timeout: float,
        clock: IReactorTime,
        onTimeoutCancel: Callable[[T | Failure, float], N | Failure] | None = None,
    ) -> Deferred[T | N]:
        """Cancel this unless it has a result within `timeout` seconds by `clock`.

        What the callbacks so far make of the cancellation goes, with `timeout`, to
        `onTimeoutCancel`, whose result goes on. Without it a `CancelledError` becomes a
        `TimeoutError`, and anything else goes on as it is.
        """
        timedOut = False

        def timeIsUp() -> None:
            nonlocal timedOut
            timedOut = True
            self.cancel()

        def outcome(result: Any) -> Any:
            if not timedOut:
                if call.active():
                    call.cancel()
                return result
            return (onTimeoutCancel or timed_out)(result, timeout)

        call = clock.callLater(timeout, timeIsUp)
        return self.addBoth(outcome)

    # ---- from and to coroutines and futures

    if TYPE_CHECKING:
        # Assigned by the module that runs coroutines, which stands above this one.
        @staticmethod
        def _run_coroutine(coro: Any) -> Deferred[Any]: ...

    @classmethod
    def fromCoroutine(cls, coro: Coroutine[Any, Any, N] | Generator[Any, Any, N]) -> Deferred[N]:
        """Start a coroutine, and return the `Deferred` for its result.

        It runs at once until it first has to wait. Raises `NotACoroutineError` for
        anything else.
        """
        return cls._run_coroutine(coro)

    @classmethod
    def fromFuture(cls, future: asyncio.Future[N]) -> Deferred[N]:
        """Make a `Deferred` that fires with what a future (or task) of asyncio's comes to.

        It fires in the turn of the loop that follows. Cancelling it cancels the future, and
        waits for what that makes of it.
        """

        target: Deferred[N]

        def cancel(deferred: Deferred[N]) -> None:
            nonlocal target
            target = Deferred(cancel)
            future.cancel()
            deferred._become(target)

        def done(future: asyncio.Future[N]) -> None:
            # The loop's own reference to a task is weak: `_held` had the only strong one.
            _held.discard(future)
            try:
                result: Any = future.result()
            except AsyncioCancelledError as exc:
                result = exc if isinstance(exc, CancelledError) else as_ours(exc)
            except BaseException as exc:
                result = exc
            else:
                return target.callback(result)
            target.errback(result)

        target = Deferred(cancel)
        _held.add(future)
        future.add_done_callback(done)
        return target

    def asFuture(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[T]:
        """Make a future of `loop` that takes this one's result, and leaves `None` here.

        Cancelling either cancels the other.
        """
        future: asyncio.Future[T] = loop.create_future()

        def value(result: T) -> None:
            if not future.done():
                future.set_result(result)

        def failed(failure: Failure) -> None:
            if future.done():
                return
            if failure.check(AsyncioCancelledError):
                future.cancel()
            else:
                future.set_exception(failure.value)

        def done(future: asyncio.Future[T]) -> None:
            if future.cancelled():
                self.cancel()

        future.add_done_callback(done)
        self.addCallbacks(value, failed)
        return future

    # ---- running callbacks

    def pause(self) -> None:
        """Run no callbacks until `unpause` was called as often as `pause`."""
        self.paused += 1
        if self._entries is None:
            self._entries = ()

    def unpause(self) -> None:
        """Undo one `pause`, and run what was held back if it was the last."""
        self.paused -= 1
        if not self.paused and self.called:
            self._advance_all()

    def _advance_all(self) -> None:
        """Run the callbacks of this one and of all that were waiting for it."""
        following = self._advance()
        if following is not None:
            self._follow(following)

    def _follow(self, following: Deferred[Any] | None) -> None:
        """Run the callbacks of one that was waiting for this, and then the rest here."""
        current = self
        unfinished: list[Deferred[Any]] | None = None
        while True:
            if following is not None:
                if current._entries:
                    unfinished = unfinished or []
                    unfinished.append(current)
                current = following
            elif unfinished:
                current = unfinished.pop()
            else:
                return
            following = current._advance()

    def _advance(self) -> Deferred[Any] | None:
        """Run callbacks until one must wait or another Deferred, which is returned, goes first."""
        if self._running or self.paused:
            return None
        result = self.result
        failed = result.__class__ not in PLAIN and isinstance(result, Failure)
        if failed and self._debugInfo is not None:
            self._debugInfo.failResult = None  # until it is known whether anybody took care
        entries = self._entries
        following = rest = None
        if entries.__class__ is list:
            self._running = True
            # Callbacks that are added meanwhile go to the end of the list, and so are met here.
            entries = iter(entries)
            for entry in entries:
                if entry.__class__ is not tuple:
                    if failed:
                        continue
                    step, args = entry, None
                else:
                    callback, errback, args = entry
                    step = errback if failed else callback
                    if step is None:
                        if callback is errback:
                            following = args._take_from(self)
                            result = self.result
                            failed = result.__class__ not in PLAIN and isinstance(result, Failure)
                            if following is not None:
                                rest = [*entries] or None
                                break
                        continue
                try:
                    result = step(result) if args is None else step(result, *args)
                except BaseException as exc:
                    self.result = result = caught(exc, self.debug) if _debugged else caught(exc)
                    failed = True
                    continue
                self.result = result
                failed = False
                if result.__class__ not in PLAIN:
                    if isinstance(result, Deferred):
                        if self._must_wait(result, step):
                            rest = [*entries]
                            break
                        result = self.result
                    failed = isinstance(result, Failure)
            self._running = False
        elif entries:
            return self._hand_over(entries[0])
        if failed:
            self._entries = rest or ()
            if result is not self._taken:
                self._remember_failure()
        elif rest is None and self.paused:
            self._entries = ()
        else:
            self._entries = rest
        return following

    def _hand_over(self, taker: Taker) -> Deferred[Any] | None:
        """Let the only one that waits have the result; else as `_advance`."""
        self._entries = ()
        self._running = True
        following = taker._take_from(self)
        self._running = False
        if self._entries:
            # Callbacks were added meanwhile.
            return self if following is None else following
        result = self.result
        if result.__class__ not in PLAIN and isinstance(result, Failure):
            if result is not self._taken:
                self._remember_failure()
        elif not self.paused:
            self._entries = None
        return following

    def _must_wait(self, inner: Deferred[Any], callback: Any) -> bool:
        """Take the result of a `Deferred` that a callback returned, or wait for it."""
        if inner is self:
            try:
                warn_of_own_deferred(callback)
            except DeprecationWarning as exc:
                self.result = Failure(exc)
                return False
        elif inner.called and not inner.paused:
            self.result = inner.result
            inner._give_away()
            return False
        self.paused += 1
        # Repeats what _await_by does mostly: one call less for each Deferred in a chain.
        if inner._entries:
            inner._await_by(self)
        else:
            inner._entries = (self,)
        return True

    def _take_from(self, deferred: Deferred[Any]) -> Deferred[Any]:
        """Have the result of the `Deferred` that was waited for."""
        self.result = deferred.result
        self.paused -= 1
        deferred.result = None
        return self

    def _await_by(self, taker: Taker) -> None:
        """Let `taker` have the result once all callbacks before it ran."""
        if not self._entries:
            self._entries = (taker,)
        elif self._entries.__class__ is list:
            self._entries.append((None, None, taker))
        else:
            self._entries = [(None, None, *self._entries), (None, None, taker)]

    def _share(self) -> Any:
        """Give the result to a coroutine that awaits it, and leave it for others."""
        result = self.result
        if result.__class__ not in PLAIN and isinstance(result, Failure):
            self._taken = result
            if self._debugInfo is not None:
                self._debugInfo.failResult = None
        return result

    def _give_away(self) -> None:
        """Forget the result, which someone else answers for now."""
        self.result = None
        if self._debugInfo is not None:
            self._debugInfo.failResult = None

    def _become(self, other: Deferred[Any]) -> None:
        """Take the result of another `Deferred` for one's own, now or when it comes."""
        self.called = True
        self._canceller = None
        self.result = other
        if not self._must_wait(other, None):
            self._advance_all()

    def _remember_failure(self) -> None:
        failure = self.result
        # The traceback's frames may refer to this Deferred, and a cycle would keep the
        # report back until the collector comes by.
        failure.cleanFailure()
        self._expect_care(failure)

    def _expect_care(self, failure: Failure) -> None:
        """Have the failure reported unless someone takes it."""
        if self._debugInfo is None:
            self._debugInfo = DebugInfo()
        self._debugInfo.failResult = failure

    # ---- awaiting

    def __await__(self) -> Generator[Any, Any, T]:
        """Wait for the result as it is when the callbacks added so far have run.

        A failure is raised. Several coroutines may wait; each gets the result. When an
        asyncio task that waits is cancelled, so is this.
        """
        if self._entries is None:
            return self.result  # type: ignore[no-any-return]  # see `result`
        if self.paused or not self.called:
            loop = running_loop()
            if (
                loop is None
                or (task := current_task(loop)) is None
                or (task.__class__ is not Task and isinstance(task, LoopTask))
            ):
                # What runs our own coroutines sends the result.
                return (yield self)  # type: ignore[no-any-return]  # whatever is sent
            waiter = TaskWaiter(loop)
            if self._entries:
                self._await_by(waiter)
            else:
                self._entries = (waiter,)
            yield waiter
            if waiter.cancelled is not None:
                yield from self._cancel_for_task(loop, waiter.cancelled)
            result: Any = waiter.value
        else:
            result = self._share()
        if result.__class__ not in PLAIN and isinstance(result, Failure):
            raise raisable(result)
        return result  # type: ignore[return-value]  # see `result`

    def __iter__(self) -> Generator[Any, Any, T]:
        """Wait in a generator that `inlineCallbacks` runs: `result = yield from deferred`."""
        if self.paused or not self.called:
            return (yield self)  # type: ignore[no-any-return]  # whatever is sent
        return (yield from self.__await__())

    def _cancel_for_task(
        self, loop: asyncio.AbstractEventLoop, cancelled: BaseException
    ) -> Generator[Any, Any, NoReturn]:
        """Cancel, wait for what comes of it, and raise `cancelled` whatever that is.

        Errbacks may well turn the cancellation into a value or an error of their own. A
        task that is cancelled must end with asyncio's own error nevertheless: time-outs and
        task groups recognise no other.
        """
        self._cancel_firmly()
        while not self.called or self.paused:
            waiter = TaskWaiter(loop)
            self._await_by(waiter)
            try:
                yield waiter
            except BaseException as exc:
                raise cancelled from _cause(exc)
            if waiter.cancelled is None:
                result = waiter.value
                break
            cancelled = waiter.cancelled
            self._cancel_firmly()
        else:
            result = self._share()
        raise cancelled from (_cause(result.value) if isinstance(result, Failure) else None)

    def _cancel_firmly(self) -> None:
        """Cancel, and take what the canceller raises for the result."""
        try:
            self.cancel()
        except BaseException as exc:
            innermost = self
            while (inner := innermost._chainedTo) is not None:
                innermost = inner
            innermost.errback(Failure(exc))

    # ---- looking at it

    @property
    def callbacks(self) -> list[tuple[Any, Any]]:
        """The pairs of callback and errback that have yet to run. Deprecated: only to be read.

        Each side is a callable, its positional and its keyword arguments; the callable is None
        where results of that kind pass by.
        """
        warn_of("twisted.internet.defer.Deferred.callbacks", "25.5.0")
        return pairs(self._entries)

    @property
    def _chainedTo(self) -> Deferred[Any] | None:
        """The Deferred whose result becomes this one's, while that is to come."""
        if not self.called:
            return self._explicitly_chained_to
        return self.result if self.paused and isinstance(self.result, Deferred) else None

    def __repr__(self) -> str:
        name = f"<{type(self).__name__} at {id(self):#x}"
        if (other := self._chainedTo) is not None:
            return f"{name} waiting on Deferred at {id(other):#x}>"
        if self.called:
            return f"{name} current result: {getattr(self, 'result', None)!r}>"
        return f"{name}>"


#: Futures that a Deferred waits for.
_held: set[Any] = set()


def _cause(exc: BaseException) -> BaseException | None:
    """What is told of an error that was met while cancelling; a cancellation is none."""
    return None if isinstance(exc, AsyncioCancelledError) else exc


def setDebugging(on: bool) -> None:
    """Say whether Deferreds made from now on remember where they were made and fired.

    The stacks appear in `AlreadyCalledError` and in the report of an unhandled failure.
    """
    global _debugging, _debugged
    _debugging = bool(on)
    _debugged = True


def getDebugging() -> bool:
    """Whether Deferreds remember where they were made and fired."""
    return Deferred.debug


_new: Callable[[type[Deferred[Any]]], Deferred[Any]] = object.__new__


def succeed(result: T) -> Deferred[T]:
    """Make a `Deferred` that has its result."""
    if _debugging:
        d: Deferred[T] = Deferred()
    else:
        # Repeats __init__: coroutines and tests make these by the million.
        d = _new(Deferred)
        d.paused = 0
        d._canceller = d._entries = None
        d._running = False
    d.called = True
    d.result = result
    if result.__class__ not in PLAIN and isinstance(result, Failure):
        d._advance_all()
    return d


def fail(result: Failure | BaseException | None = None) -> Deferred[Any]:
    """Make a `Deferred` that failed: with `result`, else with the exception being handled."""
    d: Deferred[Any] = Deferred()
    d.errback(result)
    return d
