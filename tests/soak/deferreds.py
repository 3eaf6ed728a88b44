"""`python -m tests.soak.deferreds [LOOPS DEFERREDS]`: what Deferreds and looping calls leave.

In a reactor's loop: looping calls by the thousand, each called a few times, and Deferreds by
the million, fired, failed, cancelled, chained, gathered and awaited. Prints the kinds of which
there are more objects at the end than there were at the beginning, as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections import Counter
from typing import Any

from reactorlite import Reactor
from reactorlite.internet import defer
from reactorlite.internet.defer import Deferred
from reactorlite.internet.task import LoopingCall

ROUNDS = 3
#: Deferreds made by one `play`.
EACH = 16


def play() -> None:
    """Make Deferreds that end in every way there is."""
    fired: Deferred[int] = Deferred()
    fired.addCallback(str).callback(1)
    failed: Deferred[int] = Deferred()
    failed.addCallback(lambda _: 1 // 0).addErrback(lambda failure: failure.trap(ZeroDivisionError))
    failed.callback(1)
    cancelled: Deferred[int] = Deferred()
    cancelled.addErrback(lambda failure: failure.trap(defer.CancelledError))
    cancelled.cancel()
    inner: Deferred[int] = Deferred()
    outer = defer.succeed(1).addCallback(lambda _: inner)
    inner.callback(2)
    gathered = [Deferred[int]() for _ in range(4)]
    defer.gatherResults(gathered)
    for each in gathered:
        each.callback(3)
    waited: Deferred[int] = Deferred()
    ended = defer.ensureDeferred(_waits(waited))
    _yields(waited)
    waited.callback(4)
    abandoned: Deferred[int] = Deferred()
    abandoned.addCallback(lambda _: outer)
    assert ended.result == 4


async def _waits(waited: Deferred[int]) -> int:
    return await waited


@defer.inlineCallbacks
def _yields(waited: Deferred[int]) -> Any:
    yield defer.succeed(None)
    yield defer.maybeDeferred(abs, -1)


async def loops(count: int) -> None:
    """Let as many looping calls take their turns, and end: by themselves, or stopped."""
    ended = []
    for number in range(count):
        calls = iter(range(ROUNDS))

        def turn(loop: LoopingCall, calls: Any = calls, stops: bool = number % 2 == 0) -> None:
            if next(calls, None) is None and stops:
                loop.stop()

        looping = LoopingCall(turn)
        looping.a = (looping,)  # itself, to be given to the function: a cycle until it ends
        ended.append(looping.start(0))
        if number % 2:
            asyncio.get_running_loop().call_later(0.05, looping.stop)
    for each in ended:
        await each
        (await each).a = ()


async def once(looping: int, deferreds: int) -> None:
    """All of it, in a reactor's scope."""
    async with Reactor():
        await loops(looping)
        for _ in range(deferreds // EACH):
            play()


def kinds() -> dict[str, int]:
    """How many objects of each kind the collector knows, with nothing left to collect."""
    gc.collect()
    counted = Counter(type(each) for each in gc.get_objects())
    return {f"{kind.__module__}.{kind.__qualname__}": count for kind, count in counted.items()}


def main(looping: int, deferreds: int) -> dict[str, int]:
    """What there is more of at the end than at the beginning, by kind."""
    asyncio.run(once(10, 10 * EACH))  # what is made once is no leftover
    kinds()
    before = kinds()
    asyncio.run(once(looping, deferreds))
    after = kinds()
    return {
        kind: count - before.get(kind, 0)
        for kind, count in after.items()
        if count > before.get(kind, 0)
    }


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]] or [10_000, 1_000_000]
    print(json.dumps(main(*numbers)))
