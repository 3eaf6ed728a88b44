"""Jobs in threads, calls back from them, and how both end with the reactor."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

from reactorlite.internet import defer, threads
from reactorlite.internet.asyncioreactor import Reactor, current_reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.interfaces import IReactorInThreads, IReactorThreads
from reactorlite.internet.protocol import Factory
from reactorlite.internet.task import deferLater
from reactorlite.internet.threads import (
    blockingCallFromThread,
    callMultipleInThread,
    deferToThread,
    deferToThreadPool,
)
from reactorlite.python import threadable
from reactorlite.python.failure import Failure
from reactorlite.python.threadpool import ThreadPool

WAIT = 30.0
"""Seconds after which something that a thread waits for is taken to be lost."""


def play(reactor: Reactor, scenario: Any) -> Any:
    """Run the reactor until the scenario, a coroutine function, has its result."""
    results: list[Any] = []

    def begin() -> None:
        done = defer.ensureDeferred(scenario())
        done.addBoth(results.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def pool_threads() -> list[threading.Thread]:
    """The threads of reactors' pools."""
    return [each for each in threading.enumerate() if each.name.startswith("PoolThread-reactor")]


# ── jobs ─────────────────────────────────────────────────────────────────────────────────


def test_job_gives_its_result(reactor: Reactor) -> None:
    """`deferToThread` fires in the reactor's thread with what the job returned in another."""

    async def scenario() -> Any:
        inside = await deferToThread(lambda a, b: (threading.current_thread(), a + b), 1, b=2)
        return inside, threading.current_thread()

    (inside, result), outside = play(reactor, scenario)

    assert result == 3
    assert inside is not outside is threading.current_thread()


