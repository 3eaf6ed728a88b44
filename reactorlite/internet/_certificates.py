"""Certificates, keys and names, as Twisted's programs speak of them."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from reactorlite.internet import _signing
from reactorlite.internet._credentials import certificate_from, key_from, text_of
from reactorlite.internet._tlsoptions import CertificateOptions, trustRootFromCertificates
from reactorlite.internet._x509 import (
    ASN1,
    NAMES,
    PEM,
    X509,
    Name,
    PKey,
    armoured,
    blocks,
    items,
    unarmoured,
)
from reactorlite.internet.defer import Deferred
from reactorlite.internet.error import CertificateError, VerifyError

_LONG = {name: long for long, short, _ in NAMES for name in (long, short)}

C = TypeVar("C", bound="Certificate")

#: A year.
_YEAR = 60 * 60 * 24 * 365


class DistinguishedName(dict[str, bytes]):
    """Whom a certificate is for, or by: a dictionary whose keys are attributes too.

    An attribute may be asked for and given by its long name or its short one: `commonName`
    or `CN`, `O`, `OU`, `L`, `ST`, `C`, `emailAddress`. Raises `AttributeError` for others.
    """

    __slots__ = ()

    def __init__(self, **kw: str | bytes) -> None:
        super().__init__()
        for name, text in kw.items():
            setattr(self, name, text)

    def __getattr__(self, name: str) -> bytes:
        try:
            return self[_LONG[name]]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, text: str | bytes) -> None:
        if name not in _LONG:
            raise AttributeError(f"{name} is no part of a name: {', '.join(_LONG)} are")
        self[_LONG[name]] = text if isinstance(text, bytes) else text.encode("ascii")

    def __repr__(self) -> str:
        return f"<DN {dict.__repr__(self)[1:-1]}>"

    def inspect(self) -> str:
        """All parts, for people to read, a line each."""
        spoken = {long: _spoken(long) for long, _, _ in NAMES}
        width = max(map(len, spoken.values()))
        return "\n".join(
            f"{spoken[name]:>{width}}: {text.decode('utf-8', 'replace')}"
            for name, text in sorted(self.items())
        )

    @classmethod
    def of(cls, name: Name) -> DistinguishedName:
        """The parts of a certificate's name that have names here."""
        made = cls()
        for part, text in name.get_components():
            if part.decode() in _LONG:
                made[_LONG[part.decode()]] = text
        return made


DN = DistinguishedName


def _spoken(name: str) -> str:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return words.title()


