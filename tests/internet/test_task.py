"""A clock that is moved by hand, calls in a loop, and one call later."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from reactorlite.internet import defer, error, task
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.interfaces import IDelayedCall, IReactorTime
from reactorlite.internet.task import Clock, LoopingCall, deferLater
from reactorlite.python.failure import Failure


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


def looping(clock: Clock, f: Callable[..., object], *a: Any, **kw: Any) -> LoopingCall:
    """A `LoopingCall` on a clock."""
    made = LoopingCall(f, *a, **kw)
    made.clock = clock
    return made


# ── the clock ────────────────────────────────────────────────────────────────────────────


def test_clock_stands_still_until_moved(clock: Clock) -> None:
    """A clock begins at 0 and has the time that it was moved to."""
    clock.advance(1.5)
    clock.advance(2)

    assert clock.seconds() == clock.rightNow == 3.5


def test_clock_keeps_the_interface_of_time(clock: Clock) -> None:
    """A clock and its calls provide what a reactor's do."""
    call = clock.callLater(1, print)

    assert IReactorTime.providedBy(clock)
    assert IDelayedCall.providedBy(call)


def test_calls_run_in_the_order_of_their_time(clock: Clock) -> None:
    """One move runs all that is due, first what was due first, equals as they were asked for."""
    ran: list[str] = []
    clock.callLater(2, ran.append, "late")
    clock.callLater(1, ran.append, "one")
    clock.callLater(1, ran.append, "other")
    clock.callLater(3, ran.append, "not yet")

    clock.advance(2)

    assert ran == ["one", "other", "late"]


def test_call_sees_the_time_after_the_move(clock: Clock) -> None:
    """While calls run the clock is where it was moved to, whenever they were due."""
    seen: list[float] = []
    clock.callLater(1, lambda: seen.append(clock.seconds()))

    clock.advance(5)

    assert seen == [5]


def test_call_of_a_call_runs_in_the_same_move(clock: Clock) -> None:
    """What a call schedules for the time that is reached runs before `advance` returns."""
    ran: list[str] = []
    clock.callLater(1, clock.callLater, 0, ran.append, "inner")

    clock.advance(1)

    assert ran == ["inner"]


def test_call_that_raises_ends_the_move(clock: Clock) -> None:
    """An error passes through `advance`, and what was due behind it runs at the next."""
    ran: list[str] = []
    clock.callLater(1, lambda: 1 / 0)
    clock.callLater(1, ran.append, "behind")

    with pytest.raises(ZeroDivisionError):
        clock.advance(1)

    assert not ran
    clock.advance(0)
    assert ran == ["behind"]


def test_pump_moves_step_by_step(clock: Clock) -> None:
    """`pump` makes a move for each amount."""
    seen: list[float] = []
    clock.callLater(1, lambda: seen.append(clock.seconds()))
    clock.callLater(3, lambda: seen.append(clock.seconds()))

    clock.pump([1, 1.5, 1])

    assert seen == [1, 3.5]


def test_delayed_calls_are_listed_by_time(clock: Clock) -> None:
    """`getDelayedCalls` and `calls` list what is to come, the next first, and nothing else."""
    late = clock.callLater(3, print)
    soon = clock.callLater(1, print)
    clock.callLater(2, print).cancel()

    assert clock.getDelayedCalls() == clock.calls == [soon, late]


def test_calls_can_be_moved_and_given_up(clock: Clock) -> None:
    """`reset`, `delay` and `cancel` work as a reactor's calls do."""
    ran: list[str] = []
    earlier = clock.callLater(5, ran.append, "earlier")
    later = clock.callLater(1, ran.append, "later")
    gone = clock.callLater(1, ran.append, "gone")
    earlier.reset(1)
    later.delay(1)
    gone.cancel()

    clock.advance(1)
    assert ran == ["earlier"]
    clock.advance(1)

    assert ran == ["earlier", "later"]
    with pytest.raises(error.AlreadyCalled):
        later.cancel()
    with pytest.raises(error.AlreadyCancelled):
        gone.cancel()


def test_negative_delay_is_past_already(clock: Clock) -> None:
    """A call with a negative delay is due, and before one with none."""
    ran: list[str] = []
    clock.callLater(0, ran.append, "now")
    call = clock.callLater(-1, ran.append, "past")

    assert call.getTime() == -1
    clock.advance(0)
    assert ran == ["past", "now"]


