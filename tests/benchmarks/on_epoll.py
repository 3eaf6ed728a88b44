"""The servers as a hand-written epoll loop: the least that Python can pay for them.

Nothing is kept per connection but its socket, and what a server of the real world needs (partial
writes, errors, time-outs) is left out wherever the load never makes it happen.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from itertools import repeat

from tests.benchmarks.sides import (
    BACKLOG,
    CHUNK,
    CHUNKS_IN_BULK,
    CHUNKS_IN_STREAM,
    HOST,
    PIECES,
    REQUEST,
    Side,
)

IN, OUT = 1, 4  # EPOLLIN, EPOLLOUT


class Server:
    """An epoll object, the open sockets, and what to do when one is ready."""

    def __init__(self, case: str) -> None:
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.ready = getattr(self, case)
        self.listener = socket.create_server((HOST, 0), backlog=BACKLOG)
        self.listener.setblocking(False)
        self.poll.register(self.listener, IN)

    def run(self, started: Callable[[int], object]) -> None:
        """Tell the port to `started`, then serve for ever."""
        started(self.listener.getsockname()[1])
        listening, ready, wait = self.listener.fileno(), self.ready, self.poll.poll
        sockets = self.sockets
        while True:
            for number, _ in wait():
                if number == listening:
                    self.accept()
                else:
                    ready(sockets[number])

    def accept(self) -> None:
        """Take every connection that is waiting."""
        for _ in repeat(None, BACKLOG):
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            self.sockets[sock.fileno()] = sock
            self.poll.register(sock, IN)

    def forget(self, sock: socket.socket) -> None:
        """Close a connection, which also ends its registration."""
        del self.sockets[sock.fileno()]
        sock.close()

    def echo(self, sock: socket.socket) -> None:
        """Send back what came."""
        if data := sock.recv(65536):
            sock.send(data)
        else:
            self.forget(sock)

    def bursts(self, sock: socket.socket) -> None:
        """Answer with all pieces, gathered by hand."""
        if sock.recv(65536):
            sock.send(b"".join(PIECES))
        else:
            self.forget(sock)

    received = 0

    def chunks(self, sock: socket.socket) -> None:
        """Answer each chunk."""
        self.count(sock, len(CHUNK))

    def bulk(self, sock: socket.socket) -> None:
        """Answer now and then."""
        self.count(sock, CHUNKS_IN_BULK * len(CHUNK))

    def count(self, sock: socket.socket, wanted: int) -> None:
        """Answer whenever so many bytes have come."""
        data = sock.recv(65536)
        if not data:
            return self.forget(sock)
        self.received += len(data)
        if self.received >= wanted:
            self.received -= wanted
            sock.send(b".")

    left = 0
    rest = memoryview(b"")

    def stream(self, sock: socket.socket) -> None:
        """Start on a request, and go on whenever the socket takes more."""
        if not self.left and not self.rest:
            if not sock.recv(65536):
                return self.forget(sock)
            self.left = CHUNKS_IN_STREAM
            self.poll.modify(sock, OUT)
        try:
            self.send_stream(sock)
        except BlockingIOError:
            return
        self.poll.modify(sock, IN)

    def send_stream(self, sock: socket.socket) -> None:
        """Send until nothing is left or the socket is full."""
        chunk = memoryview(CHUNK)
        while self.left or self.rest:
            if not self.rest:
                self.left -= 1
                self.rest = chunk
            self.rest = self.rest[sock.send(self.rest) :]

    def close(self, sock: socket.socket) -> None:
        """Answer and close."""
        if sock.recv(65536):
            sock.send(REQUEST)
        self.forget(sock)


def datagrams(started: Callable[[int], object]) -> None:
    """Send each datagram back."""
    poll, sock = select.epoll(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    poll.register(sock, IN)
    started(sock.getsockname()[1])
    while True:
        for _ in poll.poll():
            sock.sendto(*sock.recvfrom(65536))


def serve(side: Side, case: str, started: Callable[[int], object]) -> None:
    """Serve `case` for ever, after telling the port to `started`."""
    if case == "datagrams":
        datagrams(started)
    Server(case).run(started)
