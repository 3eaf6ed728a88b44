"""The reactor's part that looks up names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.connecting import first_ipv4
from reactorlite.internet import error
from reactorlite.internet.defer import Deferred
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reactorlite.bridge.scope import Scope
    from reactorlite.internet._delayed import DelayedCall


class Names:
    """What a reactor does with names."""

    if TYPE_CHECKING:
        _scope: Scope
        callLater: Callable[..., DelayedCall]

    # -- names

    def resolve(self, name: str, timeout: Sequence[float] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of `name`, for at most the sum of `timeout` in seconds.

        The Deferred gives it as text, or fails with `DNSLookupError`.
        """
        found: Deferred[str] = Deferred()

        async def look_up(loop: asyncio.AbstractEventLoop) -> None:
            try:
                address = await first_ipv4(loop, name)
            except asyncio.CancelledError:
                found.errback(error.DNSLookupError(f"no answer for {name!r} in time"))
            except Exception:
                found.errback(Failure())
            else:
                found.callback(address)

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            errand = self._scope.spawn(look_up(loop))
            if not found.called:
                limit = self.callLater(sum(timeout), errand.cancel)
                found.addBoth(_in_time, limit)

        self._scope.start(found, begin)
        return found


def _in_time(result: Any, limit: DelayedCall) -> Any:
    if limit.active():
        limit.cancel()
    return result
