"""Settings for TLS in Twisted's names, which make contexts of the `ssl` module."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reactorlite.internet._credentials import certificate_from, key_from, use_pair
from reactorlite.internet._tls import Session, session_by
from reactorlite.internet._tlsversions import ANY_METHOD, LOWEST, TLSVersion, limit, limit_to_method
from reactorlite.python.components import implementer

# -- whom to trust


class OpenSSLDefaultPaths:
    """Trust whom the system trusts."""

    def _addCACertsToContext(self, context: ssl.SSLContext) -> None:
        client = context.protocol == ssl.PROTOCOL_TLS_CLIENT
        purpose = ssl.Purpose.SERVER_AUTH if client else ssl.Purpose.CLIENT_AUTH
        context.load_default_certs(purpose)


class OpenSSLCertificateAuthorities:
    """Trust whom these certificates are of, and whom they have signed certificates for."""

    def __init__(self, caCerts: Iterable[Any]) -> None:
        self._caCerts = [certificate_from(each) for each in caCerts]

    def _addCACertsToContext(self, context: ssl.SSLContext) -> None:
        for each in self._caCerts:
            context.load_verify_locations(cadata=each.der)


def platformTrust() -> OpenSSLDefaultPaths:
    """Trust whom the system trusts."""
    return OpenSSLDefaultPaths()


def trustRootFromCertificates(certificates: Iterable[Any]) -> OpenSSLCertificateAuthorities:
    """Trust whom these certificates are of, and whom they have signed certificates for.

    Each is a `Certificate` or a `PrivateCertificate`; `TypeError` for anything else.
    """
    trusted = list(certificates)
    for each in trusted:
        if not hasattr(each, "original"):
            raise TypeError(
                f"trustRootFromCertificates() takes Certificate objects, not {each!r}:"
                " Certificate.loadPEM() makes one"
            )
    return OpenSSLCertificateAuthorities(trusted)


def trust_root_from(given: Any) -> Any:
    """What `trustRoot` stands for. Raises `TypeError` when that is nothing."""
    if hasattr(given, "_addCACertsToContext"):
        return given
    if hasattr(given, "original"):
        return OpenSSLCertificateAuthorities([given])
    raise TypeError(
        f"trustRoot is {given!r}, and should be a Certificate, or what platformTrust() or"
        " trustRootFromCertificates() returns"
    )


# -- how to encrypt


@implementer("ICipher")
class OpenSSLCipher:
    """A cipher, by the name that OpenSSL has for it."""

    def __init__(self, fullName: str) -> None:
        self.fullName = fullName

    def __eq__(self, other: object) -> bool:
        return (
            self.fullName == other.fullName if isinstance(other, OpenSSLCipher) else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self.fullName)

    def __repr__(self) -> str:
        return f"OpenSSLCipher({self.fullName!r})"


@implementer("IAcceptableCiphers")
class AcceptableCiphers:
    """A choice of ciphers, the most wanted first."""

    def __init__(self, ciphers: Iterable[Any]) -> None:
        self._ciphers = tuple(ciphers)

    def selectCiphers(self, availableCiphers: Iterable[Any]) -> tuple[Any, ...]:
        """Those of the choice that are available."""
        available = list(availableCiphers)
        return tuple(each for each in self._ciphers if each in available)

    @classmethod
    def fromOpenSSLCipherString(cls, cipherString: str) -> AcceptableCiphers:
        """The choice that OpenSSL makes of `cipherString`, such as "ECDHE+AESGCM"."""
        return cls(_ciphers_of(cipherString))


def _ciphers_of(choice: str) -> list[OpenSSLCipher]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.set_ciphers(choice)
    except ssl.SSLError:
        return []  # nothing that there is
    return [OpenSSLCipher(each["name"]) for each in context.get_ciphers()]


class DiffieHellmanParameters:
    """Parameters for Diffie-Hellman without elliptic curves, which TLS 1.2 may still use."""

    def __init__(self, parameters: Any) -> None:
        self._path = str(getattr(parameters, "path", parameters))

    @classmethod
    def fromFile(cls, filePath: Any) -> DiffieHellmanParameters:
        """Those in a file, which is named by its path or by a `FilePath`."""
        return cls(filePath)

    def use(self, context: ssl.SSLContext) -> None:
        """Have `context` use them. Raises `OSError` and `ssl.SSLError`."""
        context.load_dh_params(self._path)


# -- all of it


class _Choices:
    """What `CertificateOptions` was told of versions, as limits; at most one way of telling."""

    def __init__(
        self,
        method: int | None,
        raiseMinimumTo: TLSVersion | None,
        insecurelyLowerMinimumTo: TLSVersion | None,
        lowerMaximumSecurityTo: TLSVersion | None,
    ) -> None:
        exclude(
            method=method,
            raiseMinimumTo=raiseMinimumTo,
            insecurelyLowerMinimumTo=insecurelyLowerMinimumTo,
        )
        exclude(method=method, lowerMaximumSecurityTo=lowerMaximumSecurityTo)
        self.method = method
        self.highest = lowerMaximumSecurityTo
        self.lowest = insecurelyLowerMinimumTo or LOWEST
        if raiseMinimumTo is not None:
            self.lowest = max(raiseMinimumTo, LOWEST)
        elif self.highest is not None and insecurelyLowerMinimumTo is None:
            self.lowest = min(self.lowest, self.highest)
        if self.highest is not None and self.highest < self.lowest:
            raise ValueError(f"the lowest version, {self.lowest}, is above {self.highest}")

    def apply(self, context: ssl.SSLContext) -> None:
        """Limit `context`."""
        if self.method is not None:
            limit_to_method(context, self.method)
        else:
            limit(context, self.lowest, self.highest)


def exclude(**arguments: Any) -> None:
    """Raise `TypeError` when more than one argument is given."""
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) > 1:
        raise TypeError(f"{' and '.join(given)} can't be given both: they are mutually exclusive")


def _check_what_is_shown(key: Any, certificate: Any, chain: Sequence[Any] | None) -> None:
    if (key is None) != (certificate is None):
        raise ValueError("privateKey and certificate go together: give both, or neither")
    if chain and key is None:
        raise ValueError("extraCertChain is nothing without privateKey and certificate")


def _check_what_is_trusted(verify: bool, authorities: Sequence[Any] | None, root: Any) -> None:
    if verify != (authorities is not None) and root is None:
        raise ValueError("verify and caCerts go together: give both, or trustRoot alone")
    exclude(trustRoot=root, verify=verify or None)
    exclude(trustRoot=root, caCerts=authorities)


def _trusted(authorities: Sequence[Any] | None, root: Any) -> Any:
    if authorities is not None:
        root = OpenSSLCertificateAuthorities(authorities)
    return None if root is None else trust_root_from(root)


@implementer("IOpenSSLContextFactory")
class CertificateOptions:
    """What one side of TLS shows, trusts and speaks; a context factory for either side.

    `privateKey` and `certificate`, with `extraCertChain` after it, are shown to the peer.
    Each may be ours, pyOpenSSL's or `cryptography`'s, or PEM. `trustRoot` (or `verify` with
    `caCerts`) says whose certificates are good; without it **no peer is verified**. A
    server with it wants a certificate of its clients, unless `requireCertificate` is off.
    A client verifies the host's name only with `optionsForClientTLS`.

    The versions are TLS 1.2 and up, unless `raiseMinimumTo`, `insecurelyLowerMinimumTo` and
    `lowerMaximumSecurityTo` say otherwise. `acceptableProtocols` are for ALPN.
    `contextForServerName` is called by a server with the name a client asks for, or None, and
    may answer another `ssl.SSLContext` for it. `verifyDepth`, `verifyOnce`, `fixBrokenPeers`
    and `enableSingleUseKeys` are taken for compatibility, and change nothing: `ssl` has no such
    settings, and does the last always.

    Raises `ValueError` and `TypeError` for settings that don't go together, and
    `ssl.SSLError` for a certificate that is not of the key.
    """

    def __init__(
        self,
        privateKey: Any = None,
        certificate: Any = None,
        method: int | None = None,
        verify: bool = False,
        caCerts: Sequence[Any] | None = None,
        verifyDepth: int = 9,
        requireCertificate: bool = True,
        verifyOnce: bool = True,
        enableSingleUseKeys: bool = True,
        enableSessions: bool = False,
        fixBrokenPeers: bool = False,
        enableSessionTickets: bool = False,
        extraCertChain: Sequence[Any] | None = None,
        acceptableCiphers: Any = None,
        dhParameters: DiffieHellmanParameters | None = None,
        trustRoot: Any = None,
        acceptableProtocols: Sequence[bytes] | None = None,
        raiseMinimumTo: TLSVersion | None = None,
        insecurelyLowerMinimumTo: TLSVersion | None = None,
        lowerMaximumSecurityTo: TLSVersion | None = None,
        contextForServerName: Callable[[bytes | None], ssl.SSLContext | None] | None = None,
    ) -> None:
        _check_what_is_shown(privateKey, certificate, extraCertChain)
        _check_what_is_trusted(verify, caCerts, trustRoot)
        #: pyOpenSSL's number for the versions, to be read, and given to other context factories.
        self.method = ANY_METHOD if method is None else method
        self._versions = _Choices(
            method, raiseMinimumTo, insecurelyLowerMinimumTo, lowerMaximumSecurityTo
        )
        self.privateKey = privateKey
        self.certificate = certificate
        self.extraCertChain = list(extraCertChain or ())
        self._key = None if privateKey is None else key_from(privateKey)
        chain = [] if certificate is None else [certificate, *self.extraCertChain]
        self._chain = [certificate_from(each) for each in chain]
        self.trustRoot = _trusted(caCerts, trustRoot)
        self.verify = self.trustRoot is not None
        self.requireCertificate = requireCertificate
        self.enableSessions = enableSessions
        self.enableSessionTickets = enableSessionTickets
        self.acceptableCiphers = acceptableCiphers
        self.dhParameters = dhParameters
        self._protocols = _names(acceptableProtocols)
        self._contextForServerName = contextForServerName
        self._contexts: dict[bool, ssl.SSLContext] = {}
        # What is wrong with the settings is to be said here.
        self.context_for(is_client=self._key is None)

    def getContext(self) -> ssl.SSLContext:
        """A server's context where there is a certificate to show, else a client's."""
        return self.context_for(is_client=self._key is None)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """A client's session."""
        return session_by(self._own_or_overridden(True), True)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """A server's session."""
        return session_by(self._own_or_overridden(False), False)

    def context_for(self, is_client: bool) -> ssl.SSLContext:
        """The context for one role, the same one each time."""
        if is_client not in self._contexts:
            self._contexts[is_client] = self._made(is_client)
        return self._contexts[is_client]

    def _own_or_overridden(self, is_client: bool) -> Any:
        overridden = type(self).getContext is not CertificateOptions.getContext
        return self.getContext() if overridden else self.context_for(is_client)

    def _made(self, is_client: bool) -> ssl.SSLContext:
        context = bare_context(is_client)
        self._versions.apply(context)
        if self._key is not None:
            use_pair(context, self._key, self._chain)
        if self.trustRoot is not None:
            always = is_client or self.requireCertificate
            context.verify_mode = ssl.CERT_REQUIRED if always else ssl.CERT_OPTIONAL
            self.trustRoot._addCACertsToContext(context)
        if not self.enableSessionTickets:
            context.options |= ssl.OP_NO_TICKET
            if not is_client:
                context.num_tickets = 0
        if self.acceptableCiphers is not None:
            chosen = self.acceptableCiphers.selectCiphers(tuple(_ciphers_of("ALL")))
            context.set_ciphers(":".join(each.fullName for each in chosen))
        if self.dhParameters is not None:
            self.dhParameters.use(context)
        if self._protocols:
            context.set_alpn_protocols(self._protocols)
        if self._contextForServerName is not None and not is_client:
            context.sni_callback = self._choose_context
        return context

    def _choose_context(self, tls: Any, name: str | None, context: ssl.SSLContext) -> None:
        assert self._contextForServerName is not None
        chosen = self._contextForServerName(None if name is None else name.encode("idna"))
        if chosen is not None:
            tls.context = chosen


