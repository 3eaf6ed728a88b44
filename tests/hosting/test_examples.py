"""What all programs of `examples/hosted` have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import ROOT

HOST = "in_asyncio"
PROGRAMS = sorted(path for path in (ROOT / "examples" / "hosted").glob("*.py") if path.stem != HOST)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_knows_only_twisted(path: Path) -> None:
    """A program says how to start it, a test does start it, and reactorlite isn't in its code."""
    _, docstring, code = path.read_text().split('"""', 2)
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))

    assert f"\n    python -m reactorlite run examples/hosted/{path.name}" in docstring
    assert f'"{path.stem}"' in tests
    assert "reactorlite" not in code
