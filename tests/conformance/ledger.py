"""The ledger: every test that passes on Twisted and not here, with the reason in words.

A file for each of Twisted's packages. What stands under `[[wavers]]` passes at times only: it may
pass or fail, and counts as failing.
"""

from __future__ import annotations

import json
import textwrap
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.modules import package_of

DIRECTORY = Path(__file__).with_name("ledger")
UNEXPLAINED = "unexplained"
HEAD = """\
# Tests of Twisted's that pass on its own asyncio reactor and not on reactorlite, by reason.
# `python -m tests.conformance --record` adds what fails and takes out what passes.
"""


class Entry(NamedTuple):
    """Why a test fails, and whether it does so at times only."""

    reason: str
    wavers: bool = False


def groups() -> list[tuple[Entry, list[str]]]:
    """The tests in the ledger, those of one reason together."""
    found = []
    for file in sorted(DIRECTORY.glob("*.toml")):
        told: dict[str, list[dict[str, Any]]] = tomllib.loads(file.read_text("utf-8"))
        for kind, listed in told.items():
            for group in listed:
                entry = Entry(" ".join(group["reason"].split()), kind == "wavers")
                found.append((entry, group["tests"]))
    return found


def read() -> dict[str, Entry]:
    """Each test in the ledger."""
    return {test: entry for entry, tests in groups() for test in tests}


def write(entries: dict[str, Entry]) -> None:
    """Write the ledger anew."""
    DIRECTORY.mkdir(exist_ok=True)
    packages: dict[str, dict[Entry, list[str]]] = {
        file.stem: {} for file in DIRECTORY.glob("*.toml")
    }
    for test, entry in sorted(entries.items()):
        packages.setdefault(package_of(test), {}).setdefault(entry, []).append(test)
    for package, reasons in packages.items():
        file = DIRECTORY / f"{package}.toml"
        text = "\n".join([HEAD, *(_group(*each) for each in reasons.items())])
        file.write_text(text, "utf-8") if reasons else file.unlink()


def _group(entry: Entry, tests: list[str]) -> str:
    words = "\n".join(textwrap.wrap(entry.reason.replace("\\", "\\\\"), 96))
    listed = "".join(f"    {json.dumps(test)},\n" for test in tests)
    kind = "wavers" if entry.wavers else "differs"
    return f'[[{kind}]]\nreason = """\n{words}"""\ntests = [\n{listed}]\n'


def disagreements(due: set[str], failing: set[str], ledger: dict[str, Entry]) -> list[str]:
    """Where the ledger is wrong about the tests that were due, a sentence each."""
    new = sorted(failing - ledger.keys())
    passing = due - failing
    old = sorted(test for test in passing & ledger.keys() if not ledger[test].wavers)
    return [
        *(f"{test} passes on Twisted and not here, and isn't in the ledger" for test in new),
        *(f"{test} passes here, though the ledger says it doesn't" for test in old),
    ]
