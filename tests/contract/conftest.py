"""How long the contract may take."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _time_limit() -> None:
    """Set no limit: a test waits for plays of many scenarios, each play with a limit of its own."""
