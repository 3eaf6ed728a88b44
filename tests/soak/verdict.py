"""What a report of `tests.soak.play` must say, in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

ASYNCIOS_OWN = {
    "asyncio.selector_events._SelectorSocketTransport",
    "asyncio.trsock.TransportSocket",
    "socket.socket",
    "builtins.dict",
    "builtins.method",
    "builtins.tuple",
    "builtins.weakref.KeyedRef",
    "weakref.KeyedRef",
    "builtins.frame",
    "collections.deque",  # its buffer, from 3.12 on
}
"""Stock asyncio's transport refers to itself: it, and what it holds, waits for the collector."""

SPARE = {
    # Cancelled calls, and their entries, of which the queue keeps a few before it cleans up.
    "reactorlite.internet._delayed.DelayedCall": 70,
    "builtins.tuple": 140,
    # Debug mode's: where a handle was made, and there are always one or two.
    "traceback.FrameSummary": 60,
}
"""How many may be left of a kind, however many connections there were."""

BLOCKS = 1.0
"""Blocks of memory that a connection may leave; fewer than one is the counting's own doing."""


def complaints(report: dict[str, Any], twisted: dict[str, Any] | None) -> list[str]:
    """What is wrong with a way that was played; `twisted` is the report from the other side."""
    if "stuck" in report:
        return [f"stuck: {report['stuck']}"]
    found = []
    for what in ("descriptors", "tasks", "timers"):
        if report["left"][what] > 0:
            found.append(f"{report['left'][what]} {what} left")
    if report["open"] > 0:
        found.append(f"{report['open']} descriptors open at the end")
    found += [
        f"{count} {kind} wait for the collector"
        for kind, count in {**report["left"]["objects"], **report["cycles"]}.items()
        if kind not in ASYNCIOS_OWN and count > SPARE.get(kind, 0)
    ]
    found += [
        f"{count} {kind} are left"
        for kind, count in report["left_after_gc"]["objects"].items()
        if count > SPARE.get(kind, 0)
    ]
    if report["count"] >= 1000 and report["left_after_gc"]["blocks"] > BLOCKS:
        found.append(f"{report['left_after_gc']['blocks']} blocks for each connection left")
    return found + _said_more(report, twisted)


def _said_more(report: dict[str, Any], twisted: dict[str, Any] | None) -> list[str]:
    if twisted is None or "stuck" in twisted:
        return []
    more = Counter(report["log"]) - Counter(twisted["log"])
    return [f"logged {n} times, and not by Twisted: {text}" for text, n in more.items()]
