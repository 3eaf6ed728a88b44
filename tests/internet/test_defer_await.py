"""One coroutine, both worlds: Deferreds and asyncio's awaitables in any mix, whoever runs it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reactorlite.internet import defer
from reactorlite.internet.defer import Deferred, ensureDeferred, succeed

Runner = Callable[[Coroutine[Any, Any, Any]], Any]


def as_generator(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Run a coroutine by yielding it to `inlineCallbacks`."""

    @defer.inlineCallbacks
    def generator() -> Any:
        return (yield coroutine)

    return generator()


RUNNERS: list[Runner] = [asyncio.create_task, ensureDeferred, as_generator]
OURS: list[Runner] = [ensureDeferred, as_generator]


def fired_soon(result: Any) -> Deferred[Any]:
    """A Deferred that has its result in the next turn of the loop."""
    d: Deferred[Any] = Deferred()
    asyncio.get_running_loop().call_soon(d.callback, result)
    return d


async def cancel_current(task: Any) -> None:
    """Cancel a task in a later turn of the loop."""
    asyncio.get_running_loop().call_soon(task.cancel)


@pytest.mark.parametrize("run", RUNNERS)
def test_a_coroutine_awaits_anything(run: Runner) -> None:
    """Deferreds, futures, tasks, sleeps, threads and groups can be awaited in any mix."""

    async def coroutine() -> list[Any]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, "future")
        seen = [await fired_soon("deferred"), await future, await succeed("fired")]
        await asyncio.sleep(0)
        seen.append(await asyncio.to_thread(str, "thread"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, "task"))
            seen.append(await fired_soon("in group"))
        return [*seen, await task, *await asyncio.gather(asyncio.sleep(0, 1), fired_soon(2))]

    async def main() -> Any:
        return await run(coroutine())

    expected = ["deferred", "future", "fired", "thread", "in group", "task", 1, 2]
    assert asyncio.run(main()) == expected


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize("wait", [Deferred, lambda: asyncio.sleep(60)])
def test_time_outs_work(run: Runner, wait: Callable[[], Any]) -> None:
    """`asyncio.timeout` ends a wait for a Deferred as it ends any other."""

    async def coroutine() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await wait()
        return "went on"

    async def main() -> Any:
        return await run(coroutine())

    assert asyncio.run(main()) == "went on"


@pytest.mark.parametrize("run", RUNNERS)
def test_a_group_cancels_its_parent(run: Runner) -> None:
    """A task group that fails ends its parent's wait for a Deferred."""
    cancelled: list[str] = []

    async def fails() -> None:
        raise LookupError

    async def coroutine() -> str:
        waiting: Deferred[Any] = Deferred(lambda _: cancelled.append("deferred"))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await waiting
        except* LookupError:
            cancelled.append("group")
        return "went on"

    async def main() -> Any:
        return await run(coroutine())

    assert asyncio.run(main()) == "went on"
    assert cancelled == ["deferred", "group"]


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    "canceller",
    [
        None,
        lambda d: d.callback("a value"),
        lambda d: d.errback(LookupError("an error")),
        lambda d: int("a canceller that raises"),
    ],
)
def test_cancelling_a_task_raises_asyncio_s_error(run: Runner, canceller: Any) -> None:
    """Whatever the Deferred makes of it, exactly `asyncio.CancelledError` is thrown."""
    thrown: list[BaseException] = []

    async def coroutine() -> None:
        task = asyncio.current_task()
        assert task is not None
        await cancel_current(task)
        try:
            await Deferred(canceller)
        except BaseException as error:
            thrown.append(error)
            raise

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run(coroutine())

    asyncio.run(main())
    assert type(thrown[0]) is asyncio.CancelledError


@pytest.mark.parametrize("run", RUNNERS)
def test_a_cancelled_task_waits_for_cleaning_up(run: Runner) -> None:
    """A generator that cleans up when it is cancelled is waited for, as a task would be."""
    order: list[str] = []

    @defer.inlineCallbacks
    def cleans_up() -> Any:
        try:
            yield Deferred()
        finally:
            yield fired_soon(None)
            order.append("cleaned")

    async def coroutine() -> None:
        task = asyncio.current_task()
        assert task is not None
        await cancel_current(task)
        try:
            await cleans_up()
        finally:
            order.append("left")

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run(coroutine())

    asyncio.run(main())
    assert order == ["cleaned", "left"]


