"""Delayed calls on a loop: never early, one timer of the loop's for all, and no leak."""

import asyncio
import gc
import weakref
from random import Random
from time import monotonic

import pytest

from reactorlite.bridge.timers import Timers
from reactorlite.internet.asyncioreactor import Reactor


async def called(timers, delay):
    """Wait for a delayed call, and say how late it was made."""
    made = asyncio.get_running_loop().create_future()
    call = timers.call_later(delay, lambda: made.set_result(timers.seconds()), (), {})
    return await made - call.getTime()


@pytest.fixture
def timed(run):
    """Runs a test's coroutine function with timers that the loop wakes."""

    def timed(main):
        async def with_timers():
            timers = Timers()
            timers.attach(asyncio.get_running_loop())
            try:
                return await main(timers)
            finally:
                timers.clear()
                timers.detach()

        return run(with_timers())

    return timed


def test_calls_are_never_early(timed):
    """By the timers' own clock, no call is made before it is due."""
    random = Random(5)

    async def main(timers):
        delays = [random.random() * 0.03 for _ in range(100)]
        return await asyncio.gather(*(called(timers, delay) for delay in delays))

    assert min(timed(main)) >= 0


@pytest.mark.parametrize("delay", [0, 1e-9, 0.0004, 0.0005, 0.0014, 0.0016])
def test_short_delays_are_never_early(timed, delay):
    """Nor are calls whose delays a loop would round to its milliseconds."""

    async def main(timers):
        return [await called(timers, delay) for _ in range(20)]

    assert min(timed(main)) >= 0


def test_calls_are_not_late_either(timed):
    """A call is made soon after it is due, also if it is asked for while the loop waits long."""

    async def main(timers):
        timers.call_later(60, pytest.fail, (), {})
        return await called(timers, 0.01)

    assert timed(main) < 1


class Coarse(asyncio.SelectorEventLoop):
    """A loop whose clock moves in steps of ten milliseconds, so that many calls are due at once."""

    def time(self):
        return round(super().time(), 2)


def test_equal_deadlines_keep_their_order(log):
    """Calls due at the same time are made in the order of asking."""

    async def main():
        timers = Timers()
        timers.attach(asyncio.get_running_loop())
        calls = []
        done = asyncio.get_running_loop().create_future()
        asked = [timers.call_later(0.02, calls.append, (number,), {}) for number in range(200)]
        times = {call.getTime() for call in asked}
        timers.call_later(0.06, done.set_result, (None,), {})
        await done
        timers.detach()
        return len(times), calls

    with asyncio.Runner(loop_factory=Coarse) as runner:
        times, calls = runner.run(main())

    assert times < 50
    assert calls == list(range(200))


def test_calls_due_at_once_wait_for_the_loop(timed):
    """A call with no delay is made by the loop, not by who asks for it."""

    async def main(timers):
        calls = []
        timers.call_later(0, calls.append, ("called",), {})
        before = list(calls)
        await called(timers, 0)
        return before, calls

    assert timed(main) == ([], ["called"])


def test_call_asked_for_by_a_call(timed):
    """A call that asks for the next one goes on so, turn by turn."""

    async def main(timers):
        calls = []
        done = asyncio.get_running_loop().create_future()

        def again():
            calls.append(len(calls))
            if len(calls) < 50:
                timers.call_later(0, again, (), {})
            else:
                done.set_result(None)

        timers.call_later(0, again, (), {})
        await done
        return len(calls)

    assert timed(main) == 50


def test_cancelled_call_lets_the_next_one_come(timed):
    """When the call that the loop was to wake for is cancelled, the others still come."""

    async def main(timers):
        first = timers.call_later(0.005, pytest.fail, (), {})
        waiting = asyncio.ensure_future(called(timers, 0.01))
        await asyncio.sleep(0)
        first.cancel()
        return await waiting

    assert timed(main) >= 0