def test_call_keeps_its_context(clock: Clock) -> None:
    """A delayed call has the context variables of where it was asked for."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")
    seen: list[str] = []

    def ask() -> None:
        variable.set("inside")
        clock.callLater(1, lambda: seen.append(variable.get()))

    contextvars.copy_context().run(ask)
    clock.advance(1)

    assert seen == ["inside"]


def test_clock_may_be_set(clock: Clock) -> None:
    """`rightNow` can be assigned to, and calls wait from there."""
    clock.rightNow = 1000.0

    assert clock.callLater(1, print).getTime() == 1001


# ── calls in a loop ──────────────────────────────────────────────────────────────────────


def test_looping_call_calls_at_every_interval(clock: Clock) -> None:
    """The first call is at once, and each further one an interval later, with its arguments."""
    made: list[tuple[float, str, int]] = []
    loop = looping(clock, lambda a, k: made.append((clock.seconds(), a, k)), "a", k=1)

    loop.start(2)
    clock.pump([1] * 5)

    assert made == [(0, "a", 1), (2, "a", 1), (4, "a", 1)]
    assert loop.running


def test_looping_call_needs_something_to_call() -> None:
    """What a function returned, in place of the function, is refused."""
    with pytest.raises(TypeError, match="takes something to call, and its arguments, not None"):
        LoopingCall(print("polled"))  # type: ignore[arg-type, func-returns-value]


def test_looping_call_may_begin_an_interval_later(clock: Clock) -> None:
    """With `now=False` the first call is an interval away."""
    made: list[float] = []
    looping(clock, lambda: made.append(clock.seconds())).start(2, now=False)

    clock.pump([1] * 4)

    assert made == [2, 4]


def test_late_calls_do_not_drift(clock: Clock) -> None:
    """A call that comes late is followed by one at a multiple of the interval from the start."""
    made: list[float] = []
    looping(clock, lambda: made.append(clock.seconds())).start(1)

    clock.pump([1.5, 0.5, 3.25, 0.75])

    assert made == [0, 1.5, 2, 5.25, 6]


def test_interval_of_zero_calls_each_time_the_clock_is_asked(clock: Clock) -> None:
    """With an interval of 0 the next call has no delay."""
    loop = looping(clock, lambda: loop.stop() if clock.seconds() else None)
    loop.start(0)

    (call,) = clock.getDelayedCalls()

    assert call.getTime() == 0
    loop.stop()


def test_stop_fires_the_deferred(clock: Clock) -> None:
    """`stop` fires what `start` returned with the object, and takes the call off the clock."""
    loop = looping(clock, lambda: None)
    fired: list[object] = []
    loop.start(1).addCallback(fired.append)

    loop.stop()

    assert fired == [loop]
    assert not loop.running
    assert not clock.getDelayedCalls()


def test_stop_inside_the_call(clock: Clock) -> None:
    """A loop that its own call stops fires when that call has returned."""
    events: list[str] = []

    def call() -> None:
        loop.stop()
        events.append("called")

    loop = looping(clock, call)
    loop.start(1).addCallback(lambda _: events.append("fired"))

    assert events == ["called", "fired"]
    assert not clock.getDelayedCalls()


def test_call_that_raises_fails_the_deferred(clock: Clock) -> None:
    """What a call raises ends the loop and is the failure of the `Deferred`."""
    failures: list[Failure] = []
    loop = looping(clock, lambda: 1 / 0)

    loop.start(1).addErrback(failures.append)

    assert failures[0].check(ZeroDivisionError)
    assert not loop.running
    assert not clock.getDelayedCalls()


def test_failure_that_is_returned_fails_the_deferred(clock: Clock) -> None:
    """A call that returns a `Failure` ends the loop as one that raises."""
    failures: list[Failure] = []

    looping(clock, lambda: Failure(ValueError())).start(1).addErrback(failures.append)

    assert failures[0].check(ValueError)


def test_deferred_is_waited_for(clock: Clock) -> None:
    """No call is made while the `Deferred` of one has no result, and no multiple is made up."""
    made: list[float] = []
    results = [Deferred[None](), Deferred[None]()]

    def call() -> Deferred[None]:
        made.append(clock.seconds())
        return results[len(made) - 1]

    looping(clock, call).start(1)
    clock.pump([1, 1, 0.5])
    results[0].callback(None)
    clock.advance(0.5)

    assert made == [0, 3]


def test_deferred_that_fails_ends_the_loop(clock: Clock) -> None:
    """A `Deferred` of a call that fails fails that of `start`."""
    result: Deferred[None] = Deferred()
    failures: list[Failure] = []
    looping(clock, lambda: result).start(1).addErrback(failures.append)

    result.errback(ValueError())

    assert failures[0].check(ValueError)


def test_stop_while_a_deferred_is_waited_for(clock: Clock) -> None:
    """A stopped loop fires when the call that is under way has its result."""
    result: Deferred[None] = Deferred()
    loop = looping(clock, lambda: result)
    ended = loop.start(1)
    loop.stop()
    assert not ended.called

    result.callback(None)

    assert ended.called


def test_coroutine_function_is_run(clock: Clock) -> None:
    """An `async def` function is run each time, and waited for."""
    events: list[str] = []

    async def call() -> None:
        events.append("begins")
        await deferLater(clock, 1.5)
        events.append("ends")

    looping(clock, call).start(1)
    clock.pump([1, 1, 1])

    assert events == ["begins", "ends", "begins"]


def test_reset_counts_from_now(clock: Clock) -> None:
    """`reset` makes the next call a whole interval away, and those after it follow from there."""
    made: list[float] = []
    loop = looping(clock, lambda: made.append(clock.seconds()))
    loop.start(2)
    clock.advance(1.5)

    loop.reset()
    clock.pump([0.5] * 10)

    assert made == [0, 3.5, 5.5]


def test_loop_can_be_started_again(clock: Clock) -> None:
    """A stopped loop may be started, with another interval."""
    made: list[float] = []
    loop = looping(clock, lambda: made.append(clock.seconds()))
    loop.start(1)
    loop.stop()
    clock.advance(0.5)

    loop.start(3)
    clock.pump([1] * 4)

    assert made == [0, 0.5, 3.5]
    assert loop.interval == 3
    assert loop.starttime == 0.5


@pytest.mark.parametrize("what", ["stop", "reset"])
def test_what_needs_a_running_loop(clock: Clock, what: str) -> None:
    """`stop` and `reset` of a loop that does not run are errors."""
    with pytest.raises(AssertionError, match="not run"):
        getattr(looping(clock, print), what)()


def test_start_twice_is_an_error(clock: Clock) -> None:
    """A running loop can't be started."""
    loop = looping(clock, lambda: None)
    loop.start(1)

    with pytest.raises(AssertionError, match="runs already"):
        loop.start(1)


