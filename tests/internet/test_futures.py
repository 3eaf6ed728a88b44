"""Deferreds made of futures, futures made of Deferreds, and the task that asyncio sees."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reactorlite.internet import defer
from reactorlite.internet._futures import running_loop
from reactorlite.internet.defer import Deferred, ensureDeferred


def run(scenario: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, Any]]) -> Any:
    """Run a scenario in a loop of its own."""

    async def main() -> Any:
        return await scenario(asyncio.get_running_loop())

    return asyncio.run(main())


def test_a_future_s_value_fires() -> None:
    """`fromFuture` fires with the value, in the turn that follows."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> Any:
        future = loop.create_future()
        d = Deferred.fromFuture(future)
        future.set_result(1)
        assert not d.called
        return await d

    assert run(scenario) == 1


def test_a_future_s_error_fires() -> None:
    """`fromFuture` fails with the error."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        future = loop.create_future()
        d: Deferred[None] = Deferred.fromFuture(future)
        future.set_exception(LookupError())
        with pytest.raises(LookupError):
            await d

    run(scenario)


def test_a_cancelled_future_fires() -> None:
    """`fromFuture` fails with `defer.CancelledError` when the future is cancelled."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        future = loop.create_future()
        d: Deferred[None] = Deferred.fromFuture(future)
        future.cancel("why")
        with pytest.raises(defer.CancelledError, match="why"):
            await d

    run(scenario)


def test_cancelling_reaches_the_future() -> None:
    """Cancelling what `fromFuture` made cancels a task, and waits for what it makes of that."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "kept going"
        return "slept"

    async def scenario(loop: asyncio.AbstractEventLoop) -> Any:
        d = Deferred.fromFuture(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)
        d.cancel()
        return await d

    assert run(scenario) == "kept going"


def test_asFuture_takes_the_result() -> None:
    """`asFuture` gives the result to the future, and leaves `None`."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> Any:
        d: Deferred[int] = Deferred()
        future = d.asFuture(loop)
        d.callback(1)
        return await future, d.result

    assert run(scenario) == (1, None)


def test_asFuture_takes_the_failure() -> None:
    """`asFuture` raises what failed, and a cancelled Deferred cancels the future."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        failing: Deferred[None] = Deferred()
        cancelled: Deferred[None] = Deferred()
        futures = failing.asFuture(loop), cancelled.asFuture(loop)
        failing.errback(LookupError())
        cancelled.cancel()
        with pytest.raises(LookupError):
            await futures[0]
        assert futures[1].cancelled()

    run(scenario)


def test_asFuture_passes_cancelling_on() -> None:
    """Cancelling the future cancels the Deferred, whose failure is then nobody's."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> Any:
        cancelled: list[Any] = []
        d: Deferred[None] = Deferred(cancelled.append)
        d.asFuture(loop).cancel()
        await asyncio.sleep(0)
        return cancelled == [d], d.result

    assert run(scenario) == (True, None)


def test_StopIteration_can_be_awaited() -> None:
    """A Deferred that failed with `StopIteration` raises a `RuntimeError` from it."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        d: Deferred[None] = Deferred()
        loop.call_soon(d.errback, StopIteration())
        with pytest.raises(RuntimeError) as caught:
            await d
        assert isinstance(caught.value.__cause__, StopIteration)

    run(scenario)


class Tasks:
    """Runs a coroutine with `ensureDeferred`, and has the task that it is."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self.tasks: list[asyncio.Task[Any]] = []

        async def coroutine() -> Any:
            task = asyncio.current_task()
            assert task is not None
            self.tasks.append(task)
            return await wait()

        self.deferred = ensureDeferred(coroutine())
        self.task = self.tasks[0]


def test_the_task_is_known() -> None:
    """`current_task` and `all_tasks` know the coroutine, and what it is called."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        ran = Tasks(lambda: asyncio.sleep(0, "end"))
        assert ran.task in asyncio.all_tasks()
        assert ran.task.get_loop() is loop
        assert "coroutine" in ran.task.get_name()
        ran.task.set_name("named")
        assert ran.task.get_name() == "named"
        assert "pending" in repr(ran.task)
        assert asyncio.isfuture(ran.task)
        assert ran.task.get_stack()
        text = io.StringIO()
        ran.task.print_stack(file=text)
        assert "coroutine" in text.getvalue()
        await ran.deferred
        assert ran.task not in asyncio.all_tasks()
        assert "finished" in repr(ran.task)
        assert not ran.task.get_stack()

    run(scenario)


def test_the_task_can_be_waited_for() -> None:
    """asyncio can await the task, wait for it, and be called back."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        seen: list[Any] = []
        ran = Tasks(lambda: asyncio.sleep(0, "end"))
        with pytest.raises(asyncio.InvalidStateError):
            ran.task.result()
        ran.task.add_done_callback(seen.append)
        ran.task.add_done_callback(seen.clear)  # type: ignore[arg-type]  # taken back below
        assert ran.task.remove_done_callback(seen.clear) == 1  # type: ignore[arg-type]  # as above
        assert await ran.task == "end"
        assert await asyncio.gather(ran.task) == ["end"]
        done, _ = await asyncio.wait([ran.task])
        assert done == {ran.task}
        assert seen == [ran.task]
        assert ran.task.exception() is None

    run(scenario)


def test_the_task_has_the_error() -> None:
    """The task's result raises what the coroutine raised."""

    async def fails() -> None:
        raise LookupError

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        ran = Tasks(fails)
        ran.deferred.addErrback(lambda failure: None)
        assert isinstance(ran.task.exception(), LookupError)
        assert ran.task.done()
        with pytest.raises(LookupError):
            ran.task.result()

    run(scenario)


def test_the_task_can_be_cancelled() -> None:
    """`cancel` is counted, can be taken back, and ends the task as cancelled."""

    async def scenario(loop: asyncio.AbstractEventLoop) -> None:
        ran = Tasks(lambda: asyncio.sleep(60))
        ran.deferred.addErrback(lambda failure: failure.trap(defer.CancelledError))
        assert ran.task.cancel()
        assert ran.task.cancelling() == 1
        assert ran.task.uncancel() == 0
        await ran.deferred
        assert ran.task.cancelled()
        assert not ran.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            ran.task.exception()

    run(scenario)


def test_the_running_loop_is_this_threads() -> None:
    """Which loop runs is known in every thread, also after others ran and ended."""

    async def seen(deep: bool) -> bool:
        loop = asyncio.get_running_loop()
        inside = running_loop() is loop is running_loop()
        outside = await asyncio.to_thread(running_loop)
        beside = not deep or await asyncio.to_thread(asyncio.run, seen(False))
        return inside and outside is None and beside and running_loop() is loop

    results = [asyncio.run(seen(True)), running_loop(), asyncio.run(seen(True)), running_loop()]

    assert results == [True, None, True, None]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork()")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_no_running_loop() -> None:
    """A process that was forked while a loop ran may run one of its own, which is then known."""

    async def seen() -> bool:
        return running_loop() is asyncio.get_running_loop()

    async def fork() -> int:
        assert await seen()
        if pid := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            asyncio._set_running_loop(None)  # as a program does that goes on in the child
            known = running_loop() is None and asyncio.run(seen())
        finally:
            os._exit(not known)

    assert asyncio.run(fork()) == 0
