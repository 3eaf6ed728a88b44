"""TLS over any transport: a policy that encrypts what passes between it and a protocol.

`listenSSL`, `connectSSL` and `startTLS` need none of this. It is for carriers that are more
than a connection: TLS inside another protocol, over endpoints, or over what a test has made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet._terms import Terms
from reactorlite.internet._tls import CLOSE_LIMIT, Session
from reactorlite.internet._written import bytes_from
from reactorlite.protocols._wrapping import ProtocolWrapper, WrappingFactory, cancel
from reactorlite.python import log
from reactorlite.python.components import adapted, implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from reactorlite.internet import interfaces

__all__ = ["TLSMemoryBIOFactory", "TLSMemoryBIOProtocol"]

#: Bytes that a producer may write before it is told to wait for the handshake.
MARK = 65536

SomeConnectionCreator = Any
"""For annotations: what `TLSMemoryBIOFactory` takes as a context factory."""


@implementer("INegotiated", "ISystemHandle")
class TLSMemoryBIOProtocol(ProtocolWrapper):
    """One connection: a protocol to the transport, and a transport to the protocol inside.

    The protocol inside is connected before the handshake, and what it writes waits for that.
    What a handshake fails for is the reason that its `connectionLost` gets.
    """

    factory: TLSMemoryBIOFactory
    _session: Session | None = None
    _secure = False
    _aborted = False
    _closed = False
    _reason: Failure | None = None
    _producer: tuple[Any, bool] | None = None
    _producer_waits = False
    _limit: interfaces.IDelayedCall | None = None

    def __init__(self, factory: Any, wrappedProtocol: Any, _connectWrapped: bool = True) -> None:
        super().__init__(factory, wrappedProtocol)
        self._connects = _connectWrapped
        self._waiting: list[bytes] = []

    def makeConnection(self, transport: Any) -> None:
        """Connect the protocol inside, then begin the handshake."""
        super().makeConnection(transport)
        if self._aborted:
            return
        try:
            connector = getattr(transport, "connector", None)
            self._session = self.factory.terms.session(self, getattr(connector, "host", None))
        except Exception:
            log.err(Failure(), "Unhandled error in the beginning of TLS")
            self._fail(Failure())
            return
        if self.disconnecting and not self._waiting:
            self.abortConnection()
        else:
            self._shake()

    def _connect_wrapped(self) -> None:
        if self._connects:
            super()._connect_wrapped()

    # -- as the transport's protocol

    def dataReceived(self, data: bytes) -> None:
        """Decrypt `data` for the protocol inside."""
        session = self._session
        if session is None or self._reason is not None:
            return
        if not self._secure:
            session.offer(data)
            self._shake()
            return
        received = session.receive(data)
        self._send()
        if received and not self._aborted:
            self.wrappedProtocol.dataReceived(received)
        if self._waiting:
            self._write_waiting()
        if session.over is not None and not self._aborted:
            self._peer_closed(session.over)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Tell the protocol inside, with what TLS knows of the reason."""
        cancel(self._limit)
        self._limit = None
        if self._reason is None and not self._closed and reason.check(error.ConnectionDone):
            where = "without closing TLS" if self._secure else "in the TLS handshake"
            self._reason = Failure(error.ConnectionLost(f"the peer went away {where}"))
        reason, self._reason = self._reason or reason, None
        if self._session is not None:
            self._session.over = None
        self._closed = self._aborted = True
        self._producer = None
        super().connectionLost(reason)

    # -- as the protocol's transport

    def write(self, data: bytes) -> None:
        """Encrypt and send `data`, once the handshake is done; nothing after `loseConnection`."""
        if type(data) is not bytes:
            data = bytes_from(data)
        if (self.disconnecting and self._producer is None) or not data or self._closed:
            return
        if self._secure and not self._waiting:
            self._encrypt(data)
            return
        self._waiting.append(data)
        if self._producer is not None and self._producer[1] and not self._producer_waits:
            self._producer_waits = sum(map(len, self._waiting)) > MARK
            if self._producer_waits:
                self._producer[0].pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Encrypt and send all of `data`."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once everything written so far has been sent, and the producer is done."""
        if self.disconnecting or self._aborted:
            return
        self.disconnecting = 1
        if self._session is None:
            return  # to be seen when there is one
        if not self._secure and not self._waiting and self._producer is None:
            self.abortConnection()
        else:
            self._close_if_done()

    def abortConnection(self) -> None:
        """Close at once, without telling the peer why."""
        self._aborted = True
        self.disconnecting = 1
        self._waiting.clear()
        self.transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill the transport, from the end of the handshake on."""
        if self._producer is not None:
            raise RuntimeError(f"cannot register {producer!r}: {self._producer[0]!r} is registered")
        if self._aborted:
            producer.stopProducing()
            return
        self._producer = (producer, streaming)
        if self._secure:
            self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget the producer; a close that waited for it goes ahead."""
        if self._producer is None:
            return
        self._producer = None
        self._producer_waits = False
        if self._secure:
            self.transport.unregisterProducer()
        if self.disconnecting and self._session is not None:
            self._close_if_done()

    def loseWriteConnection(self) -> None:
        """Close, as `loseConnection` does: TLS ends both halves together."""
        self.loseConnection()

    def getTcpNoDelay(self) -> bool:
        """What the transport beneath says."""
        return bool(self.transport.getTcpNoDelay())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Set it on the transport beneath."""
        self.transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """What the transport beneath says."""
        return bool(self.transport.getTcpKeepAlive())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Set it on the transport beneath."""
        self.transport.setTcpKeepAlive(enabled)

    def getHandle(self) -> Any:
        """The `ssl.SSLObject` that encrypts; None before the handshake has begun."""
        return None if self._session is None else self._session.object

    def getPeerCertificate(self) -> Any:
        """The certificate that the peer has shown; None if it has shown none, or not yet."""
        return None if self._session is None else self._session.shown_certificate

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """The name agreed upon by ALPN; None if none was, or not yet."""
        return None if self._session is None else self._session.protocol

    # -- inside

    def _send(self) -> None:
        assert self._session is not None
        if self._session.outgoing.pending:
            self.transport.write(self._session.outgoing.read())

    def _shake(self) -> None:
        assert self._session is not None
        failed, done = None, False
        try:
            done = self._session.shake()
        except self._session.errors as exc:
            failed = Failure(exc)
        self._send()
        if failed is not None:
            self._fail(failed)
        elif done:
            self._secured()

    def _secured(self) -> None:
        self._secure = True
        listener = adapted("IHandshakeListener", self.wrappedProtocol)
        if listener is not None:
            listener.handshakeCompleted()
        if self._waiting:
            self._write_waiting()
        if self._producer is not None and not self._aborted:
            self._start_producer(*self._producer)
        if self.disconnecting and not self._aborted:
            self._close_if_done()
        if not self._aborted:
            self.dataReceived(b"")  # what came with the end of the handshake

    def _start_producer(self, producer: Any, streaming: bool) -> None:
        self.transport.registerProducer(producer, streaming)
        if self._producer_waits:
            self._producer_waits = False
            producer.resumeProducing()

    def _encrypt(self, data: bytes) -> None:
        assert self._session is not None
        left = self._session.encrypt(data)
        if left:
            self._waiting.append(left)
        self._send()

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._encrypt(b"".join(waiting))
        if self.disconnecting:
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._waiting or self._producer is not None or self._closed or not self._secure:
            return
        assert self._session is not None
        self._closed = True
        self._session.close()
        self._send()
        if self._session.over is not None:
            self.transport.loseConnection()
            return
        clock = self.factory.clock or getattr(self.transport, "reactor", None)
        if clock is not None:
            self._limit = clock.callLater(CLOSE_LIMIT, self.transport.loseConnection)

    def _peer_closed(self, over: Exception) -> None:
        if not isinstance(over, error.ConnectionDone):
            self._fail(Failure(over))
            return
        self._reason = Failure(over)
        self.disconnecting = 1
        self._producer = None
        self._waiting.clear()
        if self._closed:
            self.transport.loseConnection()
        else:
            self._close_if_done()

    def _fail(self, reason: Failure) -> None:
        self._reason = reason
        self._aborted = True
        self.disconnecting = 1
        self._waiting.clear()
        self.transport.loseConnection()


def _get_default_clock() -> Any:
    """The clock of factories that are given none. Tests put theirs here, by Twisted's name."""
    return None


class TLSMemoryBIOFactory(WrappingFactory[TLSMemoryBIOProtocol]):
    """Puts TLS between each transport and the protocol that `wrappedFactory` makes.

    `contextFactory` is what `listenSSL` and `connectSSL` take; `isClient` says for which side.
    `clock` counts the seconds that a peer has to close; unless one is given, the transport's
    reactor does. Raises `TypeError` for what is no context factory.
    """

    protocol = TLSMemoryBIOProtocol
    noisy = False

    def __init__(
        self, contextFactory: Any, isClient: bool, wrappedFactory: Any, clock: Any = None
    ) -> None:
        super().__init__(wrappedFactory)
        self.clock = _get_default_clock() if clock is None else clock
        self.terms = Terms("TLSMemoryBIOFactory", contextFactory, bool(isClient), wrappedFactory)

    def logPrefix(self) -> str:
        """What log lines begin with: the inner factory's, and that it is over TLS."""
        context = adapted("ILoggingContext", self.wrappedFactory)
        name = type(self.wrappedFactory).__name__ if context is None else context.logPrefix()
        return f"{name} (TLS)"
