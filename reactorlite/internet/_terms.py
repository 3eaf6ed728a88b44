"""What a context factory says of TLS: which sessions are made by it, and for whom."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from reactorlite.internet._tls import Session
from reactorlite.python.components import adapted


class Terms:
    """What a context factory says of the connections that are to be made by it."""

    def __init__(self, where: str, factory: Any, is_client: bool, offering: Any = None) -> None:
        """`offering` may be a factory with `acceptableProtocols`.

        Raises `TypeError` for what is no context factory.
        """
        self.factory = factory
        self.is_client = is_client
        self._where = where
        self._wrapped = offering
        self._offering = adapted("IProtocolNegotiationFactory", offering)
        #: What makes connections, if the factory has such a thing; else it has a context.
        self._create = self._creator()

    def session(self, user: Any, host: str | None = None) -> Session:
        """A session for one connection; `user` is who has it, and `host` whom it is with."""
        session = self._checked(self._made(user))
        if session.hostname is None:
            session.hostname = host
        if self._offering is not None:
            session.negotiate(list(self._offering.acceptableProtocols()))
        if session.lacks_hostname:
            raise ValueError(
                f"{self._where}() can't tell whose certificate to expect: give it"
                " optionsForClientTLS(hostname), or a context with check_hostname off"
            )
        session.begin()
        return session

    def _checked(self, session: Any) -> Session:
        if not isinstance(session, Session):
            raise TypeError(
                f"{self._where}() got {session!r} of {self.factory!r}, where reactorlite needs an"
                " ssl.SSLContext: CertificateOptions and optionsForClientTLS of"
                " reactorlite.internet.ssl have one"
            )
        return session

    def _creator(self) -> Callable[[Any], Any] | None:
        factory = self.factory
        if isinstance(factory, ssl.SSLContext):
            self._check_side(factory)
            return None
        name = "clientConnectionForTLS" if self.is_client else "serverConnectionForTLS"
        create: Callable[[Any], Any] | None = getattr(factory, name, None)
        if create is not None and not isinstance(factory, type):
            return create
        if not hasattr(factory, "getContext") or isinstance(factory, type):
            raise TypeError(
                f"{self._where}() takes an ssl.SSLContext or a context factory, an object with"
                f" getContext() or {name}(), not {factory!r}"
            )
        # What is wrong with it is said now.
        self._check_side(self._checked(self._session_of(factory.getContext())).context)
        return None

    def _check_side(self, context: Any) -> None:
        wrong = ssl.PROTOCOL_TLS_SERVER if self.is_client else ssl.PROTOCOL_TLS_CLIENT
        if getattr(context, "protocol", None) is not wrong:  # pyOpenSSL's has none
            return
        theirs, purpose = ("server", "SERVER") if self.is_client else ("client", "CLIENT")
        raise TypeError(
            f"{self._where}() got a context that is a {theirs}'s:"
            f" ssl.create_default_context(ssl.Purpose.{purpose}_AUTH) makes one for this side"
        )

    def _made(self, user: Any) -> Any:
        if self._create is not None:
            return self._created(self._create, user)
        if isinstance(self.factory, ssl.SSLContext):
            return self._session_of(self.factory)
        return self._session_of(self.factory.getContext())

    def _created(self, create: Callable[[Any], Any], user: Any) -> Any:
        """What a connection creator makes, of ours or of pyOpenSSL's."""
        if type(self.factory).__module__.startswith("reactorlite."):
            made = create(user)
            return made if isinstance(made, Session) else self._session_of(made)
        from reactorlite.internet import _pyopenssl

        verifier = _pyopenssl.Verifier(user, self._wrapped)
        made = create(verifier)
        return _pyopenssl.session_of(made, self.is_client, verifier) or made

    def _session_of(self, context: Any) -> Any:
        if isinstance(context, ssl.SSLContext):
            return Session(context, self.is_client)
        from reactorlite.internet import _pyopenssl

        return _pyopenssl.session_of(context, self.is_client, None) or context
