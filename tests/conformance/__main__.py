"""`python -m tests.conformance`: judge reactorlite by Twisted's tests, and check the ledger."""

from __future__ import annotations

import argparse
import os
import sys

from tests.conformance import ledger
from tests.conformance.judging import Verdict, judge
from tests.conformance.modules import MODULES


def main() -> int:
    """Run the modules, print the table, and answer 1 when the ledger is wrong about them."""
    asked = _arguments()
    groups = [asked.modules] if asked.together else [[module] for module in asked.modules]
    verdicts = judge(groups, asked.jobs)
    _print_table(verdicts)
    due = {test for verdict in verdicts for test in verdict.due}
    failing = {test for verdict in verdicts for test in verdict.failing}
    if asked.why:
        _print_reasons(verdicts)
    if asked.record:
        _record(due, failing)
    wrong = ledger.disagreements(due, failing, ledger.read())
    print("\n".join(wrong) or "the ledger agrees")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--together", action="store_true", help="in one process for each side")
    parser.add_argument("--why", action="store_true", help="show how each test failed here")
    parser.add_argument("--record", action="store_true", help="write the ledger anew")
    return parser.parse_args()


def _print_table(verdicts: list[Verdict]) -> None:
    print(f"{'module':44} {'Twisted':>8} {'here':>6} {'%':>6} {'s':>6} {'s here':>6}")
    total_due = total_here = 0
    for verdict in verdicts:
        due, here = len(verdict.due), len(verdict.due) - len(verdict.failing)
        total_due, total_here = total_due + due, total_here + here
        name = " ".join(verdict.modules)
        seconds = f"{verdict.theirs.seconds:6.1f} {verdict.ours.seconds:6.1f}"
        print(f"{name:44} {due:8} {here:6} {_percent(here, due)} {seconds}")
        if not verdict.ours.outcomes or not verdict.theirs.outcomes:
            print((verdict.ours if verdict.theirs.outcomes else verdict.theirs).output[-3000:])
    print(f"{'all':44} {total_due:8} {total_here:6} {_percent(total_here, total_due)}")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:6.1f}" if whole else "     -"


def _print_reasons(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        for test in sorted(verdict.failing):
            outcome = verdict.ours.outcomes.get(test)
            if outcome is None:
                print(f"\n=== {test} was not run")
            else:
                print(f"\n=== {test}: {outcome.kind}\n{outcome.why}")


def _record(due: set[str], failing: set[str]) -> None:
    known = ledger.read()
    kept = {test: why for test, why in known.items() if test not in due or test in failing}
    ledger.write({**dict.fromkeys(failing, ledger.UNEXPLAINED), **kept})


if __name__ == "__main__":
    sys.exit(main())
