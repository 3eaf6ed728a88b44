"""Keys and certificates, in whichever form a program has them, made fit for `ssl`."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable
from typing import Any

from reactorlite.internet import _crypto
from reactorlite.internet._x509 import X509, PKey


def certificate_from(given: Any) -> X509:
    """The certificate that `given` is: ours, pyOpenSSL's, `cryptography`'s, or PEM.

    Raises `TypeError` for anything else, and `ValueError` for what is no certificate.
    """
    given = getattr(given, "original", given)
    if isinstance(given, X509):
        return given
    if isinstance(given, str | bytes):
        return X509.from_pem(text_of(given))
    if hasattr(given, "to_cryptography"):
        given = given.to_cryptography()
    if hasattr(given, "public_bytes") and hasattr(given, "issuer"):
        return X509(given.public_bytes(_crypto.serialization().Encoding.DER))
    raise TypeError(
        f"{given!r} is no certificate: a Certificate, one of pyOpenSSL or of cryptography, or PEM"
        " is wanted"
    )


def key_from(given: Any) -> PKey:
    """The private key that `given` is: ours, pyOpenSSL's, `cryptography`'s, or PEM.

    Raises `TypeError` for anything else, and `ValueError` for what is no key.
    """
    given = getattr(given, "original", given)
    if isinstance(given, PKey):
        return given
    if isinstance(given, str | bytes):
        return PKey(text_of(given))
    if hasattr(given, "to_cryptography_key"):
        given = given.to_cryptography_key()
    if hasattr(given, "private_bytes"):
        form = _crypto.serialization()
        data = given.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        return PKey(data.decode())
    raise TypeError(
        f"{given!r} is no private key: a KeyPair, one of pyOpenSSL or of cryptography, or PEM"
        " is wanted"
    )


def text_of(pem: str | bytes) -> str:
    """PEM as text."""
    return pem.decode("ascii", "replace") if isinstance(pem, bytes) else pem


def use_pair(context: ssl.SSLContext, key: PKey, chain: Iterable[X509]) -> None:
    """Have `context` show `chain`, whose first certificate is of `key`.

    Raises `ssl.SSLError` when it is not, or when the key is encrypted.
    """
    # `ssl` takes these from a file only; `mkstemp` makes one for nobody else to read.
    descriptor, path = tempfile.mkstemp(prefix="reactorlite-", suffix=".pem")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(key.pem() + "".join(each.pem() for each in chain))
        # Without a password to give, `ssl` would ask for one on the terminal.
        context.load_cert_chain(path, password=_no_password)
    finally:
        os.unlink(path)


def _no_password() -> str:
    raise ValueError("the private key is encrypted: decrypt it before it is loaded")
