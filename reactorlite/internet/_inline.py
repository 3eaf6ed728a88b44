"""Coroutines and generators that wait for Deferreds: what runs them.

Both start at once, and go on inside the very call that fires what they wait for. A
`GeneratorDriver` runs what `inlineCallbacks` decorates. A `CoroutineDriver` runs an `async
def` function; it is also a task in asyncio's eyes, so that all of asyncio can be awaited.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from functools import wraps
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, overload

from reactorlite.internet._deferred import Deferred, fail, succeed
from reactorlite.internet._failing import CancelledError, as_ours, caught
from reactorlite.internet._futures import (
    PENDING,
    PLAIN,
    AsyncioCancelledError,
    LoopTask,
    cancelled_error,
    isfuture,
    not_resumed,
    running_loop,
)
from reactorlite.python._deprecations import warn_of
from reactorlite.python.failure import Failure

T = TypeVar("T")
P = ParamSpec("P")

_SUSPENDED: Any = object()


class NotACoroutineError(TypeError):
    """What was to be run as a coroutine is none."""


class _Return(BaseException):
    """Leaves a generator with a value: what `returnValue` raises."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.value = value


class _Driver:
    """Runs a generator to its end, and gives its result to a `Deferred`."""

    # The slots are the subclasses', one of which has a second base with slots.
    __slots__ = ()

    if TYPE_CHECKING:
        _context: Context
        _generator: Any
        _waiting_for: Any

        @property
        def deferred(self) -> Deferred[Any] | None: ...
        @deferred.setter
        def deferred(self, deferred: Deferred[Any] | None) -> None: ...

    def _succeed(self, value: Any) -> Deferred[Any] | None:
        if value.__class__ not in PLAIN and isinstance(value, Failure):
            return self._fail(value)
        deferred = self.deferred
        if deferred is None:
            # It never waited, so that nobody has asked yet.
            self.deferred = succeed(value)
            return None
        if deferred.called:
            # Fired by someone else, from whom this keeps nothing back.
            deferred._refuse()
            return None
        deferred.called = True
        deferred._canceller = None
        deferred.result = value
        if deferred._entries or deferred.paused:
            return deferred
        deferred._entries = None
        return None

    def _fail(self, failure: Failure) -> Deferred[Any] | None:
        if type(failure.value) is AsyncioCancelledError:
            failure = Failure(as_ours(failure.value))
        deferred = self.deferred or Deferred()
        if deferred.called:
            deferred._refuse()
            return None
        deferred.called = True
        deferred._canceller = None
        deferred.result = failure
        if self.deferred is deferred:
            return deferred
        # Its traceback may stay: nobody had this Deferred yet, so that no frame refers to it.
        deferred._expect_care(failure)
        self.deferred = deferred
        return None

    def _cancel(self, deferred: Deferred[Any]) -> None:
        """Cancel what is waited for; the generator may then take its time to end."""
        self.deferred = Deferred(self._cancel)
        try:
            self._cancel_waiting()
        finally:
            deferred._become(self.deferred)

    def _cancel_waiting(self) -> None:
        raise NotImplementedError


class GeneratorDriver(_Driver):
    """Runs a generator that yields Deferreds, and anything that one can be made of."""

    __slots__ = ("_context", "_generator", "_waiting_for", "deferred")

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator
        self._context = copy_context()
        self._waiting_for: Deferred[Any] | None = None
        self.deferred = None

    def start(self) -> Deferred[Any]:
        """Run until the generator must wait or ends, and return the `Deferred` for its end."""
        self._context.run(self._run, None)
        if self.deferred is None:
            self.deferred = Deferred(self._cancel)
        return self.deferred

    def _take_from(self, deferred: Deferred[Any]) -> Deferred[Any] | None:
        """Go on with the result of what was waited for; it calls this."""
        result = deferred.result
        deferred._give_away()
        try:
            return self._context.run(self._run, result)
        except BaseException as exc:
            not_resumed(exc)
            return None

    def _run(self, result: Any) -> Deferred[Any] | None:
        """Run on with a result; return the `Deferred` if it has one of its own now."""
        generator = self._generator
        while True:
            try:
                if isinstance(result, Failure):
                    yielded = _throw(generator, result)
                else:
                    yielded = generator.send(result)
            except StopIteration as stop:
                return self._succeed(stop.value)
            except _Return as leaving:
                _warn_if_not_local(leaving)
                return self._succeed(leaving.value)
            except BaseException as exc:
                return self._fail(caught(exc))
            if not isinstance(yielded, Deferred):
                result = yielded
                if yielded is None or (yielded := _deferred_for(yielded)) is None:
                    continue
            if yielded.paused or not yielded.called:
                yielded._await_by(self)
                self._waiting_for = yielded
                return None
            result = yielded.result
            if yielded._entries is None:
                yielded.result = None
            else:
                yielded._give_away()

    def _cancel_waiting(self) -> None:
        if self._waiting_for is not None:
            self._waiting_for.cancel()


