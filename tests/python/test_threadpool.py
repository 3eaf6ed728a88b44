"""A pool of threads: its jobs, its size, its end."""

from __future__ import annotations

import contextvars
import gc
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reactorlite.python.failure import Failure
from reactorlite.python.threadpool import ThreadPool

WAIT = 30.0
"""Seconds after which a thread that a test waits for is taken to be lost."""


@pytest.fixture
def pool(log: Any) -> Iterator[ThreadPool]:
    """A pool of up to three threads that runs, and is stopped at the end."""
    pool = ThreadPool(0, 3, "test")
    pool.start()
    yield pool
    pool.stop()


def result_of(pool: ThreadPool, f: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """What a job came to: whether it succeeded, and its result."""
    results: list[Any] = []
    there = threading.Event()

    def on_result(*told: Any) -> None:
        results.append(told)
        there.set()

    pool.callInThreadWithCallback(on_result, f, *args, **kw)
    assert there.wait(WAIT)
    return results[0]


class Gate:
    """Holds jobs back, and says how many are there."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._arrived = threading.Semaphore(0)

    def pass_through(self) -> None:
        """What a job calls: say it is there, and wait."""
        self._arrived.release()
        assert self._open.wait(WAIT)

    def wait_for(self, count: int) -> None:
        """Wait until so many jobs are there."""
        for _ in range(count):
            assert self._arrived.acquire(timeout=WAIT)

    def open(self) -> None:
        """Let all go on."""
        self._open.set()


# ── jobs ─────────────────────────────────────────────────────────────────────────────────


def test_job_runs_in_a_thread_of_the_pool(pool: ThreadPool) -> None:
    """A job is called in another thread, which is named after the pool, with its arguments."""
    succeeded, told = result_of(pool, lambda a, b: (threading.current_thread(), a, b), 1, b=2)

    assert succeeded
    assert told == (pool.threads[0], 1, 2)
    assert pool.threads[0].name == "PoolThread-test-0"


def test_job_that_raises_tells_its_failure(pool: ThreadPool) -> None:
    """What a job raises is passed on as a `Failure`."""
    succeeded, failure = result_of(pool, lambda: 1 / 0)

    assert not succeeded
    assert isinstance(failure, Failure)
    assert failure.check(ZeroDivisionError)


def test_job_that_nobody_asks_after_is_logged(pool: ThreadPool, log: Any) -> None:
    """Without a callback what a job raises is logged, and the thread lives on."""
    pool.callInThread(lambda: 1 / 0)
    pool.callInThread(exit, 3)

    assert result_of(pool, lambda: 1) == (True, 1)
    pool.stop()
    assert sorted(log.take()) == ["SystemExit(3)", "ZeroDivisionError('division by zero')"]


def test_callback_that_raises_is_logged(pool: ThreadPool, log: Any) -> None:
    """An error of what takes the result is logged, and the thread lives on."""
    pool.callInThreadWithCallback(lambda *told: 1 / 0, lambda: 1)

    pool.stop()

    assert log.take() == ["ZeroDivisionError('division by zero')"]


def test_result_is_told_in_the_thread_of_the_job(pool: ThreadPool) -> None:
    """`onResult` is called where the job was."""
    threads: list[threading.Thread] = []

    def note(*_: Any) -> None:
        threads.append(threading.current_thread())

    pool.callInThreadWithCallback(note, note)
    pool.stop()

    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_job_has_the_context_it_was_given_in(pool: ThreadPool) -> None:
    """Job and callback see the context variables of the caller, and change only their own."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("caller")
    seen: list[str] = []

    def job() -> None:
        seen.append(variable.get())
        variable.set("job")

    pool.callInThreadWithCallback(lambda *_: seen.append(variable.get()), job)
    pool.stop()

    assert seen == ["caller", "job"]
    assert variable.get() == "caller"


def test_nothing_of_a_job_is_kept(pool: ThreadPool) -> None:
    """While the result is taken, and when the thread waits for more, the job is forgotten."""

    class Argument:
        pass

    alive: list[Any] = []

    def give() -> weakref.ref[Argument]:
        argument = Argument()
        seen = weakref.ref(argument)

        def on_result(*_: Any) -> None:
            alive.append(seen())

        pool.callInThreadWithCallback(on_result, lambda a: started.wait(WAIT) and None, argument)
        return seen

    started = threading.Event()
    seen = give()
    started.set()
    assert result_of(pool, lambda: 1) == (True, 1)

    pool.stop()
    gc.collect()
    assert seen() is None
    assert alive == [None]


def test_what_is_no_job_is_refused(pool: ThreadPool) -> None:
    """Something that can't be called is an error where it is given."""
    with pytest.raises(TypeError, match="something to call"):
        pool.callInThread(3)  # type: ignore[arg-type]  # the error meant


# ── beginning and end ────────────────────────────────────────────────────────────────────


def test_jobs_wait_for_the_start() -> None:
    """Jobs that are given before `start` run then, as many at once as there may be threads."""
    gate = Gate()
    pool = ThreadPool(0, 3)
    for _ in range(5):
        pool.callInThread(gate.pass_through)
    assert pool.workers == 0
    assert len(pool.waiting_jobs()) == 5

    pool.start()
    gate.wait_for(3)

    assert (pool.workers, len(pool.working), len(pool.waiters)) == (3, 3, 0)
    assert pool._queue.qsize() == 2
    gate.open()
    pool.stop()


def test_start_makes_the_least_number_of_threads() -> None:
    """A pool that starts has `min` threads, which wait."""
    pool = ThreadPool(2, 5)

    pool.start()

    assert pool.started
    assert (pool.workers, len(pool.working), len(pool.waiters)) == (2, 0, 2)
    pool.stop()


def test_stop_waits_for_all_jobs() -> None:
    """`stop` returns when the jobs given before are done, and leaves no thread."""
    done: list[int] = []
    gate = Gate()
    pool = ThreadPool(0, 2)
    pool.start()
    for number in range(6):
        pool.callInThread(lambda number=number: (gate.pass_through(), done.append(number)))
    gate.wait_for(2)
    threads = list(pool.threads)
    opening = threading.Timer(0.01, gate.open)
    opening.start()

    pool.stop()

    assert sorted(done) == list(range(6))
    assert pool.joined
    assert not pool.threads
    assert not any(thread.is_alive() for thread in threads)
    opening.join()


def test_job_after_the_end_is_dropped(pool: ThreadPool) -> None:
    """A stopped pool takes no job, and says nothing."""
    done: list[int] = []
    pool.stop()

    pool.callInThread(done.append, 1)

    assert not pool._queue.qsize()
    assert not done


def test_stop_again_does_nothing(pool: ThreadPool) -> None:
    """A pool may be stopped twice."""
    pool.stop()
    pool.stop()

    assert pool.joined


def test_pool_starts_again(pool: ThreadPool) -> None:
    """A stopped pool may be started, and works."""
    pool.stop()
    pool.start()

    assert result_of(pool, lambda: 1) == (True, 1)


def test_pool_that_never_started_stops() -> None:
    """Jobs of a pool that is stopped before it started are dropped."""
    pool = ThreadPool()
    pool.callInThread(print)

    pool.stop()

    assert not pool.waiting_jobs()


def test_pool_can_not_be_stopped_from_within(pool: ThreadPool) -> None:
    """A thread of the pool that stops it gets an error instead of waiting for itself."""
    succeeded, failure = result_of(pool, pool.stop)

    assert not succeeded
    assert failure.check(RuntimeError)
    assert result_of(pool, lambda: 1) == (True, 1)


def test_stop_soon_tells_when_the_last_job_is_done(pool: ThreadPool) -> None:
    """`stop_soon` returns at once, and the last thread calls back."""
    gate = Gate()
    over = threading.Event()
    for _ in range(2):
        pool.callInThread(gate.pass_through)
    gate.wait_for(2)

    assert pool.stop_soon(over.set)
    assert not over.is_set()
    gate.open()

    assert over.wait(WAIT)


def test_stop_soon_without_jobs_is_over(pool: ThreadPool) -> None:
    """With nothing to do `stop_soon` says so, and nobody is called back."""
    called: list[bool] = []
    pool.startAWorker()

    assert not pool.stop_soon(lambda: called.append(True))
    pool.stop()

    assert not called


def test_threads_do_not_keep_the_process() -> None:
    """The threads are daemons: who never stops his pool can still exit."""
    pool = ThreadPool(1, 1)
    pool.start()

    assert pool.threads[0].daemon
    pool.stop()


# ── size ─────────────────────────────────────────────────────────────────────────────────


def test_threads_are_used_again(pool: ThreadPool) -> None:
    """A job takes a thread that waits before another is made."""
    for _ in range(20):
        result_of(pool, int)
        while not pool.waiters:
            pass

    assert pool.workers == 1


def test_no_more_threads_than_the_most(pool: ThreadPool) -> None:
    """Jobs beyond `max` wait for a thread."""
    gate = Gate()
    for _ in range(10):
        pool.callInThread(gate.pass_through)
    gate.wait_for(3)

    assert pool.workers == 3
    assert len(pool.waiting_jobs()) == 7
    gate.open()


def test_pool_can_be_made_larger(pool: ThreadPool) -> None:
    """With a larger `max` the jobs that wait get threads; with a larger `min` there are more."""
    gate = Gate()
    for _ in range(5):
        pool.callInThread(gate.pass_through)
    gate.wait_for(3)

    pool.adjustPoolsize(maxthreads=4)
    gate.wait_for(1)
    assert pool.workers == 4
    pool.adjustPoolsize(minthreads=6, maxthreads=7)

    assert pool.workers == 6
    gate.open()


def test_pool_can_be_made_smaller(pool: ThreadPool) -> None:
    """With a smaller `max` the threads that are too many leave."""
    gate = Gate()
    for _ in range(3):
        pool.callInThread(gate.pass_through)
    gate.wait_for(3)
    threads = list(pool.threads)

    pool.adjustPoolsize(maxthreads=1)
    gate.open()

    while sum(thread.is_alive() for thread in threads) > 1:
        pass
    assert result_of(pool, lambda: 1) == (True, 1)
    assert pool.workers == 1


def test_workers_come_and_go_one_by_one(pool: ThreadPool) -> None:
    """`startAWorker` makes a thread, up to `max`; `stopAWorker` lets one go when it is idle."""
    for _ in range(5):
        pool.startAWorker()
    threads = list(pool.threads)
    assert pool.workers == 3

    pool.stopAWorker()

    while sum(thread.is_alive() for thread in threads) > 2:
        pass
    assert pool.workers == 2


def test_size_of_a_stopped_pool(pool: ThreadPool) -> None:
    """A stopped pool takes a new size, and starts no thread for it."""
    pool.stop()

    pool.adjustPoolsize(2, 4)

    assert (pool.min, pool.max, pool.workers) == (2, 4, 0)


@pytest.mark.parametrize("sizes", [(3, 2), (-1, 2)])
def test_impossible_sizes_are_errors(pool: ThreadPool, sizes: tuple[int, int]) -> None:
    """A negative minimum, and one above the maximum, are refused and change nothing."""
    with pytest.raises(AssertionError, match="minimum is"):
        ThreadPool(*sizes)
    with pytest.raises(AssertionError, match="minimum is"):
        pool.adjustPoolsize(*sizes)

    assert (pool.min, pool.max) == (0, 3)


def test_thread_that_can_not_be_had(pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a thread to be had, jobs wait for those there are; without any it is an error."""

    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pool, "threadFactory", Refused)
    with pytest.raises(RuntimeError, match="can't start"):
        pool.callInThread(print)
    assert not pool.waiting_jobs()

    monkeypatch.undo()
    gate = Gate()
    pool.callInThread(gate.pass_through)
    gate.wait_for(1)
    monkeypatch.setattr(pool, "threadFactory", Refused)
    pool.callInThread(gate.pass_through)
    gate.open()
    gate.wait_for(1)


def test_many_jobs_from_many_threads(pool: ThreadPool) -> None:
    """Every job that any thread gives is done once."""
    done: list[int] = []

    def give(start: int) -> None:
        for number in range(start, start + 500):
            pool.callInThread(done.append, number)

    givers = [threading.Thread(target=give, args=(n * 500,)) for n in range(4)]
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join()
    pool.stop()

    assert sorted(done) == list(range(2000))


def test_pool_can_be_pickled() -> None:
    """A copy has the sizes and the name, and waits to be started."""
    copy = pickle.loads(pickle.dumps(ThreadPool(2, 9, "named")))

    assert (copy.min, copy.max, copy.name, copy.workers, copy.started) == (2, 9, "named", 0, False)


def test_dump_stats_logs_numbers(pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
    """`dumpStats` logs how many jobs and threads there are."""
    pool.startAWorker()

    with caplog.at_level("INFO", "reactorlite"):
        pool.dumpStats()

    assert "0 jobs wait, 0 threads work, 1 wait for a job" in caplog.text
