"""The modules of Twisted's that judge, and the tests in them that can't."""

from __future__ import annotations

import re

MODULES = [
    f"twisted.{name}"
    for name in (
        "internet.test.test_address",
        "internet.test.test_defer_await",
        "internet.test.test_defer_yieldfrom",
        "internet.test.test_error",
        "internet.test.test_inlinecb",
        "internet.test.test_main",
        "internet.test.test_protocol",
        "internet.test.test_testing",
        "protocols.test.test_basic",
        "python.test.test_components",
        "test.test_cooperator",
        "test.test_defer",
        "test.test_error",
        "test.test_factories",
        "test.test_failure",
        "test.test_lockfile",
        "test.test_loopback",
        "test.test_policies",
        "test.test_protocols",
        "test.test_stateful",
        "test.test_task",
        "test.test_threadable",
        "test.test_threadpool",
        "test.test_threads",
    )
]
"""What `python -m tests.conformance` runs when it is not told."""

_OTHER_REACTORS = re.compile(r"_(?!Asyncio)[A-Za-z]+Reactor(Tests)?\.")


def can_judge(test: str) -> bool:
    """Whether a test is of what reactorlite replaces, and not of a reactor that it leaves alone."""
    return _OTHER_REACTORS.search(test) is None