class PublicKey:
    """The public half of a key."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def matches(self, otherKey: PublicKey) -> bool:
        """Whether it is the same."""
        return self.keyHash() == otherKey.keyHash()

    def keyHash(self) -> str:
        """What tells it from others."""
        return hashlib.md5(self.der, usedforsecurity=False).hexdigest()

    def inspect(self) -> str:
        """It, for people to read."""
        return f"Public Key with Hash: {self.keyHash()}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.keyHash()}>"


class KeyPair(PublicKey):
    """A private key, with the public half that belongs to it.

    `original` may be a key of pyOpenSSL's or of `cryptography`'s, or PEM. To make one, to
    sign with it, and to compare it, the package `cryptography` is needed; to use it is not.
    """

    def __init__(self, osslpkey: Any) -> None:
        self.original = osslpkey if not isinstance(osslpkey, str | bytes) else key_from(osslpkey)
        self._key = key_from(osslpkey)

    @property
    def der(self) -> bytes:  # type: ignore[override]  # computed where the base class keeps it
        """The public half."""
        return _signing.public_part(self._key)

    @classmethod
    def load(cls, data: str | bytes, format: int = ASN1) -> KeyPair:
        """The key in `data`: DER, or PEM if `format` is 1. Raises `ValueError`."""
        if format == PEM:
            return cls(PKey(text_of(data)))
        assert isinstance(data, bytes)
        return cls(PKey.from_der(data))

    @classmethod
    def generate(cls, kind: int = _signing.TYPE_RSA, size: int = 2048) -> KeyPair:
        """A new key; only those of RSA are made."""
        return cls(_signing.generated(kind, size))

    def dump(self, format: int = ASN1) -> bytes:
        """The private key as DER, or as PEM if `format` is 1."""
        return self._key.pem().encode() if format == PEM else self._key.der()

    def inspect(self) -> str:
        """It, for people to read, but for the secret."""
        return f"{_signing.bits(self._key)}-bit RSA Key Pair with Hash: {self.keyHash()}"

    def newCertificate(self, newCertData: bytes, format: int = ASN1) -> PrivateCertificate:
        """The certificate in `newCertData`, with this key."""
        return PrivateCertificate.load(newCertData, self, format)

    def requestObject(
        self, distinguishedName: DistinguishedName, digestAlgorithm: str = "sha256"
    ) -> CertificateRequest:
        """A request for a certificate of this key."""
        return CertificateRequest(_signing.requested(self._key, distinguishedName, digestAlgorithm))

    def certificateRequest(
        self,
        distinguishedName: DistinguishedName,
        format: int = ASN1,
        digestAlgorithm: str = "sha256",
    ) -> bytes:
        """The same, as bytes."""
        return self.requestObject(distinguishedName, digestAlgorithm).dump(format)

    def signRequestObject(
        self,
        issuerDistinguishedName: DistinguishedName,
        requestObject: CertificateRequest,
        serialNumber: int,
        secondsToExpiry: int = _YEAR,
        digestAlgorithm: str = "sha256",
    ) -> Certificate:
        """A certificate for who made the request, signed with this key."""
        return Certificate(
            _signing.signed(
                self._key,
                issuerDistinguishedName,
                requestObject.original,
                serialNumber,
                secondsToExpiry,
                digestAlgorithm,
            )
        )

    def signCertificateRequest(
        self,
        issuerDistinguishedName: DistinguishedName,
        requestData: bytes,
        verifyDNCallback: Any,
        serialNumber: int,
        requestFormat: int = ASN1,
        certificateFormat: int = ASN1,
        secondsToExpiry: int = _YEAR,
        digestAlgorithm: str = "sha256",
    ) -> bytes | Deferred[bytes]:
        """The same, of bytes, if `verifyDNCallback` says yes to the request's name.

        That may answer with a Deferred; then so does this. Otherwise raises `VerifyError`.
        """
        request = CertificateRequest.load(requestData, requestFormat)
        subject = request.getSubject()

        def verified(accepted: bool) -> bytes:
            if not accepted:
                raise VerifyError(f"{verifyDNCallback!r} rejected the request of {subject!r}")
            made = self.signRequestObject(
                issuerDistinguishedName, request, serialNumber, secondsToExpiry, digestAlgorithm
            )
            return made.dump(certificateFormat)

        accepted = verifyDNCallback(subject)
        if isinstance(accepted, Deferred):
            return accepted.addCallback(verified)
        return verified(accepted)

    def selfSignedCert(self, serialNumber: int, **kw: str | bytes) -> PrivateCertificate:
        """A certificate of this key that it has signed itself, for a name given by its parts."""
        name = DN(**kw)
        made = self.signRequestObject(name, self.requestObject(name), serialNumber)
        return PrivateCertificate.fromCertificateAndKeyPair(made, self)


class CertificateRequest:
    """A request for a certificate, which somebody is to sign."""

    def __init__(self, original: bytes) -> None:
        self.original = original

    @classmethod
    def load(cls, requestData: bytes, requestFormat: int = ASN1) -> CertificateRequest:
        """The request in `requestData`: DER, or PEM if `requestFormat` is 1.

        Raises `VerifyError` for what is none.
        """
        try:
            if requestFormat == PEM:
                requestData = unarmoured(blocks(text_of(requestData), _REQUEST)[0])
            made = cls(requestData)
            made.getSubject()
        except (IndexError, ValueError) as exc:
            raise VerifyError("this is not a request for a certificate") from exc
        return made

    def getSubject(self) -> DistinguishedName:
        """Whom the certificate is to be for."""
        content = items(items(items(self.original)[0][1])[0][1])
        return DN.of(Name(content[1][1]))

    def dump(self, format: int = ASN1) -> bytes:
        """As DER, or as PEM if `format` is 1."""
        if format == PEM:
            return armoured("CERTIFICATE REQUEST", self.original).encode()
        return self.original


_REQUEST = "(?:NEW )?CERTIFICATE REQUEST"


class Certificate:
    """A certificate.

    `original` may be one of pyOpenSSL's or of `cryptography`'s, or PEM.
    """

    def __init__(self, original: Any) -> None:
        self._x509 = certificate_from(original)
        self.original = self._x509 if isinstance(original, str | bytes) else original

    # -- where it comes from

    @classmethod
    def load(cls: type[C], requestData: bytes, format: int = ASN1, args: Any = ()) -> C:
        """The certificate in `requestData`: DER, or PEM if `format` is 1. Raises `ValueError`."""
        if format == PEM:
            return cls(X509.from_pem(text_of(requestData)), *args)
        return cls(X509(requestData), *args)

    @classmethod
    def loadPEM(cls, data: str | bytes) -> Certificate:
        """The first certificate in `data`; `ValueError` when there is none."""
        return cls(X509.from_pem(text_of(data)))

    @classmethod
    def peerFromTransport(cls, transport: Any) -> Certificate:
        """The certificate that the peer has shown; `CertificateError` if it has shown none."""
        shown = transport.getPeerCertificate()
        if shown is None:
            raise CertificateError(f"the peer of {transport!r} has shown no certificate")
        return cls(shown)

    @classmethod
    def hostFromTransport(cls, transport: Any) -> Certificate:
        """Not here: `ssl` doesn't tell which certificate this side has shown."""
        raise CertificateError(
            "ssl doesn't tell which certificate was shown: keep the one that the options were"
            " made of"
        )

    # -- what it says

    def getSubject(self) -> DistinguishedName:
        """Whom it is for."""
        return DN.of(self._x509.get_subject())

    def getIssuer(self) -> DistinguishedName:
        """Who has signed it."""
        return DN.of(self._x509.get_issuer())

    def getPublicKey(self) -> PublicKey:
        """The key that it is of."""
        return PublicKey(self._x509.public_key())

    def serialNumber(self) -> int:
        """Its number, among those of its issuer."""
        return self._x509.get_serial_number()

    def digest(self, method: str = "md5") -> bytes:
        """Its fingerprint, as in `b"0A:1B:..."`."""
        return self._x509.digest(method)

    def dump(self, format: int = ASN1) -> bytes:
        """As DER, or as PEM if `format` is 1."""
        return self._x509.pem().encode() if format == PEM else self._x509.der

    def dumpPEM(self) -> bytes:
        """As PEM."""
        return self.dump(PEM)

    def inspect(self) -> str:
        """It, for people to read."""
        return f"{self._described()}\n{self.getPublicKey().inspect()}"

    def _described(self) -> str:
        return (
            f"Certificate For Subject:\n{self.getSubject().inspect()}\n\n"
            f"Issuer:\n{self.getIssuer().inspect()}\n\n"
            f"Serial Number: {self.serialNumber()}\n"
            f"Digest: {self.digest().decode()}"
        )

    # -- what it is good for

    def options(self, *authorities: Certificate) -> CertificateOptions:
        """A context factory for who shows no certificate, and trusts `authorities`, if any."""
        return CertificateOptions(trustRoot=_trusted(authorities))

    def __eq__(self, other: object) -> bool:
        return self.dump() == other.dump() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.dump())

    def __repr__(self) -> str:
        subject = self.getSubject().get("commonName", b"")
        issuer = self.getIssuer().get("commonName", b"")
        return f"<{type(self).__name__} Subject={subject!r} Issuer={issuer!r}>"


