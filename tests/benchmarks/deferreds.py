"""What Deferreds cost, beside Twisted's and asyncio's futures.

`python -m tests.benchmarks.deferreds` prints one line per case: microseconds per operation
of processor time for each side, and ours divided by theirs. Every case is timed for all sides
in turn, in short batches over and over, so that none has the quiet moments; the medians count.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ROUNDS = 101

#: Calls an operation so many times, and returns how many seconds that took.
Timer = Callable[[int], float]


class Case(NamedTuple):
    """One thing to do, how often in each batch, and what it may cost beside others."""

    name: str
    count: int
    make: Callable[[Any], Callable[[], Any]]
    targets: dict[str, float]
    in_loop: bool = False


def same(result: Any) -> Any:
    """Pass a result on."""
    return result


def ignore(failure: Any) -> None:
    """Take care of a failure."""
    return None


def broken(result: Any) -> Any:
    """Fail."""
    raise ValueError(result)


def one_callback(defer: Any) -> Callable[[], Any]:
    """Add a callback and fire."""

    def run() -> None:
        d = defer.Deferred()
        d.addCallback(same)
        d.callback(1)

    return run


def ten_callbacks(defer: Any) -> Callable[[], Any]:
    """Add ten callbacks and fire."""

    def run() -> None:
        d = defer.Deferred()
        for _ in range(10):
            d.addCallback(same)
        d.callback(1)

    return run


def error_path(defer: Any) -> Callable[[], Any]:
    """Fail in a callback, and go on from an errback."""

    def run() -> None:
        d = defer.Deferred()
        d.addCallback(broken)
        d.addErrback(ignore)
        d.callback(1)

    return run


def chained(defer: Any) -> Callable[[], Any]:
    """Wait for a second Deferred in a callback of the first."""

    def run() -> None:
        inner = defer.Deferred()
        outer = defer.Deferred()
        outer.addCallback(lambda _: inner)
        outer.addCallback(same)
        outer.callback(1)
        inner.callback(2)

    return run


def generator_over_ten(defer: Any) -> Callable[[], Any]:
    """Yield ten Deferreds that have their result."""

    @defer.inlineCallbacks
    def run() -> Any:
        for i in range(10):
            yield defer.succeed(i)

    return run


def coroutine_over_ten(defer: Any) -> Callable[[], Any]:
    """Await ten Deferreds that have their result."""

    async def ten() -> None:
        for i in range(10):
            await defer.succeed(i)

    return lambda: defer.ensureDeferred(ten())


def waking(defer: Any) -> Callable[[], Any]:
    """Start a coroutine that waits, and let it go on."""

    async def wait(d: Any) -> Any:
        return await d

    def run() -> None:
        d = defer.Deferred()
        defer.ensureDeferred(wait(d))
        d.callback(1)

    return run


def gather_hundred(defer: Any) -> Callable[[], Any]:
    """Wait for a hundred Deferreds."""

    def run() -> None:
        deferreds = [defer.Deferred() for _ in range(100)]
        defer.gatherResults(deferreds)
        for d in deferreds:
            d.callback(1)

    return run


def failure(defer: Any) -> Callable[[], Any]:
    """Raise, catch, and make a Failure with the traceback."""
    package = defer.__name__.partition(".")[0]
    Failure = importlib.import_module(f"{package}.python.failure").Failure

    def run() -> None:
        try:
            raise ValueError(1)
        except ValueError:
            Failure()

    return run


CASES = (
    Case("one callback", 2000, one_callback, {"twisted": 0.7}),
    Case("ten callbacks", 500, ten_callbacks, {"twisted": 0.7}),
    Case("error path", 1000, error_path, {"twisted": 0.6}),
    Case("chained Deferreds", 1000, chained, {"twisted": 0.7}),
    Case("inlineCallbacks over ten fired", 200, generator_over_ten, {"twisted": 0.5}),
    Case("coroutine over ten fired", 400, coroutine_over_ten, {"twisted": 0.7}),
    Case("start and wake a coroutine", 1000, waking, {"twisted": 0.7}),
    Case("gatherResults of 100", 20, gather_hundred, {"twisted": 0.6}),
    Case("Failure with its traceback", 1000, failure, {"twisted": 0.6}),
    # In a loop a coroutine of ours is also a task, and one of Twisted's is not.
    Case("coroutine over ten, in a loop", 400, coroutine_over_ten, {"twisted": 0.85}, True),
    Case("start and wake, in a loop", 1000, waking, {"twisted": 1.0}, True),
)


def timer(run: Callable[[], Any]) -> Timer:
    """Time a function."""

    def measure(count: int) -> float:
        turns = range(count)
        start = time.process_time()
        for _ in turns:
            run()
        return time.process_time() - start

    return measure


def in_callback(measure: Timer) -> Timer:
    """Time it in a callback of a loop."""

    async def main(count: int) -> float:
        loop = asyncio.get_running_loop()
        taken = loop.create_future()
        loop.call_soon(lambda: taken.set_result(measure(count)))
        return await taken

    return lambda count: asyncio.run(main(count))


def in_loop(await_one: Callable[[asyncio.AbstractEventLoop], Any]) -> Timer:
    """Time what an asyncio task does."""

    async def many(count: int) -> float:
        loop = asyncio.get_running_loop()
        start = time.process_time()
        for _ in range(count):
            await await_one(loop)
        return time.process_time() - start

    return lambda count: asyncio.run(many(count))


def await_future(loop: asyncio.AbstractEventLoop) -> Any:
    """Make a future that gets its result in the next turn."""
    future = loop.create_future()
    loop.call_soon(future.set_result, 1)
    return future


def await_deferred(defer: Any) -> Callable[[asyncio.AbstractEventLoop], Any]:
    """Make a Deferred that gets its result in the next turn."""

    def make(loop: asyncio.AbstractEventLoop) -> Any:
        d = defer.Deferred()
        loop.call_soon(d.callback, 1)
        return d

    return make


def await_as_future(defer: Any) -> Callable[[asyncio.AbstractEventLoop], Any]:
    """Make a Deferred, and a future of it."""

    def make(loop: asyncio.AbstractEventLoop) -> Any:
        d = defer.Deferred()
        loop.call_soon(d.callback, 1)
        return d.asFuture(loop)

    return make


def sides() -> dict[str, Any]:
    """The modules that are compared: ours, and Twisted's where it is installed."""
    packages = [name for name in ("reactorlite", "twisted") if importlib.util.find_spec(name)]
    return {name: importlib.import_module(f"{name}.internet.defer") for name in packages}


