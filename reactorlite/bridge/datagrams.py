"""Datagram ports: bound when the call returns, received from when there is a loop.

The loop's own transport receives. What is sent goes straight to the port's socket, before there
is a loop too: so the caller hears at once what is wrong with a datagram, and one that finds no
room is dropped and not queued, as Twisted has it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import address_from
from reactorlite.bridge.inbound import kind_of, report
from reactorlite.bridge.loops import watches_descriptors
from reactorlite.internet import error
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

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
            # Not now: uvloop would never free a transport that is closed in this call.
            self._loop.call_soon(self.stop)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._is_stopping:
            return
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
        report(Failure(), f"{kind_of(self._port.protocol)}.{where}")


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

    addressFamily: Any

    def _bind(self, fresh: socket.socket) -> None:
        """Bind a socket, or raise why it can't be."""
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

    def _bound(self) -> socket.socket:
        """A socket that is bound and doesn't block; or an error, and nothing stays open."""
        try:
            fresh = socket.socket(self.addressFamily, socket.SOCK_DGRAM)
            try:
                fresh.setblocking(False)
                self._bind(fresh)
            except BaseException:
                fresh.close()
                raise
        except OSError as exc:
            raise self._refused(exc) from exc
        return fresh

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


def _checked_protocol(where: str, protocol: Any) -> Any:
    if isinstance(protocol, type) or not (
        hasattr(protocol, "makeConnection") and hasattr(protocol, "doStop")
    ):
        raise TypeError(
            f"{where}() takes a DatagramProtocol, an object with makeConnection() and doStop(),"
            f" not {protocol!r}"
        )
    return protocol
