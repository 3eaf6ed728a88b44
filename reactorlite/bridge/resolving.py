"""Names become addresses by asyncio's `loop.getaddrinfo`, or by a resolver of the program's."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import address_from, socket_name
from reactorlite.bridge.reaching import first_ipv4, literal
from reactorlite.internet import defer, error
from reactorlite.internet._resolving import (
    ComplexResolverSimplifier,
    SimpleResolverComplexifier,
    resolved,
)
from reactorlite.internet.address import IPv4Address, IPv6Address
from reactorlite.internet.defer import Deferred
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactorlite.bridge.errands import Errand
    from reactorlite.bridge.reaching import LookUp, Target
    from reactorlite.bridge.scope import Scope
    from reactorlite.internet import interfaces

_KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
_FAMILIES = {IPv4Address: socket.AF_INET, IPv6Address: socket.AF_INET6}


@implementer("IHostnameResolver", "IResolverSimple")
class LoopResolver:
    """Looks names up by the loop's own `getaddrinfo`; with no loop yet they wait for it.

    A literal address is reported before the call returns.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def resolveHostName(
        self,
        resolutionReceiver: interfaces.IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[Any]] | None = None,
        transportSemantics: str = "TCP",
    ) -> interfaces.IHostResolution:
        """Look up `hostName` and report its addresses in the order the system gives.

        A name that isn't found has none. Raises `ValueError` for address types but
        `IPv4Address` and `IPv6Address`, and for semantics but "TCP" and "UDP".
        """
        family = _family(addressTypes)
        if transportSemantics not in _KINDS:
            raise ValueError(f"transport semantics are 'TCP' or 'UDP', not {transportSemantics!r}")
        going = _LookUp(self._scope, resolutionReceiver, hostName, transportSemantics)
        resolutionReceiver.resolutionBegan(going)
        going.start(portNumber, family)
        return going

    def getHostByName(self, name: str, timeout: Sequence[float] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of `name`, for at most the sum of `timeout` in seconds.

        The Deferred gives it as text, or fails with `DNSLookupError`.
        """
        errand: Errand | None = None

        def give_up(found: Deferred[str]) -> None:
            found.errback(defer.CancelledError())
            self._scope.forget(found)
            if errand is not None:
                errand.cancel()

        found: Deferred[str] = Deferred(give_up)

        async def look_up(loop: asyncio.AbstractEventLoop) -> None:
            try:
                address = await first_ipv4(loop, name)
            except asyncio.CancelledError:
                if not found.called:
                    found.errback(error.DNSLookupError(f"no answer for {name!r} in time"))
            except Exception:
                found.errback(Failure())
            else:
                found.callback(address)

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            nonlocal errand
            errand = self._scope.spawn(look_up(loop))
            if not found.called:
                limit = self._scope.reactor.callLater(sum(timeout), errand.cancel)
                found.addBoth(_in_time, limit)

        self._scope.start(found, begin)
        return found


@implementer("IHostResolution")
class _LookUp:
    """One look-up on its way."""

    def __init__(self, scope: Scope, receiver: Any, name: str, semantics: str) -> None:
        self.name = name
        self._scope = scope
        self._receiver = receiver
        self._semantics: Any = semantics
        self._errand: Errand | None = None

    def start(self, port: int, family: int) -> None:
        """Report a literal address now, and look up anything else when there is a loop."""
        known = literal(self.name, port) if isinstance(self.name, str) else None
        if known is not None:
            self._report([known[1]] if family in (socket.AF_UNSPEC, known[0]) else [])
        else:
            self._scope.start(self, lambda loop: self._begin(loop, port, family))

    def cancel(self) -> None:
        """Give up: what has not been reported by now never is."""
        self._receiver = None
        self._scope.forget(self)
        if self._errand is not None:
            self._errand.cancel()

    def _begin(self, loop: asyncio.AbstractEventLoop, port: int, family: int) -> None:
        self._errand = self._scope.spawn(self._run(loop, port, family))

    async def _run(self, loop: asyncio.AbstractEventLoop, port: int, family: int) -> None:
        found: list[Any] = []
        # A receiver is told of what went wrong by being given no address.
        with suppress(OSError, ValueError, asyncio.CancelledError):
            if self.name:  # else it would be this host's own addresses
                looking_up = loop.getaddrinfo(
                    self.name, port, family=family, type=_KINDS[self._semantics]
                )
                found = await asyncio.ensure_future(looking_up, loop=loop)
        self._report([address for *_, address in found])

    def _report(self, found: list[Any]) -> None:
        for name in found:
            if self._receiver is not None:
                self._receiver.addressResolved(address_from(name, self._semantics))
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.resolutionComplete()


def by_simple(resolver: interfaces.IResolverSimple) -> LookUp:
    """How a connector looks names up by an installed `IResolverSimple`."""

    async def look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Target]:
        address = await resolver.getHostByName(host, (1, 3, 11, 45)).asFuture(loop)
        known = literal(address, port) if isinstance(address, str) else None
        if known is None:
            raise error.DNSLookupError(f"{resolver!r} gave {address!r} as the address of {host!r}")
        return [known]

    return look_up


def by_complex(resolver: interfaces.IHostnameResolver) -> LookUp:
    """How a connector looks names up by an installed `IHostnameResolver`."""

    async def look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Target]:
        found = await resolved(resolver, host, port).asFuture(loop)
        targets = [_target(address, port) for address in found if type(address) in _FAMILIES]
        if not targets:
            raise error.DNSLookupError(f"no address was found for {host!r}")
        return targets

    return look_up


def simple_of(resolver: interfaces.IHostnameResolver) -> interfaces.IResolverSimple:
    """The resolver of one address that stands for `resolver`; `TypeError` for what is none."""
    _check(resolver, "installNameResolver", "resolveHostName")
    return ComplexResolverSimplifier(resolver)


def complex_of(resolver: interfaces.IResolverSimple) -> interfaces.IHostnameResolver:
    """The resolver of all addresses that stands for `resolver`; `TypeError` for what is none."""
    _check(resolver, "installResolver", "getHostByName")
    return SimpleResolverComplexifier(resolver)


def _check(resolver: object, where: str, needs: str) -> None:
    if not callable(getattr(resolver, needs, None)):
        raise TypeError(f"{where}() takes a resolver, an object with {needs}(), not {resolver!r}")


def _target(address: Any, port: int) -> Target:
    host, _, *rest = socket_name(address)
    return (_FAMILIES[type(address)], (host, port, *rest))


def _family(types: Sequence[type[Any]] | None) -> int:
    families = set(_FAMILIES.values()) if types is None else {_FAMILIES.get(t) for t in types}
    if not families or None in families:
        raise ValueError(f"address types are IPv4Address and IPv6Address, not {types!r}")
    return socket.AF_UNSPEC if len(families) == 2 else next(iter(families)) or 0


def _in_time(result: Any, limit: Any) -> Any:
    if limit.active():
        limit.cancel()
    return result
