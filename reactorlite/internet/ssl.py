"""TLS: what a program says of it, for `listenSSL`, `connectSSL`, `startTLS` and endpoints.

`optionsForClientTLS(hostname)` for clients and `PrivateCertificate.loadPEM(...).options()` for
servers are enough for most. An `ssl.SSLContext` of the standard library is taken wherever a
context factory is. What the names here make are such contexts: nothing but the standard library
is needed, except to make keys and to sign certificates.
"""

from __future__ import annotations

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
from reactorlite.internet._tls import VerificationError
from reactorlite.internet._tlsoptions import (
    AcceptableCiphers,
    CertificateOptions,
    DiffieHellmanParameters,
    OpenSSLDefaultPaths,
    bare_context,
    certificate_files,
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
    "TLSVersion",
    "VerificationError",
    "optionsForClientTLS",
    "platformTrust",
    "trustRootFromCertificates",
]

#: Whether TLS is there, as older programs ask.
supported = True


@implementer("IOpenSSLContextFactory")
class ContextFactory:
    """A context factory, to be derived from."""

    isClient = 0

    def getContext(self) -> Any:
        """The context; a derived class makes it."""
        raise NotImplementedError(f"{type(self).__name__} has no getContext() of its own")


class DefaultOpenSSLContextFactory(ContextFactory):
    """A server's context that shows a certificate from a file, of a key in another.

    The files are read at once. Raises `OSError` for one that can't be read and
    `ssl.SSLError` for what is in it.
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
        self._context: ssl.SSLContext | None = None
        self.cacheContext()

    def cacheContext(self) -> None:
        """Read the files, unless that was done."""
        if self._context is None:
            context = bare_context(is_client=False)
            limit_to_method(context, self.sslmethod)
            certificate_files(context, self.privateKeyFileName, self.certificateFileName)
            self._context = context

    def getContext(self) -> ssl.SSLContext:
        """The context, the same each time."""
        self.cacheContext()
        assert self._context is not None
        return self._context


@implementer("IOpenSSLContextFactory")
class ClientContextFactory:
    """A client's context that **verifies nothing**: `optionsForClientTLS` gives one that does."""

    isClient = 1
    method = 7

    def getContext(self) -> ssl.SSLContext:
        """A context, a new one each time."""
        context = bare_context(is_client=True)
        limit_to_method(context, self.method)
        return context
