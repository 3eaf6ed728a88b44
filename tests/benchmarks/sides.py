"""The sides that are compared, and the sizes that all of them use."""

from __future__ import annotations

import importlib
import importlib.util
import select
from dataclasses import dataclass
from types import ModuleType

HOST = "127.0.0.1"
BACKLOG = 128

PRINTING = ["/bin/echo", "hello"]
REQUEST = b"r" * 64
PIECES = [b"%031d\n" % number for number in range(20)]
CHUNK = b"c" * 65536
PAGE = b"<html>" + b"p" * 200 + b"</html>"
CHUNKS_IN_BULK = 256  # 16 MiB for one byte back
CHUNKS_IN_STREAM = 1024  # 64 MiB for one request


@dataclass(frozen=True)
class Side:
    """One way of running a program: what it is written for, and the loop under it."""

    name: str
    written_for: str
    package: str = "asyncio"
    uvloop: bool = False
    receive: int | None = None

    @property
    def program(self) -> ModuleType:
        """The module with the servers and clients that this side runs."""
        return importlib.import_module(f"tests.benchmarks.on_{self.written_for}")

    def lacks(self) -> str | None:
        """Name what is not installed here and keeps this side from running."""
        if self.written_for == "epoll" and not hasattr(select, "epoll"):
            return "select.epoll"
        needed = ["uvloop"] if self.uvloop else []
        if self.written_for == "twisted":
            needed += [self.package, f"{self.package}.internet.reactor"]
        if self.written_for == "web":
            needed += ["twisted", "twisted.web.server"]
        return next((name for name in needed if importlib.util.find_spec(name) is None), None)


SIDES = {
    side.name: side
    for side in (
        Side("epoll", "epoll"),
        Side("raw", "asyncio"),
        Side("raw-64k", "asyncio", receive=65536),
        Side("twisted", "twisted", "twisted"),
        Side("reactorlite", "twisted", "reactorlite"),
        Side("raw-uvloop", "asyncio", uvloop=True),
        Side("reactorlite-uvloop", "twisted", "reactorlite", uvloop=True),
        Side("twisted-web", "web", "twisted"),
        Side("hosted-web", "web", "reactorlite"),
        Side("hosted-web-uvloop", "web", "reactorlite", uvloop=True),
    )
}
