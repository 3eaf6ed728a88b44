"""Run the benchmarks and print their tables."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
from collections.abc import Collection

from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.measuring import Sample
from tests.benchmarks.report import IN_THIS_PROCESS, lines, lines_of_this_process
from tests.benchmarks.servers import allow_descriptors
from tests.benchmarks.sides import SIDES


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = [*(case.name for case in CASES), *IN_THIS_PROCESS]
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--sides", type=lambda text: text.split(","), default=list(SIDES))
    parser.add_argument("--rounds", type=int, default=2, help="in each sitting of a case")
    parser.add_argument("--quick", action="store_true", help="short rounds, 1 in a sitting")
    options = parser.parse_args()
    if unknown := set(options.sides) - set(SIDES):
        parser.error(f"no such side: {', '.join(unknown)}; there are {', '.join(SIDES)}")
    return options


def samples(case: Case, names: Collection[str], rounds: int, count: int) -> dict[str, list[Sample]]:
    """Measure every side once in each round, in processes that are replaced now and then."""
    taken: dict[str, list[Sample]] = {name: [] for name in names}
    for _ in range(case.sittings):
        with contextlib.ExitStack() as stack:
            stands = {}
            for name in names:
                stands[name] = case.measure(SIDES[name])
                stack.callback(stands[name].close)
                stands[name].run(count)  # fills caches, and buffers of the system
            for _ in range(rounds):
                for name, stand in stands.items():
                    taken[name].append(stand.run(count))
    return taken


def main() -> None:
    """Run what the command line asks for."""
    options = arguments()
    allow_descriptors()
    if hasattr(os, "sched_setaffinity"):
        # The children inherit it: load and server never run at the same time.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}")
    sides = []
    for name in options.sides:
        if (lack := SIDES[name].lacks()) is None:
            sides.append(name)
        else:
            print(f"left out: {name}, for there is no {lack}")
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        names = [name for name in sides if name in case.sides]
        rounds, count = (1, case.count // 4) if options.quick else (options.rounds, case.count)
        count = max(count - count % case.step, case.step)
        print(*lines(case, samples(case, names, rounds, count)), sep="\n", flush=True)
    if {"reactorlite", "twisted"} <= set(sides):
        for name in IN_THIS_PROCESS:
            if name in (options.only or IN_THIS_PROCESS):
                rounds = 3 if options.quick else 15
                print(*lines_of_this_process(name, rounds), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
