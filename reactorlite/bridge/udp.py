"""UDP ports, and what addresses they write to."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.adopting import duplicated
from reactorlite.bridge.datagrams import DatagramAdapter, DatagramPort
from reactorlite.internet import error
from reactorlite.internet.abstract import isIPAddress, isIPv6Address
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reactorlite.bridge.scope import Scope


#: How many hosts a port keeps in mind.
_MOST_HOSTS = 1024


class ScopedAdapter(DatagramAdapter):
    """An IPv6 port, seen from the loop.

    A link-local peer's host says which link it is on, so that it can be answered.
    """

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        host = f"{addr[0]}%{_link(addr[3])}" if addr[3] else addr[0]
        super().datagram_received(data, (host, addr[1]))


@implementer("IUDPTransport")
class UDPPort(DatagramPort):
    """A UDP port that `listenUDP` opened."""

    opened_by = "listenUDP"
    addressFamily: socket.AddressFamily = socket.AF_INET

    def __init__(
        self,
        scope: Scope,
        port: int,
        protocol: Any,
        interface: str | bytes = "",
        maxPacketSize: int = 8192,
    ) -> None:
        # First of all, as Twisted does: one of its tests gives the rest in another order.
        self.interface = self._interface(interface)
        family = ip_family(self.interface) if interface else socket.AF_INET
        if family is None:
            raise error.InvalidAddressError(self.interface, "not an IPv4 or IPv6 address.")
        super().__init__(scope, protocol, maxPacketSize)
        self.port = self._number("a port's number", port)
        self._speak(family)
        self._peer: tuple[str, int] | None = None
        # Hosts that `write` need not think about: addresses as the socket takes them. None while
        # the port isn't open, or when it may not write to anybody.
        self._hosts: set[str | bytes] = set()
        self._sendto: Callable[[bytes, tuple[str, int]], int]

    # -- what programs call

    def write(self, datagram: bytes, addr: tuple[str, int] | None = None) -> int | None:
        """Send a datagram at once, and answer its size; None if it found no room and is dropped.

        The host in `addr` has to be an address. A connected port sends to its peer, and takes no
        other `addr`. Raises `MessageLengthError` for a datagram that is too large,
        `InvalidAddressError` for a host that can't be written to from here, `NotListeningError`
        when the port is closed, and what else the system says.
        """
        if addr is None or addr[0] not in self._hosts:
            return self._write_otherwise(datagram, addr)
        try:
            return self._sendto(datagram, addr)
        except OSError as exc:
            self._unsent(exc)
            return None

    def writeSequence(
        self, seq: Iterable[bytes], addr: tuple[str, int] | None = None
    ) -> int | None:
        """Send the pieces as one datagram; see `write`."""
        return self.write(b"".join(seq), addr)

    def connect(self, host: str, port: int) -> None:
        """Talk to this peer only, without naming it, and be told when it refuses.

        Raises `InvalidAddressError` when `host` isn't an address of the port's family, and
        `RuntimeError` when the port is connected already.
        """
        if self._peer is not None:
            raise RuntimeError(f"already connected to {self._peer}, for good: open another port")
        if self._socket is None:
            raise self._not_listening()
        family = ip_family(host)
        if family is None:
            raise error.InvalidAddressError(host, "not an IPv4 or IPv6 address.")
        if family is not self.addressFamily:
            raise self._misaddressed((host, port))
        self._socket.connect(_with_scope((host, port)))
        self._peer = (host, port)
        self._hosts.clear()

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """Allow writing to broadcast addresses, or not; at first it isn't."""
        self._open_socket().setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, bool(enabled))

    def getBroadcastAllowed(self) -> bool:
        """Whether writing to broadcast addresses is allowed."""
        return bool(self._open_socket().getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST))

    # -- inside

    @property
    def is_to_one_peer(self) -> bool:
        """Whether `connect` was called."""
        return self._peer is not None

    def _speak(self, family: socket.AddressFamily) -> None:
        self.addressFamily = family
        self._is_scoped = family == socket.AF_INET6
        if self._is_scoped:
            self.adapter = ScopedAdapter

    def _start_on(self, bound: socket.socket) -> None:
        self._sendto = bound.sendto
        super()._start_on(bound)

    def _close_socket(self) -> None:
        self._hosts.clear()
        super()._close_socket()

    def _bind(self, fresh: socket.socket) -> None:
        fresh.bind(_with_scope((self.interface, self.port)))
        self._peer = None

    def _refused(self, cause: object) -> Exception:
        return error.CannotListenError(self.interface, self.port, cause)

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise self._not_listening()
        return self._socket

    def _write_otherwise(self, datagram: bytes, addr: Any) -> int | None:
        """Write what isn't for a host that was written to before."""
        to = self._open_socket()
        try:
            if self._peer is None:
                if addr is None or ip_family(addr[0]) is not self.addressFamily:
                    raise self._misaddressed(addr)
                whole = _with_scope(addr)
                if whole is addr:
                    self._remember(addr[0])
                return to.sendto(datagram, whole)
            if addr is not None and tuple(addr[:2]) != self._peer:
                raise ValueError(f"{self!r} is connected to {self._peer}: it can't write to {addr}")
            return to.send(datagram)
        except OSError as exc:
            self._unsent(exc)
            return None

    def _remember(self, host: str | bytes) -> None:
        if len(self._hosts) == _MOST_HOSTS:
            self._hosts.clear()
        self._hosts.add(host)

    def _misaddressed(self, addr: Any) -> Exception:
        if addr is None:
            return TypeError("write() takes an address, a pair of host and port, until connect()")
        host, ours = addr[0], "IPv6" if self._is_scoped else "IPv4"
        if ip_family(host) is None:
            return error.InvalidAddressError(
                host, "write() only accepts IP addresses, not hostnames"
            )
        theirs = "IPv4" if self._is_scoped else "IPv6"
        return error.InvalidAddressError(host, f"an {ours} port can't write to {theirs} addresses")


