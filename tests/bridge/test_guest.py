"""The guard: how a guest hears that its host ends."""

import asyncio
import gc
import sys

from reactorlite.bridge.guest import Guard


def test_called_when_the_host_ends(run):
    """A host that ends as `asyncio.run` does lets the guard call what is to be done, once."""
    calls = []

    async def ending():
        calls.append("begun")
        await asyncio.sleep(0.001)
        calls.append("done")

    async def main():
        main.guard = Guard(ending)

    run(main())

    assert calls == ["begun", "done"]


def test_what_goes_wrong_at_the_end_has_its_own_traceback_only(run):
    """No exception is being dealt with when the guard calls: none would belong to another."""
    contexts = []

    async def ending():
        contexts.append(sys.exception())

    async def main():
        main.guard = Guard(ending)

    run(main())

    assert contexts == [None]


def test_not_called_before(run):
    """Nothing but the end of the host calls it, and no collection of garbage."""
    calls = []

    async def ending():
        calls.append("ended")

    async def main():
        main.guard = Guard(ending)
        gc.collect()
        await asyncio.sleep(0.001)
        return list(calls)

    assert run(main()) == []


def test_dismissed_guard_calls_nothing(run):
    """A guest that has left by itself dismisses its guard, as often as it likes."""
    calls = []

    async def ending():
        calls.append("ended")

    async def main():
        main.guard = Guard(ending)
        main.guard.dismiss()
        main.guard.dismiss()

    run(main())

    assert calls == []


def test_dismissed_while_it_calls(run):
    """What is done at the end may dismiss the guard that called it."""
    calls = []

    async def ending():
        main.guard.dismiss()
        calls.append("ended")

    async def main():
        main.guard = Guard(ending)

    run(main())

    assert calls == ["ended"]


def test_dismissed_guard_lets_a_loop_be_closed(loop_factory, log):
    """After `dismiss` a loop may be closed with nothing said."""

    async def ending():
        raise AssertionError

    async def main():
        Guard(ending).dismiss()

    loop = loop_factory()
    loop.run_until_complete(main())
    loop.close()
    gc.collect()

    assert log.take() == []


def test_several_guards(run):
    """Each guest in a loop has a guard of its own."""
    calls = []

    def ending(number):
        async def end():
            calls.append(number)

        return end

    async def main():
        main.guards = [Guard(ending(number)) for number in range(3)]
        main.guards[1].dismiss()

    run(main())

    assert sorted(calls) == [0, 2]


def test_error_at_the_end_is_told_by_asyncio(run, log):
    """An error in what is done at the end goes to the loop's exception handler."""

    async def ending():
        raise ValueError("at the end")

    async def main():
        main.guard = Guard(ending)

    run(main())

    assert log.take() == ["ValueError('at the end')"]