@pytest.mark.parametrize("run", RUNNERS)
def test_cancelling_a_deferred_raises_twisted_s_error(run: Runner) -> None:
    """Who cancels the awaited Deferred is heard as `defer.CancelledError`."""

    async def coroutine(d: Deferred[Any]) -> str:
        with pytest.raises(defer.CancelledError):
            await d
        return "went on"

    async def main() -> Any:
        d: Deferred[Any] = Deferred()
        asyncio.get_running_loop().call_soon(d.cancel)
        return await run(coroutine(d))

    assert asyncio.run(main()) == "went on"


@pytest.mark.parametrize("run", OURS)
@pytest.mark.parametrize("wait", [Deferred, lambda: asyncio.sleep(60), lambda: asyncio.sleep(0)])
def test_cancelling_the_result_is_raised_inside(run: Runner, wait: Callable[[], Any]) -> None:
    """Cancelling a coroutine's Deferred raises `defer.CancelledError` in it, wherever it waits."""
    thrown: list[type[BaseException]] = []

    async def coroutine() -> None:
        try:
            await wait()
        except BaseException as error:
            thrown.append(type(error))
            raise

    async def main() -> None:
        d = run(coroutine())
        d.cancel()
        with pytest.raises(defer.CancelledError):
            await d

    asyncio.run(main())
    assert thrown == [defer.CancelledError]


def test_asyncio_s_cancellation_reaches_errbacks_as_twisted_s() -> None:
    """A coroutine that a task's cancellation ended fails its Deferred with `CancelledError`."""
    kinds: list[Any] = []

    async def coroutine() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("why")
        await asyncio.sleep(60)

    async def main() -> None:
        d = ensureDeferred(coroutine())
        d.addErrback(lambda failure: kinds.extend((failure.type, failure.value.args)))
        await d

    asyncio.run(main())
    assert kinds == [defer.CancelledError, ("why",)]


def test_a_coroutine_resumes_inside_callback_in_a_loop() -> None:
    """Within a loop too, `callback` returns after the coroutine went on."""
    order: list[Any] = []

    async def coroutine(d: Deferred[str]) -> None:
        before = asyncio.current_task()
        order.append(await d)
        assert asyncio.current_task() is before

    async def main() -> None:
        d: Deferred[str] = Deferred()
        ended = ensureDeferred(coroutine(d))
        me = asyncio.current_task()
        d.callback("resumed")
        order.append("returned")
        assert asyncio.current_task() is me
        await ended

    asyncio.run(main())
    assert order == ["resumed", "returned"]


def test_a_coroutine_started_before_the_loop_is_a_task_in_it() -> None:
    """What `ensureDeferred` started before `run` can use all of asyncio once it resumes."""
    start: Deferred[None] = Deferred()

    async def coroutine() -> str:
        await start
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return "done"

    ended = ensureDeferred(coroutine())

    async def main() -> str:
        start.callback(None)
        return await ended

    assert asyncio.run(main()) == "done"


def test_several_awaiters_get_the_same_result() -> None:
    """Tasks that await one Deferred all get its value, and callbacks after them too."""

    async def wait(d: Deferred[int]) -> int:
        return await d

    async def main() -> tuple[list[int], Any]:
        d: Deferred[int] = Deferred()
        waits = [
            asyncio.create_task(wait(d)),
            asyncio.create_task(wait(d)),
            ensureDeferred(wait(d)),
        ]
        await asyncio.sleep(0)
        d.callback(3)
        return [await each for each in waits], d.result

    assert asyncio.run(main()) == ([3, 3, 3], 3)


def test_several_awaiters_get_the_same_failure(caplog: pytest.LogCaptureFixture) -> None:
    """Tasks that await one Deferred all get its failure, which then counts as handled."""

    async def wait(d: Deferred[int]) -> str:
        try:
            await d
        except LookupError:
            return "failed"
        return "fine"

    async def main() -> list[str]:
        d: Deferred[int] = Deferred()
        waits = [asyncio.create_task(wait(d)), ensureDeferred(wait(d))]
        await asyncio.sleep(0)
        d.errback(LookupError())
        return [await each for each in waits]

    assert asyncio.run(main()) == ["failed", "failed"]
    gc.collect()
    assert not caplog.records


def test_a_fired_deferred_costs_no_turn_of_the_loop() -> None:
    """Awaiting a Deferred that has its result goes on at once."""

    async def coroutine() -> int:
        return await succeed(1)

    with pytest.raises(StopIteration) as ended:
        coroutine().send(None)

    assert ended.value.value == 1


