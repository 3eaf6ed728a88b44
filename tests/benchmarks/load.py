"""The load: what the clients of each server do.

Blocking sockets that are served in a fixed order, one message out on every connection and then
one answer in on each: nothing is polled and nothing is allocated, so the load is cheaper than
every server, and the number of connections that a server finds ready at once is the same for all.
"""

from __future__ import annotations

import socket
import struct

from tests.benchmarks.certificate import client_context
from tests.benchmarks.sides import (
    CHUNK,
    CHUNKS_IN_BULK,
    CHUNKS_IN_STREAM,
    HOST,
    PIECES,
    REQUEST,
)

Option = tuple[int, int | bytes]
TIMEOUT: Option = (socket.SO_RCVTIMEO, struct.pack("@ll", 20, 0))


def connection(
    port: int, *options: Option, kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """Connect to a server; a receive that takes longer than 20 s raises BlockingIOError."""
    sock = socket.socket(type=kind)
    # Not settimeout(): Python would then poll before every call, and MSG_WAITALL not wait.
    for option, value in (TIMEOUT, *options):
        sock.setsockopt(socket.SOL_SOCKET, option, value)
    sock.connect((HOST, port))
    return sock


class Load:
    """Connections to one server, kept from round to round."""

    connections = 1
    options: tuple[Option, ...] = ()
    kind = socket.SOCK_STREAM

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets = [
            connection(port, *self.options, kind=self.kind) for _ in range(self.connections)
        ]

    def run(self, count: int) -> None:
        """Make the server do `count` operations, and return when it has."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections."""
        for sock in self.sockets:
            sock.close()


class Ask(Load):
    """A small message out, an answer of a known size in."""

    request = REQUEST
    answer = len(REQUEST)

    def run(self, count: int) -> None:
        request, size = self.request, self.answer
        buffer, wait = bytearray(size), socket.MSG_WAITALL
        sends = [sock.send for sock in self.sockets]
        receives = [sock.recv_into for sock in self.sockets]
        for _ in range(count // self.connections):
            for send in sends:
                send(request)
            for receive in receives:
                if receive(buffer, size, wait) != size:
                    raise EOFError("the server closed the connection")


class Ask100(Ask):
    """The same over 100 connections."""

    connections = 100


class AskSecurely(Ask):
    """The same over 10 connections, in TLS."""

    connections = 10

    def __init__(self, port: int) -> None:
        super().__init__(port)
        tls = client_context()
        self.sockets = [tls.wrap_socket(sock) for sock in self.sockets]

    def run(self, count: int) -> None:
        """One message out on every connection, then one answer in on each."""
        request, size = self.request, self.answer
        for _ in range(count // self.connections):
            for sock in self.sockets:
                sock.send(request)
            for sock in self.sockets:
                if len(sock.recv(size)) != size:
                    raise EOFError("the server closed the connection")


class AskBursts(Ask):
    """The answer is what all pieces of a burst make."""

    connections = 10
    answer = sum(map(len, PIECES))


class GetPage(Ask):
    """A page is asked for; all answers are as long as the first."""

    connections = 10
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n"

    def __init__(self, port: int) -> None:
        super().__init__(port)
        first = connection(port)
        first.send(self.request)
        answer = b""
        while not answer.endswith(b"</html>"):
            answer += first.recv(4096)
        first.close()
        self.answer = len(answer)


class SendChunks(Load):
    """Chunks out, each answered by a byte before the next is sent."""

    together = 1

    def run(self, count: int) -> None:
        (sock,) = self.sockets
        for _ in range(count // self.together):
            for _ in range(self.together):
                sock.sendall(CHUNK)
            if not sock.recv(1):
                raise EOFError("the server closed the connection")


class SendBulk(SendChunks):
    """Chunks out as fast as the server takes them."""

    together = CHUNKS_IN_BULK
    # As much as the system offers by itself changes from round to round, and the cost with it.
    options = ((socket.SO_SNDBUF, 65536),)


class ReadStream(Load):
    """A request out, a stream in, read as it comes into a small buffer of the system."""

    # What the sender can't send ahead of the reader makes it wait, which is what is measured.
    options = ((socket.SO_RCVBUF, 65536),)

    def run(self, count: int) -> None:
        (sock,) = self.sockets
        buffer = bytearray(4 * len(CHUNK))
        for _ in range(count // CHUNKS_IN_STREAM):
            sock.send(REQUEST)
            left = CHUNKS_IN_STREAM * len(CHUNK)
            while left:
                size = sock.recv_into(buffer)
                if not size:
                    raise EOFError("the server closed the connection")
                left -= size


class ConnectAskClose(Load):
    """Connections that are asked once, and that the server closes; 20 at a time."""

    connections = 0
    width = 20

    def run(self, count: int) -> None:
        # One byte more than comes: the call ends when the server has closed.
        buffer = bytearray(len(REQUEST) + 1)
        for _ in range(count // self.width):
            sockets = [connection(self.port) for _ in range(self.width)]
            for sock in sockets:
                sock.send(REQUEST)
            for sock in sockets:
                if sock.recv_into(buffer, 0, socket.MSG_WAITALL) != len(REQUEST):
                    raise EOFError("the server closed the connection too early")
                sock.close()


class AskInDatagrams(Ask):
    """A datagram from each of 10 sockets, all sent before the first answer is read."""

    connections = 10
    kind = socket.SOCK_DGRAM
