"""An asyncio application that has Twisted programs as guests, while it does something else.

    python examples/hosted/in_asyncio.py PROGRAM [ARGUMENT ...] [, PROGRAM [ARGUMENT ...]] ...

PROGRAM is one of those beside this file, such as `web_server`; several are separated by
commas. The application's own work is to tell, at a port of its own, how often its clock has
ticked. It ends when the programs have ended, or with Ctrl-C.
"""

import asyncio
import contextlib
import sys
from importlib import import_module
from itertools import groupby

import reactorlite

reactorlite.install_as_twisted()  # before anything imports twisted.internet


class Clock:
    ticks = 0

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.ticks += 1

    async def tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d\n" % self.ticks)
        writer.close()


async def visit(name: str, *arguments: str) -> None:
    from twisted.internet import reactor

    await import_module(name).main(reactor, *arguments)


async def main(words: list[str]) -> None:
    clock = Clock()
    ticking = asyncio.create_task(clock.tick())
    server = await asyncio.start_server(clock.tell, "127.0.0.1", 0)
    print("clock on port", server.sockets[0].getsockname()[1], flush=True)
    try:
        programs = [list(group) for comma, group in groupby(words, ",".__eq__) if not comma]
        await asyncio.gather(*(visit(*program) for program in programs))
    finally:
        ticking.cancel()
        server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
