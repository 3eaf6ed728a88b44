"""One end of TLS with no carrier of its own.

Both what runs over asyncio's transports (`bridge.tls`) and what runs over any transport at all
(`protocols.tls`) move the bytes of a `Session`.
"""

from __future__ import annotations

import ssl
from typing import Any

from reactorlite.internet import _crypto, error
from reactorlite.internet._x509 import X509

#: Seconds that a peer has to close too, after it was sent all there was.
CLOSE_LIMIT = 3.0

#: The most that one record of TLS holds.
RECORD = 16384

#: What OpenSSL says of a certificate that is good, but not for the host or address asked for.
_OF_SOMEBODY_ELSE = (62, 64)


class VerificationError(ssl.SSLCertVerificationError):
    """The peer's certificate is good, but is not for the host that was asked for."""


class Session:
    """One end of a TLS connection: encrypts, decrypts, and moves no bytes itself.

    What is to be sent is in `outgoing` after each call. `context` and `hostname` may be
    changed until `begin`.
    """

    __slots__ = (
        "_decrypt",
        "_incoming",
        "_tls",
        "context",
        "errors",
        "hostname",
        "is_client",
        "outgoing",
        "over",
    )

    def __init__(
        self, context: ssl.SSLContext, is_client: bool, hostname: str | None = None
    ) -> None:
        self.context = context
        #: What `shake` raises when the handshake has failed.
        self.errors: tuple[type[Exception], ...] = (ssl.SSLError,)
        self.is_client = is_client
        #: Whom a client asks for, and whose certificate it expects where its context says so.
        self.hostname = hostname
        self.outgoing = ssl.MemoryBIO()
        #: Why nothing more will be received: the peer's closing, as `ConnectionDone`, or an error.
        self.over: Exception | None = None
        self._incoming = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    def begin(self) -> None:
        """Settle what was open. Raises what `ssl` has against it."""
        name = self.hostname if self.is_client else None
        self._tls = self.context.wrap_bio(
            self._incoming, self.outgoing, server_side=not self.is_client, server_hostname=name
        )
        self._decrypt = self._tls.read

    @property
    def lacks_hostname(self) -> bool:
        """Whether a client is to verify whom it speaks with, and doesn't know whom to expect."""
        return self.is_client and self.hostname is None and self.context.check_hostname

    def negotiate(self, names: list[bytes]) -> None:
        """Offer, or choose from what is offered, the first of `names` that both have (ALPN)."""
        self.context.set_alpn_protocols([name.decode("ascii") for name in names])

    def get_context(self) -> ssl.SSLContext:
        """The context, by the name that a connection of pyOpenSSL's has for it."""
        return self.context

    # -- the handshake

    def offer(self, data: bytes) -> None:
        """Take what came, to be looked at by `shake` or `receive`."""
        self._incoming.write(data)

    def shake(self) -> bool:
        """Go on with the handshake as far as possible; whether it is done.

        Raises `ssl.SSLError` when it has failed. Something may still be there to be sent.
        """
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as exc:
            raise _blamed(exc) from exc
        return True

    # -- data

    def receive(self, data: bytes) -> bytes:
        """Decrypt what came, and answer what it says. Then see `over`."""
        incoming = self._incoming
        incoming.write(data)
        pieces: list[bytes] = []
        try:
            piece = self._decrypt(RECORD)
            if piece and not incoming.pending:
                return piece  # one message, as most are
            while piece:
                pieces.append(piece)
                if not incoming.pending:
                    return b"".join(pieces)
                piece = self._decrypt(RECORD)
            self.over = error.ConnectionDone()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.over = error.ConnectionDone()
        except ssl.SSLError as exc:
            self.over = exc
        return b"".join(pieces)

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt `data`, and answer what of it has to wait until something was received."""
        while data and (done := self._take(data)):
            data = data[done:]
        return data

    def _take(self, data: bytes) -> int:
        """Encrypt some of `data`, and answer how much; 0 when something must be received first."""
        assert self._tls is not None
        try:
            return self._tls.write(data)
        except ssl.SSLWantReadError:
            return 0

    def close(self) -> None:
        """Tell the peer that nothing more comes."""
        assert self._tls is not None
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            return  # what it has against the peer's part: ours is in `outgoing` by now

    # -- what was agreed upon

    @property
    def object(self) -> ssl.SSLObject | None:
        """What the `ssl` module has of this session, once it has begun."""
        return self._tls

    @property
    def protocol(self) -> bytes | None:
        """The name agreed upon by ALPN."""
        name = self._tls.selected_alpn_protocol() if self._tls is not None else None
        return None if name is None else name.encode("ascii")

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, whether it was verified or not."""
        try:
            return None if self._tls is None else self._tls.getpeercert(binary_form=True)
        except ValueError:  # the handshake has not come so far
            return None

    @property
    def shown_certificate(self) -> Any:
        """The peer's certificate as `getPeerCertificate` answers it."""
        data = self.peer_certificate
        return None if data is None else _crypto.pyopenssl_certificate(data) or X509(data)


def _blamed(exc: ssl.SSLCertVerificationError) -> ssl.SSLCertVerificationError:
    if exc.verify_code not in _OF_SOMEBODY_ELSE:
        return exc
    named = VerificationError(*exc.args)
    named.verify_code, named.verify_message = exc.verify_code, exc.verify_message
    named.library, named.reason = exc.library, exc.reason
    return named


def session_by(context: Any, is_client: bool) -> Any:
    """A session by a context of `ssl`; any other context as it is, for `Terms` to see to."""
    return Session(context, is_client) if isinstance(context, ssl.SSLContext) else context
