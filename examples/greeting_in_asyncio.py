"""The greeting as a guest: server and client live in the loop of somebody's `asyncio.run`.

    python examples/greeting_in_asyncio.py

Nothing is changed in them, not even the `reactor.stop()` with which the client ends: inside a
host's loop it ends what the reactor started, and the host goes on.
"""

import asyncio

from greeting import meet

from reactorlite.internet import reactor


async def main() -> None:
    stopped = asyncio.Event()
    reactor.addSystemEventTrigger("after", "shutdown", stopped.set)
    meet()
    async with asyncio.timeout(10):
        await stopped.wait()
    print("asyncio goes on")


if __name__ == "__main__":
    asyncio.run(main())
