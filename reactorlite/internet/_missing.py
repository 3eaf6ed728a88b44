"""What Twisted's reactors have and this one lacks so far, each with the way round."""

from __future__ import annotations

MISSING = {
    "adoptStreamPort": "give the socket to `loop.create_server(bridge.adapt(factory), sock=...)`",
    "adoptStreamConnection": "use `loop.connect_accepted_socket(bridge.adapt(factory), sock)`",
    "listenUNIX": "use `loop.create_unix_server(bridge.adapt(factory), path)`",
    "connectUNIX": "use `loop.create_unix_connection(bridge.adapt(factory), path)`",
    "beforeDaemonize": "call `os.fork` before anything of the reactor is used",
    "afterDaemonize": "call `os.fork` before anything of the reactor is used",
    "startRunning": "call `run()`, or `iterate()` again and again",
    "mainLoop": "call `run()`",
    "doIteration": "call `iterate()`",
    "addEvent": "use the proactor loop, asyncio's on Windows",
    "removeEvent": "use the proactor loop, asyncio's on Windows",
}
