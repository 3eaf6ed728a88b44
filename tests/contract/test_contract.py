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
from typing import Any, NamedTuple

import pytest

pytest.importorskip("twisted", reason="the contract is with Twisted")
if not hasattr(os, "fork"):
    pytest.skip("plays are played in copies of a process", allow_module_level=True)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIMIT = 300
COMPANIES = 2
"""How many processes share the plays of a side: players wait much."""

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


Side = tuple[str, str]
"""Whose reactor it is, and on which kind of loop."""


class Theatre:
    """Plays what the tests need, each play once, some at a time."""

    def __init__(self, wanted: set[tuple[Side, str]]) -> None:
        self._pool = ThreadPoolExecutor(COMPANIES + 1)
        self._plays: dict[tuple[Side, str], Future[dict[str, Played]]] = {}
        for side in sorted({side for side, _ in wanted}, reverse=True):
            plays = sorted({play_of(name) for each, name in wanted if each == side})
            for company in range(COMPANIES):
                self._engage(side, plays[company::COMPANIES])

    def _engage(self, side: Side, plays: list[str]) -> None:
        played = self._pool.submit(played_by, side, plays)
        self._plays.update({(side, play): played for play in plays})

    def events(self, side: str, loop: str, name: str) -> Events:
        """What each party of a scenario saw."""
        play = play_of(name)
        went = self._plays[(side, loop), play].result().get(play)
        assert went is not None, f"{play} was not reached"
        assert went.status == 0, went.err
        assert side == "twisted" or not went.err, went.err
        events: dict[str, Events] = json.loads(went.out)
        assert name in events, f"{name} was not reached: an earlier scenario hangs"
        return events[name]

    def close(self) -> None:
        """Play nothing further."""
        self._pool.shutdown(cancel_futures=True)


class Played(NamedTuple):
    """How a play went."""

    status: int
    out: str
    err: str


def play_of(name: str) -> str:
    """The play that a scenario is in: one of its own, or its module's."""
    scenario = SCENARIOS[name]
    return f"{scenario.act.__module__}:{name}" if scenario.alone else scenario.act.__module__


def played_by(side: Side, plays: list[str]) -> dict[str, Played]:
    """Have a process play."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(HERE / "play.py"), *side, *plays],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    went = map(json.loads, done.stdout.splitlines())
    return {each.pop("play"): Played(**each) for each in went}


@pytest.fixture(autouse=True)
def _time_limit() -> None:
    """Take the place of the limit that other tests have.

    Players have limits of their own, and a test may wait for the plays of others.
    """


@pytest.fixture(scope="module")
def theatre(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """All that the chosen tests need begins to be played at once."""
    wanted: set[tuple[Side, str]] = set()
    for item in request.session.items:
        chosen = getattr(item, "callspec", None)
        if chosen is not None and item.path == Path(__file__):
            name, loop = chosen.params["name"], chosen.params["loop"]
            wanted |= {(("twisted", "asyncio"), name), (("reactorlite", loop), name)}
    theatre = Theatre(wanted)
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
