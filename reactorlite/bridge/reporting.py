"""What a program's own methods raise, when they are called from here: the log is told."""

from __future__ import annotations

import asyncio

from reactorlite.bridge.loops import raise_from_loop
from reactorlite.python import log
from reactorlite.python.failure import Failure


def report(failure: Failure, where: str) -> bool:
    """Log what an application's callback raised. What is to end the program does; then False."""
    if isinstance(failure.value, SystemExit | KeyboardInterrupt):
        asyncio.get_running_loop().call_soon(raise_from_loop, failure.value)
        return False
    log.err(failure, f"Unhandled error in {where}")
    return True


def log_raised(owner: object, method: str) -> None:
    """Log the `Exception` that is being handled, which a method of `owner`'s has raised."""
    log.err(Failure(), f"Unhandled error in {kind_of(owner)}.{method}")


def kind_of(thing: object) -> str:
    """What a log line calls a protocol, or a factory: its class."""
    return type(thing).__qualname__
