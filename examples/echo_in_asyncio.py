"""The echo server of `echo.py` as a guest: its protocol in somebody's `asyncio.run`.

    python examples/echo_in_asyncio.py [PORT]

PORT is 8007 unless given; with 0 a free one is chosen. There is no `reactor.run()`: the loop
that runs already is the reactor's. When it ends, by Ctrl-C here, port and connections close.
"""

import asyncio
import contextlib
import sys

from echo import Echo

from reactorlite.internet import protocol, reactor


async def main(number: int = 8007) -> None:
    port = reactor.listenTCP(number, protocol.Factory.forProtocol(Echo))
    print("listening on port", port.getHost().port)
    await asyncio.Event().wait()  # whatever else the application does


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*map(int, sys.argv[1:])))
