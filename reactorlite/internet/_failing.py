"""What can go wrong with a `Deferred`: its errors, and what is kept of failures for the log."""

from __future__ import annotations

from typing import Any

from reactorlite.internet._futures import AsyncioCancelledError
from reactorlite.python import log
from reactorlite.python.failure import Failure


class AlreadyCalledError(Exception):
    """`callback` or `errback` was called on a `Deferred` that has its result.

    With debugging on, its argument shows where the `Deferred` was made and fired.
    """

    def __str__(self) -> str:
        # Not an argument: programs tell by there being none that debugging is off.
        return super().__str__() or (
            "this Deferred has its result, or was cancelled, and takes no other;"
            " defer.setDebugging(True) shows who gave the first"
        )


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
        stacks = self._getDebugTracebacks()
        log.err(failure, "Unhandled error in Deferred" + (f"\n{stacks}" if stacks else ""))


def _indented(mark: str, title: str, stack: list[str]) -> str:
    lines = [title, *"".join(stack).rstrip().split("\n")]
    return "".join(f"{mark}{line}\n" for line in lines)


def stack_of_caller() -> list[str]:
    """The lines of a traceback that ends where the function that asks was called."""
    import traceback

    return traceback.format_stack()[:-2]


def as_ours(exc: BaseException) -> CancelledError:
    """asyncio's cancellation as a `Deferred` tells it."""
    error = CancelledError(*exc.args)
    error.__cause__ = exc
    return error.with_traceback(exc.__traceback__)


def caught(exc: BaseException, captureVars: bool = False) -> Failure:
    """Make a `Failure` of an exception, less the frame of the library that caught it.

    So a traceback through any number of callbacks and coroutines shows these alone, and a
    frame that refers to a `Deferred` isn't kept alive by its result.
    """
    tb = exc.__traceback__
    if tb is not None and (inner := tb.tb_next) is not None:
        exc.__traceback__ = inner
    return Failure(exc, captureVars=True) if captureVars else Failure(exc)


def timed_out(result: Any, timeout: float) -> Any:
    """What `Deferred.addTimeout` makes of a result that comes after the time was up."""
    if isinstance(result, Failure):
        result.trap(CancelledError)
        raise TimeoutError(timeout, "Deferred")
    return result


def warn_of_own_deferred(callback: object) -> None:
    """Warn that a callback returned the `Deferred` it was called for."""
    import warnings

    text = (
        "Callback returned the Deferred it was attached to, which now waits for itself for ever:"
        " return something else, or nothing"
    )
    code = getattr(callback, "__code__", None)
    if code is None:
        warnings.warn(text, DeprecationWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, DeprecationWarning, code.co_filename, code.co_firstlineno)
