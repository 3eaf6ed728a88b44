"""From the application to the loop: what a protocol sees as `self.transport`.

What is written while the loop is inside a callback of this connection's is gathered and
sent on the way out; what is written at any other time is sent once, at the end of the turn.
`loseConnection` and `loseWriteConnection` take effect at the same moments, so that what was
written before them, and in the same breath after them, is still sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import IP_FAMILIES, Address, address_from, socket_name
from reactorlite.bridge.endings import Ending
from reactorlite.bridge.flow import MARK, Flow
from reactorlite.bridge.loops import check_thread, is_closing
from reactorlite.bridge.reporting import log_raised
from reactorlite.internet._current import current_reactor
from reactorlite.internet._futures import running_loop
from reactorlite.internet._written import bytes_from
from reactorlite.internet.address import UNIXAddress
from reactorlite.python.components import adapted, implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reactorlite.bridge.inbound import StreamAdapter

#: How often a producer may fill the connection before others have their turn.
_ROUNDS = 16

#: SO_LINGER with a time of zero: closing resets the connection and drops what waits.
_RESET = struct.pack("ii", 1, 0)


@implementer("ITLSTransport", "IConsumer", "IPushProducer", "ISystemHandle", "ILoggingContext")
class StreamTransport:
    """One connection, seen from its protocol.

    `protocol` may be set to hand the connection over to another protocol. `connected`,
    `disconnecting` and `disconnected` tell where in its life the connection is.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_adapter",
        "_asyncio",
        "_first",
        "_flow",
        "_gathering",
        "_half_closing",
        "_host",
        "_kind",
        "_limit",
        "_loop",
        "_more",
        "_peer",
        "_shut",
        "_size",
        "_unsettled",
        "connected",
        "disconnecting",
        "ending",
        "protocol",
        "sessionno",
    )

    #: Whether it is encrypted; older programs ask so.
    TLS = False

    #: Whether the peer has closed its half, and the protocol was told.
    peer_is_done = False

    #: A push producer is paused over so many bytes that wait; may be set on a transport.
    bufferSize = MARK

    def __init__(
        self,
        adapter: StreamAdapter,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        peer: Address,
        host: Any,
    ) -> None:
        self._adapter = adapter
        self._asyncio = transport
        self._loop = loop
        self.protocol = protocol
        self._peer = peer
        self._host = host  # as asyncio gave it: few ask, so the object waits for `getHost`
        # What is gathered: one piece, as it mostly is, or from the second on all of them.
        self._first: bytes | None = None
        self._more: list[bytes] | None = None
        self._size = 0  # of `_more`
        self._limit = MARK  # a size over it wants attention; with a producer every one does
        self._gathering = True  # until `connectionMade` has returned
        self._unsettled = False  # something waits for what was written before it
        self._shut = False  # writes go nowhere
        self._flow: Flow | None = None
        self._half_closing = False
        self.ending: Ending | Failure = Ending.NONE
        # How many connections its port had before; 0 for one that came by no port.
        self.sessionno: int = getattr(adapter.owner, "sessionno", 1) - 1
        self.connected = 1
        self.disconnecting = False

    # -- what protocols call: data

    def write(self, data: bytes) -> None:
        """Send `data`, after all that was written before it.

        Any bytes-like object will do and is copied if it could change. Once the connection
        is closed or half-closed from this side, the data goes nowhere and nothing is raised.
        Only the loop's own thread may write, and end the connection; another one uses
        `callFromThread`, and gets a `RuntimeError` where its call would come late.
        """
        if type(data) is not bytes:
            data = bytes_from(data)
        more = self._more
        if more is not None:  # which says, too, that writes still go somewhere
            more.append(data)
            self._size = size = self._size + len(data)
            if size > self._limit:
                self._fill(data)
            return
        if self._shut or not data:
            return
        if self._first is not None:
            self._more = [self._first, data]
            self._size = len(self._first) + len(data)
        else:
            if not self._gathering:
                if running_loop() is not self._loop:
                    check_thread(self._loop, "transport.write")
                self._gather()
            self._first = data
        if self._size > self._limit:
            self._fill(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send the pieces of `iovec`, as one `write` of all of them joined."""
        pieces = list(iovec)
        try:
            data = b"".join(pieces)
        except TypeError:
            # One of them isn't bytes-like: let the piece itself say so.
            data = b"".join(map(bytes_from, pieces))
        self.write(data)

    # -- what protocols call: endings

    def loseConnection(self, _connDone: object = None) -> None:
        """Close once everything written so far has been sent.

        Nothing more is received. A producer that is paused, or that is a pull producer, is
        served until it unregisters. `connectionLost` follows, from the loop and not from
        inside this call.
        """
        if self.connected and not self.disconnecting:
            check_thread(self._loop, "transport.loseConnection")
            self.disconnecting = True
            self._adapter.stop_reading()
            self._leave_unsettled()

    def abortConnection(self) -> None:
        """Close at once: what waits is dropped, and the peer sees a reset.

        `connectionLost` follows with `ConnectionAborted`, from the loop.
        """
        check_thread(self._loop, "transport.abortConnection")
        if self.connected and self.ending is Ending.NONE:
            self.end(Ending.ABORT)
        elif self.connected:
            self._asyncio.abort()  # for the reason that it has already, but at once

    def loseWriteConnection(self) -> None:
        """Send what waits, then tell the peer that nothing more comes; go on receiving.

        What is written after that goes nowhere. A protocol that provides
        `IHalfCloseableProtocol` hears of it through `writeConnectionLost`.
        """
        if self.connected and not self._half_closing:
            check_thread(self._loop, "transport.loseWriteConnection")
            self._half_closing = True
            self._leave_unsettled()

    # -- what protocols call: TLS

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """Go on encrypted: what was written before goes out plain, and all after it in TLS.

        The client of the connection is the client of TLS, and the other way round unless
        `normal`. What is received from now on is what the peer has encrypted, and writes wait
        until the handshake is done. `contextFactory` may be an `ssl.SSLContext`; then a
        client expects the certificate of the host that it connected to. Raises `TypeError`
        for something else, and what the context factory raises.
        """
        self._adapter.start_tls(self, contextFactory, normal)

    # -- what protocols call: flow

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill this connection: push if `streaming`, else pull.

        Raises `RuntimeError` while another producer is registered. On a connection that is
        lost already the producer is stopped at once.
        """
        if self._flow is not None:
            raise RuntimeError(
                f"cannot register {producer!r}: {self._flow.producer!r} is registered;"
                " call unregisterProducer() first"
            )
        if not self.connected:
            producer.stopProducing()
            return
        self._flow = flow = Flow(producer, streaming, self.unsent)
        self._limit = -1
        self._tell_when_empty()
        if not streaming:
            if flow.waiting:
                # It is asked again once that has gone, whatever it does now.
                flow.is_due = self._unsettled = True
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer; a close that waited for it goes ahead."""
        self._flow = None
        self._limit = MARK
        if self.connected and (self.disconnecting or self._half_closing):
            self._leave_unsettled()

    def pauseProducing(self) -> None:
        """Receive nothing until `resumeProducing`."""
        self._adapter.pause_reading()

    def resumeProducing(self) -> None:
        """Receive again; what was held back comes first, from the loop."""
        if self.connected and not self.disconnecting:
            self._adapter.resume_reading()

    # Twisted's connections are descriptors that are watched, and go by these names too.
    startReading = resumeProducing
    stopReading = pauseProducing

    def stopProducing(self) -> None:
        """Close, as `loseConnection` does: the consumer of this connection's data is gone."""
        self.loseConnection()

    def stopConsuming(self) -> None:
        """Forget the producer, and close."""
        self.unregisterProducer()
        self.loseConnection()

    # -- what protocols call: who and how

    def getPeer(self) -> Address:
        """The other side's address, also after the connection is lost."""
        return self._peer

    def getHost(self) -> Address:
        """This side's address, also after the connection is lost."""
        host = self._host
        if not isinstance(host, Address):
            self._host = host = address_from(host)
        return host

    def getTcpNoDelay(self) -> bool:
        """Whether small writes are sent at once (Nagle's algorithm is off), as asyncio has it.

        False for a connection that isn't TCP's.
        """
        if self.socket.family not in IP_FAMILIES:
            return False
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send small writes at once, or let the system gather them.

        Without effect on a connection that isn't TCP's, where the system gathers nothing.
        """
        if self.socket.family in IP_FAMILIES:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, bool(enabled))

    def getTcpKeepAlive(self) -> bool:
        """Whether the system probes an idle peer."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Let the system probe an idle peer, and lose the connection when it is gone."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, bool(enabled))

    def getHandle(self) -> Any:
        """The socket, to look at, to set options on, and to give up (see `LentSocket`)."""
        return self.socket

    def fileno(self) -> int:
        """The descriptor, or -1 once the connection is lost."""
        return int(self._view().fileno()) if self.connected else -1

    @property
    def socket(self) -> Any:
        """The socket (see `getHandle`); None when the loop's transport has none."""
        from reactorlite.bridge.lent import LentSocket

        view = self._view()
        return None if view is None else LentSocket(self, view)

    def _view(self) -> Any:
        return self._asyncio.get_extra_info("socket")

    @property
    def reactor(self) -> Any:
        """The reactor that the connection belongs to; the current one when made without."""
        scope = self._adapter.scope
        return current_reactor() if scope is None else scope.reactor

    @property
    def client(self) -> Any:
        """The peer as the socket module has it: host and port, and two more for IPv6."""
        return socket_name(self._peer)

    addr = client

    @property
    def disconnected(self) -> bool:
        """Whether the connection is lost."""
        return not self.connected

    @property
    def hostname(self) -> str:
        """The peer's host, as text."""
        return _place(self._peer, "host")

    @property
    def server(self) -> Any:
        """The port that a server's connection came in by; None for a client's."""
        return None if self._adapter.is_client else self._adapter.owner

    @property
    def connector(self) -> Any:
        """The connector of a client's connection; None for a server's."""
        return self._adapter.owner if self._adapter.is_client else None

    @property
    def unsent(self) -> int:
        """How many bytes wait to be sent: gathered here, or held by the loop."""
        return (self._size or len(self._first or b"")) + int(self._asyncio.get_write_buffer_size())

    @property
    def logstr(self) -> str:
        """What log lines call this connection."""
        name = self._protocol_name()
        if self._adapter.is_client:
            return f"{name},client"
        return f"{name},{self.sessionno},{self.hostname}"

    @property
    def is_ending(self) -> bool:
        """Whether this side has decided that the connection ends."""
        return self.disconnecting or self.ending is not Ending.NONE

    def logPrefix(self) -> str:
        """What log lines call this connection."""
        return self.logstr

    def __repr__(self) -> str:
        if self._adapter.is_client:
            return f"<{type(self)!r} to {self.addr!r} at {id(self):x}>"
        where = _place(self.getHost(), "port")
        return f"<{self._protocol_name()} #{self.sessionno} on {where}>"

    def _protocol_name(self) -> str:
        prefix = getattr(self.protocol, "logPrefix", None)
        if prefix is not None:
            return str(prefix())
        kind = type(self.protocol) if self.protocol is not None else self._kind
        return kind.__name__

    # -- what the adapter calls

    def end(self, ending: Ending | Failure) -> None:
        """Close now, dropping what waits; `connection_lost` follows from the loop."""
        self.ending = ending
        self._shut = True
        self._drop()
        if ending is Ending.ABORT and (view := self._view()) is not None:
            # A socket that is closed already can't be reset, and need not be.
            with suppress(OSError):
                view.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._asyncio.abort()

    def stop(self) -> None:
        """Close because the reactor ends; what can be sent at once still is."""
        if self.ending is Ending.NONE:
            self._send()
            self.end(Ending.STOP)
        else:
            self._asyncio.abort()  # it was ending, and is not waited for

    def peer_ended(self) -> None:
        """Send what was gathered, and nothing after it: asyncio closes when it is sent."""
        self.ending = Ending.EOF
        self._send()
        self._shut = True

    def flush(self) -> None:
        """End a callback or a turn: send what was gathered, then do what waited for that."""
        self._gathering = False
        data = self._first
        if data is not None:
            if self._more is not None:
                data = b"".join(self._more)
                self._more = None
                self._size = 0
            self._first = None
            self._asyncio.write(data)
        if self._unsettled:
            self._settle()

    def drained(self) -> None:
        """Go on after the loop has sent all that it was given.

        Not at once: stock asyncio calls this in the middle of its own sending, where a
        transport that is closed would tell of its end twice.
        """
        if self.ending is Ending.NONE and not self._gathering:
            self._gathering = True
            self._loop.call_soon(self._resume)

    def lost(self) -> None:
        """Accept nothing any longer, and stop the producer."""
        self._kind = type(self.protocol)
        self._shut = True
        self._drop()
        self.connected = 0
        # What a protocol raised has a traceback, with a frame, with this transport in it.
        self.ending = Ending.STOP
        flow, self._flow = self._flow, None
        if flow is not None:
            try:
                flow.producer.stopProducing()
            except Exception:
                log_raised(flow.producer, "stopProducing")

    # -- inside

    def _gather(self) -> None:
        """Send what is written from here on once, at the end of the turn."""
        self._gathering = True
        self._loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        if self.connected:
            self.flush()

    def _leave_unsettled(self) -> None:
        self._unsettled = True
        if not self._gathering:
            self._gather()

    def _fill(self, data: bytes) -> None:
        """Keep what is gathered bounded, and the producer in step; `data` was written last."""
        size = len(data)
        if size >= MARK or self._size > MARK:
            # A large piece that is the only one needn't be joined to what follows.
            self._send()
        flow = self._flow
        if flow is not None:
            self._unsettled = True
            flow.waiting += size
            if flow.is_due or not flow.is_push or flow.waiting > self.bufferSize:
                flow.fill()

    def _send(self) -> None:
        """Send what is gathered, in the middle of a callback or a turn."""
        if self._first is not None:
            self._asyncio.write(b"".join(self._more) if self._more is not None else self._first)
            self._drop()

    def _drop(self) -> None:
        self._first = self._more = None
        self._size = 0

    def _settle(self) -> None:
        """Do what waits for the data: ask the producer for more, or end."""
        if self.ending is not Ending.NONE or is_closing(self._asyncio):
            return
        flow = self._flow
        if flow is not None:
            flow.waiting = self._asyncio.get_write_buffer_size()
        if flow is not None and (flow.is_due or not flow.is_push):
            if self.disconnecting:
                self._adapter.rest()
            if not flow.is_due:
                self._unsettled = False  # until it writes after all, or is unregistered
            elif not flow.waiting:
                # Not from here, where `write` may be among the callers: a producer
                # that fills at once would never come back.
                self._gathering = True
                self._loop.call_soon(self._resume)
        elif self.disconnecting:
            self._shut = True
            self._asyncio.close()
        elif self._half_closing:
            self._half_close()
        else:
            self._unsettled = False

    def _resume(self) -> None:
        """Let the producer fill the connection, as long as the system takes what it writes."""
        for _ in range(_ROUNDS):
            flow = self._flow
            if self.ending is not Ending.NONE or flow is None or not flow.is_due:
                break
            try:
                flow.drained()
            except BaseException:
                self._adapter.raised("resumeProducing")
                return
            if self._first is not None:
                self._send()
            if self._asyncio.get_write_buffer_size() or is_closing(self._asyncio):
                break
        if self.connected:
            self.flush()

    def _half_close(self) -> None:
        if self._shut:
            return
        self._tell_when_empty()
        if self._asyncio.get_write_buffer_size():
            return
        self._shut = True
        self._unsettled = False
        if not self._asyncio.can_write_eof():
            self._asyncio.close()  # over TLS one half alone can't be
            return
        # Where the peer has reset the connection meanwhile, the loop will tell.
        with suppress(OSError):
            self._asyncio.write_eof()
        listener = adapted("IHalfCloseableProtocol", self.protocol)
        if listener is not None:
            self._adapter.call(listener.writeConnectionLost)
        if self.peer_is_done:
            self._asyncio.close()

    def _tell_when_empty(self) -> None:
        # asyncio tells only of a buffer that was over its mark: with a mark of zero that
        # is every one, and `drained` follows when it is empty.
        self._asyncio.set_write_buffer_limits(high=0, low=0)


def _place(address: Address, part: str) -> str:
    """The host or port of `address`, or the path of a UNIX socket, as text."""
    if isinstance(address, UNIXAddress):
        return os.fsdecode(address.name or b"")
    return str(getattr(address, part))
