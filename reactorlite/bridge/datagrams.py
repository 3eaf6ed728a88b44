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

from reactorlite.bridge.loops import watches_descriptors
from reactorlite.bridge.ports import BoundPort
from reactorlite.bridge.reporting import kind_of, report
from reactorlite.internet import error
from reactorlite.python import log
from reactorlite.python._speaking import speaks_for
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.bridge.scope import Scope

#: How many datagrams are taken before others have their turn.
_ROUNDS = 32

#: What a socket says when nobody listens where it sent to; on Windows it calls that a reset.
_REFUSED = (ConnectionRefusedError, ConnectionResetError)


class DatagramAdapter(asyncio.DatagramProtocol):
    """A datagram port, seen from the event loop."""

    __slots__ = ("_is_stopping", "_loop", "_more", "_port", "_transport")

    def __init__(self, port: DatagramPort, loop: asyncio.AbstractEventLoop) -> None:
        self._port = port
        self._loop = loop
        self._transport: Any = None
        self._is_stopping = False
        # What receives from the socket, where the loop doesn't take all that has come.
        self._more: Callable[[int], tuple[bytes, Any]] | None = None

    # -- asyncio's callbacks

    def connection_made(self, transport: Any) -> None:
        if hasattr(transport, "max_size") and watches_descriptors(self._loop):
            # Stock asyncio allocates 256 KiB for each datagram, which costs more than all the
            # rest. (The proactor loses a datagram that is larger than what it allocated.)
            transport.max_size = self._port.maxPacketSize
            assert self._port.socket is not None
            self._more = self._port.socket.recvfrom
        self._transport = transport
        if self._is_stopping:
            # Not now: uvloop would never free a transport that is closed in this call.
            self._loop.call_soon(self.stop)

    @speaks_for("port")
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
        if self._more is not None:
            self._take_more(self._more)

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

    def _take_more(self, receive: Callable[[int], tuple[bytes, Any]]) -> None:
        """Receive what else has come: asyncio takes a turn for each, which costs as much again."""
        self._more = None
        try:
            for _ in range(_ROUNDS):
                if self._is_stopping:
                    break
                self.datagram_received(*receive(self._port.maxPacketSize))
        except BlockingIOError:
            pass  # that was all
        except OSError as exc:
            self.error_received(exc)
        finally:
            self._more = receive

    def raised(self, where: str) -> None:
        """Log what the protocol raised; the port goes on."""
        report(Failure(), f"{kind_of(self._port.protocol)}.{where}")


class DatagramPort(BoundPort):
    """A socket for datagrams, and the protocol they are for; a derived class says what is bound.

    The protocol's `makeConnection` gets the port, as its transport.
    """

    #: What receives from the loop, made of the port and the loop.
    adapter: Callable[[DatagramPort, asyncio.AbstractEventLoop], DatagramAdapter] = DatagramAdapter
    kind = "UDP"
    over_ip = "UDP"

    def __init__(self, scope: Scope, protocol: Any, maxPacketSize: int) -> None:
        super().__init__(scope)
        self.protocol = _checked_protocol(self.opened_by, protocol)
        self.maxPacketSize = self._number("a number of bytes", maxPacketSize)
        if maxPacketSize < 0:
            raise ValueError(f"{self.opened_by}() can't take packets of {maxPacketSize} bytes")
        self._adapter: DatagramAdapter | None = None

    # -- what derived classes say

    addressFamily: Any

    def _bind(self, fresh: socket.socket) -> None:
        """Bind a socket, or raise why it can't be."""
        raise NotImplementedError

    @property
    def is_to_one_peer(self) -> bool:
        """Whether the port is connected, so that its peer can refuse."""
        raise NotImplementedError

    # -- what programs call

    def logPrefix(self) -> str:
        """What log lines call this port."""
        return f"{super().logPrefix()} (UDP)"

    # -- inside

    @property
    def served(self) -> Any:
        """The protocol, whichever it is by now."""
        return self.protocol

    def _bound(self) -> socket.socket:
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

    def _start(self) -> None:
        try:
            self.protocol.makeConnection(self)
        except BaseException:
            if getattr(self.protocol, "transport", None) is self:
                self.protocol.transport = None
            raise

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        adapter = self.adapter(self, loop)
        # Until the loop has called its `connection_made`, on the next turn, the adapter keeps in
        # mind that it was stopped.
        self._scope.spawn(loop.create_datagram_endpoint(lambda: adapter, sock=self._socket))
        self._adapter = adapter

    def _stop(self) -> None:
        if self._adapter is not None and not self._scope.is_closed:
            self._adapter.stop()
        else:
            self._finish_soon()

    def _let_go(self) -> None:
        self._adapter = None
        super()._let_go()

    def _unsent(self, exc: OSError) -> None:
        """Raise why a datagram could not be sent, unless that is what happens to datagrams."""
        if exc.errno == errno.EMSGSIZE:
            raise error.MessageLengthError("message too long") from exc
        if isinstance(exc, _REFUSED):  # an earlier one was
            if self.is_to_one_peer:
                self.protocol.connectionRefused()
        elif not isinstance(exc, BlockingIOError):
            raise exc


def _checked_protocol(where: str, protocol: Any) -> Any:
    if isinstance(protocol, type) or not (
        hasattr(protocol, "makeConnection") and hasattr(protocol, "doStop")
    ):
        raise TypeError(
            f"{where}() takes a DatagramProtocol, an object with makeConnection() and doStop(),"
            f" not {protocol!r}"
        )
    return protocol