class CoroutineDriver(LoopTask, _Driver):
    """Runs a coroutine that awaits Deferreds, futures and tasks in any mix."""

    __slots__ = ("_context", "_generator", "deferred")

    # What few ever need: no slots to fill for that.
    _cancelled_from_deferred = False
    _cancelled_with: BaseException | None = None

    def _take_from(self, deferred: Deferred[Any]) -> Deferred[Any] | None:
        """Go on with the result of what was waited for; it calls this."""
        result = deferred._share()
        try:
            if self._cancelled_with is not None:
                # Whoever cancels a task does not expect it to run before the call returns.
                self.get_loop().call_soon(self._wake_cancelled, result)
                return None
            self._waiting_for = None
            return self._go(result)
        except BaseException as exc:
            not_resumed(exc)
            return None

    def _wake_cancelled(self, result: Any) -> None:
        """Raise asyncio's error, whatever the `Deferred` made of being cancelled."""
        error, self._cancelled_with = self._cancelled_with, None
        self._waiting_for = None
        assert error is not None
        if isinstance(result, Failure) and not isinstance(result.value, AsyncioCancelledError):
            error.__cause__ = result.value
        self._go_on(Failure(error))

    def _cancel_waiting_for(self, message: Any) -> bool:
        if not isinstance(self._waiting_for, Deferred):
            return super()._cancel_waiting_for(message)
        self._cancelled_with = cancelled_error(message)
        self._waiting_for._cancel_firmly()
        return True

    def _wake(self, future: Any) -> None:
        """Go on after what the loop knows is done."""
        thrown = self._woken(future)
        if self._cancelled_from_deferred:
            self._cancelled_from_deferred = False
            if thrown is not None and type(thrown.value) is AsyncioCancelledError:
                thrown = Failure(as_ours(thrown.value))
        self._go_on(thrown)

    def _wake_next_turn(self) -> None:
        thrown = self._asked_to_cancel()
        if thrown is None and self._cancelled_from_deferred:
            thrown = Failure(CancelledError())
        self._cancelled_from_deferred = False
        self._go_on(thrown)

    def _go_on(self, thrown: Failure | None) -> None:
        finished = self._go(thrown)
        if finished is not None:
            finished._advance_all()

    def _go(self, result: Any) -> Deferred[Any] | None:
        """Run on with a result; return the `Deferred` if it has one of its own now."""
        coroutine, context = self._generator, self._context
        loop = running_loop()
        if loop is not None:
            interrupted = self._enter(loop)
        try:
            while True:
                if result.__class__ in PLAIN or not isinstance(result, Failure):
                    yielded = context.run(coroutine.send, result)
                else:
                    yielded = context.run(_throw, coroutine, result)
                if not isinstance(yielded, Deferred):
                    result = self._wait_for(yielded)
                    if result is _SUSPENDED:
                        return None
                elif yielded.paused or not yielded.called:
                    if yielded._entries:
                        yielded._await_by(self)
                    else:
                        yielded._entries = (self,)
                    self._waiting_for = yielded
                    if self._must_cancel:
                        self._suspend(yielded)
                    return None
                else:
                    result = yielded._share()
        except StopIteration as stop:
            self._outcome = value = stop.value
            if self._callbacks is not None:
                self._report()
            return self._succeed(value)
        except BaseException as exc:
            self._outcome = failure = caught(exc)
            if self._callbacks is not None:
                self._report()
            return self._fail(failure)
        finally:
            if loop is not None:
                self._leave(loop, interrupted)

    def _wait_for(self, yielded: Any) -> Any:
        """Wait for something other than a `Deferred`, or say what to send back."""
        if isfuture(yielded):
            loop = running_loop()
            if loop is not None and yielded.get_loop() is not loop:
                return Failure(RuntimeError(f"{yielded!r} belongs to another loop than {loop!r}"))
            self._wait_for_future(yielded, self._wake)
        elif yielded is None and (loop := running_loop()) is not None:
            # asyncio.sleep(0)
            loop.call_soon(self._wake_next_turn)
            self._suspend(None)
        else:
            return yielded
        return _SUSPENDED

    def _cancel_waiting(self) -> None:
        waiting = self._waiting_for
        self._cancelled_from_deferred = not isinstance(waiting, Deferred)
        if waiting is not None:
            waiting.cancel()


def _warn_if_not_local(leaving: _Return) -> None:
    """Warn when it was not the generator itself that called `returnValue`."""
    caller = leaving.__traceback__
    # The frames: ours, the generator's, then returnValue's if the generator called it.
    generator = None if caller is None else caller.tb_next
    if generator is None or generator.tb_next is None or generator.tb_next.tb_next is None:
        return
    culprit = generator.tb_next
    code = culprit.tb_frame.f_code
    warnings.warn_explicit(
        f"returnValue() in {code.co_name!r} causing {generator.tb_frame.f_code.co_name!r} to exit",
        DeprecationWarning,
        code.co_filename,
        culprit.tb_lineno,
    )


