"""One end of TLS by a context, or a connection, of pyOpenSSL's that a program brings."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from reactorlite.internet import error
from reactorlite.internet._tls import RECORD, Session
from reactorlite.python.failure import Failure


class PyOpenSSLSession(Session):
    """A `Session` that a `Connection` of pyOpenSSL's carries out, instead of the `ssl` module."""

    __slots__ = ("_refused", "_ssl")

    def __init__(self, connection: Any, is_client: bool) -> None:
        self._ssl: Any = import_module("OpenSSL.SSL")
        self.errors = (Exception,)  # pyOpenSSL's own, and what a program's verification raises
        self._tls = connection
        self._refused: BaseException | None = None
        self.context = connection.get_context()
        self.is_client = is_client
        self.hostname = None
        self.outgoing: Any = _Outgoing(connection, self._ssl.WantReadError)
        self.over = None
        if is_client:
            connection.set_connect_state()
        else:
            connection.set_accept_state()

    def begin(self) -> None:
        """Nothing is open: whom to ask for, and whom to expect, the program has settled."""

    @property
    def lacks_hostname(self) -> bool:
        """Never: that is not asked of a context of pyOpenSSL's, which can't be asked."""
        return False

    def negotiate(self, names: list[bytes]) -> None:
        """Offer, or choose from what is offered, the first of `names` that both have."""
        context: Any = self.context
        if self.is_client:
            context.set_alpn_protos(names)
            return
        none = self._ssl.NO_OVERLAPPING_PROTOCOLS

        def choose(_connection: Any, offered: list[bytes]) -> Any:
            return next((each for each in names if each in offered), none)

        context.set_alpn_select_callback(choose)

    def refuse(self, reason: Failure) -> None:
        """Let the handshake fail, though pyOpenSSL has nothing against it."""
        self._refused = reason.value

    # -- the handshake

    def offer(self, data: bytes) -> None:
        """Take what came, to be looked at by `shake` or `receive`."""
        tls: Any = self._tls
        tls.bio_write(data)

    def shake(self) -> bool:
        """Go on with the handshake as far as possible; whether it is done."""
        tls: Any = self._tls
        done = True
        try:
            tls.do_handshake()
        except self._ssl.WantReadError:
            done = False
        if self._refused is not None:
            raise self._refused
        return done

    # -- data

    def receive(self, data: bytes) -> bytes:
        """Decrypt what came, and answer what it says. Then see `over`."""
        tls: Any = self._tls
        if data:
            tls.bio_write(data)
        pieces: list[bytes] = []
        try:
            while True:
                pieces.append(tls.recv(RECORD))
        except self._ssl.WantReadError:
            pass
        except self._ssl.ZeroReturnError:
            self.over = error.ConnectionDone()
        except self._ssl.Error as exc:
            self.over = exc
        return b"".join(pieces)

    def encrypt(self, data: bytes) -> int:
        """Encrypt `data`, and answer how much of it: 0 when something must be received first."""
        tls: Any = self._tls
        try:
            done: int = tls.send(data[:RECORD])
        except self._ssl.WantReadError:
            return 0
        return done

    def close(self) -> None:
        """Tell the peer that nothing more comes."""
        tls: Any = self._tls
        try:
            tls.shutdown()
        except self._ssl.Error:
            return  # what it has against the peer's part: ours is in `outgoing` by now

    # -- what was agreed upon

    @property
    def object(self) -> Any:
        """The connection of pyOpenSSL's."""
        return self._tls

    @property
    def protocol(self) -> bytes | None:
        """The name agreed upon by ALPN."""
        tls: Any = self._tls
        return tls.get_alpn_proto_negotiated() or None

    @property
    def shown_certificate(self) -> Any:
        """The peer's certificate as `getPeerCertificate` answers it."""
        tls: Any = self._tls
        return tls.get_peer_certificate()


class _Outgoing:
    """What a connection has to send, as `ssl.MemoryBIO` has it."""

    __slots__ = ("_connection", "_held", "_nothing")

    def __init__(self, connection: Any, nothing: type[Exception]) -> None:
        self._connection = connection
        self._nothing = nothing
        self._held = b""

    @property
    def pending(self) -> int:
        """How many bytes there are at least."""
        if not self._held:
            try:
                self._held = self._connection.bio_read(65536)
            except self._nothing:
                return 0
        return len(self._held)

    def read(self) -> bytes:
        """Take all of it."""
        pieces = []
        while self.pending:
            pieces.append(self._held)
            self._held = b""
        return b"".join(pieces)


class Verifier:
    """What Twisted's connection creators take for the TLS protocol that they make one for.

    They tell it of a peer whose certificate is somebody else's, from inside the handshake.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self.session: PyOpenSSLSession | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user, name)

    @property
    def factory(self) -> Any:
        """The factory of whoever has the connection, or None."""
        return getattr(self._user, "factory", None)

    def failVerification(self, reason: Failure) -> None:
        """Let the handshake fail for `reason`."""
        if self.session is not None:
            self.session.refuse(reason)


def session_of(made: Any, is_client: bool, verifier: Verifier | None) -> Session | None:
    """A session by `made`, a context or a connection of pyOpenSSL's; None if it is neither."""
    if type(made).__module__.partition(".")[0] != "OpenSSL" and not hasattr(made, "bio_write"):
        return None
    if not hasattr(made, "do_handshake"):
        made = import_module("OpenSSL.SSL").Connection(made, None)
    session = PyOpenSSLSession(made, is_client)
    if verifier is not None:
        verifier.session = session
    return session