def test_negative_interval_is_an_error(clock: Clock) -> None:
    """An interval below 0 is refused, and the loop doesn't run."""
    loop = looping(clock, print)

    with pytest.raises(ValueError, match="interval"):
        loop.start(-1)

    assert not loop.running


def test_count_tells_what_was_missed(clock: Clock) -> None:
    """`withCount` passes how many calls are due, those that were left out included."""
    counts: list[int] = []
    loop = LoopingCall.withCount(counts.append)
    loop.clock = clock
    loop.start(1)

    clock.pump([1, 1, 3.5, 0.5])

    assert counts == [1, 1, 1, 3, 1]


def test_count_is_one_without_an_interval(clock: Clock) -> None:
    """With an interval of 0 every call counts one."""
    counts: list[int] = []

    def count(due: int) -> None:
        counts.append(due)
        if len(counts) == 3:
            loop.stop()

    loop = LoopingCall.withCount(count)
    loop.clock = clock
    loop.start(0)
    clock.advance(1)

    assert counts == [1, 1, 1]


def test_deferred_attribute_is_deprecated(clock: Clock) -> None:
    """`LoopingCall.deferred` is what `start` returned, with a warning."""
    loop = looping(clock, lambda: None)
    started = loop.start(1)

    with pytest.warns(DeprecationWarning, match="start"):
        assert loop.deferred is started


def test_looping_call_tells_its_call(clock: Clock) -> None:
    """The `repr` names the function and its arguments."""
    loop = looping(clock, print, 1, end="")

    assert repr(loop) == "LoopingCall<None>(print, *(1,), **{'end': ''})"


