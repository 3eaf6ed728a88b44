"""Iterators that take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reactorlite.internet import task
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.task import Cooperator
from reactorlite.python.failure import Failure


class Scheduled:
    """What a scheduler was given, to be run by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, tick: Callable[[], None]) -> Scheduled:
        self.waiting.append(tick)
        return self

    def cancel(self) -> None:
        """Forget what waits."""
        self.waiting.clear()

    def run(self) -> None:
        """Run one tick."""
        self.waiting.pop(0)()

    def run_all(self) -> None:
        """Run ticks until none waits."""
        while self.waiting:
            self.run()


@pytest.fixture
def scheduled() -> Scheduled:
    """A scheduler."""
    return Scheduled()


@pytest.fixture
def cooperator(scheduled: Scheduled) -> Cooperator:
    """One that takes one step in a tick."""
    return Cooperator(lambda: lambda: True, scheduled)


def outcome(done: Deferred[Any]) -> Any:
    """A list that is given what becomes of a Deferred: a value, or the type of the error."""
    told: list[Any] = []
    done.addCallbacks(told.append, lambda failure: told.append(failure.type))
    return told


def test_iterator_is_used_up(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """An iterator takes a step in each tick, and the `Deferred` fires with it at the end."""
    steps = iter([1, 2])
    done = outcome(cooperator.coiterate(steps))

    scheduled.run()
    scheduled.run()
    assert not done
    scheduled.run()

    assert done == [steps]
    assert not scheduled.waiting


def test_tasks_take_turns(scheduled: Scheduled) -> None:
    """Each task takes a step in turn, new ones at the end of the round."""
    taken: list[tuple[str, int]] = []
    budget = [4, 4, 4, 4]

    def predicate() -> Callable[[], bool]:
        left = iter([False] * (budget.pop() - 1) + [True])
        return lambda: next(left)

    cooperator = Cooperator(predicate, scheduled)

    def work(name: str) -> Iterator[None]:
        for i in range(3):
            taken.append((name, i))
            if name == "a" and not i:
                cooperator.coiterate(work("c"))
            yield

    cooperator.coiterate(work("a"))
    cooperator.coiterate(work("b"))
    scheduled.run_all()

    assert taken == [(name, i) for i in range(3) for name in "abc"]


def test_ticks_end_when_the_predicate_says_so(scheduled: Scheduled) -> None:
    """A tick takes steps until its predicate is true."""
    taken: list[int] = []
    cooperator = Cooperator(lambda: lambda: len(taken) % 3 == 0, scheduled)

    def work() -> Iterator[None]:
        for i in range(6):
            taken.append(i)
            yield

    cooperator.coiterate(work())
    scheduled.run()

    assert taken == [0, 1, 2]


def test_deferred_is_waited_for(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """A task that yields a `Deferred` goes on when it fires; nothing is scheduled meanwhile."""
    wait: Deferred[None] = Deferred()
    done = outcome(cooperator.coiterate(iter([wait])))
    scheduled.run()
    assert not scheduled.waiting

    wait.callback(None)
    scheduled.run_all()

    assert len(done) == 1


def test_deferred_that_fails_ends_the_task(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """A failure of a yielded `Deferred` is the task's."""
    wait: Deferred[None] = Deferred()
    cooperating = cooperator.cooperate(iter([wait]))
    done = outcome(cooperating.whenDone())
    scheduled.run()

    wait.errback(ValueError())

    assert done == [ValueError]
    with pytest.raises(task.TaskFailed):
        cooperating.stop()


def test_failure_after_the_end_is_not_lost(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """When the task was stopped before, a `Deferred` it waited for keeps its failure."""
    wait: Deferred[None] = Deferred()
    cooperating = cooperator.cooperate(iter([wait]))
    done = outcome(cooperating.whenDone())
    scheduled.run()
    cooperating.stop()

    wait.errback(ValueError())

    assert done == [task.TaskStopped]
    left: list[Failure] = []
    wait.addErrback(left.append)
    assert left[0].check(ValueError)


def test_iterator_that_raises_fails(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """What an iterator raises is the failure, for whoever asks when."""

    def work() -> Iterator[None]:
        yield
        raise KeyError

    cooperating = cooperator.cooperate(work())
    before = outcome(cooperating.whenDone())
    scheduled.run_all()

    assert before == [KeyError]
    assert outcome(cooperating.whenDone()) == [KeyError]


def test_paused_task_takes_no_step(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """A task goes on when it was resumed as often as it was paused."""
    cooperating = cooperator.cooperate(iter([1]))
    cooperating.pause()
    cooperating.pause()
    assert not scheduled.waiting

    cooperating.resume()
    assert not scheduled.waiting
    cooperating.resume()

    assert scheduled.waiting


def test_resume_without_pause_is_an_error(cooperator: Cooperator) -> None:
    """`resume` has a `pause` to take back, or raises `NotPaused`."""
    cooperating = cooperator.cooperate(iter([1]))

    with pytest.raises(task.NotPaused):
        cooperating.resume()


def test_stopped_task_ends(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """`stop` fails what waits for the task with `TaskStopped`."""
    cooperating = cooperator.cooperate(iter([1]))
    done = outcome(cooperating.whenDone())

    cooperating.stop()

    assert done == [task.TaskStopped]
    assert not scheduled.waiting


@pytest.mark.parametrize("deed", ["pause", "stop"])
def test_finished_task_refuses(cooperator: Cooperator, scheduled: Scheduled, deed: str) -> None:
    """A task that is done can't be paused or stopped, and says why it is over."""
    cooperating = cooperator.cooperate(iter([]))
    scheduled.run_all()

    with pytest.raises(task.TaskDone):
        getattr(cooperating, deed)()


def test_stopped_cooperator_ends_all(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """`stop` fails all tasks, and those that come later, with `SchedulerStopped`."""
    before = outcome(cooperator.coiterate(iter([1])))
    cooperator.stop()
    later = outcome(cooperator.coiterate(iter([1])))

    assert before == later == [task.SchedulerStopped]
    assert not cooperator.running
    assert not scheduled.waiting


def test_cooperator_starts_again(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """`start` after `stop` takes tasks again."""
    cooperator.stop()
    cooperator.start()
    done = outcome(cooperator.coiterate(iter([1])))

    scheduled.run_all()

    assert len(done) == 1


def test_cooperator_waits_to_be_started(scheduled: Scheduled) -> None:
    """With `started=False` no step is taken before `start`."""
    cooperator = Cooperator(scheduler=scheduled, started=False)
    cooperator.coiterate(iter([1]))
    assert not cooperator.running
    assert not scheduled.waiting

    cooperator.start()

    assert cooperator.running
    assert scheduled.waiting


def test_deferred_of_the_caller_is_fired(cooperator: Cooperator, scheduled: Scheduled) -> None:
    """`coiterate` fires and returns the `Deferred` that it is given."""
    mine: Deferred[Any] = Deferred()
    steps = iter([1])

    assert cooperator.coiterate(steps, mine) is mine
    scheduled.run_all()

    assert outcome(mine) == [steps]


def test_tasks_run_on_the_reactor_of_their_loop() -> None:
    """`cooperate` and `coiterate` use the running loop's reactor, one loop after the other."""

    async def main() -> list[int]:
        taken: list[int] = []

        def work() -> Iterator[None]:
            for i in range(3):
                taken.append(i)
                yield

        await task.coiterate(work())
        await task.cooperate(work()).whenDone()
        return taken

    assert asyncio.run(main()) == [0, 1, 2] * 2
    assert asyncio.run(main()) == [0, 1, 2] * 2


def test_tasks_outlive_a_run_of_their_reactor(reactor: Reactor) -> None:
    """A reactor that stops cancels the tick; the next task given to it sets all going again."""
    cooperator = Cooperator(lambda: lambda: True, lambda tick: reactor.callLater(0, tick))
    ended: list[str] = []

    def work(name: str, steps: int) -> Iterator[None]:
        yield from [None] * steps
        ended.append(name)

    cooperator.coiterate(work("first", 50))
    reactor.callWhenRunning(reactor.stop)
    reactor.run()
    assert not ended

    cooperator.coiterate(work("second", 100)).addCallback(lambda _: reactor.stop())
    reactor.run()

    assert ended == ["first", "second"]


def test_the_cooperator_of_the_current_reactor_is_told():
    """What `cooperate` gives its tasks to is had by Twisted's name for it, and no other is."""
    given = task.cooperate(iter([1]))

    assert given in task._theCooperator._tasks
    given.stop()
    assert given not in task._theCooperator._tasks
    with pytest.raises(AttributeError, match="_theOther"):
        assert task._theOther
