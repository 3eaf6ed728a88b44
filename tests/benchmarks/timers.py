"""What looping and delayed calls on a clock cost, beside Twisted's.

`python -m tests.benchmarks.timers` prints one line per case: microseconds per call of processor
time for each side, and ours divided by theirs.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.deferreds import Timer, medians

ROUNDS = 51

LOOPING = "LoopingCall on a Clock"
HUNDRED = "100 LoopingCalls on a Clock"
DELAYED = "delayed call on a Clock"
CANCELLED = "delayed call set and cancelled"
TARGETS = {
    name: {"twisted": limit}
    for name, limit in {LOOPING: 0.6, HUNDRED: 0.6, DELAYED: 1.1, CANCELLED: 0.6}.items()
}


def nothing() -> None:
    """What is called."""


def looping(task: Any, loops: int = 1) -> Timer:
    """Move the clock on, so that each of some loops makes a call."""

    def measure(count: int) -> float:
        clock = task.Clock()
        for _ in range(loops):
            loop = task.LoopingCall(nothing)
            loop.clock = clock
            loop.start(1)
        start = time.process_time()
        for _ in range(count // loops):
            clock.advance(1)
        return time.process_time() - start

    return measure


def delayed(task: Any) -> Timer:
    """Ask for a call, and move the clock on to it."""

    def measure(count: int) -> float:
        clock = task.Clock()
        start = time.process_time()
        for _ in range(count):
            clock.callLater(1, nothing)
            clock.advance(1)
        return time.process_time() - start

    return measure


def cancelled(task: Any) -> Timer:
    """Ask for calls that are given up, as most time-outs are, while others wait."""

    def measure(count: int) -> float:
        clock = task.Clock()
        for i in range(50):
            clock.callLater(1000 + i, nothing)
        start = time.process_time()
        for _ in range(count):
            clock.callLater(30, nothing).cancel()
        return time.process_time() - start

    return measure


CASES: dict[str, Callable[[Any], Timer]] = {
    LOOPING: looping,
    HUNDRED: lambda task: looping(task, 100),
    DELAYED: delayed,
    CANCELLED: cancelled,
}


def rows(rounds: int = ROUNDS) -> list[tuple[str, dict[str, float]]]:
    """Every case with its seconds per call by side."""
    packages = [name for name in ("reactorlite", "twisted") if importlib.util.find_spec(name)]
    modules = {name: importlib.import_module(f"{name}.internet.task") for name in packages}
    gc.collect()
    gc.freeze()
    return [
        (name, medians({side: make(task) for side, task in modules.items()}, 1000, rounds))
        for name, make in CASES.items()
    ]


def line(name: str, times: dict[str, float]) -> str:
    """One case as text."""
    ours = times["reactorlite"]
    shown = f"{name:32} {ours * 1e6:9.2f}"
    if "twisted" in times:
        theirs = times["twisted"]
        shown += f" {theirs * 1e6:9.2f} {ours / theirs:6.2f} (<= {TARGETS[name]['twisted']})"
    return shown


def main() -> None:
    """Print the table."""
    print(f"{platform.python_implementation()} {platform.python_version()}, microseconds")
    print(f"{'':32} {'ours':>9} {'twisted':>9} {'ratio':>6}")
    for name, times in rows():
        print(line(name, times), flush=True)


if __name__ == "__main__":
    sys.exit(main())
