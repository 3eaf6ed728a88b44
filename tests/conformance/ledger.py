"""The ledger: every test that passes on Twisted and not here, with the reason in words."""

from __future__ import annotations

import json
import textwrap
import tomllib
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("ledger.toml")
UNEXPLAINED = "unexplained"
HEAD = """\
# Tests of Twisted's that pass on its own asyncio reactor and not on reactorlite, by reason.
# `python -m tests.conformance --record` adds what fails and takes out what passes.
"""


def read() -> dict[str, str]:
    """Each test in the ledger, and its reason."""
    if not FILE.exists():
        return {}
    groups: list[dict[str, Any]] = tomllib.loads(FILE.read_text("utf-8")).get("differs", [])
    return {test: " ".join(group["reason"].split()) for group in groups for test in group["tests"]}


def write(reasons: dict[str, str]) -> None:
    """Write the ledger anew, tests of one reason together."""
    groups: dict[str, list[str]] = {}
    for test, reason in sorted(reasons.items()):
        groups.setdefault(reason, []).append(test)
    FILE.write_text("\n".join([HEAD, *(_group(*each) for each in groups.items())]), "utf-8")


def _group(reason: str, tests: list[str]) -> str:
    words = "\n".join(textwrap.wrap(reason.replace("\\", "\\\\"), 96))
    listed = "".join(f"    {json.dumps(test)},\n" for test in tests)
    return f'[[differs]]\nreason = """\n{words}"""\ntests = [\n{listed}]\n'


def disagreements(due: set[str], failing: set[str], ledger: dict[str, str]) -> list[str]:
    """Where the ledger is wrong about the tests that were due, a sentence each."""
    new = sorted(failing - ledger.keys())
    old = sorted((due - failing) & ledger.keys())
    return [
        *(f"{test} passes on Twisted and not here, and isn't in the ledger" for test in new),
        *(f"{test} passes here, though the ledger says it doesn't" for test in old),
    ]
