"""The pipeline of processes: what comes out, and how each has ended."""

from __future__ import annotations

from typing import Any


def test_pipeline(start: Any) -> None:
    """Without arguments it counts lines, and every process is done."""
    counted = str(sum("7" in str(number) for number in range(1, 200_001)))

    lines = start("pipeline").rest()

    assert sorted(lines) == sorted([counted, "seq: done", "grep: done", "wc: done"])


def test_pipeline_of_ones_own(start: Any) -> None:
    """The commands may be given, and an exit code or a complaint is told."""
    lines = start("pipeline", "sh -c 'echo one; echo oh >&2; exit 3'", "tr a-z A-Z").rest()

    assert sorted(lines) == sorted(
        [
            "ONE",
            "sh complains: oh",
            "sh: A process has ended with a probable error condition:"
            " process ended with exit code 3.",
            "tr: done",
        ]
    )


def test_pipeline_that_ends_early(start: Any) -> None:
    """A process that reads no further ends those before it: nothing is held or hangs."""
    lines = start("pipeline", "seq 10000000", "head -n 1").rest()

    assert lines[0] == "1"
    assert len(lines) >= 3
