"""A part of Twisted's tests, in the time that the ordinary suite has for it, and the ledger."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import baseline, ledger
from tests.conformance.modules import can_judge, package_of

ROOT = Path(__file__).parents[2]
NEEDED = ("twisted", "hamcrest")

QUICK = [
    f"twisted.{name}"
    for name in (
        "internet.test.test_defer_await",
        "internet.test.test_inlinecb",
        "internet.test.test_protocol",
        "internet.test.test_testing",
        "protocols.test.test_basic",
        "python.test.test_components",
        "test.test_cooperator",
        "test.test_defer",
        "test.test_factories",
        "test.test_failure",
        "test.test_policies",
        "test.test_task",
        "trial.test.test_asyncassertions",
        "web.test.test_http",
        "web.test.test_newclient",
        "words.test.test_irc",
    )
]

_NO_REASON = re.compile(
    r"still to be|\byet\b|\b(unexplained|unknown|unclear|todo|fixme)\b|^it (hangs|fails)\b", re.I
)
"""What stands for a reason until somebody has found it."""


@pytest.fixture
def _time_limit():
    """Takes the place of the usual one: each test of Twisted's has its own."""


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="needs Twisted and what its tests import",
)
@pytest.mark.skipif(sys.platform != "linux", reason="the ledger is kept for Linux")
@pytest.mark.usefixtures("_time_limit")
def test_ledger_is_right():
    """What passes on Twisted passes here, but for the tests that the ledger names."""
    command = [sys.executable, "-m", "tests.conformance", "--why", *QUICK]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def _explains(reason: str) -> bool:
    return len(reason.split()) >= 5 and _NO_REASON.search(reason) is None


def test_every_difference_has_a_reason():
    """The ledger says of each test in it why it fails, in words that explain it."""
    unexplained = [entry.reason for entry, _ in ledger.groups() if not _explains(entry.reason)]

    assert not unexplained


@pytest.mark.parametrize(
    ("reason", "explains"),
    [
        (ledger.UNEXPLAINED, False),
        ("It is still to be looked into.", False),
        ("It hangs; still to be found out why.", False),
        ("The reactor has no TLS yet.", False),
        ("Why it does so is unknown to us.", False),
        ("Differs.", False),
        ("A private attribute of Twisted's ports is read.", True),
        ("A list is waited for that isn't there: it hangs.", True),
    ],
)
def test_what_explains(reason, explains):
    """What only puts a reason off is none."""
    assert _explains(reason) is explains


def test_every_test_has_one_reason():
    """No test is in the ledger twice."""
    tests = [test for _, tests in ledger.groups() for test in tests]

    assert len(tests) == len(set(tests))


def test_ledger_speaks_of_tests_that_are_due():
    """What the ledger names passes on Twisted: the rest is no business of it."""
    due = set().union(*baseline.read().values())

    assert not ledger.read().keys() - due


def test_baseline_is_of_tests_that_judge():
    """What is kept of Twisted's results has no test that the rule leaves out, nor a twin."""
    kept = baseline.read()

    assert len(kept) > 200
    assert not [test for tests in kept.values() for test in tests if not can_judge(test)]
    assert {package_of(module) for module in kept} >= {"conch", "internet", "mail", "web", "words"}


@pytest.mark.parametrize(
    ("name", "judges"),
    [
        ("twisted.internet.test.test_tcp.PortTests_AsyncioSelectorReactorTests.test_x", True),
        ("twisted.internet.test.test_tcp.PortTests_EPollReactorTests.test_x", False),
        ("twisted.internet.test.test_tcp.PortTests.test_x", True),
        ("twisted.internet.test.test_base", False),
        ("twisted.internet.test.test_baseprocess", False),
        ("twisted.logger.test.test_file", False),
        ("twisted.test.test_log.LogTests.test_x", False),
        ("twisted.test.test_process.MockProcessTests.test_x", False),
        ("twisted.test.test_process.PosixProcessTests.test_x", True),
        (
            "twisted.internet.test.test_newtls.ProducerTestsMixin_AsyncioSelectorReactorTests.t",
            False,
        ),
        ("twisted.test.test_logfile.LogTests.test_x", True),
    ],
)
def test_rule_of_who_judges(name, judges):
    """Other reactors' variants, inner modules and classes, and the log leave both sides."""
    assert can_judge(name) is judges


def _differing(due: set[str], failing: set[str], known: dict[str, ledger.Entry]) -> list[str]:
    return [each.partition(" ")[0] for each in ledger.disagreements(due, failing, known)]


def test_disagreements():
    """A test that begins or ceases to pass is told, unless the ledger says that it wavers."""
    known = {"a": ledger.Entry("why"), "b": ledger.Entry("why"), "c": ledger.Entry("why", True)}

    assert _differing({"a", "b", "c", "d"}, {"a", "d"}, known) == ["d", "b"]
