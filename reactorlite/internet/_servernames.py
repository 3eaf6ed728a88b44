"""One `ssl.SSLContext` for many names: a directory's certificates, chosen by what is asked for."""

from __future__ import annotations

import ssl
from pathlib import Path

from reactorlite.internet._x509 import X509, blocks, items

_ALTERNATIVE_NAMES = b"\x55\x1d\x11"  # 2.5.29.17, section 4.2.1.6 of RFC 5280


def context_by_server_name(directory: str) -> ssl.SSLContext:
    """A server's context with the certificates, and their keys, of all files `*.pem`.

    A file may hold a key, a certificate with those up to a root, or both. The first certificate,
    by the files' names, is for clients that ask for no name; one that asks for a name which no
    certificate has is refused. What changes in the directory counts from the next handshake on.
    Raises `OSError` where the directory can't be read.
    """
    certificates = _Certificates(Path(directory))
    certificates.reload()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sni_callback = certificates.choose
    return context


class _Certificates:
    """The certificates of a directory, by the names that they are for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: list[tuple[str, int, int]] = []
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._first: ssl.SSLContext | None = None

    def choose(self, asking: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Give the connection the certificate for `name`, or refuse it."""
        self.reload()
        found = self._for(name)
        if found is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        asking.context = found
        return None

    def _for(self, name: str | None) -> ssl.SSLContext | None:
        if name is None:
            return self._first
        wanted = name.lower()
        by_wildcard = f"*.{wanted.partition('.')[2]}"
        return self._by_name.get(wanted) or self._by_name.get(by_wildcard)

    def reload(self) -> None:
        """Read the directory, if anything in it has changed."""
        files = sorted(file for file in self._directory.iterdir() if file.suffix == ".pem")
        seen = [_version(file) for file in files]
        if seen == self._seen:
            return
        self._seen = seen
        self._by_name, self._first = {}, None
        texts = {file: file.read_text("ascii", "replace") for file in files}
        keys = [file for file in files if blocks(texts[file], "(?:[A-Z]+ )?PRIVATE KEY")]
        for file in files:
            certificates = blocks(texts[file], "CERTIFICATE")
            context = _context(file, keys) if certificates else None
            if context is not None:
                self._first = self._first or context
                for name in _names(X509.from_pem(certificates[0])):
                    self._by_name.setdefault(name.lower(), context)


def _version(file: Path) -> tuple[str, int, int]:
    status = file.stat()
    return (file.name, status.st_mtime_ns, status.st_size)


def _context(certificate: Path, keys: list[Path]) -> ssl.SSLContext | None:
    """A context with a certificate and the one of the keys that is its; None without one."""
    for key in sorted(keys, key=lambda each: each != certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # Without a password to give, `ssl` would ask for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError:
            continue  # another certificate's key, or one that is encrypted
        return context
    return None


def _names(certificate: X509) -> list[str]:
    """The DNS names that a certificate is for."""
    ((_, whole),) = items(certificate.der)
    (_, to_be_signed), *_ = items(whole)
    for tag, value in items(to_be_signed):
        if tag == 0xA3:
            ((_, extensions),) = items(value)
            return [name for _, extension in items(extensions) for name in _in(extension)]
    return []


def _in(extension: bytes) -> list[str]:
    (_, kind), *_, (_, value) = items(extension)
    if kind != _ALTERNATIVE_NAMES:
        return []
    ((_, names),) = items(value)
    return [name.decode("ascii") for tag, name in items(names) if tag == 0x82]
