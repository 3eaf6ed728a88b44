"""Datagram ports: bound when the call returns, received from when there is a loop.

The loop's own transport receives. What is sent goes straight to the port's socket, before there
is a loop too: so the caller hears at once what is wrong with a datagram, and one that finds no
room is dropped and not queued, as Twisted has it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import address_from
from reactorlite.bridge.inbound import _report, kind_of
from reactorlite.bridge.loops import watches_descriptors
from reactorlite.internet import error
from reactorlite.internet.abstract import isIPAddress, isIPv6Address
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reactorlite.bridge.addresses import Address
    from reactorlite.bridge.scope import Scope

#: What a socket says when nobody listens where it sent to; on Windows it calls that a reset.
_REFUSED = (ConnectionRefusedError, ConnectionResetError)


class DatagramAdapter(asyncio.DatagramProtocol):
    """A datagram port, seen from the event loop."""

    __slots__ = ("_is_stopping", "_loop", "_port", "_transport")

    def __init__(self, port: DatagramPort, loop: asyncio.AbstractEventLoop) -> None:
        self._port = port
        self._loop = loop
        self._transport: Any = None
        self._is_stopping = False

    # -- asyncio's callbacks

    def connection_made(self, transport: Any) -> None:
        if hasattr(transport, "max_size") and watches_descriptors(self._loop):
            # Stock asyncio allocates 256 KiB for each datagram, which costs more than all the
            # rest. (The proactor loses a datagram that is larger than what it allocated.)
            transport.max_size = self._port.maxPacketSize
        self._transport = transport
        if self._is_stopping:
            self.stop()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        port = self._port
        if len(data) > port.maxPacketSize:
            data = data[: port.maxPacketSize]
        try:
            port.protocol.datagramReceived(data, addr)
        except BaseException:
            self.raised("datagramReceived")

    def error_received(self, exc: Exception) -> None:
        if not isinstance(exc, _REFUSED):
            log.err(Failure(exc), f"{self._port!r} could not receive")
        elif self._port.is_to_one_peer:
            try:
                self._port.protocol.connectionRefused()
            except BaseException:
                self.raised("connectionRefused")

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self._port.disconnecting:
            log.msg(f"the loop gave {self._port!r} up: {exc!r}", isError=True)
            self._port.stopListening()

    # -- what the port calls

    def stop(self) -> None:
        """Receive no more, and have the port finish when the loop has closed the socket."""
        self._is_stopping = True
        if self._transport is not None:
            self._transport.abort()
            # The loop closes it in a call that is queued by now. This one comes next.
            self._loop.call_soon(self._port.finish)

    # -- inside

    def raised(self, where: str) -> None:
        """Log what the protocol raised; the port goes on."""
        _report(Failure(), f"{kind_of(self._port.protocol)}.{where}")


class ScopedAdapter(DatagramAdapter):
    """The same for IPv6. A link-local peer's host says which link, so that it can be answered."""

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        host = f"{addr[0]}%{_link(addr[3])}" if addr[3] else addr[0]
        super().datagram_received(data, (host, addr[1]))


