"""UDP ports that join multicast groups."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.udp import UDPPort, ip_family
from reactorlite.internet import error
from reactorlite.internet.defer import Deferred, fail, maybeDeferred, succeed
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from reactorlite.bridge.scope import Scope


@implementer("IMulticastTransport")
class MulticastPort(UDPPort):
    """A UDP port that `listenMulticast` opened."""

    opened_by = "listenMulticast"

    def __init__(
        self,
        scope: Scope,
        port: int,
        protocol: Any,
        interface: str | bytes = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> None:
        super().__init__(scope, port, protocol, interface, maxPacketSize)
        self.listenMultiple = listenMultiple

    # -- groups

    def joinGroup(self, addr: str, interface: str | int = "") -> Deferred[None]:
        """Receive what is sent to the group `addr`, by the given interface or by the system's.

        Over IPv4 the interface is named by its address, over IPv6 by its number, or by a zone
        as in "fe80::%eth0". Names are looked up. The Deferred fails with `MulticastJoinError`
        when the group can't be joined.
        """
        return self._change(addr, interface, "JOIN", "ADD")

    def leaveGroup(self, addr: str, interface: str | int = "") -> Deferred[None]:
        """Receive it no more; fails with `MulticastJoinError` when it was not joined so."""
        return self._change(addr, interface, "LEAVE", "DROP")

    # -- options

    def getTTL(self) -> int:
        """How many routers a multicast datagram may pass."""
        return self._option("HOPS", "TTL")

    def setTTL(self, ttl: int) -> None:
        """Set how many routers a multicast datagram may pass; `ValueError` but for 0 to 255."""
        if not isinstance(ttl, int) or not 0 <= ttl <= 255:
            raise ValueError(f"setTTL() takes a number from 0 to 255, not {ttl!r}")
        self._set_option("HOPS", "TTL", ttl)

    def getLoopbackMode(self) -> bool:
        """Whether this host receives what the port sends to a group; at first it does."""
        return bool(self._option("LOOP", "LOOP"))

    def setLoopbackMode(self, mode: bool) -> None:
        """Receive on this host what the port sends to a group, or not."""
        self._set_option("LOOP", "LOOP", bool(mode))

    def getOutgoingInterface(self) -> str | int:
        """The interface that multicast datagrams leave by.

        Its address for IPv4, its number for IPv6: "0.0.0.0" and 0 are the system's choice.
        """
        if self._is_scoped:
            return self._option("IF", "IF")
        packed = self._open_socket().getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, 4)
        return socket.inet_ntoa(packed)

    def setOutgoingInterface(self, addr: str | int) -> Deferred[int]:
        """Have multicast datagrams leave by this interface, named as `getOutgoingInterface` does.

        The Deferred fires with 1. It fails with a `TypeError` for an interface of the other
        kind, and with the system's `OSError`.
        """
        if self._is_scoped:
            return maybeDeferred(self._leave_by_number, addr)
        return self._looked_up(addr, "0.0.0.0").addCallback(self._leave_by_address)

    # -- inside

    def _bind(self, fresh: socket.socket) -> None:
        if self.listenMultiple:
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super()._bind(fresh)

    def _option(self, six: str, four: str) -> int:
        return self._open_socket().getsockopt(*self._named_option(six, four))

    def _set_option(self, six: str, four: str, value: int) -> None:
        self._open_socket().setsockopt(*self._named_option(six, four), value)

    def _named_option(self, six: str, four: str) -> tuple[int, int]:
        if self._is_scoped:
            return socket.IPPROTO_IPV6, getattr(socket, f"IPV6_MULTICAST_{six}")
        return socket.IPPROTO_IP, getattr(socket, f"IP_MULTICAST_{four}")

    def _leave_by_number(self, number: Any) -> int:
        if not isinstance(number, int):
            raise TypeError(f"an IPv6 interface is given by its number, not {number!r}")
        self._set_option("IF", "IF", number)
        return 1

    def _leave_by_address(self, address: str) -> int:
        self._open_socket().setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _packed(socket.AF_INET, address)
        )
        return 1

    def _change(self, addr: str, interface: Any, six: str, four: str) -> Deferred[None]:
        everywhere = "::" if self._is_scoped else "0.0.0.0"

        def change(group: str) -> Deferred[None]:
            on = self._looked_up(interface, everywhere)
            return on.addCallback(self._change_now, group, six, four)

        return self._looked_up(addr).addCallback(change)

    def _change_now(self, interface: Any, group: str, six: str, four: str) -> None:
        if self._is_scoped:
            level, option = socket.IPPROTO_IPV6, getattr(socket, f"IPV6_{six}_GROUP")
            request = _packed(socket.AF_INET6, group) + struct.pack("@I", _number_of(interface))
        else:
            level, option = socket.IPPROTO_IP, getattr(socket, f"IP_{four}_MEMBERSHIP")
            request = _packed(socket.AF_INET, group) + _packed(socket.AF_INET, interface)
        try:
            self._open_socket().setsockopt(level, option, request)
        except OSError as exc:
            raise error.MulticastJoinError(group, interface, *exc.args) from exc

    def _looked_up(self, host: Any, default: str = "") -> Deferred[Any]:
        if not host and default:
            return succeed(default)
        if isinstance(host, int) and self._is_scoped:
            return succeed(host)
        if not isinstance(host, str):
            return fail(TypeError(f"{self!r} takes an address as text, not {host!r}"))
        if ip_family(host) is not None:
            return succeed(host)
        return self.reactor.resolve(host)  # type: ignore[no-any-return]  # any reactor's


def _packed(family: int, address: Any) -> bytes:
    try:
        return socket.inet_pton(family, address)
    except (OSError, TypeError) as exc:
        kind = "IPv6" if family == socket.AF_INET6 else "IPv4"
        raise error.MulticastJoinError(f"{address!r} is not an {kind} address") from exc


def _number_of(interface: str | int) -> int:
    if isinstance(interface, int):
        return interface
    address, _, zone = interface.partition("%")
    _packed(socket.AF_INET6, address)
    if not zone:
        return 0
    return int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