def medians(timers: dict[str, Timer], count: int, rounds: int) -> dict[str, float]:
    """Seconds per operation for each side, which take turns."""
    taken: dict[str, list[float]] = {name: [] for name in timers}
    for measure in timers.values():
        measure(count)
    for _ in range(rounds):
        for name, measure in timers.items():
            taken[name].append(measure(count) / count)
    return {name: statistics.median(times) for name, times in taken.items()}


def rows(rounds: int = ROUNDS) -> list[tuple[str, dict[str, float]]]:
    """Every case with its seconds per operation by side."""
    measured = []
    compared = sides()
    gc.collect()
    gc.freeze()
    for case in CASES:
        timers = {name: timer(case.make(defer)) for name, defer in compared.items()}
        if case.in_loop:
            timers = {name: in_callback(measure) for name, measure in timers.items()}
        measured.append((case.name, medians(timers, case.count, rounds)))
    timers = {"reactorlite": in_loop(await_deferred(compared["reactorlite"]))}
    timers["asyncio"] = in_loop(await_future)
    if "twisted" in compared:
        timers["twisted"] = in_loop(await_as_future(compared["twisted"]))
    measured.append((AWAIT, medians(timers, 400, rounds)))
    return measured


AWAIT = "await in an asyncio task"
TARGETS = {case.name: case.targets for case in CASES} | {AWAIT: {"asyncio": 1.15, "twisted": 0.6}}


def line(name: str, times: dict[str, float]) -> str:
    """One case as text."""
    ours = times["reactorlite"]
    shown = [f"{name:32}", f"{ours * 1e6:9.2f}"]
    for other in ("twisted", "asyncio"):
        if other in times:
            target = TARGETS[name].get(other)
            ratio = f"{times[other] * 1e6:9.2f} {ours / times[other]:6.2f}"
            shown.append(f"{ratio} (<= {target})")
    return "  ".join(shown)


def main() -> None:
    """Print the table."""
    print(f"{platform.python_implementation()} {platform.python_version()}, microseconds")
    print(
        f"{'':32}  {'ours':>9}  {'twisted':>9} {'ratio':>6}            {'asyncio':>9} {'ratio':>6}"
    )
    for name, times in rows():
        print(line(name, times), flush=True)


if __name__ == "__main__":
    sys.exit(main())
