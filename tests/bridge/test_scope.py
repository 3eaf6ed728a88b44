"""What a reactor has open, waiting for a loop and closed together."""

import asyncio

import pytest

from reactorlite.bridge.scope import Scope
from tests.waiting import until


@pytest.fixture
def scope():
    """A scope without a loop, that belongs to nobody."""
    return Scope(object())


def test_work_waits_for_a_loop(scope, run):
    """What is started without a loop begins, in order, when there is one."""
    begun = []
    for number in range(3):
        scope.start(number, lambda loop, number=number: begun.append((number, loop)))
    before = list(begun)

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.begin()
        return [(number, scope.loop) for number in range(3)]

    assert run(main()) == begun
    assert before == []


def test_work_begins_at_once_on_a_loop(scope, run):
    """With a loop there is nothing to wait for."""
    begun = []

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.start("key", begun.append)
        return [scope.loop]

    assert run(main()) == begun


def test_work_is_taken_back(scope, run):
    """What is forgotten before there is a loop doesn't begin; nor does forgetting twice harm."""
    begun = []
    scope.start("kept", lambda loop: begun.append("kept"))
    scope.start("gone", lambda loop: begun.append("gone"))
    scope.forget("gone")
    scope.forget("gone")

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.begin()

    run(main())

    assert begun == ["kept"]


def test_work_begun_is_not_begun_again(scope, run):
    """What began stays begun, whatever loop comes next."""
    begun = []
    scope.start("key", begun.append)

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.begin()
        scope.begin()

    run(main())

    assert len(begun) == 1


def test_soon_is_the_next_turn(scope, run):
    """On a loop, `soon` calls on the next turn; without one there is no turn to wait for."""
    calls = []
    scope.soon(lambda: calls.append("without"))

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.soon(lambda: calls.append("on the loop"))
        before = list(calls)
        await asyncio.sleep(0)
        return before

    assert run(main()) == ["without"]
    assert calls == ["without", "on the loop"]


def test_close_ends_work_that_waits(scope, run):
    """Closing cancels what was spawned, and is done when that has ended."""
    events = []

    async def work():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            events.append("ended")

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.spawn(work())
        await asyncio.sleep(0)
        closed = scope.close()
        closed.addCallback(lambda _: events.append("closed"))
        await until(lambda: "closed" in events)

    run(main())

    assert events == ["ended", "closed"]


def test_close_of_an_empty_scope_is_done_at_once(scope):
    """Without a loop, and with nothing open, there is nothing to wait for."""
    closed = []

    scope.close().addCallback(closed.append)

    assert closed == [None]


def test_close_forgets_what_waited(scope, run):
    """What waited for a loop when the scope was closed never begins."""
    begun = []
    scope.start("key", begun.append)
    scope.close()

    async def main():
        scope.loop = asyncio.get_running_loop()
        scope.begin()

    run(main())

    assert begun == []
