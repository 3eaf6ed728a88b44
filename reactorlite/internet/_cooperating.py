"""Long work in small steps: iterators that take turns; `internet.task` has the names."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from reactorlite.internet._current import current_reactor
from reactorlite.internet.defer import Deferred, fail, succeed
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

I = TypeVar("I", bound="Iterator[object]")  # noqa: E741  # for an iterator

#: Seconds of work in one turn of the reactor, by default.
_SLICE = 0.01


class SchedulerError(Exception):
    """What was asked of a cooperative task can't be done."""


class SchedulerStopped(SchedulerError):
    """The `Cooperator` stopped, and its tasks with it."""


class TaskFinished(SchedulerError):
    """The task has come to its end."""


class TaskDone(TaskFinished):
    """The task's iterator was used up."""


class TaskStopped(TaskFinished):
    """The task was stopped."""


class TaskFailed(TaskFinished):
    """The task's iterator raised something."""


class NotPaused(SchedulerError):
    """`resume` was called more often than `pause`."""


class CooperativeTask(Generic[I]):
    """An iterator that a `Cooperator` goes through; see `Cooperator.cooperate`."""

    def __init__(self, iterator: I, cooperator: Cooperator) -> None:
        self._iterator = iterator
        self._cooperator = cooperator
        self._waiting: list[Deferred[I]] = []
        self._pauseCount = 0
        self._finish: SchedulerError | None = None  # why it is over
        self._result: I | Failure | None = None
        cooperator._add(self)

    def whenDone(self) -> Deferred[I]:
        """Make a `Deferred` that fires with the iterator when that is used up.

        It fails with what the iterator raised, with `TaskStopped` or `SchedulerStopped`.
        """
        if self._finish is None:
            waiting: Deferred[I] = Deferred()
            self._waiting.append(waiting)
            return waiting
        if isinstance(self._result, Failure):
            return fail(self._result)
        return succeed(self._iterator)

    def pause(self) -> None:
        """Take no steps until `resume` was called as often; raises `TaskFinished` at the end."""
        self._check_unfinished()
        self._pauseCount += 1
        if self._pauseCount == 1:
            self._cooperator._remove(self)

    def resume(self) -> None:
        """Take back one `pause`; raises `NotPaused` if there is none."""
        if self._pauseCount == 0:
            raise NotPaused
        self._pauseCount -= 1
        if self._pauseCount == 0 and self._finish is None:
            self._cooperator._add(self)

    def stop(self) -> None:
        """End the task; raises `TaskFinished` if it has ended."""
        self._check_unfinished()
        self._end(TaskStopped(), Failure(TaskStopped()))

    def _check_unfinished(self) -> None:
        if self._finish is not None:
            raise type(self._finish)

    def _end(self, finish: SchedulerError, result: I | Failure) -> None:
        self._finish = finish
        self._result = result
        if not self._pauseCount:
            self._cooperator._remove(self)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(result)

    def _step(self) -> None:
        """Take one step, and wait if it gives a `Deferred`."""
        try:
            result = next(self._iterator)
        except StopIteration:
            self._end(TaskDone(), self._iterator)
        except BaseException:
            self._end(TaskFailed(), Failure())
        else:
            if isinstance(result, Deferred):
                self.pause()
                result.addCallbacks(self._go_on, self._fail)

    def _go_on(self, _: object) -> None:
        self.resume()

    def _fail(self, failure: Failure) -> Failure | None:
        if self._finish is not None:
            # Nobody waits for it here: it is still to be heard of.
            return failure
        self._end(TaskFailed(), failure)
        return None


class _Slice:
    """Says when one turn's time is up."""

    def __init__(self) -> None:
        self._end = monotonic() + _SLICE

    def __call__(self) -> bool:
        return monotonic() >= self._end


def _soon(callable: Callable[[], None]) -> Any:
    return current_reactor().callLater(0, callable)


