"""A log that the tests may begin, and that is as before when they end."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import pytest

from reactorlite.logger import globalLogPublisher


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sees to it that nobody observes the log when the test ends, nor writes into it."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(globalLogPublisher, "begun", False)
    yield
    for observer in globalLogPublisher.observers:
        globalLogPublisher.removeObserver(observer)
