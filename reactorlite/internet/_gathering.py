"""Several Deferreds made into one: all of them, or the first of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from reactorlite.internet._deferred import Deferred
from reactorlite.python.failure import Failure

T = TypeVar("T")

#: What the first item of each pair in a `DeferredList`'s result says.
SUCCESS = True
FAILURE = False


class FirstError(Exception):
    """One of several Deferreds failed: `subFailure`, the one at `index`."""

    def __init__(self, failure: Failure, index: int) -> None:
        super().__init__(failure, index)
        self.subFailure = failure
        self.index = index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FirstError):
            return NotImplemented
        return (self.index, self.subFailure) == (other.index, other.subFailure)

    __hash__ = Exception.__hash__

    def __repr__(self) -> str:
        return f"FirstError[#{self.index}, {self.subFailure.value!r}]"

    def __str__(self) -> str:
        return f"FirstError[#{self.index}, {self.subFailure}]"


class FailureGroup(Exception):
    """Every Deferred given to `race` failed: `failures`, in the order of the Deferreds."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__(failures)
        self.failures = failures


class DeferredList(Deferred[list[tuple[bool, Any]]]):
    """Fires when all of a list have, with a pair `(SUCCESS or FAILURE, result)` for each.

    With `fireOnOneCallback` it fires with `(value, index)` of the first that succeeds; with
    `fireOnOneErrback` it fails with a `FirstError` as soon as one fails. With
    `consumeErrors` failures are not passed on to callbacks that are added to the single
    Deferreds afterwards, nor logged. An empty list fires at once, unless it was to fire
    with the first value.

    `cancel` cancels all of them. Anything else than a Deferred in the list is a `TypeError`.
    """

    def __init__(
        self,
        deferredList: Iterable[Deferred[Any]],
        fireOnOneCallback: bool = False,
        fireOnOneErrback: bool = False,
        consumeErrors: bool = False,
    ) -> None:
        super().__init__()
        self._deferredList = _checked("a DeferredList", deferredList)
        self.resultList: list[Any] = [None] * len(self._deferredList)
        self.fireOnOneCallback = fireOnOneCallback
        self.fireOnOneErrback = fireOnOneErrback
        self.consumeErrors = consumeErrors
        self.finishedCount = 0
        if not self._deferredList and not fireOnOneCallback:
            self.callback(self.resultList)
        arrived, failed = self._value_arrived, self._failure_arrived
        for index, deferred in enumerate(self._deferredList):
            deferred._add((arrived, failed, (index,)))

    def _value_arrived(self, value: Any, index: int) -> Any:
        self.resultList[index] = (SUCCESS, value)
        self.finishedCount += 1
        if not self.called:
            if self.fireOnOneCallback:
                # The flag changes the type of the result, as it does in Twisted.
                self.callback((value, index))  # type: ignore[arg-type]
            elif self.finishedCount == len(self.resultList):
                self.callback(self.resultList)
        return value

    def _failure_arrived(self, failure: Failure, index: int) -> Failure | None:
        self.resultList[index] = (FAILURE, failure)
        self.finishedCount += 1
        if not self.called:
            if self.fireOnOneErrback:
                self.errback(Failure(FirstError(failure, index)))
            elif self.finishedCount == len(self.resultList):
                self.callback(self.resultList)
        return None if self.consumeErrors else failure

    def cancel(self) -> None:
        """Cancel every Deferred of the list, if this one has not fired.

        What their cancellers raise is logged, and the others are cancelled all the same.
        """
        if self.called:
            return
        for deferred in self._deferredList:
            _cancel_and_log(deferred)


def _checked(where: str, deferreds: Iterable[Deferred[Any]]) -> list[Deferred[Any]]:
    # Before anything is added to one of them: what is refused leaves no trace.
    found = list(deferreds)
    for each in found:
        if not isinstance(each, Deferred):
            raise TypeError(
                f"{where} takes Deferreds, not {each!r}: ensureDeferred() makes one of a coroutine,"
                " Deferred.fromFuture() of a future, succeed() of a value"
            )
    return found


def _cancel_and_log(deferred: Deferred[Any]) -> None:
    try:
        deferred.cancel()
    except BaseException:
        from reactorlite.python import log

        log.err(Failure(), "a canceller raised")


def gatherResults(
    deferredList: Iterable[Deferred[T]], consumeErrors: bool = False
) -> Deferred[list[T]]:
    """Fire with the values of all, in their order; fail with `FirstError` when one fails.

    Cancelling the result cancels them all. `consumeErrors` is as in `DeferredList`.
    """
    gathered: Deferred[Any] = DeferredList(
        deferredList, fireOnOneErrback=True, consumeErrors=consumeErrors
    )
    return gathered.addCallback(_values)


def _values(pairs: list[tuple[bool, T]]) -> list[T]:
    return [value for _, value in pairs]


def race(ds: Sequence[Deferred[T]]) -> Deferred[tuple[int, T]]:
    """Fire with `(index, value)` of the first that succeeds, and cancel the others.

    When all fail, fail with a `FailureGroup`. Cancelling the result cancels them all.
    """
    contest = _Race(_checked("race()", ds))
    return contest.outcome


class _Race:
    """What `race` remembers until there is a winner."""

    def __init__(self, deferreds: list[Deferred[Any]]) -> None:
        self.deferreds = deferreds
        self.failures: dict[int, Failure] = {}
        self.won = False
        self.outcome: Deferred[Any] = Deferred(lambda _: self.cancel())
        for index, deferred in enumerate(deferreds):
            deferred.addCallbacks(
                self.value_arrived,
                self.failure_arrived,
                callbackArgs=(index,),
                errbackArgs=(index,),
            )

    def cancel(self, but: int | None = None) -> None:
        for index, deferred in enumerate(self.deferreds):
            if index != but:
                deferred.cancel()

    def value_arrived(self, value: Any, index: int) -> None:
        if not self.won:
            self.won = True
            self.cancel(but=index)
            self.outcome.callback((index, value))

    def failure_arrived(self, failure: Failure, index: int) -> None:
        self.failures[index] = failure
        if len(self.failures) == len(self.deferreds) and not self.won:
            failures = [self.failures[i] for i in range(len(self.deferreds))]
            self.outcome.errback(Failure(FailureGroup(failures)))
