"""Results that are still to come, and everything to do with them: Twisted's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from reactorlite.internet._deferred import (
    Deferred,
    fail,
    getDebugging,
    setDebugging,
    succeed,
)
from reactorlite.internet._failing import (
    AlreadyCalledError,
    CancelledError,
    DebugInfo,
    TimeoutError,
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
    maybeDeferred,
    returns_deferred,
    returnValue,
)
from reactorlite.internet._primitives import (
    AlreadyTryingToLockError,
    DeferredFilesystemLock,
    DeferredLock,
    DeferredQueue,
    DeferredSemaphore,
    QueueOverflow,
    QueueUnderflow,
)
from reactorlite.python import log
from reactorlite.python._deprecations import warn_of
from reactorlite.python.failure import Failure

_T = TypeVar("_T")
_P = ParamSpec("_P")

# Names that typed programs take from here, for what a DeferredList fires with.
_DeferredListResultListT = list[tuple[bool, _T]]
_DeferredListSingleResultT = tuple[_T, int]

__all__ = [
    "FAILURE",
    "SUCCESS",
    "AlreadyCalledError",
    "AlreadyTryingToLockError",
    "CancelledError",
    "DebugInfo",
    "Deferred",
    "DeferredFilesystemLock",
    "DeferredList",
    "DeferredLock",
    "DeferredQueue",
    "DeferredSemaphore",
    "FailureGroup",
    "FirstError",
    "NotACoroutineError",
    "QueueOverflow",
    "QueueUnderflow",
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
    "timeout",
]


def execute(callable: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
    """Call `callable` and return a fired `Deferred` with what it returned or raised."""
    try:
        return succeed(callable(*args, **kwargs))
    except BaseException:
        return fail()


def passthru(arg: _T) -> _T:
    """Return the argument: a callback that changes nothing."""
    return arg


def logError(err: Failure) -> Failure:
    """Log a failure and pass it on: an errback."""
    log.err(err)
    return err


def timeout(deferred: Deferred[Any]) -> None:
    """Fail with `TimeoutError` what has no result yet. Deprecated: see `Deferred.addTimeout`."""
    warn_of(
        "twisted.internet.defer.timeout", "17.1.0", "twisted.internet.defer.Deferred.addTimeout"
    )
    if not deferred.called:
        deferred.errback(TimeoutError("no result in time"))


for _name in __all__:
    # The private modules they are written in would show in tracebacks, pickles and logs.
    if callable(globals()[_name]):
        globals()[_name].__module__ = __name__
