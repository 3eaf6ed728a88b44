"""Twisted's DNS server meets packets made by hand; its client meets a server that makes them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.programs import LIMIT

A, TXT, IN = 1, 16, 1
TRUNCATED, ANSWER, NO_SUCH_NAME = 0x0200, 0x8400, 3


def name_of(text: str) -> bytes:
    """A name as packets have it."""
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def question(name: str, kind: int, number: int = 7) -> bytes:
    """A packet that asks for one record."""
    return (
        struct.pack("!6H", number, 0x0100, 1, 0, 0, 0)
        + name_of(name)
        + struct.pack("!2H", kind, IN)
    )


def answer(asked: bytes, data: list[bytes], flags: int = ANSWER) -> bytes:
    """The packet that answers a question with records of its kind."""
    kind = asked[-4:]
    records = [b"\xc0\x0c" + kind + struct.pack("!IH", 60, len(each)) + each for each in data]
    return (
        asked[:2] + struct.pack("!5H", flags, 1, len(data), 0, 0) + asked[12:] + b"".join(records)
    )


def told(packet: bytes) -> tuple[int, int, list[bytes]]:
    """The number of a packet, its flags, and the data of its answers."""
    number, flags, questions, answers, _, _ = struct.unpack("!6H", packet[:12])
    at = 12
    for _ in range(questions):
        at = packet.index(b"\0", at) + 5
    found = []
    for _ in range(answers):
        at = at + 2 if packet[at] >= 0xC0 else packet.index(b"\0", at) + 1
        size = struct.unpack("!H", packet[at + 8 : at + 10])[0]
        found.append(packet[at + 10 : at + 10 + size])
        at += 10 + size
    return number, flags, found


@pytest.fixture(scope="module")
def port(serve: Any) -> int:
    """The port of the server, for UDP and TCP."""
    return int(serve("dns_server", 0).port())


@pytest.fixture
def by_udp(port: int) -> Iterator[socket.socket]:
    """A socket for datagrams to and from the server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(LIMIT)
        peer.connect(("127.0.0.1", port))
        yield peer


def test_address(by_udp: socket.socket) -> None:
    """A question by UDP is answered by UDP, each with its own number."""
    for number, name in [(1, "a.example.org"), (2, "abc.example.org")]:
        by_udp.send(question(name, A, number))

    assert sorted(told(by_udp.recv(512)) for _ in range(2)) == [
        (1, 0x8480, [bytes([192, 0, 2, 13])]),
        (2, 0x8480, [bytes([192, 0, 2, 15])]),
    ]


def test_no_such_name(by_udp: socket.socket) -> None:
    """A name that isn't there is said not to be."""
    by_udp.send(question("www.example.com", A))

    _, flags, found = told(by_udp.recv(512))
    assert (flags & 15, found) == (NO_SUCH_NAME, [])


def test_rubbish(by_udp: socket.socket) -> None:
    """What is no packet is passed over, and the next question answered."""
    for rubbish in (b"", b"\0", b"\xff" * 600):
        by_udp.send(rubbish)
    by_udp.send(question("a.example.org", A, 9))

    while told(packet := by_udp.recv(512))[0] != 9:
        pass
    assert told(packet)[2] == [bytes([192, 0, 2, 13])]


def test_text_by_tcp(port: int) -> None:
    """By TCP an answer may be long, and several questions go by one connection."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as peer, peer.makefile("rb") as file:
        for number in (1, 2):
            packet = question("long.example.org", TXT, number)
            peer.sendall(struct.pack("!H", len(packet)) + packet)
        answers = [told(file.read(struct.unpack("!H", file.read(2))[0])) for _ in range(2)]

    assert [number for number, _, _ in answers] == [1, 2]
    assert [sum(map(len, found)) for _, _, found in answers] == [10 * 201] * 2


@pytest.fixture
def dns_peer() -> Iterator[int]:
    """The port of a server that says by UDP that its text is too long, and tells it by TCP."""
    with (
        socket.create_server(("127.0.0.1", 0)) as streams,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        port = streams.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        streams.settimeout(LIMIT)
        datagrams.settimeout(LIMIT)
        trouble: list[BaseException] = []
        thread = threading.Thread(target=_as_server, args=(streams, datagrams, trouble))
        thread.start()
        yield port
        thread.join()
        assert not trouble, trouble


def _as_server(
    streams: socket.socket, datagrams: socket.socket, trouble: list[BaseException]
) -> None:
    try:
        asked, client = datagrams.recvfrom(512)
        datagrams.sendto(answer(asked, [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]), client)
        asked, client = datagrams.recvfrom(512)
        datagrams.sendto(answer(asked, [], ANSWER | TRUNCATED), client)
        with streams.accept()[0] as peer, peer.makefile("rb") as file:
            peer.settimeout(LIMIT)
            asked = file.read(struct.unpack("!H", file.read(2))[0])
            packet = answer(asked, [(bytes([250]) + b"t" * 250) * 4])
            peer.sendall(struct.pack("!H", len(packet)) + packet)
            file.read()
    except BaseException as exc:
        trouble.append(exc)


def test_client(play: Any, dns_peer: int) -> None:
    """Twisted's client asks by UDP, and by TCP for what is too long for a datagram."""
    client = play("dns_client", "127.0.0.1", dns_peer, "example.org")

    assert client.rest() == ["address: 192.0.2.1 192.0.2.2", "text: 1000"]