def _trusted(authorities: tuple[Certificate, ...]) -> Any:
    return trustRootFromCertificates(authorities) if authorities else None


class PrivateCertificate(Certificate):
    """A certificate with the private key that it is of: what one side of TLS shows."""

    privateKey: KeyPair

    #: What is shown after it: those who vouch for it.
    chain: tuple[X509, ...] = ()

    @classmethod
    def load(  # type: ignore[override]  # it needs the key too
        cls, data: bytes, privateKey: KeyPair, format: int = ASN1
    ) -> PrivateCertificate:
        """The certificate in `data`, with its key. Raises `ValueError`."""
        made = cls(X509.from_pem(text_of(data)) if format == PEM else X509(data))
        return made._setPrivateKey(privateKey)

    @classmethod
    def loadPEM(cls, data: str | bytes) -> PrivateCertificate:
        """The first certificate in `data`, the key in it, and what follows the certificate.

        Raises `ValueError` when either is missing.
        """
        text = text_of(data)
        made = cls.fromCertificateAndKeyPair(Certificate.loadPEM(text), KeyPair(PKey(text)))
        made.chain = tuple(X509.from_pem(each) for each in blocks(text, "CERTIFICATE")[1:])
        return made

    @classmethod
    def fromCertificateAndKeyPair(
        cls, certificateInstance: Certificate, privateKey: KeyPair
    ) -> PrivateCertificate:
        """`certificateInstance`, with its key."""
        return cls(certificateInstance.original)._setPrivateKey(privateKey)

    def _setPrivateKey(self, privateKey: KeyPair) -> PrivateCertificate:
        self.privateKey = privateKey
        return self

    def newCertificate(self, newCertData: bytes, format: int = ASN1) -> PrivateCertificate:
        """Another certificate, of the same key."""
        return self.load(newCertData, self.privateKey, format)

    def dumpPEM(self) -> bytes:
        """The key and the certificate, as PEM."""
        return self.privateKey.dump(PEM) + self.dump(PEM)

    def inspect(self) -> str:
        """It, for people to read, but for the secret."""
        return f"{self._described()}\n{self.privateKey.inspect()}"

    def options(self, *authorities: Certificate) -> CertificateOptions:
        """A context factory for who shows it, and trusts `authorities`, if any."""
        return CertificateOptions(
            privateKey=self.privateKey,
            certificate=self,
            extraCertChain=self.chain,
            trustRoot=_trusted(authorities),
        )

    # -- as an authority

    def certificateRequest(self, format: int = ASN1, digestAlgorithm: str = "sha256") -> bytes:
        """A request for another certificate of the same name and key."""
        return self.privateKey.certificateRequest(self.getSubject(), format, digestAlgorithm)

    def signCertificateRequest(
        self,
        requestData: bytes,
        verifyDNCallback: Any,
        serialNumber: int,
        requestFormat: int = ASN1,
        certificateFormat: int = ASN1,
    ) -> bytes | Deferred[bytes]:
        """See `KeyPair.signCertificateRequest`; the issuer is whom this one is for."""
        return self.privateKey.signCertificateRequest(
            self.getSubject(),
            requestData,
            verifyDNCallback,
            serialNumber,
            requestFormat,
            certificateFormat,
        )

    def signRequestObject(
        self,
        certificateRequest: CertificateRequest,
        serialNumber: int,
        secondsToExpiry: int = _YEAR,
        digestAlgorithm: str = "sha256",
    ) -> Certificate:
        """See `KeyPair.signRequestObject`; the issuer is whom this one is for."""
        return self.privateKey.signRequestObject(
            self.getSubject(), certificateRequest, serialNumber, secondsToExpiry, digestAlgorithm
        )

    def __repr__(self) -> str:
        return f"{super().__repr__()} with {self.privateKey!r}"
