"""What a process holds: descriptors, tasks, timers, memory and objects of each kind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any


def descriptors() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/proc/self/fd")) - 1  # for the listing itself


def _kinds() -> Counter[str]:
    counts: Counter[type] = Counter(map(type, gc.get_objects()))
    return Counter({f"{kind.__module__}.{kind.__qualname__}": n for kind, n in counts.items()})


def least(count: int) -> int:
    """How many objects of a kind `count` connections must leave to be the cause of them."""
    return max(20, count // 20)


@dataclass
class Holdings:
    """What there is at one moment."""

    descriptors: int
    tasks: int
    timers: int
    blocks: int
    kinds: Counter[str]

    @classmethod
    def now(cls, reactor: Any) -> Holdings:
        """Count, without collecting anything."""
        blocks = sys.getallocatedblocks()
        return cls(descriptors(), _tasks(), _timers(reactor), blocks, _kinds())

    def since(self, before: Holdings, count: int) -> dict[str, Any]:
        """What there is more than before; of objects and memory, what `count` can explain."""
        grown = {kind: n - before.kinds[kind] for kind, n in self.kinds.items()}
        much = least(count)
        return {
            "descriptors": self.descriptors - before.descriptors,
            "tasks": self.tasks - before.tasks,
            "timers": self.timers - before.timers,
            "objects": {kind: n for kind, n in sorted(grown.items()) if n >= much},
            "blocks": round((self.blocks - before.blocks) / count, 2),
        }


def _tasks() -> int:
    loop = asyncio._get_running_loop()
    return len(asyncio.all_tasks(loop)) if loop is not None else 0


def _timers(reactor: Any) -> int:
    """Delayed calls, and what the loop has planned where it lets one look."""
    loop = asyncio._get_running_loop()
    planned = getattr(loop, "_scheduled", ())
    ready = getattr(loop, "_ready", ())
    alive = sum(not handle.cancelled() for handle in (*planned, *ready))
    return len(reactor.getDelayedCalls()) + alive


def cycles() -> dict[str, int]:
    """Collect, and tell which objects only the collector could free."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(0)
    kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage)
    gc.garbage.clear()
    gc.collect()
    return dict(kinds)
