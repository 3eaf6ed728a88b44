"""The PROXY protocol: headers as its specification prints them, and what becomes of others.

"Section 2.1" and so on are those of https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

import asyncio
import shutil
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet.address import IPv4Address, IPv6Address, UNIXAddress
from reactorlite.internet.endpoints import TCP4ServerEndpoint, serverFromString
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.testing import MemoryReactor, StringTransport
from reactorlite.protocols.haproxy import proxyEndpoint
from reactorlite.python.failure import Failure

PROXYS_OWN = (IPv4Address("TCP", "192.168.1.1", 54321), IPv4Address("TCP", "10.0.0.1", 12345))
"""What a `StringTransport` gives as its two ends."""


class Told(Protocol):
    """Keeps what it receives, with the peer and the host at that time."""

    def __init__(self):
        self.data = b""
        self.ends = None
        self.ends_at_first = None
        self.reason = None

    def connectionMade(self):
        self.ends_at_first = (self.transport.getPeer(), self.transport.getHost())

    def dataReceived(self, data):
        self.data += data
        self.ends = (self.transport.getPeer(), self.transport.getHost())

    def connectionLost(self, reason):
        self.reason = reason


class Connection:
    """A connection from a proxy, to a server behind it."""

    def __init__(self, *pieces):
        reactor = MemoryReactor()
        made = []

        class Making(Factory):
            def buildProtocol(self, addr):
                made.append(Told())
                return made[-1]

        proxyEndpoint(TCP4ServerEndpoint(reactor, 80)).listen(Making())
        self.outer = reactor.tcpServers[0][1].buildProtocol(None)
        self.told = made[0]
        self.transport = StringTransport()
        self.outer.makeConnection(self.transport)
        for piece in pieces:
            self.outer.dataReceived(piece)


def four(*ends):
    """IPv4 addresses of these hosts and ports."""
    return tuple(IPv4Address("TCP", host, port) for host, port in ends)


def six(*ends):
    """IPv6 addresses of these hosts and ports."""
    return tuple(IPv6Address("TCP", host, port) for host, port in ends)


FULL = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
LINES = [
    # The worst cases of section 2.1, byte for byte.
    (
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        four(("255.255.255.255", 65535), ("255.255.255.255", 65535)),
    ),
    (
        f"PROXY TCP6 {FULL} {FULL} 65535 65535\r\n".encode(),
        six((FULL, 65535), (FULL, 65535)),
    ),
    (b"PROXY UNKNOWN\r\n", PROXYS_OWN),
    (f"PROXY UNKNOWN {FULL} {FULL} 65535 65535\r\n".encode(), PROXYS_OWN),
    # The example of section 2.1, and of section 3 its addresses the other way round.
    (
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        four(("192.168.0.1", 56324), ("192.168.0.11", 443)),
    ),
]

SIGNATURE = bytes.fromhex("0D0A0D0A000D0A515549540A")
"""Section 2.2: the block that begins every binary header."""


def binary(
    family: int, addresses: bytes = b"", more: bytes = b"", command: int = 1, version: int = 2
) -> bytes:
    """A binary header, put together as `struct proxy_hdr_v2` of section 2.2 is laid out."""
    length = len(addresses) + len(more)
    fields = struct.pack(">BBH", version << 4 | command, family, length)
    return SIGNATURE + fields + addresses + more


INET = bytes([127, 0, 0, 1, 127, 0, 0, 2]) + struct.pack(">HH", 8080, 443)
INET6 = bytes(15) + b"\1" + bytes(15) + b"\2" + struct.pack(">HH", 8080, 443)
UNIX = b"/from".ljust(108, b"\0") + b"/to".ljust(108, b"\0")
TLV = b"\x01" + struct.pack(">H", 2) + b"h2"  # section 2.2.1: PP2_TYPE_ALPN

BINARY = [
    (binary(0x11, INET), four(("127.0.0.1", 8080), ("127.0.0.2", 443))),
    (binary(0x11, INET, TLV), four(("127.0.0.1", 8080), ("127.0.0.2", 443))),
    (
        binary(0x12, INET),
        (IPv4Address("UDP", "127.0.0.1", 8080), IPv4Address("UDP", "127.0.0.2", 443)),
    ),
    (binary(0x21, INET6), six(("::1", 8080), ("::2", 443))),
    (
        binary(0x22, INET6),
        (IPv6Address("UDP", "::1", 8080), IPv6Address("UDP", "::2", 443)),
    ),
    (binary(0x31, UNIX), (UNIXAddress("/from"), UNIXAddress("/to"))),
    (binary(0x32, UNIX), (UNIXAddress("/from"), UNIXAddress("/to"))),
    (binary(0x00), PROXYS_OWN),
    (binary(0x00, b"", TLV), PROXYS_OWN),
    (binary(0x10, INET), PROXYS_OWN),
    (binary(0x00, command=0), PROXYS_OWN),
    (binary(0x11, INET, command=0), PROXYS_OWN),
]


@pytest.mark.parametrize(("header", "ends"), LINES + BINARY)
def test_header(header, ends):
    """A header gives the addresses, and what follows it is the stream."""
    connection = Connection(header + b"GET / HTTP/1.1\r\n")

    assert connection.told.data == b"GET / HTTP/1.1\r\n"
    assert connection.told.ends == ends
    assert not connection.transport.disconnecting


@given(st.sampled_from(LINES + BINARY), st.integers(1, 40))
def test_header_in_pieces(sample, size):
    """A header may come in any pieces, down to single bytes."""
    header, ends = sample
    stream = header + b"\r\n\r\nPROXY TCP4"
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]

    connection = Connection(*pieces)

    assert connection.told.data == b"\r\n\r\nPROXY TCP4"
    assert connection.told.ends == ends


def test_addresses_before_the_header():
    """Until the header has come, the ends are those of the proxy's connection."""
    connection = Connection(b"PROXY TCP4 192.168")

    assert connection.told.ends_at_first == PROXYS_OWN
    assert connection.told.data == b""


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\r\n",
        b"\r\n\r\n\0\r\nQUIX",
        b"PROX ",
        b"proxy TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY  TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 x 443\r\n",
        b"PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 ::1 ::2 56324 443\r\n",
        b"PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP6 ::\xff ::2 56324 443\r\n",
        b"PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY \r\n",
        b"PROXY " + b"x" * 101,
        binary(0x11, INET, version=1),
        binary(0x11, INET, version=3),
        binary(0x11, INET, command=2),
        binary(0x41, INET),
        binary(0x13, INET),
        binary(0x11, INET[:-1]),
        binary(0x21, INET),
        binary(0x31, INET6),
    ],
)
def test_what_is_no_header(data):
    """A connection that begins with anything else is closed, and nothing of it is passed on."""
    connection = Connection(data, b"more")

    assert connection.transport.disconnecting
    assert connection.told.data == b""