class Cooperator:
    """Lets any number of iterators take turns, a step at a time, without blocking the reactor.

    `scheduler(f)` has `f` called soon and returns an object with `cancel`;
    `terminationPredicateFactory()` makes, for each such call, a function that says after
    each step whether to leave the rest for the next. By default the current reactor calls,
    and a call lasts 10 ms. With `started=False` no step is taken before `start()`.
    """

    def __init__(
        self,
        terminationPredicateFactory: Callable[[], Callable[[], bool]] = _Slice,
        scheduler: Callable[[Callable[[], None]], Any] = _soon,
        started: bool = True,
    ) -> None:
        self._tasks: dict[CooperativeTask[Any], None] = {}
        self._round: deque[CooperativeTask[Any]] = deque()
        self._is_time_up = terminationPredicateFactory
        self._scheduler = scheduler
        self._delayedCall: Any = None
        self._started = started
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether steps are taken: started, and not stopped."""
        return self._started and not self._stopped

    def cooperate(self, iterator: I) -> CooperativeTask[I]:
        """Go through `iterator`, and return the task, which can be paused and stopped.

        When it yields a `Deferred`, it goes on when that fires, and fails if that does.
        """
        return CooperativeTask(iterator, self)

    def coiterate(self, iterator: I, doneDeferred: Deferred[Any] | None = None) -> Deferred[I]:
        """Go through `iterator`, and return a `Deferred` for its end, see `whenDone`.

        `doneDeferred` is fired and returned if it is given.
        """
        done = CooperativeTask(iterator, self).whenDone()
        if doneDeferred is None:
            return done
        done.chainDeferred(doneDeferred)
        return doneDeferred

    def start(self) -> None:
        """Begin to take steps, for the first time or again after `stop`."""
        self._stopped = False
        self._started = True
        self._schedule()

    def stop(self) -> None:
        """Take no more steps: all tasks fail with `SchedulerStopped`, as do new ones."""
        self._stopped = True
        for task in list(self._tasks):
            task._end(SchedulerStopped(), Failure(SchedulerStopped()))
        self._tasks.clear()
        self._schedule()

    def _add(self, task: CooperativeTask[Any]) -> None:
        if self._stopped:
            task._end(SchedulerStopped(), Failure(SchedulerStopped()))
            return
        self._tasks[task] = None
        self._round.append(task)
        self._schedule()

    def _remove(self, task: CooperativeTask[Any]) -> None:
        self._tasks.pop(task, None)
        self._schedule()

    def _schedule(self) -> None:
        """Have `_tick` called if there is something to do, and not otherwise."""
        call = self._delayedCall
        if self._tasks and self.running:
            # A reactor that ended has cancelled the call, and nobody would hear of it.
            if call is None or getattr(call, "cancelled", False):
                self._delayedCall = self._scheduler(self._tick)
        elif call is not None:
            self._delayedCall = None
            if not getattr(call, "cancelled", False):
                call.cancel()

    def _tick(self) -> None:
        """Let the tasks take steps until the time is up, or there are none."""
        self._delayedCall = None
        is_time_up = self._is_time_up()
        while (task := self._next()) is not None:
            task._step()
            if is_time_up():
                break
        self._schedule()

    def _next(self) -> CooperativeTask[Any] | None:
        """Whose turn it is: every task's once in a round, new ones' at its end."""
        while self._tasks and self.running:
            if not self._round:
                self._round.extend(self._tasks)
            task = self._round.popleft()
            if task in self._tasks:
                return task
        self._round.clear()
        return None


#: One for each reactor, so that tasks run in the loop that they were given in.
_cooperators: WeakKeyDictionary[Any, Cooperator] = WeakKeyDictionary()


def current_cooperator() -> Cooperator:
    """The `Cooperator` of the current reactor, which `cooperate` gives its tasks to."""
    reactor = current_reactor()
    cooperator = _cooperators.get(reactor)
    if cooperator is None:
        cooperator = _cooperators[reactor] = Cooperator()
    return cooperator


def coiterate(iterator: I) -> Deferred[I]:
    """`Cooperator.coiterate`, by the `Cooperator` of the current reactor."""
    return current_cooperator().coiterate(iterator)


def cooperate(iterator: I) -> CooperativeTask[I]:
    """`Cooperator.cooperate`, by the `Cooperator` of the current reactor."""
    return current_cooperator().cooperate(iterator)
