"""Connections that end in every way there is leave nothing, and say no more than Twisted's.

Few of each here; `python -m tests.soak` has 10,000.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.soak.verdict import complaints
from tests.soak.ways import WAYS

COUNT = 25
ROOT = Path(__file__).parents[2]
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
PARTS = 2  # processes for each side, so that none takes a test's whole time

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc"
)


Reports = dict[str, dict[str, Any]]


def played(module: str, *args: str) -> Reports:
    """The reports of a process that plays, by their ways."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", f"tests.soak.{module}", *args]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr[-3000:]
    return {each["way"]: each for each in map(json.loads, process.stdout.splitlines())}


@pytest.fixture(scope="module")
def reports() -> dict[str, Reports]:
    """What was left on each loop, and what Twisted logged.

    All is played before the first test, whose limit of time doesn't count it.
    """
    with ThreadPoolExecutor(2) as pool:
        plays = {
            loop: pool.submit(played, "play", "reactorlite", loop, str(COUNT), *WAYS)
            for loop in LOOPS
        }
        if importlib.util.find_spec("twisted") is not None:
            able = [name for name, way in WAYS.items() if not way.too_much_for_twisted]
            plays["twisted"] = pool.submit(played, "play", "twisted", "", str(COUNT), *able)
        return {name: play.result() for name, play in plays.items()}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left(reports: dict[str, Reports], loop: str, way: str) -> None:
    """Each way leaves no descriptor, task, timer or object, even before anything is collected."""
    report = reports[loop][way]

    found = complaints(report, reports.get("twisted", {}).get(way))

    assert found == []


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_left_of_what_was_alive(loop: str) -> None:
    """Nor is anything left of connections that were alive when the reactor stopped."""
    report = played("stopping", loop, str(COUNT))["stop-with-all-alive"]

    assert complaints(report, None) == []
    assert report["log"] == {}
