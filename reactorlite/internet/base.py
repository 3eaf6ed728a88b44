"""What programs import from where Twisted keeps the foundation of its reactors."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from reactorlite.internet._delayed import DelayedCall
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred, execute
from reactorlite.internet.error import DNSLookupError
from reactorlite.internet.threads import deferToThreadPool
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactorlite.python.failure import Failure

__all__ = ["BlockingResolver", "DelayedCall", "ReactorBase", "ThreadedResolver"]

ReactorBase = Reactor
"""Twisted's name for what all reactors are; here there is one class of them."""


@implementer("IResolverSimple")
class BlockingResolver:
    """Looks names up by the system, and lets the reactor wait for it."""

    def getHostByName(self, name: str, timeout: Sequence[int] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of `name`; the Deferred gives it as text, at once.

        It fails with `DNSLookupError`. The system decides how long that may take.
        """
        return execute(socket.gethostbyname, name).addErrback(_not_found, name)


@implementer("IResolverSimple")
class ThreadedResolver:
    """Looks names up by the system, in the threads of a reactor's pool.

    The reactor's own resolver needs none of these: it is asyncio's.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def getHostByName(self, name: str, timeout: Sequence[int] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of `name`, for at most the sum of `timeout` in seconds.

        The Deferred gives it as text, or fails with `DNSLookupError`. A thread whose time is up
        goes on until the system answers.
        """
        pool = self.reactor.getThreadPool()
        found = deferToThreadPool(self.reactor, pool, socket.gethostbyname, name)
        found.addTimeout(sum(timeout) or 60, self.reactor, lambda *_: _too_late(name))
        return found.addErrback(_not_found, name)


def _too_late(name: str) -> Any:
    raise DNSLookupError(f"no answer for {name!r} in time")


def _not_found(reason: Failure, name: str) -> Any:
    if isinstance(reason.value, DNSLookupError) or not reason.check(OSError, ValueError):
        return reason
    raise DNSLookupError(f"no address was found for {name!r}: {reason.value}") from reason.value
