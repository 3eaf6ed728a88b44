"""Running modules of Twisted's tests under trial, on reactorlite and on Twisted itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.conformance.modules import can_judge
from tests.conformance.plugin import FILE, PLUGIN

ROOT = Path(__file__).parents[2]
TRIAL = ["-m", "twisted.trial"]
OURS = ["-m", "reactorlite", "run"]
THEIRS = [*TRIAL, "--reactor=asyncio"]
LOOK = 0.1
"""Seconds between two looks at a run."""
MOST_HANGING = 12
"""So many tests of one module may hang before the rest of it is given up."""


class Outcome(NamedTuple):
    """What became of one test."""

    kind: str  # success, failure, error, skip, todo, unexpected, unfinished
    why: str


class Side(NamedTuple):
    """What trial gave for some modules."""

    outcomes: dict[str, Outcome]
    seconds: float
    output: str

    @property
    def passing(self) -> set[str]:
        """The tests that succeeded."""
        return {test for test, outcome in self.outcomes.items() if outcome.kind == "success"}


class Verdict(NamedTuple):
    """What a run of modules gave here, and what was due."""

    name: str
    due: set[str]
    ours: Side

    @property
    def failing(self) -> set[str]:
        """Those that are due and don't pass."""
        return self.due - self.ours.passing


def ours(loop: str) -> list[str]:
    """The command that runs trial on reactorlite, on a kind of loop."""
    return [*OURS, "--loop", loop, *TRIAL]


def trial(side: list[str], modules: list[str], limit: float, due: set[str] | None = None) -> Side:
    """Run modules in a process of its own; no test may go on for more than `limit` seconds.

    One that does is "unfinished". Those of `due` that are behind it run in a new process.
    """
    began = time.monotonic()
    outcomes, output, whole = _run(side, modules, limit)
    left = (due or set()) - outcomes.keys()
    while left and not whole and len(_unfinished(outcomes)) <= MOST_HANGING:
        more, output, whole = _run(side, sorted(left), limit)
        if not more:
            break
        outcomes.update(more)
        left -= more.keys()
    judges = {test: outcome for test, outcome in outcomes.items() if can_judge(test)}
    return Side(judges, time.monotonic() - began, output)


def _unfinished(outcomes: dict[str, Outcome]) -> set[str]:
    return {test for test, outcome in outcomes.items() if outcome.kind == "unfinished"}


def _run(side: list[str], names: list[str], limit: float) -> tuple[dict[str, Outcome], str, bool]:
    """What one process gave, what it printed, and whether it came to its end."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        directory = Path(name)
        plugins = directory / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "outcomes_of_tests.py").write_text(PLUGIN, "utf-8")
        file = directory / "outcomes"
        file.touch()
        options = ["--reporter=outcomes", f"--temp-directory={directory / 'trial'}"]
        command = [sys.executable, "-Xfaulthandler", *side, *options, *names]
        whole = _watch(command, file, limit)
        output = (directory / "output").read_text("utf-8", "replace")
        outcomes = _outcomes(file)
        for test in _unfinished(outcomes):
            outcomes[test] = Outcome("unfinished", output[-4000:])
        return outcomes, output, whole


def _watch(command: list[str], file: Path, limit: float) -> bool:
    """Run a command until it ends, or its file has not grown for `limit` seconds."""
    path = [str(ROOT), str(file.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), FILE: str(file)}
    environment.pop("PYTHONWARNINGS", None)  # trial's tests judge warnings themselves
    with (file.parent / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=file.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        grown, size = time.monotonic(), -1
        while process.poll() is None and time.monotonic() - grown < limit:
            if file.stat().st_size != size:
                grown, size = time.monotonic(), file.stat().st_size
            time.sleep(LOOK)
        in_time = process.poll() is not None
        _end(process)
        return in_time and process.returncode >= 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started; one that hangs says first where."""
    if process.poll() is None:
        process.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


#: Of several outcomes of one test the worst counts: one that leaves the reactor dirty has both.
_FROM_BEST = ("unfinished", "success", "skip", "todo", "unexpected", "failure", "error")


def _outcomes(file: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for line in file.read_text("utf-8").splitlines():
        told = json.loads(line)
        test, kind = told["test"], told["outcome"]
        known = found.get(test)
        if known is None or _FROM_BEST.index(kind) > _FROM_BEST.index(known.kind):
            found[test] = Outcome(kind, told["why"])
    return found
