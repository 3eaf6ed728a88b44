"""Libraries that know only asyncio, in the same loop and coroutine as Twisted-style code."""

from __future__ import annotations

from typing import Any

import pytest


def test_aiohttp(start: Any) -> None:
    """A Twisted-style server finds pages by aiohttp, and asyncio's time-out holds for it."""
    pytest.importorskip("aiohttp")

    lines = start("with_aiohttp").rest()

    assert lines == ["nothing: 404, 14 bytes", "slow: too slow", "small: 200, 16 bytes"]


def test_asyncssh(start: Any) -> None:
    """Twisted-style client and server speak through asyncssh's tunnel."""
    pytest.importorskip("asyncssh")

    assert start("with_asyncssh").rest() == ["through the tunnel: TAKE AN UMBRELLA"]


def test_aioftp(start: Any) -> None:
    """What a Twisted-style server takes is stored by aioftp, and comes back."""
    pytest.importorskip("aioftp")

    assert start("with_aioftp").rest() == ["kept 2 lines", "it rains", "take an umbrella"]
