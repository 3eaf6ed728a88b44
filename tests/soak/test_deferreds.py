"""A program of looping calls and Deferreds ends with as many objects as it began."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_ten_thousand_looping_calls_and_a_million_deferreds_leave_nothing() -> None:
    """Of no kind of object there is one more at the end."""
    command = [sys.executable, "-W", "error", "-m", "tests.soak.deferreds", "10000", "1000000"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {}