def test_clock_of_a_looping_call_is_the_current_reactor() -> None:
    """Without a clock of its own a loop goes by the reactor that is current when it starts."""

    async def main() -> tuple[object, object]:
        from reactorlite.internet.asyncioreactor import current_reactor

        loop = LoopingCall(lambda: None)
        loop.start(60)
        used = loop.clock
        loop.stop()
        return used, current_reactor()

    used, current = asyncio.run(main())
    again, current_again = asyncio.run(main())

    assert used is current
    assert again is current_again


@pytest.mark.parametrize("seed", range(30))
def test_same_calls_as_twisted(seed: int) -> None:
    """For any moves of the clock, stops and resets, calls and counts are Twisted's."""
    theirs = pytest.importorskip("twisted.internet.task")

    assert _random_story(task, seed) == _random_story(theirs, seed)


def _random_story(module: Any, seed: int) -> list[Any]:
    """Play with a `LoopingCall` and one with a count, and list what they did."""
    chance = random.Random(seed)
    clock = module.Clock()
    clock.advance(chance.choice([0, 1234.5678, 1.7e9]))
    story: list[Any] = []
    plain = module.LoopingCall(lambda: story.append(("call", clock.seconds())))
    counted = module.LoopingCall.withCount(lambda n: story.append(("count", clock.seconds(), n)))
    for loop in (plain, counted):
        loop.clock = clock
        loop.start(chance.choice([0.1, 0.3, 1, 7]), now=chance.random() < 0.7)
    for _ in range(60):
        clock.advance(chance.choice([0, 0.1, 0.25, 1 / 3, 1, 3, 20, chance.random()]))
        loop = chance.choice([plain, counted])
        deed = chance.random()
        if deed < 0.1:
            loop.reset()
        elif deed < 0.2:
            loop.stop()
            loop.start(chance.choice([0.1, 0.5, 2]), now=chance.random() < 0.5)
        story.append([call.getTime() for call in clock.getDelayedCalls()])
    return story


def test_many_loops_leave_nothing_behind(clock: Clock) -> None:
    """Ten thousand loops that ran and were stopped leave as many objects as there were."""

    def many() -> None:
        loops = [looping(clock, lambda: None) for _ in range(10_000)]
        for loop in loops:
            loop.start(1)
        clock.pump([1, 1])
        for loop in loops:
            loop.stop()

    many()
    gc.collect()
    before = len(gc.get_objects())

    many()

    gc.collect()
    assert len(gc.get_objects()) - before < 100


# ── once, later ──────────────────────────────────────────────────────────────────────────


def test_defer_later_fires_with_the_result(clock: Clock) -> None:
    """The call is made after the delay, with its arguments, and its result is the `Deferred`'s."""
    got: list[object] = []
    deferLater(clock, 2, lambda a, b: (a, b), 1, b=2).addCallback(got.append)

    clock.advance(1)
    assert not got
    clock.advance(1)

    assert got == [(1, 2)]


def test_defer_later_without_a_call(clock: Clock) -> None:
    """With nothing to call it fires with None."""
    got: list[object] = []
    deferLater(clock, 1).addCallback(got.append)

    clock.advance(1)

    assert got == [None]


def test_defer_later_fails_with_what_was_raised(clock: Clock) -> None:
    """What the call raises is the failure."""
    failures: list[Failure] = []
    deferLater(clock, 1, lambda: 1 / 0).addErrback(failures.append)

    clock.advance(1)

    assert failures[0].check(ZeroDivisionError)


def test_defer_later_runs_a_coroutine(clock: Clock) -> None:
    """A coroutine function may be called later."""
    got: list[object] = []

    async def call() -> int:
        await deferLater(clock, 1)
        return 3

    deferLater(clock, 1, call).addCallback(got.append)
    clock.pump([1, 1])

    assert got == [3]


def test_defer_later_cancelled_gives_the_call_up(clock: Clock) -> None:
    """To cancel the `Deferred` takes the call off the clock."""
    failures: list[Failure] = []
    later = deferLater(clock, 1, print).addErrback(failures.append)

    later.cancel()

    assert failures[0].check(defer.CancelledError)
    assert not clock.getDelayedCalls()


