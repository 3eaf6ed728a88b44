"""An asyncio application with one Twisted-style factory: both in one loop, sharing what they know.

    python examples/asyncio_application.py [NEWS_PORT [READERS_PORT]]

A line sent to the first port, which asyncio's streams serve, goes to everyone connected to
the second, which a Twisted-style factory serves. The ports are 8021 and 8022 unless given;
with 0 a free one is chosen. The loop is uvloop's where that is installed. Ctrl-C ends it all.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable

from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory, Protocol, connectionDone
from reactorlite.python.failure import Failure

new_loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as new_loop
except ImportError:
    new_loop = None  # asyncio's own


class Reader(Protocol):
    factory: "Readers"

    def connectionMade(self) -> None:
        self.factory.readers.add(self)
        self.transport.write(b"Welcome\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.readers.discard(self)


class Readers(Factory[Reader]):
    protocol = Reader

    def __init__(self) -> None:
        self.readers: set[Reader] = set()

    def publish(self, news: bytes) -> int:
        for reader in self.readers:
            reader.transport.write(news)
        return len(self.readers)


async def main(news_port: int = 8021, readers_port: int = 8022) -> None:
    readers = Readers()

    async def take_news(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # At the end the task is cancelled, which streams of Python 3.11 would log as an error.
        with contextlib.closing(writer), contextlib.suppress(asyncio.CancelledError):
            async for line in reader:
                writer.write(f"{readers.publish(line)} read it\n".encode())
                await writer.drain()

    server = await asyncio.start_server(take_news, "127.0.0.1", news_port)
    port = reactor.listenTCP(readers_port, readers, interface="127.0.0.1")
    print("news on port", server.sockets[0].getsockname()[1])
    print("readers on port", port.getHost().port)
    print("loop:", type(asyncio.get_running_loop()).__module__)
    try:
        await asyncio.Event().wait()  # whatever else the application does
    finally:
        server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main(*map(int, sys.argv[1:])))
