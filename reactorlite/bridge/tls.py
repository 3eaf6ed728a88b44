"""TLS between asyncio's transports and ours: what is written is encrypted on its way.

The standard library's `ssl` does the work, over any transport of asyncio's or over another
layer of TLS. asyncio's own TLS transports were measured beside it: on stock asyncio they cost a
quarter more, on uvloop the same. They drop the alert that tells a peer why a handshake failed,
come into being only when the handshake is over, and can close neither half alone; and for TLS
inside TLS this layer is needed anyway.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.flow import MARK
from reactorlite.bridge.loops import is_closing
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.internet import error
from reactorlite.internet._terms import Terms
from reactorlite.internet._tls import CLOSE_LIMIT, Session
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reactorlite.bridge.inbound import StreamAdapter

#: Seconds that a handshake may take; asyncio's own figure.
HANDSHAKE_LIMIT = 60.0


class Phase(enum.Enum):
    """How far a layer has come."""

    SHAKING = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()  # this side has closed, and waits for the peer to
    OVER = enum.auto()


_OPEN = Phase.OPEN


class TLSLayer(asyncio.Protocol):
    """What an adapter takes for its transport, and the transport below for its protocol."""

    __slots__ = (
        "_adapter",
        "_carrier",
        "_closes_next",
        "_failure",
        "_loop",
        "_paused",
        "_phase",
        "_sent",
        "_timer",
        "_waiting",
        "session",
    )

    def __init__(self, adapter: Any, carrier: Any) -> None:
        if hasattr(carrier, "max_size"):
            carrier.max_size = MARK  # as in `StreamAdapter.connection_made`
        self.session: Any = None  # a `Session`, from `begin` on
        self._adapter = adapter
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._phase = Phase.SHAKING
        self._failure: Exception | None = None
        # What is written until the handshake is done, or while TLS wants to receive first.
        self._waiting: list[bytes] = []
        self._closes_next: Callable[[], None] | None = None  # once that is written
        self._paused = False
        self._sent = False  # all that there was, and that there is no more
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, session: Session, early: Iterable[bytes | None] = ()) -> None:
        """Take the carrier over, and start the handshake; `early` has come for it already."""
        self.session = session
        if self.is_closing():
            return
        self._offer(early)
        self._carrier.set_protocol(self)
        self._timer = self._loop.call_later(HANDSHAKE_LIMIT, self._time_out)
        self._shake()

    # -- the carrier's callbacks

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.SHAKING:
            self.session.offer(data)
            self._shake()
            return
        session = self.session
        received = session.receive(data)
        if session.outgoing.pending:
            self._carrier.write(session.outgoing.read())
        if self._phase is not _OPEN:
            if session.over is not None:
                self._carrier.close()
            return
        if received:
            self._adapter.data_received(received)
        if self._waiting and self._phase is _OPEN:
            self._write_waiting()
        if session.over is not None and self._phase is _OPEN:
            self._peer_closed(session.over)

    def eof_received(self) -> bool:
        if self._phase is Phase.SHAKING:
            self._failure = error.ConnectionLost("the peer went away in the TLS handshake")
        elif self._phase is _OPEN and self.session.over is None:
            self._failure = error.ConnectionLost("the peer went away without closing TLS")
        return False

    def take(self, early: Iterable[bytes | None]) -> None:
        """Take what came before this layer was there: data, and None for the carrier's end."""
        self._offer(early)
        self.data_received(b"")

    def _offer(self, early: Iterable[bytes | None]) -> None:
        for data in early:
            if data is None:
                self._loop.call_soon(self._end_with_carrier)
            else:
                self.session.offer(data)

    def _end_with_carrier(self) -> None:
        self.eof_received()
        self._carrier.close()

    def resume_writing(self) -> None:
        if self._phase is Phase.CLOSING:
            self._all_sent()
        self._adapter.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._phase = Phase.OVER
        if self._sent:
            exc = None  # it was closed from here, and lost nothing
        exc = self._failure or exc
        # Errors have tracebacks, with frames, with this object in them.
        self._failure = self.session.over = self._closes_next = None
        self._adapter.connection_lost(exc)

    def secured(self) -> None:
        """What carries this layer is encrypted: nothing to do with it."""

    # -- what is asked of a transport

    def write(self, data: bytes) -> None:
        """Encrypt and send `data`, or keep it until that can be done."""
        if self._phase is _OPEN and not self._waiting:
            self._encrypt(data)
        elif self._phase is Phase.SHAKING or self._phase is _OPEN:
            self._waiting.append(data)

    def close(self) -> None:
        """Send what was written and tell the peer; then wait for it to close, but not for long."""
        if self._waiting:
            self._closes_next = self.close
        elif self._phase is Phase.SHAKING:
            self._carrier.close()
        elif self._phase is _OPEN:
            self._phase = Phase.CLOSING
            self.write_eof()
            if self.session.over is not None:
                self._carrier.close()
            elif self._carrier.get_write_buffer_size():
                self._carrier.set_write_buffer_limits(high=0, low=0)
            else:
                self._all_sent()
            # The peer's part is waited for, whatever was held back until now.
            self._carrier.resume_reading()

    def abort(self) -> None:
        """Close at once."""
        self._phase = Phase.OVER
        self._carrier.abort()

    def write_eof(self) -> None:
        """Tell the peer that nothing more comes; go on receiving."""
        if self._waiting or self._phase is Phase.SHAKING:
            self._closes_next = self.write_eof
            return
        self.session.close()
        self._pass_on()

    def can_write_eof(self) -> bool:
        """Whether one half can be closed alone: with TLS as it is used today, it can."""
        return True

    def pause_reading(self) -> None:
        """Receive nothing, once the handshake is done."""
        self._paused = True
        if self._phase is _OPEN:
            self._carrier.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._paused = False
        self._carrier.resume_reading()

    def is_closing(self) -> bool:
        """Whether it closes, or has."""
        return self._phase in (Phase.CLOSING, Phase.OVER) or is_closing(self._carrier)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait, encrypted or not."""
        return sum(map(len, self._waiting)) + int(self._carrier.get_write_buffer_size())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say how much may wait in the carrier."""
        self._carrier.set_write_buffer_limits(high=high, low=low)

    def set_protocol(self, protocol: Any) -> None:
        """Let something else have what is received."""
        self._adapter = protocol

    def get_protocol(self) -> Any:
        """Who has what is received."""
        return self._adapter

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio's TLS transports know, by the same names."""
        if name not in _ASKED:
            return self._carrier.get_extra_info(name, default)
        if self.session is None:
            return default
        return _ASKED[name](self.session)

    # -- inside

    def _encrypt(self, data: bytes) -> None:
        session = self.session
        left = session.encrypt(data)
        if left:
            self._waiting.append(left)
        if session.outgoing.pending:
            self._carrier.write(session.outgoing.read())

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._encrypt(b"".join(waiting))
        if self._waiting:
            return
        close, self._closes_next = self._closes_next, None
        if close is not None:
            close()
        else:
            self._adapter.resume_writing()

    def _shake(self) -> None:
        try:
            done = self.session.shake()
        except self.session.errors as exc:
            self._pass_on()  # what tells the peer why
            self._fail(exc)
            return
        self._pass_on()
        if done:
            self._secured()

    def _pass_on(self) -> None:
        if self.session.outgoing.pending:
            self._carrier.write(self.session.outgoing.read())

    def _secured(self) -> None:
        self._phase = _OPEN
        assert self._timer is not None
        self._timer.cancel()
        self._timer = None
        if self._paused:
            self._carrier.pause_reading()
        self._adapter.secured()
        if self._waiting or self._closes_next is not None:
            self._write_waiting()
        if self._phase is _OPEN:
            self.data_received(b"")  # what came with the end of the handshake

    def _fail(self, exc: Exception) -> None:
        """End for what the peer did, or didn't; it has been told."""
        self._failure = exc
        self._phase = Phase.OVER
        self._carrier.close()
        self._wait_for_close()

    def _peer_closed(self, over: Exception) -> None:
        if not isinstance(over, error.ConnectionDone):
            self._fail(over)
        elif not self._adapter.eof_received():
            self.close()

    def _all_sent(self) -> None:
        self._sent = True
        self._wait_for_close()

    def _wait_for_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_LIMIT, self._carrier.abort)

    def _time_out(self) -> None:
        self._failure = error.ConnectionLost(
            f"the TLS handshake took longer than {HANDSHAKE_LIMIT:.0f} seconds"
        )
        self.abort()