@implementer("IListeningPort", "ISystemHandle", "ILoggingContext")
class DatagramPort:
    """A socket for datagrams, and the protocol they are for; a derived class says what is bound.

    The protocol's `makeConnection` gets the port, as its transport. All that is open is closed
    by `stopListening`, or with the reactor.
    """

    #: What receives from the loop, made of the port and the loop.
    adapter: Callable[[DatagramPort, asyncio.AbstractEventLoop], DatagramAdapter] = DatagramAdapter
    #: The reactor's method that opens ports of this class.
    opened_by: str

    def __init__(self, scope: Scope, protocol: Any, maxPacketSize: int) -> None:
        self.protocol = _checked_protocol(self.opened_by, protocol)
        if not isinstance(maxPacketSize, int):
            raise TypeError(f"{self.opened_by}() takes a number of bytes, not {maxPacketSize!r}")
        if maxPacketSize < 0:
            raise ValueError(f"{self.opened_by}() can't take packets of {maxPacketSize} bytes")
        self.maxPacketSize = maxPacketSize
        self.connected = False
        self.disconnecting = False
        self._scope = scope
        self._socket: socket.socket | None = None
        self._host: Address | None = None
        self._adapter: DatagramAdapter | None = None
        self._closed: Deferred[None] | None = None

    # -- what derived classes say

    def _bound(self) -> socket.socket:
        """A socket that is bound and doesn't block; or an error, and nothing stays open."""
        raise NotImplementedError

    def _refused(self, cause: object) -> Exception:
        """What to raise when the address can't be had."""
        raise NotImplementedError

    def _named(self, host: Any) -> str:
        """What log lines call the address `host`."""
        raise NotImplementedError

    @property
    def is_to_one_peer(self) -> bool:
        """Whether the port is connected, so that its peer can refuse."""
        raise NotImplementedError

    # -- what programs call

    def startListening(self) -> None:
        """Bind, and start the protocol; datagrams are received once the reactor has a loop.

        Raises `CannotListenError` when the address can't be had. A port that was stopped may be
        started again, with the address it was asked for.
        """
        self._check_that_it_may_start()
        self._start_on(self._bound())

    def stopListening(self) -> Deferred[None]:
        """Receive no more.

        The Deferred fires when the port is closed and the protocol's `doStop` was called,
        which is on the next turn; before the loop runs, on its first.
        """
        if not self.connected:
            return succeed(None)
        if self._closed is None:
            self._closed = closed = Deferred[None]()
            self.disconnecting = True
            self._scope.forget(self)
            self._stop()
            return closed
        return self._closed

    def loseConnection(self) -> Deferred[None]:
        """Another name of `stopListening`."""
        return self.stopListening()

    def getHost(self) -> Address:
        """The address that is bound; with port 0, the number that was chosen."""
        if self._host is None:
            raise self._not_listening()
        return self._host

    def getHandle(self) -> socket.socket | None:
        """The socket, to look at; None while not listening."""
        return self._socket

    def fileno(self) -> int:
        """The descriptor, or -1 while not listening."""
        return self._socket.fileno() if self._socket is not None else -1

    @property
    def reactor(self) -> Any:
        """The reactor that receives."""
        return self._scope.reactor

    def logPrefix(self) -> str:
        """What log lines call this port."""
        return f"{self._prefix()} (UDP)"

    def __repr__(self) -> str:
        where = "(not listening)" if self._host is None else f"on {self._named(self._host)}"
        return f"<{type(self).__qualname__} of {self._prefix()} {where}>"

    # -- inside

    def _check_that_it_may_start(self) -> None:
        if self.connected:
            raise RuntimeError(f"{self!r} is listening already")
        if self._scope.closing:
            raise self._refused(OSError(errno.ECANCELED, "the reactor is stopping"))

    def _start_on(self, bound: socket.socket) -> None:
        self._socket = bound
        self._host = host = address_from(bound.getsockname(), "UDP")
        self.connected = True
        try:
            log.msg(f"{self._prefix()} starting on {self._named(host)}")
            self.protocol.makeConnection(self)
        except BaseException:
            self._forget_socket()
            if getattr(self.protocol, "transport", None) is self:
                self.protocol.transport = None
            raise
        self._scope.ports[self] = None
        if not self.disconnecting:
            self._scope.start(self, self._receive)

    def close_for_good(self) -> None:
        """Close because the reactor ends."""
        self.stopListening()

    def finish(self) -> None:
        """Called when the loop has let go of the socket: tell the protocol, and who waits."""
        assert self._host is not None
        name = self._named(self._host)
        self._forget_socket()
        self._scope.ports.pop(self, None)
        log.msg(f"(UDP Port {name} Closed)")
        closed, self._closed = self._closed, None
        assert closed is not None
        try:
            self.protocol.doStop()
        except Exception:
            closed.errback(Failure())
        else:
            closed.callback(None)

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        adapter = self.adapter(self, loop)
        # Until the loop has called its `connection_made`, on the next turn, the adapter keeps in
        # mind that it was stopped.
        self._scope.spawn(loop.create_datagram_endpoint(lambda: adapter, sock=self._socket))
        self._adapter = adapter

    def _stop(self) -> None:
        scope = self._scope
        if self._adapter is not None and not scope.is_closed:
            self._adapter.stop()
            return
        self._close_socket()
        if scope.loop is None and not scope.closing:
            # Not now: the protocol may be just about to start.
            scope.start(self, lambda _: self.finish())
        else:
            scope.soon(self.finish)

    def _close_socket(self) -> None:
        bound, self._socket = self._socket, None
        if bound is not None:
            bound.close()

    def _forget_socket(self) -> None:
        self._close_socket()
        self._host = self._adapter = None
        self.connected = self.disconnecting = False

    def _prefix(self) -> str:
        prefix = getattr(self.protocol, "logPrefix", None)
        return str(prefix()) if prefix is not None else kind_of(self.protocol)

    def _not_listening(self) -> Exception:
        return error.NotListeningError(f"{self!r} is not listening")

    def _unsent(self, exc: OSError) -> None:
        """Raise why a datagram could not be sent, unless that is what happens to datagrams."""
        if exc.errno == errno.EMSGSIZE:
            raise error.MessageLengthError("message too long") from exc
        if isinstance(exc, _REFUSED):  # an earlier one was
            if self.is_to_one_peer:
                self.protocol.connectionRefused()
        elif not isinstance(exc, BlockingIOError):
            raise exc

    # Last, for it hides the module.
    socket = property(getHandle)


