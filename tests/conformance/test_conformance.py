"""A part of Twisted's tests, in the time that the ordinary suite has for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEDGER = Path(__file__).with_name("ledger.toml")
NEEDED = ("twisted", "hamcrest")

QUICK = [
    "twisted.internet.test.test_defer_await",
    "twisted.internet.test.test_inlinecb",
    "twisted.test.test_cooperator",
    "twisted.test.test_factories",
]


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="needs Twisted and what its tests import",
)
@pytest.mark.skipif(sys.platform != "linux", reason="the ledger is kept for Linux")
def test_ledger_is_right():
    """What passes on Twisted passes here, but for the tests that the ledger names."""
    command = [sys.executable, "-m", "tests.conformance", "--together", *QUICK]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def _groups():
    return tomllib.loads(LEDGER.read_text("utf-8"))["differs"]


def test_every_difference_has_a_reason():
    """The ledger says of each test in it why it fails, in words."""
    unexplained = [g["tests"] for g in _groups() if len(g["reason"].split()) < 5]

    assert not unexplained


def test_every_test_has_one_reason():
    """No test is in the ledger twice."""
    tests = [test for group in _groups() for test in group["tests"]]

    assert len(tests) == len(set(tests))
