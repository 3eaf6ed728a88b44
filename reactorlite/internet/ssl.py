"""TLS: what a program says of it, for `listenSSL`, `connectSSL`, `startTLS` and endpoints.

`optionsForClientTLS(hostname)` for clients and `PrivateCertificate.loadPEM(...).options()` for
servers are enough for most. An `ssl.SSLContext` of the standard library is taken wherever a
context factory is. What the names here make are such contexts: nothing but the standard library
is needed, except to make keys and to sign certificates.
"""

from __future__ import annotations

import enum
import ssl
from typing import Any

from reactorlite.internet._certificates import (
    DN,
    Certificate,
    CertificateRequest,
    DistinguishedName,
    KeyPair,
    PrivateCertificate,
)
from reactorlite.internet._crypto import pyopenssl, pyopenssl_context
from reactorlite.internet._tls import VerificationError, session_by
from reactorlite.internet._tlsoptions import (
    AcceptableCiphers,
    CertificateOptions,
    DiffieHellmanParameters,
    OpenSSLDefaultPaths,
    bare_context,
    check_readable,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from reactorlite.internet._tlsversions import TLSVersion, limit_to_method
from reactorlite.python.components import implementer

__all__ = [
    "DN",
    "AcceptableCiphers",
    "Certificate",
    "CertificateOptions",
    "CertificateRequest",
    "ClientContextFactory",
    "ContextFactory",
    "DefaultOpenSSLContextFactory",
    "DiffieHellmanParameters",
    "DistinguishedName",
    "KeyPair",
    "OpenSSLDefaultPaths",
    "PrivateCertificate",
    "ProtocolNegotiationSupport",
    "TLSVersion",
    "VerificationError",
    "optionsForClientTLS",
    "platformTrust",
    "protocolNegotiationMechanisms",
    "trustRootFromCertificates",
]

#: Whether TLS is there, as older programs ask.
supported = True


class ProtocolNegotiationSupport(enum.Flag):
    """Ways for both sides to agree on a protocol in the handshake."""

    NPN = 1
    ALPN = 2


def protocolNegotiationMechanisms() -> ProtocolNegotiationSupport:
    """Those that are there: ALPN, always."""
    return ProtocolNegotiationSupport.ALPN


def __getattr__(name: str) -> Any:
    if name == "SSL":  # pyOpenSSL's module, which Twisted's programs find here
        return pyopenssl()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@implementer("IOpenSSLContextFactory")
class ContextFactory:
    """A context factory, to be derived from."""

    isClient = 0

    def getContext(self) -> Any:
        """The context; a derived class makes it."""
        raise NotImplementedError(f"{type(self).__name__} has no getContext() of its own")


class DefaultOpenSSLContextFactory(ContextFactory):
    """A context that shows a certificate from a file, of a key in another; for servers mostly.

    The files are read at once. Raises `OSError` for one that can't be read and
    `ssl.SSLError` for what is in it. Used for a client, it **verifies nothing**.
    """

    def __init__(
        self,
        privateKeyFileName: str,
        certificateFileName: str,
        sslmethod: int = 7,
        _contextFactory: Any = None,
    ) -> None:
        self.privateKeyFileName = privateKeyFileName
        self.certificateFileName = certificateFileName
        self.sslmethod = sslmethod
        self._context: Any = None
        self.cacheContext()

    def cacheContext(self) -> None:
        """Read the files, unless that was done."""
        if self._context is None:
            self._context = self._made(is_client=False)

    def getContext(self) -> Any:
        """A server's context, the same each time; pyOpenSSL's if the program has imported that."""
        self.cacheContext()
        return self._context

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """A client's session, of another context than servers have."""
        context = self.getContext()
        own = type(self).getContext is DefaultOpenSSLContextFactory.getContext
        if own and isinstance(context, ssl.SSLContext):
            # `ssl` has contexts for one side only; what this one is to verify, that is to.
            verify = context.verify_mode
            context = self._made(is_client=True)
            context.verify_mode = verify
        return session_by(context, is_client=True)

    def _made(self, is_client: bool) -> Any:
        check_readable(self.privateKeyFileName, self.certificateFileName)
        theirs = pyopenssl_context(self.sslmethod)
        if theirs is not None:
            theirs.use_certificate_chain_file(self.certificateFileName)
            theirs.use_privatekey_file(self.privateKeyFileName)
            return theirs
        context = bare_context(is_client)
        limit_to_method(context, self.sslmethod)
        context.load_cert_chain(self.certificateFileName, self.privateKeyFileName)
        return context


@implementer("IOpenSSLContextFactory")
class ClientContextFactory:
    """A client's context that **verifies nothing**: `optionsForClientTLS` gives one that does."""

    isClient = 1
    method = 7

    def getContext(self) -> Any:
        """A context, a new one each time; pyOpenSSL's if the program has imported that."""
        theirs = pyopenssl_context(self.method)
        if theirs is not None:
            return theirs
        context = bare_context(is_client=True)
        limit_to_method(context, self.method)
        return context