def bare_context(is_client: bool) -> ssl.SSLContext:
    """A context that verifies nothing, and speaks no version that is insecure."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if is_client else ssl.PROTOCOL_TLS_SERVER)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A host is who its certificate's alternative names say, as Twisted has it too.
    if is_client:
        context.hostname_checks_common_name = False
    limit(context, LOWEST, None)
    return context


def _names(protocols: Sequence[bytes] | None) -> list[str]:
    return [name.decode("ascii") for name in protocols or ()]


@implementer("IOpenSSLClientConnectionCreator")
class ClientTLSOptions:
    """A client's side of TLS with one host, whose name is sent to it and verified."""

    def __init__(
        self, hostname: str, ctx: ssl.SSLContext, sendServerName: bool | None = None
    ) -> None:
        self._hostname = hostname
        self._ctx = ctx
        ctx.check_hostname = True

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Session:
        """A session with that host."""
        return Session(self._ctx, True, self._hostname)

    def getContext(self) -> ssl.SSLContext:
        """The context that verifies that host."""
        return self._ctx


def optionsForClientTLS(
    hostname: str,
    trustRoot: Any = None,
    clientCertificate: Any = None,
    acceptableProtocols: Sequence[bytes] | None = None,
    *,
    extraCertificateOptions: dict[str, Any] | None = None,
    sendServerName: bool | None = None,
) -> ClientTLSOptions:
    """A client's settings to talk to `hostname`, a name or an address, and to nobody else.

    Its certificate has to be that host's, and one that `trustRoot` vouches for: a
    `Certificate`, or what `trustRootFromCertificates` returns; by default whom the system
    trusts. `clientCertificate` is a `PrivateCertificate` to show. More can be set through
    `extraCertificateOptions`, the arguments of `CertificateOptions`.
    """
    if not isinstance(hostname, str):
        raise TypeError(f"optionsForClientTLS() takes the host's name as text, not {hostname!r}")
    options = dict(extraCertificateOptions or {})
    if clientCertificate is not None:
        options["privateKey"] = clientCertificate.privateKey
        options["certificate"] = clientCertificate
        options.setdefault("extraCertChain", getattr(clientCertificate, "chain", None))
    made = CertificateOptions(
        trustRoot=platformTrust() if trustRoot is None else trustRoot,
        acceptableProtocols=acceptableProtocols,
        **options,
    )
    return ClientTLSOptions(hostname, made.context_for(is_client=True), sendServerName)


def check_readable(*paths: Any) -> None:
    """Raise the `OSError` of a file that can't be read; `ssl` wouldn't say which one it is."""
    for path in paths:
        with open(path, "rb"):
            pass