def test_contexts_are_kept() -> None:
    """A coroutine and a generator keep their own context variables, and lose none to callers."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")
    seen: list[str] = []

    async def coroutine(d: Deferred[None]) -> None:
        variable.set("coroutine")
        await d
        await asyncio.sleep(0)
        seen.append(variable.get())

    @defer.inlineCallbacks
    def generator(d: Deferred[None]) -> Any:
        variable.set("generator")
        yield d
        seen.append(variable.get())

    async def main() -> None:
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()
        ends = [ensureDeferred(coroutine(first)), generator(second)]
        ends[1].addCallback(lambda _: seen.append(variable.get()))
        variable.set("firing")
        second.callback(None)
        first.callback(None)
        await defer.gatherResults(ends)

    asyncio.run(main())
    assert seen == ["generator", "firing", "coroutine"]
    assert variable.get() == "outside"


def test_the_end_of_the_loop_cancels_coroutines() -> None:
    """`asyncio.run` cancels what `ensureDeferred` left waiting, as it does its own tasks."""
    ended: list[str] = []

    async def waits() -> None:
        try:
            await Deferred()
        finally:
            ended.append("cancelled")

    async def main() -> Deferred[Any]:
        d = ensureDeferred(waits())
        d.addErrback(lambda failure: failure.trap(defer.CancelledError))
        return d

    asyncio.run(main())

    assert ended == ["cancelled"]


def test_a_coroutine_that_waits_for_asyncio_is_not_collected() -> None:
    """A coroutine that nobody refers to goes on when the future it awaits is done."""
    done: list[str] = []

    async def waits() -> None:
        # The future and its waiter refer to each other, and nobody to them.
        future = asyncio.get_running_loop().create_future()
        futures.append(weakref_to(future))
        await future
        done.append("went on")

    def weakref_to(future: asyncio.Future[None]) -> Any:
        import weakref

        return weakref.ref(future)

    futures: list[Any] = []

    async def main() -> None:
        ensureDeferred(waits())
        gc.collect()
        futures[0]().set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert done == ["went on"]


def test_a_future_of_another_loop_is_refused() -> None:
    """Awaiting a future that belongs to another loop raises, and does not hang."""
    other = asyncio.new_event_loop()
    future = other.create_future()

    async def waits() -> None:
        await future

    async def main() -> None:
        with pytest.raises(RuntimeError, match="another loop"):
            await ensureDeferred(waits())

    asyncio.run(main())
    other.close()


def test_locks_work_in_async_with() -> None:
    """`async with` takes a lock or semaphore and gives it back."""
    lock = defer.DeferredLock()

    async def coroutine() -> None:
        async with lock as taken:
            assert taken is lock
            assert lock.locked

    ended = ensureDeferred(coroutine())

    assert ended.called
    assert not lock.locked


def test_returns_deferred_serves_both() -> None:
    """A decorated `async def` can be given callbacks, and be awaited anywhere."""

    @defer.returns_deferred
    async def double(number: int) -> int:
        return await succeed(number) * 2

    async def main() -> int:
        return await double(4)

    assert double(2).addCallback(str).result == "4"
    assert asyncio.run(main()) == 8


def test_what_is_no_coroutine_is_refused() -> None:
    """`ensureDeferred` and `inlineCallbacks` say what they need instead of what they got."""

    @defer.inlineCallbacks
    def no_generator() -> Any:
        return 3

    with pytest.raises(defer.NotACoroutineError, match="3"):
        ensureDeferred(3)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(TypeError, match="3"):
        no_generator()


def test_yield_from_waits_too() -> None:
    """`yield from deferred` waits in a generator as `yield deferred` does."""

    @defer.inlineCallbacks
    def generator(d: Deferred[int]) -> Any:
        return (yield from d)

    async def main() -> Any:
        d: Deferred[int] = Deferred()
        ended = generator(d)
        d.callback(3)
        assert ended.called
        return await ended

    assert asyncio.run(main()) == 3


def test_tracebacks_lead_through_generators_and_coroutines() -> None:
    """The traceback shows every frame of the program between the `yield` and the error."""

    async def inner() -> None:
        await Deferred[None].fromCoroutine(innermost())

    async def innermost() -> None:
        await start
        raise LookupError

    @defer.inlineCallbacks
    def outer() -> Any:
        yield ensureDeferred(inner())

    start: Deferred[None] = Deferred()
    d = outer()
    start.callback(None)

    names: list[str] = []
    d.addErrback(lambda failure: names.extend(frame[0] for frame in failure.frames))
    ours = [name for name in names if name in ("outer", "inner", "innermost")]
    assert ours == ["outer", "inner", "innermost"]


def test_returnValue_warns_and_returns() -> None:
    """`returnValue` ends a generator, and warns as filters for Twisted's warning expect."""

    @defer.inlineCallbacks
    def generator() -> Any:
        yield None
        defer.returnValue(3)

    twisteds = r"twisted\.internet\.defer\.returnValue was deprecated in Twisted"
    with pytest.warns(DeprecationWarning, match=f"^{twisteds}.*return statement"):
        d = generator()

    assert d.result == 3


