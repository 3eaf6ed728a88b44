"""A certificate for "localhost" that is made for the run, and what both ends of TLS need."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from pathlib import Path

import pytest

# The curve P-256, as FIPS 186 gives it.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int]

ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")
EC_KEY_ON_P256 = bytes.fromhex("06072a8648ce3d0201 06082a8648ce3d030107")
P256 = bytes.fromhex("06082a8648ce3d030107")
COMMON_NAME = bytes.fromhex("0603550403")
ALTERNATIVE_NAME = bytes.fromhex("0603551d11")
CONSTRAINTS = bytes.fromhex("0603551d13")


def _sum(one: Point | None, two: Point | None) -> Point | None:
    if one is None or two is None:
        return one or two
    (x1, y1), (x2, y2) = one, two
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def _times(number: int, point: Point) -> Point:
    product, power = None, point
    while number:
        if number & 1:
            product = _sum(product, power)
        power = _sum(power, power)
        number >>= 1
    assert product is not None
    return product


def _signed(data: bytes, key: int) -> bytes:
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    once = secrets.randbelow(N - 1) + 1
    r = _times(once, G)[0] % N
    return _der(0x30, _number(r), _number(pow(once, -1, N) * (digest + r * key) % N))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _number(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _certificate(public: bytes, key: int) -> bytes:
    algorithm = _der(0x30, ECDSA_WITH_SHA256)
    name = _der(0x30, _der(0x31, _der(0x30, COMMON_NAME, _der(0x0C, b"localhost"))))
    names = _der(0x30, _der(0x82, b"localhost"), _der(0x87, bytes([127, 0, 0, 1])))
    extensions = _der(
        0x30,
        _der(0x30, ALTERNATIVE_NAME, _der(4, names)),
        _der(0x30, CONSTRAINTS, _der(1, b"\xff"), _der(4, _der(0x30, _der(1, b"\xff")))),
    )
    content = _der(
        0x30,
        _der(0xA0, _number(2)),
        _number(secrets.randbits(64)),
        algorithm,
        name,
        _der(0x30, _der(0x17, b"200101000000Z"), _der(0x17, b"491231235959Z")),
        name,
        _der(0x30, _der(0x30, EC_KEY_ON_P256), _der(3, b"\0", public)),
        _der(0xA3, extensions),
    )
    return _der(0x30, content, algorithm, _der(3, b"\0", _signed(content, key)))


def _pem(label: str, data: bytes) -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate that it signed itself, both of this run."""
    key = secrets.randbelow(N - 1) + 1
    x, y = _times(key, G)
    public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    private = _der(
        0x30,
        _number(1),
        _der(4, key.to_bytes(32, "big")),
        _der(0xA0, P256),
        _der(0xA1, _der(3, b"\0", public)),
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_text(
        _pem("EC PRIVATE KEY", private) + _pem("CERTIFICATE", _certificate(public, key))
    )
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    """A server's context with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts it, and checks the name."""
    return ssl.create_default_context(cafile=certificate)
