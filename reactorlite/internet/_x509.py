"""Certificates and private keys as the `ssl` module takes them: read, compared, and no more.

`X509` and `PKey` can be asked what pyOpenSSL's can, as far as no cryptography is needed.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
import ssl
from typing import Any, ClassVar

from reactorlite.internet import _crypto

#: pyOpenSSL's numbers for the two ways of writing things down.
PEM, ASN1 = 1, 2

_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04

#: What the parts of a name are called: long, short, and by their number.
NAMES = (
    ("commonName", "CN", "2.5.4.3"),
    ("countryName", "C", "2.5.4.6"),
    ("localityName", "L", "2.5.4.7"),
    ("stateOrProvinceName", "ST", "2.5.4.8"),
    ("organizationName", "O", "2.5.4.10"),
    ("organizationalUnitName", "OU", "2.5.4.11"),
    ("emailAddress", "emailAddress", "1.2.840.113549.1.9.1"),
)


class X509:
    """A certificate."""

    __slots__ = ("_parts", "der")

    def __init__(self, der: bytes) -> None:
        self.der = der
        try:
            (certificate,) = items(der)
            content = items(items(certificate[1])[0][1])
            self._parts = content if content[0][0] != 0xA0 else content[1:]
            self.get_subject()
        except (IndexError, ValueError) as exc:
            raise ValueError("this is not a certificate") from exc

    @classmethod
    def from_pem(cls, text: str) -> X509:
        """The first certificate in `text`; `ValueError` when there is none."""
        found = blocks(text, "CERTIFICATE")
        if not found:
            raise ValueError("there is no certificate in this: it has no BEGIN CERTIFICATE line")
        return cls(ssl.PEM_cert_to_DER_cert(found[0]))

    def pem(self) -> str:
        """As text."""
        return ssl.DER_cert_to_PEM_cert(self.der)

    def get_serial_number(self) -> int:
        """Its number, among those of its issuer."""
        return int.from_bytes(self._parts[0][1], "big", signed=True)

    def get_issuer(self) -> Name:
        """Who has signed it."""
        return Name(self._parts[2][1])

    def get_subject(self) -> Name:
        """Whom it is for."""
        return Name(self._parts[4][1])

    def get_notBefore(self) -> bytes:
        """When it begins to be good, as in `b"20260101000000Z"`."""
        return _time(*items(self._parts[3][1])[0])

    def get_notAfter(self) -> bytes:
        """When it is good no more."""
        return _time(*items(self._parts[3][1])[1])

    def has_expired(self) -> bool:
        """Whether it is good no more."""
        now = datetime.datetime.now(datetime.UTC)
        return self.get_notAfter().decode() < now.strftime("%Y%m%d%H%M%SZ")

    def digest(self, digest_name: str) -> bytes:
        """Its fingerprint, as in `b"0A:1B:..."`."""
        return fingerprint(self.der, digest_name)

    def public_key(self) -> bytes:
        """The public key it is of, as DER."""
        return joined(*self._parts[5])

    def to_cryptography(self) -> Any:
        """As an object of the `cryptography` package, which has to be installed."""
        return _crypto.x509().load_der_x509_certificate(self.der)

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, X509) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.get_subject()!r}>"


class Name:
    """Whom a certificate is for, or by: `CN`, `O`, `OU`, `C`, `ST`, `L` and `emailAddress`."""

    _numbers: ClassVar = {name: number for *both, number in NAMES for name in both}

    def __init__(self, der: bytes) -> None:
        self.der = der
        self._pairs = [tuple(items(pair[1])) for part in items(der) for pair in items(part[1])]

    def __getattr__(self, name: str) -> str | None:
        if name not in self._numbers:
            raise AttributeError(name)
        found = [text for number, text in self._all() if number == self._numbers[name]]
        return found[-1] if found else None

    def get_components(self) -> list[tuple[bytes, bytes]]:
        """All parts, each with its short name."""
        short = {number: name for _, name, number in NAMES}
        return [(short.get(n, n).encode(), text.encode()) for n, text in self._all()]

    def _all(self) -> list[tuple[str, str]]:
        return [(_number(number[1]), _text(*text)) for number, text in self._pairs]

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, Name) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        parts = (f"{name.decode()}={text.decode()}" for name, text in self.get_components())
        return f"<Name {', '.join(parts)}>"


class PKey:
    """A private key."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        found = [each for each in blocks(text, "[A-Z ]*PRIVATE KEY") if each]
        if not found:
            raise ValueError("there is no private key in this: it has no BEGIN PRIVATE KEY line")
        self.text = found[0]

    @classmethod
    def from_der(cls, der: bytes) -> PKey:
        """The key in `der`, whichever of the three usual forms it has."""
        try:
            second = items(items(der)[0][1])[1][0]
            label = {_SEQUENCE: "PRIVATE KEY", _INTEGER: "RSA PRIVATE KEY"}
            label[_OCTETS] = "EC PRIVATE KEY"
            return cls(armoured(label[second], der))
        except (IndexError, KeyError, ValueError) as exc:
            raise ValueError("this is not a private key") from exc

    def der(self) -> bytes:
        """As it is without its armour; what is encrypted stays so."""
        return unarmoured(self.text)

    def pem(self) -> str:
        """As text."""
        return self.text

    def to_cryptography_key(self) -> Any:
        """As an object of the `cryptography` package, which has to be installed."""
        return _crypto.serialization().load_pem_private_key(self.text.encode(), None)

    def __eq__(self, other: object) -> bool:
        return self.der() == other.der() if isinstance(other, PKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.der())


def blocks(text: str, label: str) -> list[str]:
    """The blocks in `text` that are labelled so, armour and all."""
    found = re.finditer(rf"-----BEGIN ({label})-----.*?-----END \1-----", text, re.DOTALL)
    return [each.group() + "\n" for each in found]


def unarmoured(text: str) -> bytes:
    """What is in a block; the lines before a blank one, if there are such, are about it."""
    lines = text.strip().splitlines()[1:-1]
    return base64.b64decode("".join(line for line in lines if ":" not in line))


def armoured(label: str, der: bytes) -> str:
    """`der` as text, with a line before and after that says what it is."""
    data = base64.standard_b64encode(der).decode()
    lines = (data[start : start + 64] for start in range(0, len(data), 64))
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def fingerprint(data: bytes, method: str) -> bytes:
    """A digest of `data`, its bytes in hexadecimal with colons between."""
    digest = hashlib.new(method, data, usedforsecurity=False).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)).encode()


# -- DER, as far as certificates need it


def items(data: bytes) -> list[tuple[int, bytes]]:
    """The items that follow each other in `data`: the tag and the content of each."""
    found = []
    while data:
        tag, size, start = data[0], data[1], 2
        if size >= 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        if start + size > len(data):
            raise ValueError("it is cut short")
        found.append((tag, data[start : start + size]))
        data = data[start + size :]
    return found


def joined(tag: int, content: bytes) -> bytes:
    """The reverse of `items`, for one."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _number(content: bytes) -> str:
    numbers, value = [content[0] // 40, content[0] % 40], 0
    for byte in content[1:]:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers))


def _text(tag: int, content: bytes) -> str:
    coding = {0x0C: "utf-8", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}.get(tag, "latin-1")
    return content.decode(coding, "replace")


def _time(tag: int, content: bytes) -> bytes:
    # With two digits only, a year is from 1950 to 2049.
    return content if tag != 0x17 else (b"20" if content < b"5" else b"19") + content
