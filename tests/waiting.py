"""Waiting for what comes about, however long that takes on a slow machine.

A limit here is only for what never comes; nothing is waited for by letting some time pass.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection
from typing import Any

PATIENCE = 40.0
"""Seconds after which something counts as never coming."""

TURNS = 10
"""So many turns of the loop are given to what should not come."""


async def comes(condition: Callable[[], Any]) -> bool:
    """Let the loop turn until the condition holds; false if it never does."""
    late = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > late:
            return False
        await asyncio.sleep(0.001)
    return True


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until the condition holds, which it must."""
    assert await comes(condition), "it has not come about"


def descriptors() -> set[str]:
    """The descriptors that this process has open; none where the system doesn't tell."""
    try:
        return set(os.listdir("/proc/self/fd"))
    except FileNotFoundError:
        return set()


async def opened_since(before: Collection[str]) -> set[str]:
    """Those that are open and weren't, once what is being closed has been closed."""
    await comes(lambda: descriptors() <= set(before))
    return descriptors() - set(before)


def call_when(reactor: Any, condition: Callable[[], Any], act: Callable[[], object]) -> None:
    """Have the reactor call `act` when the condition holds, or never will."""
    late = time.monotonic() + PATIENCE

    def look() -> None:
        if condition() or time.monotonic() > late:
            act()
        else:
            reactor.callLater(0.001, look)

    reactor.callWhenRunning(look)


def call_after_turns(reactor: Any, act: Callable[[], object], turns: int = TURNS) -> None:
    """Have the reactor call `act` some turns of its loop later."""
    if turns:
        reactor.callLater(0.001, call_after_turns, reactor, act, turns - 1)
    else:
        act()


def run_until(reactor: Any, condition: Callable[[], Any]) -> None:
    """Run the reactor until the condition holds, and some turns more for what should not come."""
    call_when(reactor, condition, lambda: call_after_turns(reactor, reactor.stop))
    reactor.run()
