"""The program that hands a file to another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import ROOT


def test_passing_files(start: Any, loop: str) -> None:
    """The server counts the lines of the file that the client sent, and the program ends."""
    if loop == "uvloop":
        pytest.skip("uvloop's connections can't receive descriptors")
    count = len((ROOT / "examples" / "passing_files.py").read_text().splitlines())

    lines = start("passing_files").rest()

    assert lines == [f"passing_files.py has {count} lines"]
