"""Play the ways with many connections, and the pair of sides at length; print what is left."""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

from tests.soak.verdict import complaints
from tests.soak.ways import WAYS

LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
FEW = 100
"""Connections that Twisted plays, to know what it logs: as many as that of ours are compared."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="connections in each way")
    parser.add_argument("--loop", action="append", choices=LOOPS, help="may be repeated")
    parser.add_argument("--only", action="append", choices=WAYS, help="may be repeated")
    parser.add_argument("--pairs", type=int, default=5000, help="stories of the pair; 0: none")
    return parser.parse_args()


def played(module: str, *args: str) -> Iterator[dict[str, Any]]:
    """The reports of a process that plays, as they come."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", f"tests.soak.{module}", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")


def logged_by_twisted(ways: list[str], count: int) -> dict[str, dict[str, Any]]:
    """What Twisted logs, told as if it had played `count` connections."""
    if importlib.util.find_spec("twisted") is None:
        print("Twisted isn't installed: what is logged is not compared")
        return {}
    able = [way for way in ways if not WAYS[way].too_much_for_twisted]
    told = {}
    for report in played("play", "twisted", "asyncio", str(FEW), *able) if able else ():
        # The connections to warm up are among those that were logged.
        each = {text: n / _all(report["way"], FEW) for text, n in report["log"].items()}
        whole = _all(report["way"], count)
        report["log"] = {text: round(n * whole) for text, n in each.items()}
        told[report["way"]] = report
    return told


def _all(way: str, count: int) -> int:
    return count + min(count, 4 * WAYS[way].width)


def line(report: dict[str, Any], wrong: list[str]) -> str:
    """One way's figures."""
    left = report.get("left", {})
    figures = [f"{left.get(what, '-'):>5}" for what in ("descriptors", "tasks", "timers")]
    objects = sum(report.get("left_after_gc", {}).get("objects", {}).values())
    blocks = report.get("left_after_gc", {}).get("blocks", "-")
    text = f"{report['way']:32}{'':1}{' '.join(figures)} {objects:>7} {blocks:>7}"
    return text + f" {report.get('ms', '-'):>7}  {'; '.join(wrong) or 'nothing left'}"


def main() -> int:
    """Play; the number of ways that left something."""
    options = arguments()
    ways = options.only or list(WAYS)
    wrong = 0
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}")
    twisted = logged_by_twisted(ways, options.count)
    for loop in options.loop or LOOPS:
        print(f"\n{options.count} connections on {loop}; blocks of memory for each, ms of CPU")
        print(f"{'':33}files tasks times objects  blocks      ms")
        reports = played("play", "reactorlite", loop, str(options.count), *ways)
        if not options.only:
            reports = chain(reports, played("stopping", loop, str(options.count)))
        for report in reports:
            found = complaints(report, twisted.get(report["way"]))
            wrong += bool(found)
            print(line(report, found), flush=True)
    if options.pairs:
        from tests.soak.test_pair import play_pairs

        for loop in options.loop or LOOPS:
            play_pairs(loop, options.pairs)
            print(f"\n{options.pairs} stories of a pair on {loop}: nothing out of order")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
