"""Processes in one call, for what they print and how they exit; and warnings put aside.

Each starts a program with `args` (the arguments after its name), in the directory `path`, with
the environment `env` (None for this process's own), on `reactor` or else on the current one.
They raise `OSError` when the program can't be started.
"""

from __future__ import annotations

import warnings
from functools import wraps
from typing import TYPE_CHECKING, Any

from reactorlite.internet._current import current_reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ProcessProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reactorlite.python.failure import Failure

    Word = str | bytes
    Filter = tuple[tuple[Any, ...], dict[str, Any]]

__all__ = [
    "getProcessOutput",
    "getProcessOutputAndValue",
    "getProcessValue",
    "runWithWarningsSuppressed",
    "suppressWarnings",
]


class _UnexpectedErrorOutput(OSError):
    """A program wrote to its standard error; `processEnded` fires when it has ended."""

    def __init__(self, text: bytes, processEnded: Deferred[Failure]) -> None:
        super().__init__(f"got stderr: {text!r}")
        self.processEnded = processEnded


class _Collector(ProcessProtocol):
    """Keeps what a process prints, and tells `deferred` when it has ended."""

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.deferred = deferred
        self.out: list[bytes] = []
        self.err: list[bytes] = []

    def outReceived(self, data: bytes) -> None:
        self.out.append(data)

    def errReceived(self, data: bytes) -> None:
        self.err.append(data)


class _Output(_Collector):
    """Wants the output alone; anything on standard error fails it, or is output too."""

    def __init__(self, deferred: Deferred[Any], errortoo: object) -> None:
        super().__init__(deferred)
        if errortoo:
            self.err = self.out
        self.errortoo = errortoo
        self.ended: Deferred[Failure] | None = None

    def errReceived(self, data: bytes) -> None:
        super().errReceived(data)
        if not self.errortoo and self.ended is None:
            self.ended = Deferred()
            self.deferred.errback(_UnexpectedErrorOutput(data, self.ended))
            self.transport.loseConnection()

    def processEnded(self, reason: Failure) -> None:
        if self.ended is not None:
            self.ended.callback(reason)
        else:
            self.deferred.callback(b"".join(self.out))


class _Value(ProcessProtocol):
    """Wants the exit code alone."""

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.deferred = deferred

    def processEnded(self, reason: Failure) -> None:
        self.deferred.callback(reason.value.exitCode)  # type: ignore[attr-defined]  # ProcessDone has it


class _OutputAndValue(_Collector):
    """Wants everything, and may have something to say itself."""

    def __init__(self, deferred: Deferred[Any], stdin: bytes | None) -> None:
        super().__init__(deferred)
        self.stdin = stdin

    def connectionMade(self) -> None:
        if self.stdin is not None:
            self.transport.write(self.stdin)
            self.transport.closeStdin()

    def processEnded(self, reason: Failure) -> None:
        ended: Any = reason.value
        out, err = b"".join(self.out), b"".join(self.err)
        if ended.signal:
            self.deferred.errback((out, err, ended.signal))  # type: ignore[arg-type]  # so in Twisted
        else:
            self.deferred.callback((out, err, ended.exitCode))


def getProcessOutput(
    executable: Word,
    args: Sequence[Word] = (),
    env: Mapping[Any, Any] | None = {},
    path: Word | None = None,
    reactor: Any = None,
    errortoo: object = 0,
) -> Deferred[bytes]:
    """Run a program; the Deferred fires with what it printed, whatever its exit code.

    With `errortoo` its standard error counts as output. Without, the first bytes there fail
    the Deferred with an `OSError` that shows them and has a Deferred `processEnded`; the pipes
    to the program are closed.
    """
    deferred: Deferred[bytes] = Deferred()
    _spawn(_Output(deferred, errortoo), executable, args, env, path, reactor)
    return deferred


def getProcessValue(
    executable: Word,
    args: Sequence[Word] = (),
    env: Mapping[Any, Any] | None = {},
    path: Word | None = None,
    reactor: Any = None,
) -> Deferred[int | None]:
    """Run a program; the Deferred fires with its exit code, or None if a signal ended it."""
    deferred: Deferred[int | None] = Deferred()
    _spawn(_Value(deferred), executable, args, env, path, reactor)
    return deferred


def getProcessOutputAndValue(
    executable: Word,
    args: Sequence[Word] = (),
    env: Mapping[Any, Any] | None = {},
    path: Word | None = None,
    reactor: Any = None,
    stdinBytes: bytes | None = None,
) -> Deferred[tuple[bytes, bytes, int]]:
    """Run a program; the Deferred fires with its output, its error output and its exit code.

    If a signal ended it, the Deferred fails: the failure's `value` is a tuple of the two
    outputs and the signal's number. `stdinBytes` is what the program gets to read.
    """
    deferred: Deferred[tuple[bytes, bytes, int]] = Deferred()
    _spawn(_OutputAndValue(deferred, stdinBytes), executable, args, env, path, reactor)
    return deferred


def _spawn(
    protocol: ProcessProtocol,
    executable: Word,
    args: Sequence[Word],
    env: Mapping[Any, Any] | None,
    path: Word | None,
    reactor: Any,
) -> None:
    if isinstance(args, str | bytes):
        raise TypeError(f"a program takes its arguments as a sequence, not {args!r}: [{args!r}]")
    if reactor is None:
        reactor = current_reactor()
    reactor.spawnProcess(protocol, executable, [executable, *args], env, path)


def runWithWarningsSuppressed(
    suppressedWarnings: Sequence[Filter], f: Callable[..., Any], *a: Any, **kw: Any
) -> Any:
    """Call `f(*a, **kw)` with filters for warnings set, and answer what it does.

    A filter is a tuple of the positional and one of the keyword arguments for
    `warnings.filterwarnings`. If `f` returns a Deferred, the filters stay until it has fired.
    """
    for args, kwargs in suppressedWarnings:
        warnings.filterwarnings(*args, **kwargs)
    added = warnings.filters[: len(suppressedWarnings)]
    try:
        result = f(*a, **kw)
    except BaseException:
        _take_back(added)
        raise
    if isinstance(result, Deferred):
        return result.addBoth(_taking_back, added)
    _take_back(added)
    return result


def suppressWarnings(f: Callable[..., Any], *suppressedWarnings: Filter) -> Callable[..., Any]:
    """`f`, to be called by `runWithWarningsSuppressed` whenever it is called."""

    @wraps(f)
    def suppressing(*a: Any, **kw: Any) -> Any:
        return runWithWarningsSuppressed(suppressedWarnings, f, *a, **kw)

    return suppressing


def _taking_back(result: Any, added: Sequence[Any]) -> Any:
    _take_back(added)
    return result


def _take_back(added: Sequence[Any]) -> None:
    for each in added:
        if each in warnings.filters:
            warnings.filters.remove(each)  # type: ignore[attr-defined]  # it is a list
    # The module is named, since a test may have emptied `sys.modules` meanwhile.
    with warnings.catch_warnings(module=warnings):
        """Entering and leaving tells `warnings` that the filters have changed."""
