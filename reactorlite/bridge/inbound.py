"""From the loop to the application: asyncio's callbacks become calls on a protocol."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import address_from
from reactorlite.bridge.endings import Ending, reason_for
from reactorlite.bridge.flow import MARK
from reactorlite.bridge.loops import reads_early
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.bridge.reporting import kind_of, report
from reactorlite.python._speaking import speaks_for
from reactorlite.python.components import adapted
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.bridge.scope import Scope


class StreamAdapter(asyncio.Protocol):
    """One connection, seen from the event loop.

    `owner` is the factory, or the port or connector that stands for it: its
    `buildProtocol(address)` gives the protocol, or None to close. A connector hears of the
    end, after the protocol. The connection is entered in `scope`.
    """

    __slots__ = ("_held", "_releasing", "out", "owner", "scope")

    is_client = False

    #: What the protocol gets for its transport.
    transport: type[StreamTransport] = StreamTransport

    def __init__(self, owner: Any, scope: Scope | None = None) -> None:
        self.owner = owner
        self.scope = scope
        self.out: StreamTransport | None = None
        # What came while reading was paused: data, and None for the peer's end.
        self._held: list[bytes | None] | None = None
        self._releasing: asyncio.Handle | None = None

    # -- asyncio's callbacks

    @speaks_for("self")
    def connection_made(self, transport: Any) -> None:
        if hasattr(transport, "max_size"):
            # Stock asyncio allocates a buffer of 256 KiB for each read, which costs more
            # than the rest of the read; Twisted's size is 64 KiB.
            transport.max_size = MARK
        if self.scope is not None and self.scope.loop is None:
            transport.abort()  # accepted in the turn in which the reactor ended
            return
        peer = transport.get_extra_info("peername")
        host = transport.get_extra_info("sockname")
        if peer is None and host is not None:
            # uvloop asks the socket, which doesn't know once the peer has reset it.
            transport.abort()
            return
        address = address_from(peer)
        protocol = self._built(address)
        if protocol is None:
            transport.close()
            return
        loop = asyncio.get_running_loop()
        self.out = out = self.transport(self, transport, loop, protocol, address, host)
        if self.scope is not None:
            self.scope.connections[self] = None
        try:
            protocol.makeConnection(out)
        except BaseException:
            # Twisted lets a server's connection go on, and ends a client's.
            if self.is_client:
                self.raised("makeConnection")
                return
            report(Failure(), f"{kind_of(protocol)}.makeConnection")
        out.flush()
        if reads_early(transport) and self._held is None and not out.is_ending:
            # What `connectionMade` asked for by `callLater(0, ...)` comes first, for so hear
            # of a connection those who wait for it.
            self._held = []
            self._releasing = loop.call_soon(self._release)

    @speaks_for("out")
    def data_received(self, data: bytes) -> None:
        out = self.out
        if out is None or out._gathering or self._held is not None or len(data) > MARK:
            self._receive_slowly(data)
            return
        out._gathering = True
        try:
            out.protocol.dataReceived(data)
        except BaseException:
            self.raised("dataReceived")
            return
        if out._first is not None or out._unsettled:
            out.flush()
        else:
            out._gathering = False

    def eof_received(self) -> bool:
        out = self.out
        if out is None or out.ending is not Ending.NONE:
            return False
        if self._held is not None:
            self._held.append(None)
            return bool(out._asyncio.can_write_eof())
        # Twisted tells of halves over plain streams only; the end of TLS is the end of both.
        listener = None if out.TLS else adapted("IHalfCloseableProtocol", out.protocol)
        if listener is not None:
            out.peer_is_done = True
            self.call(listener.readConnectionLost)
            if out._asyncio.can_write_eof():
                return not out._shut  # with both halves closed, nothing can come any more
            # Over asyncio's own TLS one half alone can't be closed.
        out.peer_ended()
        return False

    def resume_writing(self) -> None:
        if self.out is not None:
            self.out.drained()

    @speaks_for("out")
    def connection_lost(self, exc: BaseException | None) -> None:
        out, self.out = self.out, None
        reason = reason_for(exc, Ending.NONE if out is None else out.ending)
        if self._releasing is not None:
            self._releasing.cancel()
        if self.scope is not None:
            self.scope.connections.pop(self, None)
        if out is not None:
            out.lost()
            protocol, out.protocol = out.protocol, None
            try:
                protocol.connectionLost(reason)
            except BaseException:
                report(Failure(), f"{kind_of(protocol)}.connectionLost")
        self._ended(reason)

    # -- what the transport calls

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`, whatever the loop still has."""
        if self._releasing is not None:
            self._releasing.cancel()
            self._releasing = None
        elif self._held is None and self.out is not None:
            self._held = []
            self.out._asyncio.pause_reading()

    def stop_reading(self) -> None:
        """Deliver nothing any longer."""
        if self._held is None:
            self._held = []

    def rest(self) -> None:
        """Have the loop read nothing, while what is written last goes out."""
        if self.out is not None:
            self.out._asyncio.pause_reading()

    def resume_reading(self) -> None:
        """Deliver what was held back, from the loop, and go on."""
        if self._held is not None and self._releasing is None and self.out is not None:
            self._releasing = self.out._loop.call_soon(self._release)

    @staticmethod
    def start_tls(out: StreamTransport, contextFactory: Any, normal: bool) -> None:
        """See `StreamTransport.startTLS`, which must not know what is made of itself."""
        from reactorlite.bridge.tls import start_tls

        start_tls(out, contextFactory, normal)

    def secured(self) -> None:
        """Tell the protocol, if it listens, that the handshake is done."""
        if self.out is not None:
            listener = adapted("IHandshakeListener", self.out.protocol)
            if listener is not None:
                self.call(listener.handshakeCompleted)

    def hand_over_to(self, layer: Any) -> list[bytes | None]:
        """Have `layer` between the loop and this adapter from now on; what was held is for it."""
        if self._held is None:
            return []
        assert self.out is not None
        held, self._held = self._held, []
        # The layer goes on to read, as far as it must; what comes of that is held back.
        layer.pause_reading()
        self.out._asyncio.resume_reading()
        return held

    @speaks_for("out")
    def call(self, callback: Callable[..., object], *args: object) -> None:
        """Call the protocol back; what it writes is gathered, what it raises ends it."""
        out = self.out
        assert out is not None
        gathering = out._gathering
        out._gathering = True
        try:
            callback(*args)
        except BaseException:
            self.raised(getattr(callback, "__name__", repr(callback)))
            return
        if not gathering:
            out.flush()

    def raised(self, where: str) -> None:
        """End the connection for the exception that is being handled, and log it."""
        out = self.out
        assert out is not None
        reason = Failure()
        if report(reason, f"{kind_of(out.protocol)}.{where}"):
            out.end(reason)
        else:
            out.flush()

    @property
    def reads(self) -> bool:
        """Whether more may come: the connection is there, not paused, and no side has ended it."""
        out = self.out
        if out is None or out.is_ending or out.peer_is_done:
            return False
        return self._held is None or self._releasing is not None

    def logPrefix(self) -> str | None:
        """What log lines call a connection that is made: a server's goes by its port."""
        speaker = self.out if self.is_client else self.owner
        prefix = getattr(speaker, "logPrefix", None)
        return None if prefix is None else str(prefix())

    # -- inside

    def _ended(self, reason: Failure) -> None:
        """Called last of all; for connections that someone else hears of."""

    def _built(self, address: Any) -> Any:
        try:
            return self.owner.buildProtocol(address)
        except BaseException:
            report(Failure(), "buildProtocol")
            return None

    def _receive_slowly(self, data: bytes) -> None:
        """Take what comes paused, in the middle of a turn, or larger than a read."""
        out = self.out
        carrier: Any = None if out is None else out._asyncio
        for start in range(0, len(data), MARK):
            out = self.out
            if out is None or out.is_ending:
                return
            if out._asyncio is not carrier:  # TLS was started
                out._asyncio.data_received(data[start:])
                return
            if self._held is not None:
                self._hold(data[start:])
                return
            self.call(out.protocol.dataReceived, data[start : start + MARK])

    def _hold(self, data: bytes) -> None:
        assert self._held is not None
        assert self.out is not None
        self._held.append(data)
        # Some versions start reading after `connection_made`, whatever was asked in it.
        self.out._asyncio.pause_reading()

    def _release(self) -> None:
        """Deliver what was held back, until it is all delivered or reading is paused again."""
        self._releasing = None
        held, self._held = self._held or [], None
        carrier: Any = None if self.out is None else self.out._asyncio
        while held:
            out = self.out
            if out is None or out.is_ending:
                return
            if out._asyncio is not carrier:  # TLS was started
                out._asyncio.take(held)
                break
            if self._held is not None:
                self._held[:0] = held
                return
            data = held.pop(0)
            if data is not None:
                self.data_received(data)
                continue
            if not self.eof_received():
                out._asyncio.close()
            return  # uvloop, told to read on, would tell of the end again
        if self._held is None and self.out is not None and not self.out.is_ending:
            self.out._asyncio.resume_reading()


class ClientAdapter(StreamAdapter):
    """A connection that a connector made, and hears of."""

    __slots__ = ()

    is_client = True

    def _built(self, address: Any) -> Any:
        # An attempt that was given up may still bring a connection.
        return super()._built(address) if self.owner.expects(self) else None

    def _ended(self, reason: Failure) -> None:
        if self.owner.expects(self):
            self.owner.connectionLost(reason)


def checked_factory(where: str, factory: Any, needs: str = "buildProtocol") -> Any:
    """`factory`; `TypeError` when it is something else, such as a protocol class."""
    if isinstance(factory, type) or not hasattr(factory, "buildProtocol"):
        raise TypeError(
            f"{where}() takes a factory, an object with buildProtocol(), not {factory!r}:"
            " Factory.forProtocol(P) makes one of a protocol class"
        )
    if not hasattr(factory, needs):
        raise TypeError(
            f"{where}() takes a ClientFactory, an object with {needs}() too, not {factory!r}"
        )
    if "twisted.internet.reactor" in sys.modules:
        from reactorlite.bridge.foreign import look_at

        look_at(factory)
    return factory
