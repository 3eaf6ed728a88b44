"""Services that start and stop together."""

from __future__ import annotations

import os
from typing import Any

import pytest


@pytest.mark.skipif(os.name != "posix", reason="speaks over a UNIX socket")
@pytest.mark.parametrize("count", [1, 3])
def test_services(start: Any, count: int) -> None:
    """The client hears as many numbers as it wants; then all of it is stopped."""
    lines = start("services", count).rest()

    assert lines == [
        "connected",
        *(f"heard {number}" for number in range(1, count + 1)),
        "hung up: Connection was closed cleanly.",
        "all is stopped: True",
    ]
