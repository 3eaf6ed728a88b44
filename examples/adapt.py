"""Each kind of protocol in the other's place: `bridge.adapt`, and `bridge.as_factory`.

    python examples/adapt.py

First, asyncio's `create_server` gets a Twisted-style factory, and there is no reactor in play.
Then the reactor's `listenTCP` gets an `asyncio.Protocol`. A client asks both, and it is over.
"""

import asyncio

from echo import Echo

from reactorlite import bridge
from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory


class Shout(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


async def ask(port: int, question: str) -> str:
    """What a server answers, by the time that it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question.encode())
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def adapted() -> None:
    loop = asyncio.get_running_loop()
    factory = Factory.forProtocol(Echo)
    server = await loop.create_server(bridge.adapt(factory), "127.0.0.1", 0)
    async with server:
        print("Echo, adapted:", await ask(server.sockets[0].getsockname()[1], "hello"))


async def hosted() -> None:
    port = reactor.listenTCP(0, bridge.as_factory(Shout), interface="127.0.0.1")
    print("Shout, hosted:", await ask(port.getHost().port, "hello"))
    await port.stopListening()


async def main() -> None:
    await adapted()
    await hosted()


if __name__ == "__main__":
    asyncio.run(main())