def test_call_moved_while_the_loop_waits(timed):
    """A call that is moved is made at its new time, sooner or later."""

    async def main(timers):
        made = {}
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        sooner = timers.call_later(60, lambda: made.update(sooner=timers.seconds()), (), {})
        later = timers.call_later(0.005, lambda: done.set_result(timers.seconds()), (), {})
        await asyncio.sleep(0)
        sooner.reset(0.002)
        later.delay(0.02)
        last = await done
        return made["sooner"] - sooner.getTime(), last - later.getTime()

    sooner, later = timed(main)

    assert 0 <= sooner < 1
    assert 0 <= later < 1


def test_call_that_raises_does_not_stop_the_others(timed, log):
    """An error is logged, and what is due later is still made."""

    async def main(timers):
        timers.call_later(0, lambda: 1 / 0, (), {})
        return await called(timers, 0.005)

    assert timed(main) >= 0
    assert "ZeroDivisionError" in log.take()[0]


def test_loop_has_one_timer_for_all(log):
    """However many calls wait and are moved, the loop has a timer or two, not thousands."""

    async def main():
        timers = Timers()
        loop = asyncio.get_running_loop()
        timers.attach(loop)
        calls = [timers.call_later(30 + number, int, (), {}) for number in range(1000)]
        for call in calls:
            call.reset(60)
        scheduled = len(loop._scheduled)
        timers.clear()
        timers.detach()
        return scheduled

    assert asyncio.run(main()) < 10


def test_cancelled_call_keeps_nothing_alive(timed):
    """Neither the queue nor the loop holds on to what a cancelled call was to be given."""

    class Thing:
        pass

    async def main(timers):
        thing = Thing()
        watched = weakref.ref(thing)
        call = timers.call_later(30, print, (thing,), {})
        await asyncio.sleep(0)
        del thing
        call.cancel()
        gc.collect()
        return watched()

    assert timed(main) is None


def test_clear_leaves_the_loop_nothing(timed):
    """After `clear` no call comes, and new ones do."""

    async def main(timers):
        calls = []
        for _ in range(5):
            timers.call_later(0.001, calls.append, (1,), {})
        timers.clear()
        late = await called(timers, 0.005)
        return calls, late >= 0

    assert timed(main) == ([], True)


def test_calls_wait_for_a_loop(loop_factory):
    """Before there is a loop calls wait, and are made when one is attached."""
    timers = Timers()
    calls = []
    timers.call_later(0, calls.append, ("early",), {})
    loop = loop_factory()

    timers.attach(loop)
    loop.run_until_complete(asyncio.sleep(0.005))

    assert calls == ["early"]


def test_calls_survive_a_change_of_loops(loop_factory):
    """Detached from one loop and attached to another, calls keep their time to wait."""
    timers = Timers()
    calls = []
    first, second = loop_factory(), loop_factory()
    timers.attach(first)
    timers.call_later(0.01, calls.append, ("call",), {})
    timers.detach()
    first.run_until_complete(asyncio.sleep(0.02))
    between = list(calls)

    timers.attach(second)
    second.run_until_complete(asyncio.sleep(0.02))

    assert (between, calls) == ([], ["call"])


class Slow(asyncio.SelectorEventLoop):
    """A loop that lives by a clock of its own, a thousand seconds behind."""

    def time(self):
        return super().time() - 1000


def test_loop_with_a_clock_of_its_own(log):
    """On a loop with another clock, `seconds` is that clock, and waiting calls are carried over."""
    loop = Slow()
    reactor = Reactor(loop)
    early = reactor.callLater(0.01, reactor.stop)
    before = early.getTime() - monotonic()
    seen = []
    reactor.callWhenRunning(lambda: seen.append((reactor.seconds() - loop.time(), early.getTime())))

    reactor.run()
    loop.close()

    difference, due = seen[0]
    assert abs(difference) < 1
    assert abs(due - (monotonic() - 1000)) < 5
    assert 0 < before <= 0.01