class AdoptedUDPPort(UDPPort):
    """A UDP port on a socket that something else has opened; its descriptor is duplicated."""

    opened_by = "adoptDatagramPort"

    def __init__(
        self, scope: Scope, descriptor: int, family: int, protocol: Any, maxPacketSize: int = 8192
    ) -> None:
        if family not in (socket.AF_INET, socket.AF_INET6):
            raise error.UnsupportedAddressFamily(family)
        super().__init__(scope, 0, protocol, maxPacketSize=maxPacketSize)
        self._descriptor: int | None = descriptor
        self._speak(socket.AddressFamily(family))

    def _bound(self) -> socket.socket:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:  # which may be somebody else's by now
            raise self._refused(OSError(errno.EBADF, "the adopted descriptor was closed"))
        adopted = duplicated(descriptor, self.addressFamily, socket.SOCK_DGRAM)
        try:
            self._peer = adopted.getpeername()[:2]
        except OSError:
            self._peer = None
        name = adopted.getsockname()
        self.interface, self.port = name[0], name[1]
        return adopted


def ip_family(host: str | bytes) -> socket.AddressFamily | None:
    """The family that `host` is an address of; None for a name."""
    if isIPAddress(host) or host == "<broadcast>":
        return socket.AF_INET
    return socket.AF_INET6 if isIPv6Address(host) else None


def _with_scope(addr: Any) -> Any:
    """`addr`, where a link that its host names, as in "fe80::1%eth0", has become a number."""
    host = addr[0].decode("ascii") if isinstance(addr[0], bytes) else addr[0]
    address, percent, link = host.partition("%")
    if not percent:
        return addr
    try:
        number = int(link) if link.isdecimal() else socket.if_nametoindex(link)
    except OSError as exc:
        raise OSError(errno.ENODEV, f"there is no interface {link!r}") from exc
    return (address, addr[1], 0, number)


def _link(number: int) -> str:
    try:
        return socket.if_indextoname(number)
    except OSError:
        return str(number)