def test_a_task_resumes_inside_callback() -> None:
    """A task that awaits a Deferred goes on in the very call that fires it, not a turn later."""
    events: list[Any] = []

    async def wait(d: Deferred[str]) -> None:
        events.append(await d)

    def fire(d: Deferred[str]) -> None:
        d.callback("resumed")
        events.append("fired")

    async def main() -> None:
        d: Deferred[str] = Deferred()
        task = asyncio.create_task(wait(d))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(fire, d)
        await task

    asyncio.run(main())

    assert events == ["resumed", "fired"]


def test_a_task_that_another_one_wakes_goes_on_in_the_next_turn() -> None:
    """A Deferred fired by a task lets that one go on first, and its own context is kept."""
    events: list[Any] = []
    who = contextvars.ContextVar("who", default="nobody")

    async def wait(d: Deferred[str]) -> None:
        who.set("waiter")
        events.append((await d, who.get()))

    async def main() -> None:
        d: Deferred[str] = Deferred()
        task = asyncio.create_task(wait(d))
        await asyncio.sleep(0)
        d.callback("resumed")
        events.append(("fired", who.get()))
        await task

    asyncio.run(main())

    assert events == [("fired", "nobody"), ("resumed", "waiter")]


def test_a_task_whose_own_context_fires_goes_on_all_the_same() -> None:
    """A callback that runs in the context of the task that waits can fire what it waits for."""
    context = contextvars.copy_context()

    async def main() -> int:
        d: Deferred[int] = Deferred()

        async def wait() -> int:
            return await d

        task = asyncio.create_task(wait(), context=context)
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(d.callback, 7, context=context)
        return await task

    result = asyncio.run(main())

    assert result == 7


def test_what_fires_after_the_task_was_cancelled_is_too_late() -> None:
    """A task that is cancelled ends as cancelled, though its Deferred fires in the same turn."""

    async def main() -> asyncio.Task[Any]:
        d: Deferred[int] = Deferred()

        async def wait() -> int:
            return await d

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        d.callback(1)
        await asyncio.wait([task], timeout=30)
        return task

    task = asyncio.run(main())

    assert task.cancelled()


def test_a_task_that_ends_the_program_spares_the_callbacks() -> None:
    """What leaves the loop from a task that a Deferred wakes is not taken for a callback's."""
    after: list[Any] = []
    loop = asyncio.new_event_loop()

    async def wait(d: Deferred[int]) -> None:
        await d
        raise SystemExit("enough")

    d: Deferred[int] = Deferred()
    task = loop.create_task(wait(d))
    loop.run_until_complete(asyncio.sleep(0))
    d.addCallback(after.append)
    loop.call_soon(d.callback, 1)

    with pytest.raises(SystemExit, match="enough"):
        loop.run_forever()

    loop.close()
    assert after == [1]
    assert isinstance(task.exception(), SystemExit)


@pytest.mark.parametrize("run", RUNNERS)
def test_a_closed_loop_is_reported(run: Runner, caplog: pytest.LogCaptureFixture) -> None:
    """A Deferred whose awaiter lost its loop tells the log, and runs its other callbacks."""
    d: Deferred[int] = Deferred()
    loop = asyncio.new_event_loop()

    async def wait() -> None:
        await d
        await asyncio.sleep(0)

    async def main() -> Any:
        return run(wait())

    waiting = loop.run_until_complete(main())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    after = d.addCallback(str)

    d.callback(1)

    assert after.result == "1"
    assert isinstance(waiting, Deferred) or "could not go on" in caplog.text


def test_a_result_from_elsewhere_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever fires a coroutine's Deferred by hand has its end refused in the log."""

    async def wait() -> None:
        await d

    d: Deferred[None] = Deferred()
    ended = ensureDeferred(wait())
    ended.callback(None)

    d.callback(None)

    assert "could not go on" in caplog.text
    assert "AlreadyCalledError" in caplog.text
