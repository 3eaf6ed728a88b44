"""The header as it is on the wire. "Section 2.1" and so on are those of its specification,

https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any, NamedTuple

from reactorlite.internet.address import IPv4Address, IPv6Address, UNIXAddress

#: The longest header of version 1, its CRLF included (section 2.1).
_LONGEST_LINE = 107
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_BEFORE_ADDRESSES = 16  # signature, version and command, family, length (section 2.2)
_KINDS: dict[int, Any] = {1: "TCP", 2: "UDP"}


class InvalidProxyHeader(Exception):
    """A connection begins with what is no PROXY header."""


class Header(NamedTuple):
    """What a header says, and where what follows it begins.

    The addresses are None where the proxy speaks for itself, or doesn't tell.
    """

    peer: Any
    host: Any
    size: int


def header_in(data: bytes) -> Header | None:
    """Read the header that `data` begins with; None as long as it is not all there.

    Raises `InvalidProxyHeader` as soon as it can't become one.
    """
    if _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
        return _binary(data)
    if b"PROXY ".startswith(data[:6]):
        return _line(data)
    raise InvalidProxyHeader(f"{data[:16]!r} begins no PROXY header")


# ── version 1: a line of text ────────────────────────────────────────────────────────────


def _line(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(data) >= _LONGEST_LINE:
            raise InvalidProxyHeader("a PROXY line has at most 107 bytes")
        return None
    fields = data[:end].split(b" ")
    if fields[1] == b"UNKNOWN":
        return Header(None, None, end + 2)  # whatever else it says is to be ignored
    try:
        _, protocol, source, destination, source_port, destination_port = fields
        return Header(
            _told(protocol, source, source_port),
            _told(protocol, destination, destination_port),
            end + 2,
        )
    except (ValueError, OSError) as exc:
        raise InvalidProxyHeader(f"{data[:end]!r} is no PROXY line: {exc}") from exc


def _told(protocol: bytes, host: bytes, port: bytes) -> IPv4Address | IPv6Address:
    number, text = int(port), host.decode("ascii")
    if not (port.isdigit() and number <= 65535):
        raise ValueError(f"{port!r} is no port")
    if protocol == b"TCP4":
        inet_pton(AF_INET, text)
        return IPv4Address("TCP", text, number)
    if protocol == b"TCP6":
        inet_pton(AF_INET6, text)
        return IPv6Address("TCP", text, number)
    raise ValueError(f"there is no protocol {protocol!r}")


# ── version 2: binary ────────────────────────────────────────────────────────────────────


def _binary(data: bytes) -> Header | None:
    if len(data) < _BEFORE_ADDRESSES:
        return None
    version_and_command, family_and_kind, length = struct.unpack_from(">BBH", data, 12)
    if version_and_command not in (0x20, 0x21):
        raise InvalidProxyHeader(f"{version_and_command:#x} is no version 2 with a command")
    unpack = _FAMILIES.get(family_and_kind >> 4)
    if unpack is None or family_and_kind & 15 > 2:
        raise InvalidProxyHeader(f"{family_and_kind:#x} is no address family with a transport")
    size = _BEFORE_ADDRESSES + length
    if len(data) < size:
        return None
    is_local, kind = version_and_command == 0x20, _KINDS.get(family_and_kind & 15)
    if is_local or kind is None:
        return Header(None, None, size)
    try:
        peer, host = unpack(kind, data[_BEFORE_ADDRESSES:size])
    except struct.error as exc:
        raise InvalidProxyHeader(f"{length} bytes are too few for the addresses") from exc
    return Header(peer, host, size)


def _unspecified(kind: Any, data: bytes) -> tuple[None, None]:
    return None, None


def _inet(kind: Any, data: bytes) -> tuple[IPv4Address, IPv4Address]:
    source, destination, *ports = struct.unpack_from(">4s4sHH", data)
    return (
        IPv4Address(kind, inet_ntop(AF_INET, source), ports[0]),
        IPv4Address(kind, inet_ntop(AF_INET, destination), ports[1]),
    )


def _inet6(kind: Any, data: bytes) -> tuple[IPv6Address, IPv6Address]:
    source, destination, *ports = struct.unpack_from(">16s16sHH", data)
    return (
        IPv6Address(kind, inet_ntop(AF_INET6, source), ports[0]),
        IPv6Address(kind, inet_ntop(AF_INET6, destination), ports[1]),
    )


def _unix(kind: Any, data: bytes) -> tuple[UNIXAddress, UNIXAddress]:
    source, destination = struct.unpack_from("108s108s", data)
    return UNIXAddress(source.rstrip(b"\0")), UNIXAddress(destination.rstrip(b"\0"))


_FAMILIES: dict[int, Any] = {0: _unspecified, 1: _inet, 2: _inet6, 3: _unix}