#: What a layer knows, and its carrier doesn't.
_ASKED: dict[str, Callable[[Session], Any]] = {
    "ssl_object": lambda session: session.object,
    "sslcontext": lambda session: session.context,
    "peercert": lambda session: session.object and session.object.getpeercert(),
    "cipher": lambda session: session.object and session.object.cipher(),
    "compression": lambda session: session.object and session.object.compression(),
}


@implementer("ISSLTransport", "INegotiated")
class SecureTransport(StreamTransport):
    """A connection that is encrypted, or about to be.

    What is written waits until the handshake is done. What a handshake fails for is the
    reason that `connectionLost` gets.
    """

    __slots__ = ()

    TLS = True

    def getPeerCertificate(self) -> Any:
        """The certificate that the peer has shown; None if it has shown none, or not yet.

        In a program that has imported pyOpenSSL it is an `OpenSSL.crypto.X509`, else an
        object that can be read by the same methods.
        """
        session = self._asyncio.session
        return None if session is None else session.shown_certificate

    def getHandle(self) -> Any:
        """What encrypts: an `ssl.SSLObject`, or pyOpenSSL's connection with a context of that.

        To be looked at only. Until there is such a thing, the socket.
        """
        session = self._asyncio.session
        return self.socket if session is None else session.object

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """The name agreed upon by ALPN; None if none was, or not yet."""
        session = self._asyncio.session
        return None if session is None else session.protocol


def start_tls(out: StreamTransport, contextFactory: Any, normal: bool = True) -> None:
    """Put a layer of TLS between `out` and what carries it; see `StreamTransport.startTLS`."""
    adapter = out._adapter
    factory = getattr(out.protocol, "factory", None)
    terms = Terms("startTLS", contextFactory, adapter.is_client == bool(normal), factory)
    if not out.connected or out.is_ending:
        return
    session = terms.session(out, host_of(adapter))
    out._send()
    layer = TLSLayer(adapter, out._asyncio)
    held = adapter.hand_over_to(layer)
    out._asyncio = layer
    # The protocol holds this very object, and it is to have what an encrypted one has.
    out.__class__ = SecureTransport
    layer.begin(session, held)


def host_of(adapter: StreamAdapter) -> str | None:
    """The host that a client has connected to."""
    return getattr(adapter.owner, "host", None) if adapter.is_client else None
