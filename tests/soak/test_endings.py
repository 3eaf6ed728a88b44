"""Connections that end in every way there is leave nothing, and say no more than Twisted's.

Few of each here; `python -m tests.soak` has 10,000.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
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


class Players:
    """The processes that play the ways, and what they report."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._plays: dict[tuple[str, str, int], Future[dict[str, Any]]] = {}

    def report(self, side: str, loop: str, way: str) -> dict[str, Any] | None:
        """What `way` left on one side; None where Twisted can't play it."""
        if side == "twisted" and (WAYS[way].too_much_for_twisted or not _has_twisted()):
            return None
        part = list(WAYS).index(way) * PARTS // len(WAYS)
        return self.begin(side, loop, part).result()[way]

    def begin(self, side: str, loop: str, part: int) -> Future[dict[str, Any]]:
        """Have the ways of one part played, once."""
        key = (side, loop, part)
        if key not in self._plays:
            self._plays[key] = self._pool.submit(self._play, *key)
        return self._plays[key]

    def _play(self, side: str, loop: str, part: int) -> dict[str, Any]:
        ways = [way for i, way in enumerate(WAYS) if i * PARTS // len(WAYS) == part]
        if side == "twisted":
            ways = [way for way in ways if not WAYS[way].too_much_for_twisted]
        command = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.soak.play"]
        command += [side, loop, str(COUNT), *ways]
        played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert played.returncode == 0, played.stderr[-3000:]
        reports = [json.loads(line) for line in played.stdout.splitlines()]
        return {report["way"]: report for report in reports}

    def close(self) -> None:
        """Wait for what is being played."""
        self._pool.shutdown(cancel_futures=True)


def _has_twisted() -> bool:
    return importlib.util.find_spec("twisted") is not None


@pytest.fixture(scope="module")
def players() -> Any:
    """Processes that play the ways, begun in the order in which they are asked for."""
    players = Players()
    for part in range(PARTS):
        if _has_twisted():
            players.begin("twisted", "asyncio", part)
        for loop in LOOPS:
            players.begin("reactorlite", loop, part)
    yield players
    players.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left(players: Players, loop: str, way: str) -> None:
    """Each way leaves no descriptor, task, timer or object, even before anything is collected."""
    twisted = players.report("twisted", "asyncio", way)

    report = players.report("reactorlite", loop, way)

    assert report is not None
    assert complaints(report, twisted) == []


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_left_of_what_was_alive(loop: str) -> None:
    """Nor is anything left of connections that were alive when the reactor stopped."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.soak.stopping"]

    played = subprocess.run(
        [*command, loop, str(COUNT)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert played.returncode == 0, played.stderr[-3000:]
    report = json.loads(played.stdout)
    assert complaints(report, None) == []
    assert report["log"] == {}