def _throw(generator: Any, failure: Failure) -> Any:
    return generator.throw(failure.value.with_traceback(failure.getTracebackObject()))


def iscoroutine(candidate: object) -> bool:
    """Whether something can be run as a coroutine; asyncio's answer was different before 3.12."""
    return candidate.__class__ is CoroutineType or isinstance(candidate, Coroutine)


def _deferred_for(yielded: Any) -> Deferred[Any] | None:
    """What a generator means by yielding something that is no `Deferred`, if it waits."""
    if isinstance(yielded, GeneratorType):
        return GeneratorDriver(yielded).start()
    if iscoroutine(yielded):
        return ensureDeferred(yielded)
    if isfuture(yielded):
        return Deferred.fromFuture(yielded)
    return None


def inlineCallbacks(f: Callable[P, Generator[Any, Any, T]]) -> Callable[P, Deferred[T]]:
    """Decorate a generator function so that calling it returns a `Deferred` for its end.

    Where the generator yields a `Deferred`, a coroutine, another generator or a future of
    asyncio's, it is given the result of that, or what failed is raised there. Anything
    else that it yields is given back at once. Its return value is the result. Cancelling
    the result raises `CancelledError` where the generator waits.

    Calling raises `TypeError` if the function returns no generator.
    """

    @wraps(f)
    def started(*args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        try:
            generator = f(*args, **kwargs)
        except _Return as leaving:
            raise TypeError(
                f"inlineCallbacks needs a generator, and {f!r} returned by returnValue"
            ) from leaving
        if not isinstance(generator, GeneratorType):
            raise _no_generator(f, generator)
        return GeneratorDriver(generator).start()

    return started


def _no_generator(f: Any, made: Any) -> TypeError:
    message = f"inlineCallbacks needs {f!r} to return a generator, not {made!r}"
    if isinstance(made, CoroutineType):
        made.close()  # it was never to be awaited
        message += ": an async function needs no inlineCallbacks, but ensureDeferred() of its call"
    return TypeError(message)


def returnValue(val: object) -> NoReturn:
    """End the generator that calls this, decorated by `inlineCallbacks`, with a result.

    A `return` statement does the same, and does it only where it stands; so this is
    deprecated.
    """
    warn_of("twisted.internet.defer.returnValue", "24.7.0", "a return statement")
    raise _Return(val)


def ensureDeferred(
    coro: Coroutine[Any, Any, T] | Generator[Any, Any, T] | Deferred[T],
) -> Deferred[T]:
    """Start a coroutine and return the `Deferred` for its result; return a `Deferred` as it is.

    The coroutine runs at once until it first has to wait. Cancelling the result raises
    `CancelledError` where the coroutine waits; cancelling the coroutine as an asyncio task
    raises asyncio's there. Raises `NotACoroutineError` for anything else.
    """
    if coro.__class__ is not CoroutineType:
        if isinstance(coro, Deferred):
            return coro
        if isinstance(coro, GeneratorType):
            return GeneratorDriver(coro).start()
        if not isinstance(coro, Coroutine):
            hint = ": give what it returns when it is called" if callable(coro) else ""
            raise NotACoroutineError(f"{coro!r} is not a coroutine{hint}")
    # A constructor would cost a coroutine that does next to nothing a twelfth of its time.
    driver = CoroutineDriver()
    driver._loop = driver._waiting_for = driver.deferred = None
    driver._outcome = PENDING
    driver._generator = coro
    driver._context = copy_context()
    driver._go(None)
    if driver.deferred is None:
        driver.deferred = Deferred(driver._cancel)
    return driver.deferred


@overload
def maybeDeferred(
    f: Callable[P, Deferred[T] | Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
) -> Deferred[T]: ...


@overload
def maybeDeferred(f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]: ...


def maybeDeferred(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
    """Call `f` and return a `Deferred` for what it returns or raises.

    A `Deferred` that it returns is returned as it is, and a coroutine is started.
    """
    try:
        result = f(*args, **kwargs)
    except BaseException as exc:
        return fail(caught(exc, Deferred.debug))
    if isinstance(result, Deferred):
        return result
    if isinstance(result, Failure):
        return fail(result)
    if iscoroutine(result):
        return ensureDeferred(result)
    return succeed(result)


def returns_deferred(f: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Deferred[T]]:
    """Decorate an `async def` function so that calling it starts it and returns a `Deferred`.

    So a public function can become a coroutine while some of its callers still use
    `addCallback`; the others can await the result, anywhere.
    """

    @wraps(f)
    def started(*args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        return ensureDeferred(f(*args, **kwargs))

    return started


def _run_coroutine(coro: Any) -> Deferred[Any]:
    if isinstance(coro, Deferred):
        raise NotACoroutineError(f"{coro!r} is not a coroutine")
    return ensureDeferred(coro)


Deferred._run_coroutine = staticmethod(_run_coroutine)  # type: ignore[method-assign]  # see there