@given(st.binary(max_size=300))
def test_any_beginning(data):
    """Whatever a connection begins with, it is waited for, passed on or closed."""
    connection = Connection(data)

    assert connection.told.data in (b"", data[-len(connection.told.data) :])


def test_lost_before_the_header():
    """A connection that is lost before its header is lost to the application too."""
    connection = Connection(b"PROXY ")

    connection.outer.connectionLost(Failure(error.ConnectionDone()))

    assert connection.told.reason.check(error.ConnectionDone)


def test_described():
    """`haproxy:` and a description make such an endpoint of what that describes."""
    reactor = MemoryReactor()
    factory = Factory.forProtocol(Protocol)

    serverFromString(reactor, r"haproxy:tcp6:80:backlog=7:interface=\:\:1").listen(factory)

    port, outer, backlog, interface = reactor.tcpServers[0]
    assert (port, backlog, interface) == (80, 7, "::1")
    assert outer.wrappedFactory is factory


def test_over_a_socket(run):
    """A real connection with a header, the answer to it, and its end."""

    class Answering(Told):
        def dataReceived(self, data):
            super().dataReceived(data)
            self.transport.write(f"{self.ends[0].host} {self.ends[0].port}".encode())
            self.transport.loseConnection()

    async def main():
        async with Reactor() as reactor:
            endpoint = serverFromString(reactor, "haproxy:tcp:0:interface=127.0.0.1")
            port = await endpoint.listen(Factory.forProtocol(Answering))
            reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
            writer.write(b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n")
            await asyncio.sleep(0)
            writer.write(b"hello")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main()) == b"192.168.0.1 56324"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_with_curl(run):
    """curl's header gives curl's address."""

    class Page(Told):
        def dataReceived(self, data):
            super().dataReceived(data)
            if b"\r\n\r\n" in self.data:
                own = str(self.transport.getPeer() == self.transport.transport.getPeer())
                self.transport.write(b"HTTP/1.0 200 OK\r\n\r\n" + own.encode())
                self.transport.loseConnection()

    async def main():
        async with Reactor() as reactor:
            endpoint = serverFromString(reactor, "haproxy:tcp:0:interface=127.0.0.1")
            port = (await endpoint.listen(Factory.forProtocol(Page))).getHost().port
            curl = await asyncio.create_subprocess_exec(
                *("curl", "-s", "--haproxy-protocol", f"http://127.0.0.1:{port}/"),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await curl.communicate()
            return output, curl.returncode

    assert run(main()) == (b"True", 0)
