"""A loop whose time is a clock's: asyncio's sleeps and Twisted's delayed calls move together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from reactorlite.bridge.clockloop import ClockLoop
from reactorlite.internet import reactor
from reactorlite.internet.task import Clock, LoopingCall, deferLater

Main = Callable[[ClockLoop], Coroutine[Any, Any, Any]]


@pytest.fixture
def play(log: Any) -> Iterator[Callable[[Main], Any]]:
    """Runs a coroutine, given its loop, on a clock that stands still; asyncio has no complaints."""

    def play(main: Main) -> Any:
        with asyncio.Runner(loop_factory=ClockLoop, debug=True) as runner:
            return runner.run(main(runner.get_loop()))  # type: ignore[arg-type]  # as made

    return play


async def sleeper(told: list[Any], seconds: float, name: str) -> None:
    """Sleep, and tell."""
    await asyncio.sleep(seconds)
    told.append((name, asyncio.get_running_loop().time()))


def test_time_is_the_clock_s() -> None:
    """The loop's time is its clock's, and stands still with it."""
    clock = Clock()
    loop = ClockLoop(clock)

    clock.advance(7)

    assert loop.clock is clock
    assert loop.time() == 7
    loop.close()


def test_sleep_ends_when_the_clock_was_moved(play: Any) -> None:
    """`asyncio.sleep` lasts until the clock is moved far enough, in one move or in several."""

    async def main(loop: ClockLoop) -> list[Any]:
        told: list[Any] = []
        sleeping = asyncio.ensure_future(sleeper(told, 5, "slept"))
        await asyncio.sleep(0)
        loop.clock.advance(4.5)
        await asyncio.sleep(0)
        assert not told
        loop.clock.advance(1)
        await sleeping
        return told

    assert play(main) == [("slept", 5.5)]


def test_timeout_fires_with_the_clock(play: Any) -> None:
    """`asyncio.timeout` ends a wait when the clock has come to it."""

    async def main(loop: ClockLoop) -> None:
        loop.call_soon(loop.clock.advance, 30)
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        play(main)


def test_everything_moves_in_the_order_of_its_time(play: Any) -> None:
    """Sleeps, the clock's calls and the reactor's come in the order of their time."""

    async def main(loop: ClockLoop) -> list[Any]:
        told: list[Any] = []
        note = told.append
        sleeping = asyncio.ensure_future(sleeper(told, 2, "sleep"))
        loop.clock.callLater(3, lambda: note(("clock", loop.time())))
        reactor.callLater(1, lambda: note(("reactor", reactor.seconds())))
        loop.call_later(4, lambda: note(("loop", loop.time())))
        deferLater(reactor, 5, lambda: note(("deferLater", loop.time())))
        await loop.pass_time(10)
        assert sleeping.done()
        return told

    assert play(main) == [
        ("reactor", 1),
        ("sleep", 2),
        ("clock", 3),
        ("loop", 4),
        ("deferLater", 5),
    ]


def test_pass_time_lets_a_task_sleep_again_and_again(play: Any) -> None:
    """A task that sleeps a second at a time does so five times in five seconds."""

    async def tick(told: list[float]) -> None:
        while True:
            await asyncio.sleep(1)
            told.append(asyncio.get_running_loop().time())

    async def main(loop: ClockLoop) -> list[float]:
        told: list[float] = []
        ticking = asyncio.ensure_future(tick(told))
        await loop.pass_time(5.5)
        ticking.cancel()
        assert loop.time() == 5.5
        return told

    assert play(main) == [1, 2, 3, 4, 5]


def test_looping_call_keeps_step_with_a_sleep(play: Any) -> None:
    """A `LoopingCall` on the current reactor runs by the loop's clock."""

    async def main(loop: ClockLoop) -> list[float]:
        told: list[float] = []
        looping = LoopingCall(lambda: told.append(loop.time()))
        looping.start(2)
        await loop.pass_time(6)
        looping.stop()
        return told

    assert play(main) == [0, 2, 4, 6]


def test_cancelled_timer_leaves_the_clock(play: Any) -> None:
    """A timer that is cancelled is no delayed call of the clock's any more, nor is it called."""

    async def main(loop: ClockLoop) -> list[str]:
        told: list[str] = []
        timer = loop.call_later(1, told.append, "called")
        timer.cancel()
        timer.cancel()
        assert not loop.clock.getDelayedCalls()
        await loop.pass_time(2)
        return told

    assert play(main) == []


def test_timer_cancelled_when_due_is_not_called(play: Any) -> None:
    """A timer may be cancelled still between the move of the clock and the loop's turn."""

    async def main(loop: ClockLoop) -> list[str]:
        told: list[str] = []
        timer = loop.call_later(1, told.append, "called")
        loop.clock.advance(1)
        timer.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return told

    assert play(main) == []


def test_time_of_a_timer_is_not_rounded(play: Any) -> None:
    """What is due in a fraction of a second comes when the clock was moved by that fraction."""

    async def main(loop: ClockLoop) -> int:
        called = 0

        def call() -> None:
            nonlocal called
            called += 1

        for n in range(1, 200):
            loop.clock.advance(1 / n)
            loop.call_at(loop.time() + 1 / (n + 7), call)
            loop.clock.advance(1 / (n + 7))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return called

    assert play(main) == 199


def test_two_loops_share_a_clock() -> None:
    """Loops that were given one clock have the same time, and each its own timers."""
    clock = Clock()
    told: list[str] = []
    one, other = ClockLoop(clock), ClockLoop(clock)
    one.call_later(1, told.append, "one")
    other.call_later(1, told.append, "other")

    one.close()
    clock.advance(1)
    other.call_soon(other.stop)
    other.run_forever()

    assert told == ["other"]
    assert not clock.getDelayedCalls()
    other.close()


def test_closed_loop_takes_no_timer() -> None:
    """A closed loop refuses timers, as asyncio's do."""
    loop = ClockLoop()
    loop.close()

    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)


def test_threads_and_sockets_work(play: Any) -> None:
    """What takes no time of the clock's goes on as on any loop."""

    async def main(loop: ClockLoop) -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"line\n")
        line = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        assert await asyncio.to_thread(len, line) == 5
        return line

    assert play(main) == b"line\n"
