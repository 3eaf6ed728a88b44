"""The programs on `asyncio.Protocol`, as its documentation teaches to write them.

The same classes run on stock asyncio and on uvloop. With `receive` set, a connection takes that
many bytes at a time instead of stock asyncio's 256 KiB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.benchmarks.certificate import SECURE, server_context
from tests.benchmarks.sides import (
    BACKLOG,
    CHUNK,
    CHUNKS_IN_BULK,
    CHUNKS_IN_STREAM,
    HOST,
    PIECES,
    PRINTING,
    REQUEST,
    Side,
)


class Connection(asyncio.Protocol):
    """Remembers its transport."""

    receive: int | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.receive is not None:
            transport.max_size = self.receive


class Echo(Connection):
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Bursts(Connection):
    def data_received(self, data: bytes) -> None:
        for piece in PIECES:
            self.transport.write(piece)


class Chunks(Connection):
    wanted = len(CHUNK)
    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.received >= self.wanted:
            self.received -= self.wanted
            self.transport.write(b".")


class Bulk(Chunks):
    wanted = CHUNKS_IN_BULK * len(CHUNK)


class Stream(Connection):
    left = 0
    paused = False

    def data_received(self, data: bytes) -> None:
        self.left = CHUNKS_IN_STREAM
        self.produce()

    def produce(self) -> None:
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(CHUNK)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.produce()


class Close(Connection):
    def data_received(self, data: bytes) -> None:
        self.transport.write(REQUEST)
        self.transport.close()


SERVERS = {
    "echo": Echo,
    "bursts": Bursts,
    "chunks": Chunks,
    "bulk": Bulk,
    "stream": Stream,
    "close": Close,
}


class Datagrams(asyncio.DatagramProtocol):
    """Sends each datagram back."""

    receive: int | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.receive is not None:
            transport.max_size = self.receive

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


def run(side: Side, main: Any) -> None:
    """Run a coroutine on the side's loop."""
    factory = None
    if side.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def serve(side: Side, case: str, started: Callable[[int], object]) -> None:
    """Serve `case` for ever, after telling the port to `started`."""
    kind = Datagrams if case == "datagrams" else SERVERS[case.removeprefix(SECURE)]
    factory = type(side.name, (kind,), {"receive": side.receive})

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if case == "datagrams":
            transport, _ = await loop.create_datagram_endpoint(factory, (HOST, 0))
            started(transport.get_extra_info("sockname")[1])
            await loop.create_future()
        tls = server_context() if case.startswith(SECURE) else None
        server = await loop.create_server(factory, HOST, 0, backlog=BACKLOG, ssl=tls)
        started(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    run(side, main())


class Request(Connection):
    """Sends a request when connected, and says when the connection is over."""

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(None)


async def connect(count: int, width: int, port: int) -> None:
    """Connect, ask and be closed `count` times, `width` at once."""
    loop = asyncio.get_running_loop()

    async def one_after_another() -> None:
        for _ in range(count // width):
            _, request = await loop.create_connection(Request, HOST, port)
            await request.over

    await asyncio.gather(*(one_after_another() for _ in range(width)))


async def cancel(count: int, width: int, port: int) -> None:
    """Set `count` timers and cancel each at once, `width` in a turn of the loop."""
    loop = asyncio.get_running_loop()
    for _ in range(count // width):
        for _ in range(width):
            loop.call_later(60, print).cancel()
        await asyncio.sleep(0)


async def due(count: int, width: int, port: int) -> None:
    """Let `width` timers come due together, until `count` have."""
    loop = asyncio.get_running_loop()
    for _ in range(count // width):
        fired = loop.create_future()
        left = [width]

        def fire(left: list[int] = left, fired: asyncio.Future[None] = fired) -> None:
            left[0] -= 1
            if not left[0]:
                fired.set_result(None)

        for _ in range(width):
            loop.call_later(0.01, fire)
        await fired


async def spawn(count: int, width: int, port: int) -> None:
    """Start `count` processes, `width` at once, and take what each prints."""
    pipe = asyncio.subprocess.PIPE

    async def one_after_another() -> None:
        for _ in range(count // width):
            child = await asyncio.create_subprocess_exec(
                *PRINTING, stdin=pipe, stdout=pipe, stderr=pipe
            )
            out, _ = await child.communicate()
            assert out == b"hello\n"

    await asyncio.gather(*(one_after_another() for _ in range(width)))


CLIENTS = {"connect": connect, "cancel": cancel, "due": due, "spawn": spawn}


def attend(side: Side, case: str, rounds: Callable[[], Any], done: Callable[[], object]) -> None:
    """Play a round for each item of `rounds()`, and call `done` after each."""

    async def main() -> None:
        for count, width, port in rounds():
            await CLIENTS[case](count, width, port)
            done()

    run(side, main())
