"""Factories from Twisted itself, in a program that was not started as one that needs Twisted."""

from __future__ import annotations

import sys
from functools import cache
from logging import WARNING
from typing import Any

from reactorlite.python import log


def look_at(factory: Any) -> None:
    """Log, once in a process, that `factory` will ask Twisted's own reactor, which nothing runs.

    Such a program half works: bytes come and go, and time-outs, threads and look-ups that
    Twisted's modules ask of their reactor never happen.
    """
    theirs = sys.modules.get("twisted.internet.reactor")
    if theirs is None or theirs is sys.modules.get("reactorlite.internet.reactor"):
        return
    protocol = sys.modules.get("twisted.internet.protocol")
    if isinstance(factory, getattr(protocol, "Factory", ())) and not getattr(
        theirs, "running", True
    ):
        _tell()


@cache
def _tell() -> None:
    log.msg(
        "a factory from Twisted is served, and Twisted's own reactor is imported, which nothing"
        " runs: what Twisted's modules ask of it, such as time-outs, never happens. Call"
        " reactorlite.install_as_twisted() before the first import of Twisted, or start the"
        " program with `python -m reactorlite run`",
        logLevel=WARNING,
    )
