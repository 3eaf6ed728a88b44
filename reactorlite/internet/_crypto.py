"""The packages that add to `ssl` where they are installed: `cryptography`, and pyOpenSSL.

Nothing is imported from elsewhere but here, and in a call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def x509() -> Any:
    """`cryptography.x509`. Raises `ImportError` that says what to install, as do the others."""
    return _wanted(lambda: import_module("cryptography.x509"))


def serialization() -> Any:
    """How `cryptography` writes keys down."""
    return _wanted(lambda: import_module("cryptography.hazmat.primitives.serialization"))


def hashes() -> Any:
    """The digests of `cryptography`."""
    return _wanted(lambda: import_module("cryptography.hazmat.primitives.hashes"))


def rsa() -> Any:
    """RSA's keys, of `cryptography`."""
    return _wanted(lambda: import_module("cryptography.hazmat.primitives.asymmetric.rsa"))


def _wanted(find: Callable[[], Any]) -> Any:
    try:
        return find()
    except ImportError as exc:
        raise ImportError(
            "to make keys and to sign certificates the package cryptography is needed:"
            " `pip install reactorlite[tls]`, or load what the openssl command has made"
        ) from exc


def pyopenssl_certificate(der: bytes) -> Any:
    """A certificate as pyOpenSSL has it, in a program that uses pyOpenSSL; else None."""
    if "OpenSSL" not in sys.modules:
        return None
    crypto = import_module("OpenSSL.crypto")
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)


def pyopenssl() -> Any:
    """pyOpenSSL's module `SSL`. Raises `AttributeError` that says what to install."""
    try:
        return import_module("OpenSSL.SSL")
    except ImportError as exc:
        raise AttributeError(
            "SSL is pyOpenSSL's, which is not installed (`pip install pyOpenSSL`); its contexts"
            " are taken where it is, and an ssl.SSLContext is everywhere"
        ) from exc


def pyopenssl_context(method: int) -> Any:
    """A context of pyOpenSSL's in a program that has imported it, for that method; else None.

    It speaks TLS 1.2 and up, unless the method is one of an older version.
    """
    ssl = sys.modules.get("OpenSSL.SSL")
    if ssl is None:
        return None
    context = ssl.Context(method)
    if method in (ssl.SSLv23_METHOD, ssl.TLS_METHOD, ssl.TLS_SERVER_METHOD, ssl.TLS_CLIENT_METHOD):
        context.set_min_proto_version(ssl.TLS1_2_VERSION)
    return context
