"""What came of a run, for people to read."""

from __future__ import annotations

from tests.conformance.judging import Verdict
from tests.conformance.modules import package_of


def by_module(verdicts: list[Verdict]) -> str:
    """A line for each module, and one for all."""
    lines = [f"{'module':46} {'Twisted':>8} {'here':>6} {'%':>6} {'s':>6}"]
    for verdict in verdicts:
        lines.append(line(verdict))
        if verdict.due and not verdict.ours.outcomes:
            lines.append(verdict.ours.output[-3000:])
    lines.append("{:46} {:8} {:6} {:>6}".format("all", *_sums(verdicts)))
    return "\n".join(lines)


def line(verdict: Verdict) -> str:
    """A line for one module."""
    return "{:46} {:8} {:6} {:>6} {:6.1f}".format(
        verdict.name, *_sums([verdict]), verdict.ours.seconds
    )


def by_package(verdicts: list[Verdict]) -> str:
    """A table in Markdown, with a line for each of Twisted's packages."""
    packages: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        packages.setdefault(package_of(verdict.name), []).append(verdict)
    rows = [("| Twisted's tests of | pass there | pass here | % |"), "|---|--:|--:|--:|"]
    for package, its in packages.items():
        rows.append("| `{}` | {:,} | {:,} | {} |".format(package, *_sums(its)))
    rows.append("| **all** | {:,} | {:,} | {} |".format(*_sums(verdicts)))
    return "\n".join(rows) + "\n"


def reasons(verdicts: list[Verdict]) -> str:
    """How each test failed that was due."""
    told = []
    for verdict in verdicts:
        for test in sorted(verdict.failing):
            outcome = verdict.ours.outcomes.get(test)
            how = "was not run" if outcome is None else f"{outcome.kind}\n{outcome.why}"
            told.append(f"\n=== {test}: {how}")
    return "\n".join(told)


def _sums(verdicts: list[Verdict]) -> tuple[int, int, str]:
    due = sum(len(verdict.due) for verdict in verdicts)
    here = due - sum(len(verdict.failing) for verdict in verdicts)
    return due, here, f"{100 * here / due:.1f}" if due else "-"
