"""One end of TLS by a context, or a connection, of pyOpenSSL's that a program brings."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from weakref import ref

from reactorlite.internet import error
from reactorlite.internet._tls import RECORD, Session
from reactorlite.python.failure import Failure


class PyOpenSSLSession(Session):
    """A `Session` that a `Connection` of pyOpenSSL's carries out, instead of the `ssl` module."""

    __slots__ = ("_names", "_ssl", "_verifier")

    def __init__(self, made: Any, is_client: bool, verifier: Verifier | None = None) -> None:
        """`made` is a context, or a connection that nobody has begun."""
        self._ssl: Any = import_module("OpenSSL.SSL")
        self.errors = (Exception,)  # pyOpenSSL's own, and what a program's verification raises
        self._tls = made if hasattr(made, "do_handshake") else None
        self._verifier = verifier
        self.context = made if self._tls is None else made.get_context()
        self.is_client = is_client
        self.hostname = None
        self.over = None
        self._names: list[bytes] = []

    def begin(self) -> None:
        """Make the connection, unless there is one. Whom to expect, the program has settled."""
        connection: Any = self._tls
        if connection is None:
            connection = self._tls = self._ssl.Connection(self.context, None)
        if connection.get_app_data() is None:
            connection.set_app_data(self._verifier)  # where callbacks of contexts look for it
        self.outgoing: Any = _Outgoing(connection, self._ssl.WantReadError)
        if not self.is_client:
            connection.set_accept_state()
            return
        connection.set_connect_state()
        if self._names:
            connection.set_alpn_protos(self._names)

    @property
    def lacks_hostname(self) -> bool:
        """Never: that is not asked of a context of pyOpenSSL's, which can't be asked."""
        return False

    def negotiate(self, names: list[bytes]) -> None:
        """Offer, or choose from what is offered, the first of `names` that both have.

        A server's context that has had connections is left as it is: it has by now what was
        set for the first of them, or what its program wants.
        """
        if self.is_client:
            self._names = names
            return
        context: Any = self.context
        none = self._ssl.NO_OVERLAPPING_PROTOCOLS

        def choose(_connection: Any, offered: list[bytes]) -> Any:
            return next((each for each in names if each in offered), none)

        try:
            context.set_alpn_select_callback(choose)
        except ValueError:
            return

    # -- the handshake

    def offer(self, data: bytes) -> None:
        """Take what came, to be looked at by `shake` or `receive`."""
        tls: Any = self._tls
        tls.bio_write(data)

    def shake(self) -> bool:
        """Go on with the handshake as far as possible; whether it is done."""
        tls: Any = self._tls
        done, failed = True, None
        try:
            tls.do_handshake()
        except self._ssl.WantReadError:
            done = False
        except self._ssl.Error as exc:
            failed = exc
        if self._verifier is not None:
            failed = self._verifier.refused or failed
        if failed is not None:
            raise failed
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

    def _take(self, data: bytes) -> int:
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

    They ask its factory what to negotiate, and tell it, from inside the handshake, of a peer
    whose certificate is somebody else's.
    """

    def __init__(self, user: Any, wrapped: Any) -> None:
        """`user` has the connection, and `wrapped` is the factory of what speaks over it."""
        self._user = ref(user)  # which holds the session, and that this
        self._wrapped = wrapped
        #: Why the handshake is to fail, though pyOpenSSL has nothing against it.
        self.refused: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user(), name)

    @property
    def factory(self) -> Any:
        """An object with the factory of what speaks over TLS as its `wrappedFactory`."""
        return SimpleNamespace(wrappedFactory=self._wrapped)

    def failVerification(self, reason: Failure) -> None:
        """Let the handshake fail for `reason`."""
        self.refused = reason.value


def session_of(made: Any, is_client: bool, verifier: Verifier | None) -> Session | None:
    """A session by `made`, a context or a connection of pyOpenSSL's; None if it is neither."""
    if type(made).__module__.partition(".")[0] != "OpenSSL" and not hasattr(made, "bio_write"):
        return None
    return PyOpenSSLSession(made, is_client, verifier)
