"""Results that are still to come, and everything to do with them: Twisted's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from reactorlite.internet._deferred import (
    AlreadyCalledError,
    CancelledError,
    DebugInfo,
    Deferred,
    TimeoutError,
    fail,
    getDebugging,
    setDebugging,
    succeed,
)
from reactorlite.internet._gathering import (
    FAILURE,
    SUCCESS,
    DeferredList,
    FailureGroup,
    FirstError,
    gatherResults,
    race,
)
from reactorlite.internet._inline import (
    NotACoroutineError,
    ensureDeferred,
    inlineCallbacks,
    iscoroutine,
    returns_deferred,
    returnValue,
)
from reactorlite.python.failure import Failure

T = TypeVar("T")
P = ParamSpec("P")

__all__ = [
    "FAILURE",
    "SUCCESS",
    "AlreadyCalledError",
    "CancelledError",
    "DebugInfo",
    "Deferred",
    "DeferredList",
    "FailureGroup",
    "FirstError",
    "NotACoroutineError",
    "TimeoutError",
    "ensureDeferred",
    "execute",
    "fail",
    "gatherResults",
    "getDebugging",
    "inlineCallbacks",
    "logError",
    "maybeDeferred",
    "passthru",
    "race",
    "returnValue",
    "returns_deferred",
    "setDebugging",
    "succeed",
]


def maybeDeferred(f: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Deferred[Any]:
    """Call `f` and return a `Deferred` for what it returns or raises.

    A `Deferred` that it returns is returned as it is, and a coroutine is started.
    """
    try:
        result = f(*args, **kwargs)
    except BaseException:
        return fail(Failure(captureVars=Deferred.debug))
    if isinstance(result, Deferred):
        return result
    if isinstance(result, Failure):
        return fail(result)
    if iscoroutine(result):
        return ensureDeferred(result)
    return succeed(result)


def execute(callable: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Call `callable` and return a fired `Deferred` with what it returned or raised."""
    try:
        return succeed(callable(*args, **kwargs))
    except BaseException:
        return fail()


def passthru(arg: T) -> T:
    """Return the argument: a callback that changes nothing."""
    return arg


def logError(err: Failure) -> Failure:
    """Log a failure and pass it on: an errback."""
    from reactorlite.python import log

    log.err(err)
    return err


for _name in __all__:
    # The private modules they are written in would show in tracebacks, pickles and logs.
    if callable(globals()[_name]):
        globals()[_name].__module__ = __name__
