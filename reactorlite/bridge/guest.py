"""Living in a host's loop: how a guest notices that the host ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any


class Guard:
    """Calls `ending` when the host ends its loop, through `shutdown_asyncgens`.

    `asyncio.run`, `asyncio.Runner`, `uvloop.run` and their like close every asynchronous
    generator that was begun on the loop, before they close the loop itself. The guard is
    such a generator, and being held it is not collected before. Made while the loop runs.
    """

    def __init__(self, ending: Callable[[], Awaitable[object]]) -> None:
        self._ending: Callable[[], Awaitable[object]] | None = ending
        self._generator = self._stand()
        _step(self._generator.asend(None))

    def dismiss(self) -> None:
        """Stand no longer: the guest has left by itself."""
        if self._ending is not None:
            self._ending = None
            _step(self._generator.aclose())

    async def _stand(self) -> AsyncGenerator[None, None]:
        # Outside of the block: what is raised at the end is to have no GeneratorExit for context.
        with suppress(GeneratorExit):
            yield
        ending, self._ending = self._ending, None
        if ending is not None:
            await ending()


def _step(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end what has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("the guard waited for something")
