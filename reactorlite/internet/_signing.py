"""What keys and certificates need cryptography for, by the `cryptography` package.

The standard library can use keys, and can't make them or sign with them.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping
from typing import Any

from reactorlite.internet import _crypto
from reactorlite.internet._x509 import NAMES, X509, PKey

#: pyOpenSSL's number for RSA, the only kind of key that is made here.
TYPE_RSA = 6


def generated(kind: int, size: int) -> PKey:
    """A new private key."""
    if kind != TYPE_RSA:
        raise ValueError(f"keys of kind {kind!r} can't be made here: only RSA's, which is 6")
    rsa = _crypto.rsa()
    form = _crypto.serialization()
    key = rsa.generate_private_key(65537, size)
    data = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return PKey(data.decode())


def public_part(key: PKey) -> bytes:
    """The public key that belongs to a private one, as DER."""
    form = _crypto.serialization()
    public = _key(key).public_key()
    data = public.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return bytes(data)


def bits(key: PKey) -> int:
    """The size of a key."""
    return int(_key(key).key_size)


def requested(key: PKey, subject: Mapping[str, bytes], digest: str) -> bytes:
    """A request for a certificate of `key`, as DER."""
    x509 = _crypto.x509()
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(subject))
    request = builder.sign(_key(key), _digest(digest))
    return bytes(request.public_bytes(_crypto.serialization().Encoding.DER))


def signed(
    key: PKey, issuer: Mapping[str, bytes], request: bytes, serial: int, seconds: int, digest: str
) -> X509:
    """A certificate for who made the request, if the request is good.

    Who signs for itself may sign for others too. The common name, if there is one, is also
    among the alternative names, without which no client accepts it. Raises `ValueError` for a
    request that its key hasn't signed.
    """
    x509 = _crypto.x509()
    wanted = x509.load_der_x509_csr(request)
    if not wanted.is_signature_valid:
        raise ValueError("the request is not signed by the key that it is for")
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=wanted.subject,
        public_key=wanted.public_key(),
        serial_number=serial,
        not_valid_before=now,
        not_valid_after=now + datetime.timedelta(seconds=seconds),
    )
    own = wanted.public_key() == _key(key).public_key()
    builder = builder.add_extension(x509.BasicConstraints(own, None), critical=True)
    common = wanted.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    if common:
        names = x509.SubjectAlternativeName([_alternative(common[0].value)])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(_key(key), _digest(digest))
    return X509(certificate.public_bytes(_crypto.serialization().Encoding.DER))


def _key(key: PKey) -> Any:
    form = _crypto.serialization()
    return form.load_pem_private_key(key.pem().encode(), None)


def _digest(name: str) -> Any:
    return getattr(_crypto.hashes(), name.upper())()


def _name(parts: Mapping[str, bytes]) -> Any:
    x509 = _crypto.x509()
    numbers = {name: number for name, _, number in NAMES}
    return x509.Name(
        [
            x509.NameAttribute(x509.ObjectIdentifier(numbers[name]), text.decode())
            for name, text in parts.items()
        ]
    )


def _alternative(name: str) -> Any:
    x509 = _crypto.x509()
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)
