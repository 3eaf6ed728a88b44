"""Running modules of Twisted's tests under trial, on reactorlite and on Twisted itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.conformance.modules import can_judge
from tests.conformance.plugin import FILE, PLUGIN

ROOT = Path(__file__).parents[2]
TRIAL = ["-m", "twisted.trial"]
OURS = ["-m", "reactorlite", "run", *TRIAL]
THEIRS = [*TRIAL, "--reactor=asyncio"]
LIMIT = 60.0
"""Seconds for one run of trial."""


class Outcome(NamedTuple):
    """What became of one test."""

    kind: str  # success, failure, error, skip, todo, unexpected, unfinished
    why: str


class Side(NamedTuple):
    """What one run of trial gave."""

    outcomes: dict[str, Outcome]
    seconds: float
    output: str

    @property
    def passing(self) -> set[str]:
        """The tests that succeeded."""
        return {test for test, outcome in self.outcomes.items() if outcome.kind == "success"}


class Verdict(NamedTuple):
    """Modules on both sides."""

    modules: tuple[str, ...]
    ours: Side
    theirs: Side

    @property
    def due(self) -> set[str]:
        """The tests that ought to pass here, for they do on Twisted."""
        return self.theirs.passing

    @property
    def failing(self) -> set[str]:
        """Those of them that don't."""
        return self.due - self.ours.passing


def judge(groups: list[list[str]], jobs: int) -> list[Verdict]:
    """Run each group of modules in two processes, a side each; `jobs` of them at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        running = [
            (tuple(group), pool.submit(trial, OURS, group), pool.submit(trial, THEIRS, group))
            for group in groups
        ]
        return [Verdict(group, ours.result(), theirs.result()) for group, ours, theirs in running]


def trial(side: list[str], modules: list[str]) -> Side:
    """Run modules in a process of its own, for `LIMIT` seconds at most."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        directory = Path(name)
        plugins = directory / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "outcomes_of_tests.py").write_text(PLUGIN, "utf-8")
        file = directory / "outcomes"
        file.touch()
        options = ["--reporter=outcomes", f"--temp-directory={directory / 'trial'}"]
        began = time.monotonic()
        output = _run([sys.executable, *side, *options, *modules], directory, file)
        return Side(_outcomes(file), time.monotonic() - began, output)


def _run(command: list[str], directory: Path, file: Path) -> str:
    path = [str(ROOT), str(directory), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), FILE: str(file)}
    environment.pop("PYTHONWARNINGS", None)  # trial's tests judge warnings themselves
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return (late.output or b"").decode(errors="replace") + f"\nstopped after {LIMIT} seconds"
    return done.stdout.decode(errors="replace")


#: Of several outcomes of one test the worst counts: one that leaves the reactor dirty has both.
_FROM_BEST = ("unfinished", "success", "skip", "todo", "unexpected", "failure", "error")


def _outcomes(file: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for line in file.read_text("utf-8").splitlines():
        told = json.loads(line)
        test, kind = told["test"], told["outcome"]
        if not can_judge(test):
            continue
        known = found.get(test)
        if known is None or _FROM_BEST.index(kind) > _FROM_BEST.index(known.kind):
            found[test] = Outcome(kind, told["why"])
    return found