def test_job_gives_its_failure(reactor: Reactor) -> None:
    """`deferToThread` fails with what the job raised."""

    async def scenario() -> None:
        await deferToThread(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        play(reactor, scenario)


def test_job_can_be_given_to_any_pool(reactor: Reactor) -> None:
    """`deferToThreadPool` uses the pool, and the reactor for the result, that it is given."""
    pool = threads.ThreadPool(0, 1, "own")
    pool.start()

    async def scenario() -> Any:
        job = deferToThreadPool(reactor, pool, lambda: threading.current_thread().name)
        return await job

    assert play(reactor, scenario) == "PoolThread-own-0"
    pool.stop()


def test_job_for_a_pool_that_has_ended_says_so() -> None:
    """Nobody waits for ever for a job that no thread will do."""
    pool = ThreadPool(0, 1)
    pool.start()
    pool.stop()

    d = deferToThreadPool(object(), pool, abs, -1)

    failure = d.addErrback(lambda failure: failure).result
    assert failure.check(RuntimeError)
    assert "takes no more jobs" in str(failure.value)


def test_cancelled_job_is_not_waited_for(reactor: Reactor) -> None:
    """To cancel the `Deferred` fails it at once; the job's result is dropped."""
    go_on = threading.Event()

    async def scenario() -> None:
        job = deferToThread(go_on.wait, WAIT)
        job.cancel()
        go_on.set()
        await job

    with pytest.raises(defer.CancelledError):
        play(reactor, scenario)


def test_calls_are_made_one_after_the_other(reactor: Reactor, log: Any) -> None:
    """`callMultipleInThread` makes its calls in order in one thread, until one raises."""
    made: list[Any] = []

    async def scenario() -> None:
        callMultipleInThread(
            [
                (made.append, (1,), {}),
                (lambda **kw: made.append(kw), (), {"a": 2}),
                (lambda: 1 / 0, (), {}),
                (made.append, (3,), {}),
            ]
        )

    play(reactor, scenario)

    assert made == [1, {"a": 2}]
    assert log.take() == ["ZeroDivisionError('division by zero')"]


def test_job_knows_its_reactor(reactor: Reactor) -> None:
    """In a job the reactor whose thread it is is the current one, be it the default or not."""

    async def scenario() -> Any:
        return await deferToThreadPool(reactor, reactor.getThreadPool(), current_reactor)

    assert play(reactor, scenario) is reactor


def test_job_has_the_context_it_was_given_in(reactor: Reactor) -> None:
    """A job sees the context variables of where it was given."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def scenario() -> str:
        variable.set("here")
        return await deferToThread(variable.get)

    assert play(reactor, scenario) == "here"


def test_jobs_do_not_use_the_loop_s_executor(reactor: Reactor) -> None:
    """With every thread blocked by a job, names are looked up and `to_thread` works."""
    go_on = threading.Event()

    async def scenario() -> str:
        blocked = [deferToThread(go_on.wait, WAIT) for _ in range(50)]
        address = await reactor.resolve("localhost")
        await asyncio.to_thread(len, "")
        go_on.set()
        await defer.gatherResults(blocked)
        return address

    assert play(reactor, scenario) == "127.0.0.1"


# ── the pool ─────────────────────────────────────────────────────────────────────────────


def test_reactor_declares_its_threads(reactor: Reactor) -> None:
    """The reactor provides the interfaces of threads."""
    assert IReactorThreads.providedBy(reactor)
    assert IReactorInThreads.providedBy(reactor)


def test_pool_is_made_when_asked_for(reactor: Reactor) -> None:
    """The pool is one, of ten threads at most, and starts with the reactor."""
    assert reactor.threadpool is None

    pool = reactor.getThreadPool()

    assert reactor.getThreadPool() is reactor.threadpool is pool
    assert (pool.min, pool.max, pool.started) == (0, 10, False)


def test_size_can_be_suggested(reactor: Reactor) -> None:
    """`suggestThreadPoolSize` sets the most threads there are, for the next run's pool too."""
    reactor.suggestThreadPoolSize(3)
    assert reactor.getThreadPool().max == 3

    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert reactor.threadpool is None
    assert reactor.getThreadPool().max == 3


def test_job_waits_for_the_reactor(reactor: Reactor) -> None:
    """A job that is given before `run` runs when the reactor does."""
    done = threading.Event()
    reactor.callInThread(done.set)
    assert not pool_threads()
    reactor.callWhenRunning(lambda: reactor.callInThread(reactor.callFromThread, reactor.stop))

    reactor.run()

    assert done.is_set()


def test_waiting_job_is_among_what_the_reactor_holds(reactor: Reactor) -> None:
    """A reactor that never ran can tell of the jobs it was given."""
    reactor.callInThread(print)

    assert "print" in reactor._work()


def test_reactor_s_thread_is_known(reactor: Reactor) -> None:
    """While a reactor runs `isInIOThread` is true in its thread, and false in its jobs'."""

    async def scenario() -> tuple[bool, bool]:
        return threadable.isInIOThread(), await deferToThread(threadable.isInIOThread)

    assert play(reactor, scenario) == (True, False)


# ── the end ──────────────────────────────────────────────────────────────────────────────


def test_no_thread_is_left(reactor: Reactor) -> None:
    """When `run` returns the threads of the pool are gone."""

    async def scenario() -> None:
        await defer.gatherResults([deferToThread(int) for _ in range(5)])

    play(reactor, scenario)

    assert not pool_threads()


def test_jobs_are_done_before_run_returns(reactor: Reactor) -> None:
    """`stop` lets the jobs that were given before it end, those that wait too."""
    done: list[int] = []
    began = threading.Semaphore(0)
    go_on = threading.Event()

    def job(number: int) -> None:
        began.release()
        go_on.wait(WAIT)
        done.append(number)

    async def scenario() -> None:
        reactor.suggestThreadPoolSize(2)
        for number in range(6):
            reactor.callInThread(job, number)
        await asyncio.to_thread(began.acquire)
        reactor.addSystemEventTrigger("before", "shutdown", go_on.set)

    play(reactor, scenario)

    assert sorted(done) == list(range(6))


def test_result_that_comes_during_the_end_is_told(reactor: Reactor) -> None:
    """The loop turns while jobs are waited for, and their results arrive."""
    go_on = threading.Event()
    results: list[Any] = []

    async def scenario() -> None:
        deferToThread(go_on.wait, WAIT).addCallback(results.append)
        reactor.addSystemEventTrigger("before", "shutdown", go_on.set)

    play(reactor, scenario)

    assert results == [True]


def test_job_may_call_back_during_the_end(reactor: Reactor) -> None:
    """A job that calls the reactor while that waits for the job gets its answer."""
    stopping = threading.Event()
    answers: list[Any] = []

    def job() -> None:
        stopping.wait(WAIT)
        answers.append(blockingCallFromThread(reactor, lambda: "answer"))

    reactor.callInThread(job)
    reactor.callWhenRunning(reactor.stop)
    reactor.addSystemEventTrigger("before", "shutdown", stopping.set)
    reactor.run()

    assert answers == ["answer"]


@pytest.mark.parametrize("when", ["before", "during"])
def test_wait_for_what_never_comes_ends_with_the_reactor(reactor: Reactor, when: str) -> None:
    """A thread's wait for a `Deferred` that has no result is ended, so that the reactor can."""
    raised: list[BaseException] = []
    stopping = threading.Event()
    waiting = threading.Event()

    def ask() -> Deferred[None]:
        waiting.set()
        return deferLater(reactor, 3600)

    def job() -> None:
        if when == "during":
            stopping.wait(WAIT)
        try:
            blockingCallFromThread(reactor, ask)
        except defer.CancelledError as exc:
            raised.append(exc)

    async def scenario() -> None:
        reactor.callInThread(job)
        if when == "before":
            await asyncio.to_thread(waiting.wait, WAIT)
        reactor.addSystemEventTrigger("before", "shutdown", stopping.set)

    play(reactor, scenario)

    assert len(raised) == 1


def test_port_that_a_job_opens_during_the_end_is_closed(reactor: Reactor) -> None:
    """What a job has the reactor open while it is waited for does not outlive the run."""
    stopping = threading.Event()
    addresses: list[Any] = []

    def listen() -> Any:
        return reactor.listenTCP(0, Factory(), interface="127.0.0.1").getHost()

    def job() -> None:
        stopping.wait(WAIT)
        addresses.append(blockingCallFromThread(reactor, listen))

    reactor.callInThread(job)
    reactor.callWhenRunning(reactor.stop)
    reactor.addSystemEventTrigger("before", "shutdown", stopping.set)
    reactor.run()

    (address,) = addresses
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port)).close()