def test_defer_later_cancelled_after_its_reactor_ended(reactor: Reactor) -> None:
    """A reactor that ends cancels its calls, and the `Deferred` can still be cancelled."""
    failures: list[Failure] = []
    later = deferLater(reactor, 60, print).addErrback(failures.append)
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    later.cancel()

    assert failures[0].check(defer.CancelledError)


# ── a whole program ──────────────────────────────────────────────────────────────────────


def exit_code(main: Callable[..., Any], reactor: Reactor, *argv: Any) -> Any:
    """The code that `react` exits with."""
    with pytest.raises(SystemExit) as leaving:
        task.react(main, argv, _reactor=reactor)
    return leaving.value.code


def test_react_runs_until_the_result(reactor: Reactor) -> None:
    """`main` gets the reactor and the arguments; when its result is there the exit code is 0."""
    got: list[Any] = []

    def main(*args: Any) -> Deferred[None]:
        got.extend(args)
        return deferLater(reactor, 0.001, got.append, "done")

    assert exit_code(main, reactor, "one", "two") == 0
    assert got == [reactor, "one", "two", "done"]


def test_react_with_a_result_that_is_there(reactor: Reactor) -> None:
    """A fired `Deferred` ends the program as soon as the reactor runs."""
    assert exit_code(lambda _: defer.succeed(None), reactor) == 0


def test_react_runs_a_coroutine_in_the_loop(reactor: Reactor) -> None:
    """An `async def` main may use asyncio from its first line."""

    async def main(_: Any) -> None:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)

    assert exit_code(main, reactor) == 0


def test_react_logs_a_failure(reactor: Reactor, log: Any) -> None:
    """A program that fails is logged, and exits with 1."""

    async def main(_: Any) -> None:
        raise ValueError("it failed")

    assert exit_code(main, reactor) == 1
    assert log.take() == ["ValueError('it failed')"]


@pytest.mark.parametrize("code", [7, "a message", None])
def test_react_exits_with_the_code_of_system_exit(reactor: Reactor, code: Any) -> None:
    """A program that ends by `SystemExit` has its code."""
    assert exit_code(lambda _: deferLater(reactor, 0, sys.exit, code), reactor) == code


def test_react_ends_with_its_reactor(reactor: Reactor) -> None:
    """A reactor that is stopped ends the program, though there is no result."""

    def main(_: Any) -> Deferred[None]:
        reactor.callWhenRunning(reactor.stop)
        return Deferred()

    assert exit_code(main, reactor) == 0


@pytest.mark.parametrize("wait", [Deferred, lambda: asyncio.sleep(60)], ids=["deferred", "sleep"])
def test_react_cancels_what_still_waits(
    loop_factory: Any, monkeypatch: pytest.MonkeyPatch, log: Any, wait: Any
) -> None:
    """A coroutine that still waits when its reactor is stopped is cancelled, which is no error."""
    monkeypatch.setattr(asyncio, "new_event_loop", loop_factory)
    reactor = Reactor()
    endings: list[BaseException] = []

    async def main(_: Any) -> None:
        reactor.callLater(0, reactor.stop)
        try:
            await wait()
        except asyncio.CancelledError as cancelled:
            endings.append(cancelled)
            raise

    assert exit_code(main, reactor) == 0
    assert len(endings) == 1


def test_react_while_shutting_down(reactor: Reactor, log: Any) -> None:
    """A failure that comes while the reactor stops is logged, and counts."""
    result: Deferred[None] = Deferred()

    def main(_: Any) -> Deferred[None]:
        reactor.callWhenRunning(reactor.stop)
        reactor.addSystemEventTrigger("before", "shutdown", lambda: result.errback(ValueError()))
        return result

    assert exit_code(main, reactor) == 1
    assert log.take() == ["ValueError()"]


def test_react_passes_on_what_main_raises(reactor: Reactor) -> None:
    """An error of `main` itself comes through, and nothing is run."""

    def main(_: Any) -> None:
        raise KeyError("early")

    with pytest.raises(KeyError, match="early"):
        task.react(main, _reactor=reactor)


def test_react_wants_something_to_wait_for(reactor: Reactor) -> None:
    """A main that returns neither a `Deferred` nor a coroutine is an error."""
    with pytest.raises(TypeError, match="react"):
        task.react(lambda _: 3, _reactor=reactor)  # type: ignore[arg-type]  # the error meant