@implementer("IUDPTransport")
class UDPPort(DatagramPort):
    """A UDP port that `listenUDP` opened."""

    opened_by = "listenUDP"
    addressFamily = socket.AF_INET

    def __init__(
        self,
        scope: Scope,
        port: int,
        protocol: Any,
        interface: str | bytes = "",
        maxPacketSize: int = 8192,
    ) -> None:
        if isinstance(interface, bytes):
            interface = interface.decode("ascii")
        elif not isinstance(interface, str):
            raise TypeError(
                f"{self.opened_by}() takes an interface's address as text, not {interface!r}"
            )
        family = ip_family(interface) if interface else socket.AF_INET
        if family is None:
            raise error.InvalidAddressError(interface, "not an IPv4 or IPv6 address.")
        super().__init__(scope, protocol, maxPacketSize)
        if not isinstance(port, int):
            raise TypeError(f"{self.opened_by}() takes a port's number, not {port!r}")
        self.port = port
        self.interface = interface
        self._speak(family)
        self._peer: tuple[str, int] | None = None
        # The family that `write` need not think about: of addresses as sockets take them, while
        # the port is open and may write to anybody. Else no host's.
        self._sends_to = socket.AF_UNSPEC
        self._sendto: Callable[[bytes, tuple[str, int]], int]

    # -- what programs call

    def write(self, datagram: bytes, addr: tuple[str, int] | None = None) -> int | None:
        """Send a datagram at once, and answer its size; None if it found no room and is dropped.

        The host in `addr` has to be an address. A connected port sends to its peer, and takes no
        other `addr`. Raises `MessageLengthError` for a datagram that is too large,
        `InvalidAddressError` for a host that can't be written to from here, `NotListeningError`
        when the port is closed, and what else the system says.
        """
        if addr is None or ip_family(addr[0]) is not self._sends_to:
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
        self._sends_to = socket.AF_UNSPEC

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
        if not self._is_scoped and self._peer is None:
            self._sends_to = self.addressFamily
        super()._start_on(bound)

    def _close_socket(self) -> None:
        self._sends_to = socket.AF_UNSPEC
        super()._close_socket()

    def _bound(self) -> socket.socket:
        fresh = socket.socket(self.addressFamily, socket.SOCK_DGRAM)
        try:
            fresh.setblocking(False)
            self._prepare(fresh)
            fresh.bind(_with_scope((self.interface, self.port)))
        except BaseException as exc:
            fresh.close()
            if isinstance(exc, OSError):
                raise self._refused(exc) from exc
            raise
        self._peer = None
        return fresh

    def _prepare(self, fresh: socket.socket) -> None:
        """Set what has to be set before binding."""

    def _refused(self, cause: object) -> Exception:
        return error.CannotListenError(self.interface, self.port, cause)

    def _named(self, host: Any) -> str:
        return str(host.port)

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise self._not_listening()
        return self._socket

    def _write_otherwise(self, datagram: bytes, addr: Any) -> int | None:
        """Write what isn't for just any IPv4 address."""
        to = self._open_socket()
        try:
            if self._peer is None:
                if addr is None or ip_family(addr[0]) is not self.addressFamily:
                    raise self._misaddressed(addr)
                return to.sendto(datagram, _with_scope(addr))
            if addr is not None and tuple(addr[:2]) != self._peer:
                raise ValueError(f"{self!r} is connected to {self._peer}: it can't write to {addr}")
            return to.send(datagram)
        except OSError as exc:
            self._unsent(exc)
            return None

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
        self._adopted: socket.socket | None = _duplicated(descriptor, family)
        self._speak(socket.AddressFamily(family))

    def _bound(self) -> socket.socket:
        adopted, self._adopted = self._adopted, None
        if adopted is None:
            raise self._refused(OSError(errno.EBADF, "the adopted descriptor was closed"))
        try:
            self._peer = adopted.getpeername()[:2]
        except OSError:
            self._peer = None
        name = adopted.getsockname()
        self.interface, self.port = name[0], name[1]
        return adopted


@lru_cache(1024)
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


def _duplicated(descriptor: int, family: int) -> socket.socket:
    found = socket.socket(fileno=socket.dup(descriptor))
    wrong: Exception | None = None
    if found.family != family:
        wrong = error.UnsupportedAddressFamily(f"descriptor {descriptor} is of {found.family!r}")
    elif found.type != socket.SOCK_DGRAM:
        wrong = error.UnsupportedSocketType(f"descriptor {descriptor} is of {found.type!r}")
    if wrong is not None:
        found.close()
        raise wrong
    found.setblocking(False)
    return found


def _checked_protocol(where: str, protocol: Any) -> Any:
    if isinstance(protocol, type) or not (
        hasattr(protocol, "makeConnection") and hasattr(protocol, "doStop")
    ):
        raise TypeError(
            f"{where}() takes a DatagramProtocol, an object with makeConnection() and doStop(),"
            f" not {protocol!r}"
        )
    return protocol