def test_pool_works_in_the_next_run(reactor: Reactor) -> None:
    """A reactor that runs again has threads again."""

    async def scenario() -> int:
        return await deferToThread(lambda: 1)

    assert play(reactor, scenario) == 1
    assert play(reactor, scenario) == 1


def test_job_given_between_runs_waits_for_the_next(reactor: Reactor) -> None:
    """A job that is given when a reactor has stopped runs in its next run."""
    reactor.callWhenRunning(reactor.stop)
    reactor.run()
    results: list[int] = []

    reactor.callInThread(results.append, 1)
    assert not results
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert results == [1]


def test_shutdown_fired_before_any_run_ends_the_pool(reactor: Reactor) -> None:
    """Threads that would wait for a run which never comes go with the event, as Trial expects."""
    pool = weakref.ref(reactor.getThreadPool())

    reactor.fireSystemEvent("shutdown")
    gc.collect()

    assert pool() is None


def test_crash_keeps_the_pool(reactor: Reactor) -> None:
    """After `crash` the pool is there as everything else is, and goes on in the next run."""

    async def scenario() -> int:
        return await deferToThread(lambda: 1)

    reactor.callInThread(reactor.callFromThread, reactor.crash)
    reactor.run()
    pool = reactor.threadpool

    assert pool is not None
    assert pool.started
    assert play(reactor, scenario) == 1
    assert not pool_threads()


@pytest.mark.skipif(sys.platform == "win32", reason="there, no signal can be sent to oneself")
def test_second_signal_does_not_wait(reactor: Reactor) -> None:
    """While a job is waited for a second SIGTERM lets `run` return."""
    go_on = threading.Event()

    def terminate() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    reactor.callInThread(go_on.wait, WAIT)
    reactor.callWhenRunning(terminate)
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: asyncio.get_running_loop().call_later(0.01, terminate)
    )
    reactor.run()

    threads_left = pool_threads()
    go_on.set()
    assert len(threads_left) == 1
    threads_left[0].join()


def test_process_ends_though_a_job_does_not() -> None:
    """A job that hangs does not keep a process whose reactor crashed."""
    program = (
        "import threading\n"
        "from reactorlite.internet import reactor\n"
        "reactor.callInThread(threading.Event().wait)\n"
        "reactor.callLater(0.01, reactor.crash)\n"
        "reactor.run()\n"
    )

    done = subprocess.run([sys.executable, "-c", program], timeout=WAIT, check=False)

    assert done.returncode == 0


