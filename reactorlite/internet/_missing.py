"""What Twisted's reactors have and this one lacks so far, each with the way round."""

from __future__ import annotations

MISSING = {
    "beforeDaemonize": "call `os.fork` before anything of the reactor is used",
    "afterDaemonize": "call `os.fork` before anything of the reactor is used",
    "startRunning": "call `run()`, or `iterate()` again and again",
    "mainLoop": "call `run()`",
    "doIteration": "call `iterate()`",
    "runUntilCurrent": "call `iterate()`",
    "wakeUp": "use `callFromThread`, which wakes the loop",
    "addEvent": "use the proactor loop, asyncio's on Windows",
    "removeEvent": "use the proactor loop, asyncio's on Windows",
}
