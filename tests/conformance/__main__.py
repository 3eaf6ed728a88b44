"""`python -m tests.conformance`: judge reactorlite by Twisted's tests, and check the ledger."""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance import baseline, ledger, table
from tests.conformance.judging import THEIRS, Verdict, ours, trial
from tests.conformance.modules import all_modules


def main() -> int:
    """Do what is asked, and answer 1 when the ledger is wrong about it."""
    asked = _arguments()
    modules = asked.modules or all_modules()
    if asked.baseline:
        baseline.write(_passing_on_twisted(modules, asked))
        return 0
    verdicts = _judge(modules, asked)
    print(table.by_module(verdicts))
    if asked.table:
        asked.table.write_text(table.by_package(verdicts), "utf-8")
    if asked.outcomes:
        found = {verdict.name: verdict.ours.outcomes for verdict in verdicts}
        asked.outcomes.write_text(json.dumps(found), "utf-8")
    if asked.why:
        print(table.reasons(verdicts))
    due = {test for verdict in verdicts for test in verdict.due}
    failing = {test for verdict in verdicts for test in verdict.failing}
    if asked.record:
        _record(due, failing)
    wrong = ledger.disagreements(due, failing, ledger.read())
    print("\n".join(wrong) or "the ledger agrees")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    say = parser.add_argument
    say("modules", nargs="*", metavar="MODULE", help="all, when none is named")
    say("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    say("--loop", default="asyncio", help="the kind of loop here: asyncio or uvloop")
    say("--limit", type=float, default=60.0, help="seconds that one test may take")
    say("--twisted", action="store_true", help="run Twisted too, whatever is kept of it")
    say("--why", action="store_true", help="show how each test failed here")
    say("--table", type=Path, metavar="FILE", help="write the table by package to a file")
    say("--outcomes", type=Path, metavar="FILE", help="write every outcome here to a JSON file")
    say("--record", action="store_true", help="write the ledger anew")
    say("--baseline", action="store_true", help="keep what passes on Twisted, and do nothing else")
    return parser.parse_args()


def _judge(modules: list[str], asked: argparse.Namespace) -> list[Verdict]:
    """Run our side, and Twisted's where what passes there isn't known."""
    if asked.twisted or not baseline.fits():
        kept = _passing_on_twisted(modules, asked)
    else:
        kept = baseline.read()
    side = ours(asked.loop)

    def judge(module: str) -> Verdict:
        due = kept.get(module, set())
        verdict = Verdict(module, due, trial(side, [module], asked.limit, due))
        print(table.line(verdict), file=sys.stderr)
        return verdict

    # The longest first: nobody waits for one that was begun last.
    order = sorted(modules, key=lambda module: -len(kept.get(module, ())))
    with ThreadPoolExecutor(asked.jobs) as pool:
        return sorted(pool.map(judge, order))


def _passing_on_twisted(modules: list[str], asked: argparse.Namespace) -> dict[str, set[str]]:
    with ThreadPoolExecutor(asked.jobs) as pool:
        sides = pool.map(lambda module: trial(THEIRS, [module], asked.limit), modules)
        return dict(zip(modules, (side.passing for side in sides), strict=True))


def _record(due: set[str], failing: set[str]) -> None:
    known = ledger.read()
    kept = {
        test: entry
        for test, entry in known.items()
        if test not in due or test in failing or entry.wavers
    }
    found = dict.fromkeys(failing, ledger.Entry(ledger.UNEXPLAINED))
    ledger.write({**found, **kept})


if __name__ == "__main__":
    sys.exit(main())
