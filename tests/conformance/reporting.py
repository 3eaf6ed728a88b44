"""Trial's reporter that writes what became of each test to a file, a line of JSON each."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import warnings
from typing import Any

from twisted.trial.reporter import MinimalReporter

from tests.conformance.plugin import FILE


def _have_a_loop() -> None:
    # Twisted's ReactorBuilder puts back the thread's loop, and uvloop's policy makes none for it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(asyncio.new_event_loop())


_INNER_NAMES = ("_AggregateSmallWrites", "_ProducerMembrane", "_PullToPush")
"""What test_tls, of TLS over any transport, can't be loaded without. Tests of these don't count."""


def _give_inner_names() -> None:
    if "reactorlite" in sys.modules:  # else these are Twisted's own modules
        module = importlib.import_module("reactorlite.protocols.tls")
        for name in _INNER_NAMES:
            setattr(module, name, type(name, (), {}))


_give_inner_names()  # now: when there is a reporter, the tests have been loaded


class OutcomeReporter(MinimalReporter):  # type: ignore[misc]  # Twisted's is untyped
    """Writes the start of each test, and every outcome that it is given."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        _have_a_loop()
        self._file = open(os.environ[FILE], "a", encoding="utf-8")  # noqa: SIM115 - for life

    def _tell(self, test: Any, outcome: str, why: object = "") -> None:
        line = {"test": test.id(), "outcome": outcome, "why": str(why)[-4000:]}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._tell(test, "unfinished")

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self._tell(test, "success")

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        self._tell(test, "error", self._formatted(error))

    def addFailure(self, test: Any, fail: Any) -> None:
        super().addFailure(test, fail)
        self._tell(test, "failure", self._formatted(fail))

    def addSkip(self, test: Any, reason: Any) -> None:
        super().addSkip(test, reason)
        self._tell(test, "skip", reason)

    def addExpectedFailure(self, test: Any, failure: Any, todo: Any = None) -> None:
        super().addExpectedFailure(test, failure, todo)
        self._tell(test, "todo", todo)

    def addUnexpectedSuccess(self, test: Any, todo: Any = None) -> None:
        super().addUnexpectedSuccess(test, todo)
        self._tell(test, "unexpected", todo)

    def _formatted(self, trouble: Any) -> str:
        return str(self._getFailure(trouble).getTraceback())
