"""Between resolvers: those that find one IPv4 address, and those that find all there are."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.internet.address import IPv4Address, IPv6Address
from reactorlite.internet.defer import CancelledError, Deferred, maybeDeferred
from reactorlite.internet.error import DNSLookupError
from reactorlite.python import log
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure


def resolved(
    resolver: interfaces.IHostnameResolver,
    name: str,
    port: int = 0,
    types: Sequence[type[Any]] | None = None,
) -> Deferred[list[Any]]:
    """Gather what a resolver finds for `name`: a Deferred of the addresses, perhaps none.

    To cancel the Deferred cancels the look-up.
    """
    gathering = _Gathering()
    # Resolvers of programs may have only the arguments that Twisted's endpoints give.
    more: dict[str, Any] = {} if types is None else {"addressTypes": types}
    resolver.resolveHostName(gathering, name, portNumber=port, **more)
    return gathering.found


def by_threads(name: str, port: int) -> Deferred[list[Any]]:
    """Ask the system in a thread of the current reactor's: for who has no resolver at hand."""
    from reactorlite.internet.threads import deferToThread

    return deferToThread(socket.getaddrinfo, name, port, 0, socket.SOCK_STREAM)


def version_of(host: str) -> int:
    """4 or 6 for an address of that version of IP, else 0: a name."""
    for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host.partition("%")[0] if version == 6 else host)
            return version
    return 0


def host_of(address: IPv4Address | IPv6Address) -> str:
    """The host of an address, with the link that it is on, if it is on one."""
    scope = address.scopeID if isinstance(address, IPv6Address) else 0
    return f"{address.host}%{scope}" if scope else address.host


@implementer("IResolutionReceiver")
class _Gathering:
    """Takes the addresses of one look-up, and gives them all at its end."""

    def __init__(self) -> None:
        self._addresses: list[Any] = []
        self._resolution: Any = None
        self.found: Deferred[list[Any]] = Deferred(self._cancelled)

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        """Remember what to cancel."""
        self._resolution = resolutionInProgress

    def addressResolved(self, address: Any) -> None:
        """Take one address more."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:
        """Give what was found, unless nobody waits any longer."""
        if not self.found.called:
            self.found.callback(self._addresses)

    def _cancelled(self, _: object) -> None:
        if self._resolution is not None:
            # Which is what Twisted's own resolvers say: they go on.
            with suppress(NotImplementedError):
                self._resolution.cancel()


@implementer("IResolverSimple")
class ComplexResolverSimplifier:
    """Finds, through a resolver of any number of addresses, the first that is IPv4."""

    def __init__(self, nameResolver: interfaces.IHostnameResolver) -> None:
        self._nameResolver = nameResolver

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:
        """Look up the IPv4 address of `name`; the time-outs are the inner resolver's matter.

        The Deferred gives it as text, or fails with `DNSLookupError`.
        """
        found = resolved(self._nameResolver, name, 0, [IPv4Address])
        return found.addCallback(first_ipv4, name)


def first_ipv4(addresses: list[Any], name: str) -> str:
    """The host of the first IPv4 address; `DNSLookupError` when there is none."""
    for address in addresses:
        if isinstance(address, IPv4Address):
            return address.host
    raise DNSLookupError(f"no IPv4 address was found for {name!r}")


@implementer("IHostnameResolver")
class SimpleResolverComplexifier:
    """Finds, through a resolver of one IPv4 address, that one."""

    def __init__(self, simpleResolver: interfaces.IResolverSimple) -> None:
        self._simpleResolver = simpleResolver

    def resolveHostName(
        self,
        resolutionReceiver: interfaces.IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[Any]] | None = None,
        transportSemantics: str = "TCP",
    ) -> interfaces.IHostResolution:
        """Look up a name and report its address, if that is of a type asked for.

        An error that is no `DNSLookupError` is logged, and counts as no address found.
        """
        asking = _Asking(hostName, resolutionReceiver)
        resolutionReceiver.resolutionBegan(asking)
        found = maybeDeferred(self._simpleResolver.getHostByName, hostName)
        kind: Any = transportSemantics
        found.addCallback(_as_address, kind, portNumber)
        found.addCallbacks(asking.report, self._failed, callbackArgs=(addressTypes,))
        found.addErrback(_receiver_failed)
        found.addCallback(lambda _: asking.end())
        asking.waits_for = found
        return asking

    def _failed(self, reason: Failure) -> None:
        if not reason.check(DNSLookupError, CancelledError):
            log.err(reason, f"{self._simpleResolver!r} failed to look up a name")


def _receiver_failed(reason: Failure) -> None:
    log.err(reason, "Unhandled error in a receiver of addresses")


def _as_address(host: Any, kind: Any, port: int) -> IPv4Address | IPv6Address:
    if not isinstance(host, str):
        raise TypeError(f"getHostByName() is to give an address as text, not {host!r}")
    return (IPv6Address if ":" in host else IPv4Address)(kind, host, port)


@implementer("IHostnameResolver")
class _SimpleHostnameResolver:
    """Finds what a function that answers as `socket.getaddrinfo` does, in a Deferred, finds."""

    def __init__(self, nameResolution: Callable[[str, int], Deferred[list[Any]]]) -> None:
        self._nameResolution = nameResolution

    def resolveHostName(
        self,
        resolutionReceiver: interfaces.IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[Any]] | None = None,
        transportSemantics: str = "TCP",
    ) -> interfaces.IHostResolution:
        """Look up a name and report its addresses. An error is logged: nothing was found."""
        asking = _Asking(hostName, resolutionReceiver)
        resolutionReceiver.resolutionBegan(asking)
        found = maybeDeferred(self._nameResolution, hostName, portNumber)
        found.addErrback(self._failed, hostName)
        found.addCallback(_reported, asking, addressTypes)
        found.addErrback(_receiver_failed)
        asking.waits_for = found
        return asking

    def _failed(self, reason: Failure, name: str) -> list[Any]:
        if not reason.check(CancelledError):
            log.err(reason, f"{self._nameResolution!r} failed to look up {name!r}")
        return []


def _reported(found: list[Any], asking: _Asking, types: Any) -> None:
    for family, _, _, _, address in found:
        kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
        asking.report(kind("TCP", *address), types)
    asking.end()


@implementer("IHostResolution")
class _Asking:
    """One look-up on its way."""

    def __init__(self, name: str, receiver: Any) -> None:
        self.name = name
        self.waits_for: Deferred[Any] | None = None
        self._receiver = receiver

    def cancel(self) -> None:
        """Give up: what has not been reported by now never is."""
        self._receiver = None
        if self.waits_for is not None:
            self.waits_for.cancel()

    def report(self, address: Any, types: Any) -> None:
        if self._receiver is not None and (types is None or type(address) in types):
            self._receiver.addressResolved(address)

    def end(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.resolutionComplete()
