"""One scenario, two reactors, the same events.

Every scenario of `scenarios_*.py` is played on Twisted's own reactor and on ours, on stock asyncio
and on uvloop, each in a fresh process. What each party saw must be the same, but for the
differences that stand, with their reasons, next to the scenario.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("twisted", reason="the contract is with Twisted")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIMIT = 60
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]

Events = dict[str, list[str]]


def _scenarios() -> dict[str, Any]:
    sys.path.insert(0, str(HERE))
    try:
        for path in sorted(HERE.glob("scenarios_*.py")):
            importlib.import_module(path.stem)
        from stage import SCENARIOS
    finally:
        sys.path.remove(str(HERE))
    return SCENARIOS


SCENARIOS = _scenarios()


class Theatre:
    """Plays in processes, two at a time, each play once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._plays: dict[tuple[str, ...], Future[dict[str, Events]]] = {}

    def announce(self, name: str, loop: str) -> None:
        """Begin to play what the test of this scenario on this loop needs."""
        self._play("twisted", "asyncio", name)
        self._play("reactorlite", loop, name)

    def _play(self, side: str, loop: str, name: str) -> Future[dict[str, Events]]:
        scenario = SCENARIOS[name]
        command = (side, loop, scenario.act.__module__, *([name] if scenario.alone else []))
        if command not in self._plays:
            self._plays[command] = self._pool.submit(play, *command)
        return self._plays[command]

    def events(self, side: str, loop: str, name: str) -> Events:
        """What each party of a scenario saw."""
        played = self._play(side, loop, name).result()
        assert name in played, f"{name} was not reached: an earlier scenario hangs"
        return played[name]

    def close(self) -> None:
        """Play nothing further."""
        self._pool.shutdown(cancel_futures=True)


def play(side: str, loop: str, *what: str) -> dict[str, Events]:
    """Play in a fresh process."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(HERE / "play.py"), side, loop, *what],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert side == "twisted" or not done.stderr, done.stderr
    events: dict[str, Events] = json.loads(done.stdout)
    return events


@pytest.fixture(autouse=True)
def _time_limit() -> None:
    """Take the place of the limit that other tests have.

    Players have limits of their own, and a test may wait for the plays of others.
    """


@pytest.fixture(scope="module")
def theatre(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """All that the chosen tests need begins to be played at once."""
    theatre = Theatre()
    for item in request.session.items:
        chosen = getattr(item, "callspec", None)
        if chosen is not None and item.path == Path(__file__):
            theatre.announce(chosen.params["name"], chosen.params["loop"])
    yield theatre
    theatre.close()


def what_twisted_does(events: Events) -> Events:
    """Without the sockets that Twisted itself leaves open when something goes wrong."""
    kept = {
        party: [e for e in seen if not e.startswith("unraisable ResourceWarning")]
        for party, seen in events.items()
    }
    return {party: seen for party, seen in kept.items() if seen or not events[party]}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_same_events(theatre: Theatre, name: str, loop: str) -> None:
    """Each party of a scenario sees on reactorlite what it sees on Twisted."""
    expected = what_twisted_does(theatre.events("twisted", "asyncio", name))
    for difference in SCENARIOS[name].differs:
        if loop not in difference.loops:
            continue
        stale = expected.get(difference.party, []) == list(difference.ours)
        assert not stale, f"{difference.party} is the same on Twisted"
        expected[difference.party] = list(difference.ours)

    played = theatre.events("reactorlite", loop, name)

    assert played == {party: seen for party, seen in expected.items() if seen}
