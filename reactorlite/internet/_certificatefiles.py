"""Context factories of the files that an endpoint's description names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reactorlite.internet._x509 import blocks

#: OpenSSL's names for what a connection may speak, as far as nothing weak is meant by them.
_ANY_METHOD = (None, "TLS_METHOD", "SSLv23_METHOD")


def options_for_server(
    certificate: str, key: str, chain: str | None, dh: str | None, method: str | None
) -> Any:
    """What a server needs that has a certificate, its key, and further ones up to a root."""
    tls = _tls()
    private = _private_certificate(certificate, key)
    more: dict[str, Any] = {}
    if method == "TLSv1_2_METHOD":
        more["lowerMaximumSecurityTo"] = tls.TLSVersion.TLSv1_2
    elif method not in _ANY_METHOD:
        raise ValueError(f"sslmethod {method!r} is not to be had: leave it out, for TLS 1.2 and up")
    if chain is not None:
        more["extraCertChain"] = [each.original for each in _certificates(chain)]
        if not more["extraCertChain"]:
            raise ValueError(f"there is no certificate in PEM in the chain file {chain!r}")
    if dh is not None:
        more["dhParameters"] = tls.DiffieHellmanParameters.fromFile(Path(dh))
    return tls.CertificateOptions(
        privateKey=private.privateKey.original, certificate=private.original, **more
    )


def options_for_client(
    hostname: str | None, certificate: str | None, key: str | None, roots: str | None
) -> Any:
    """What a client needs that verifies a host's name only if it is given one.

    Without `roots`, a directory, and without `hostname` it verifies nothing at all.
    """
    tls = _tls()
    trusted = None if roots is None else _trusted(roots)
    own = None if certificate is None else _private_certificate(certificate, key or certificate)
    if hostname is not None:
        return tls.optionsForClientTLS(hostname, trustRoot=trusted, clientCertificate=own)
    if own is None:
        return tls.CertificateOptions(trustRoot=trusted)
    return tls.CertificateOptions(
        trustRoot=trusted, privateKey=own.privateKey.original, certificate=own.original
    )


def options_verifying(
    host: str, certificate: str | None, key: str | None, roots: str | None
) -> Any:
    """What a client needs that verifies `host`, by the platform's roots or a directory's."""
    return _tls().optionsForClientTLS(
        host,
        trustRoot=None if roots is None else _trusted(roots),
        clientCertificate=(
            None if certificate is None else _private_certificate(certificate, key or certificate)
        ),
    )


def _private_certificate(certificate: str, key: str) -> Any:
    tls = _tls()
    return tls.PrivateCertificate.fromCertificateAndKeyPair(
        tls.Certificate.loadPEM(Path(certificate).read_bytes()),
        tls.KeyPair.load(Path(key).read_bytes(), 1),
    )


def _certificates(file: str | Path) -> list[Any]:
    text = Path(file).read_text("ascii", "replace")
    return [_tls().Certificate.loadPEM(block) for block in blocks(text, "CERTIFICATE")]


def _trusted(directory: str) -> Any:
    """The certificates of all files `*.pem` in a directory; one that can't be read is left out."""
    found: list[Any] = []
    for file in sorted(Path(directory).iterdir()):
        if file.suffix.lower() == ".pem":
            try:
                found.extend(_certificates(file))
            except OSError:
                continue
    return _tls().trustRootFromCertificates(found)


def _tls() -> Any:
    from reactorlite.internet import ssl as tls

    return tls
