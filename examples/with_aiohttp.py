"""aiohttp and Twisted-style code in one loop and in one coroutine.

    python examples/with_aiohttp.py

aiohttp serves a page. A Twisted-style server takes addresses of pages, a line each, and answers
with what aiohttp's client has found there; whoever waits for too long is told. The coroutine
that is run asks it, awaiting Deferreds and asyncio's own things alike. Needs `aiohttp`.
"""

import asyncio

from aiohttp import ClientError, ClientSession, web

from reactorlite.internet.defer import Deferred, DeferredQueue, ensureDeferred, gatherResults
from reactorlite.internet.protocol import ClientCreator, Factory
from reactorlite.internet.task import deferLater, react
from reactorlite.protocols.basic import LineReceiver


class Finder(LineReceiver):
    delimiter = b"\n"
    factory: "Finders"

    def lineReceived(self, line: bytes) -> None:
        ensureDeferred(self.find(line.decode()))

    async def find(self, address: str) -> None:
        try:
            async with asyncio.timeout(0.5), self.factory.session.get(address) as response:
                found = f"{response.status}, {len(await response.read())} bytes"
        except TimeoutError:
            found = "too slow"
        except ClientError as problem:
            found = type(problem).__name__
        self.sendLine(f"{address.rpartition('/')[2]}: {found}".encode())


class Finders(Factory):
    protocol = Finder

    def __init__(self, session: ClientSession) -> None:
        self.session = session


class Asking(LineReceiver):
    delimiter = b"\n"

    def __init__(self) -> None:
        self.answers: DeferredQueue[bytes] = DeferredQueue()

    def lineReceived(self, line: bytes) -> None:
        self.answers.put(line)


async def serve_pages(reactor) -> web.TCPSite:
    async def small(request: web.Request) -> web.Response:
        await deferLater(reactor, 0.01)  # a Deferred, in a coroutine that aiohttp runs
        return web.Response(text="take an umbrella")

    async def slow(request: web.Request) -> web.Response:
        await Deferred()  # which nobody fires: it is cancelled when the client goes
        raise AssertionError

    application = web.Application()
    application.add_routes([web.get("/small", small), web.get("/slow", slow)])
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def main(reactor) -> None:
    pages = await serve_pages(reactor)
    async with ClientSession() as session:
        port = reactor.listenTCP(0, Finders(session), interface="127.0.0.1")
        asking = await ClientCreator(reactor, Asking).connectTCP("127.0.0.1", port.getHost().port)
        host, number = pages.addresses[0]
        for name in ("small", "slow", "nothing"):
            asking.sendLine(f"http://{host}:{number}/{name}".encode())
        for answer in sorted(await gatherResults([asking.answers.get() for _ in range(3)])):
            print(answer.decode())
        asking.transport.loseConnection()
        await port.stopListening()
    await pages.cleanup()


if __name__ == "__main__":
    react(main)
