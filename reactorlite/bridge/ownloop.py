"""A loop of the reactor's own: run until told to end, and taken down as `asyncio.run` does."""

from __future__ import annotations

import asyncio

#: A connection that is closed is told so on the next turn, and its peer, on the same loop, reads
#: of that on the one after it.
_TURNS_OF_A_STEP = 3


def run_for(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Run `loop` for some time, or for what is due now: a few turns, and no waiting."""
    for _ in range(1 if seconds > 0 else _TURNS_OF_A_STEP):
        ending = loop.call_later(seconds, loop.stop) if seconds > 0 else loop.call_soon(loop.stop)
        try:
            loop.run_forever()
        finally:
            ending.cancel()  # when something else has stopped the loop


def close_loop(loop: asyncio.AbstractEventLoop, executor: bool = True) -> None:
    """Cancel the tasks that are left, let generators and executor end, and close `loop`."""
    if loop.is_closed():
        return
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(_ended(loop, tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        if executor:
            loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _ended(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[object]]) -> None:
    for result, task in zip(
        await asyncio.gather(*tasks, return_exceptions=True), tasks, strict=True
    ):
        if isinstance(result, Exception):
            loop.call_exception_handler(
                {
                    "message": "unhandled exception while the reactor's loop was closed",
                    "exception": result,
                    "task": task,
                }
            )