# ── as a guest ───────────────────────────────────────────────────────────────────────────


def test_guest_s_pool_ends_with_the_host(run: Any) -> None:
    """A host's end waits for the jobs of its guest, and leaves no thread."""
    done: list[int] = []

    async def main() -> None:
        for number in range(3):
            current_reactor().callInThread(done.append, number)

    run(main())

    assert sorted(done) == [0, 1, 2]
    assert not pool_threads()


def test_guest_s_end_does_not_block_the_host(run: Any) -> None:
    """While a guest that leaves waits for a job the host's loop turns."""
    go_on = threading.Event()
    turns: list[int] = []

    async def main() -> None:
        async with Reactor() as reactor:
            reactor.callInThread(go_on.wait, WAIT)

            def turn() -> None:
                turns.append(len(turns))
                if len(turns) < 20:
                    asyncio.get_running_loop().call_soon(turn)
                else:
                    go_on.set()

            asyncio.get_running_loop().call_soon(turn)
        assert len(turns) == 20

    run(main())


def test_idle_guest_leaves_at_once(run: Any) -> None:
    """A guest whose jobs are done leaves within its call of `stop`, threads and all."""

    async def main() -> None:
        reactor = current_reactor()
        await deferToThread(int)
        while reactor.threadpool.working:
            await asyncio.sleep(0)

        reactor.stop()

        assert not pool_threads()

    run(main())


def test_host_that_does_not_wait(loop_factory: Any) -> None:
    """A job that outlives its loop has nobody to tell, and says nothing."""
    go_on = threading.Event()
    loop = loop_factory()

    async def main() -> None:
        reactor = Reactor()
        await reactor.__aenter__()
        reactor.callInThread(go_on.wait, WAIT)
        reactor.stop()

    loop.run_until_complete(main())
    loop.close()
    left = pool_threads()
    go_on.set()
    for thread in left:
        thread.join()

    assert len(left) == 1


# ── calls that block ─────────────────────────────────────────────────────────────────────


def test_blocking_call_returns_the_result(reactor: Reactor) -> None:
    """A thread gets what a function returns that is called in the reactor's thread."""

    async def scenario() -> Any:
        return await deferToThread(blockingCallFromThread, reactor, threading.current_thread)

    assert play(reactor, scenario) is threading.current_thread()


def test_blocking_call_waits_for_a_deferred(reactor: Reactor) -> None:
    """A `Deferred`, and a coroutine, are waited for."""

    async def coroutine(value: str) -> str:
        await deferLater(reactor, 0.001)
        return value

    async def scenario() -> Any:
        one = await deferToThread(
            blockingCallFromThread, reactor, deferLater, reactor, 0.001, lambda: "deferred"
        )
        other = await deferToThread(blockingCallFromThread, reactor, coroutine, value="coroutine")
        return one, other

    assert play(reactor, scenario) == ("deferred", "coroutine")


@pytest.mark.parametrize("kind", ["raised", "failed"])
def test_blocking_call_raises_in_the_thread(reactor: Reactor, kind: str) -> None:
    """What the function raises, and what its `Deferred` fails with, is raised in the thread."""

    def ask() -> Deferred[None]:
        if kind == "raised":
            raise KeyError("it")
        return defer.fail(KeyError("it"))

    def job() -> str:
        with pytest.raises(KeyError, match="it"):
            blockingCallFromThread(reactor, ask)
        return "raised"

    async def scenario() -> str:
        return await deferToThread(job)

    assert play(reactor, scenario) == "raised"


def test_blocking_call_in_the_reactors_own_thread_is_refused(reactor: Reactor) -> None:
    """The thread that would wait for itself is told so, and the function is not called."""
    called: list[None] = []

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="in the reactor's own thread"):
            blockingCallFromThread(reactor, called.append, None)

    play(reactor, scenario)

    assert called == []


def test_nothing_is_kept_of_calls_that_have_their_result(reactor: Reactor) -> None:
    """A blocking call whose `Deferred` has fired is no longer noted for the end."""

    async def scenario() -> int:
        for _ in range(3):
            await deferToThread(blockingCallFromThread, reactor, deferLater, reactor, 0)
        return len(reactor._cancel_at_end)

    assert play(reactor, scenario) == 0
