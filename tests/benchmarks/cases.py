"""What is measured, on which sides, and the bounds that the figures must keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import load
from tests.benchmarks.measuring import Attending, Idling, Importing, Measure, Serving
from tests.benchmarks.sides import SIDES, Side

SERVERS = tuple(name for name, side in SIDES.items() if side.written_for != "web")
WEB = tuple(name for name, side in SIDES.items() if side.written_for == "web")
PROGRAMS = ("raw", "twisted", "reactorlite", "raw-uvloop", "reactorlite-uvloop")
REACTORS = ("raw", "twisted", "reactorlite")


@dataclass(frozen=True)
class Bound:
    """`side` may cost at most `limit` times what `other` does, or `limit` more."""

    side: str
    other: str
    limit: float
    more: bool = False


@dataclass(frozen=True)
class Case:
    """One table. `count` operations are a round; figures are shown times `scale`, in `unit`.

    With each of the `sittings` all processes are new: how one lies in memory can move its
    figures by a tenth for as long as it lives.
    """

    name: str
    title: str
    measure: Measure
    count: int
    bounds: tuple[Bound, ...]
    sides: tuple[str, ...] = SERVERS
    unit: str = "µs"
    scale: float = 1e6
    step: int = 1
    sittings: int = 5


def server(case: str, kind: type[load.Load]) -> Measure:
    """Measure a server's CPU time under a load."""
    return lambda side: Serving(side, case, kind)


def program(case: str, width: int, peer: Side | None = None) -> Measure:
    """Measure the CPU time of a program that does `width` things at once."""
    return lambda side: Attending(side, case, width, peer)


def imports(figure: int) -> Callable[[Side], Importing]:
    """Measure what importing a side's reactor costs; `asyncio` itself for the raw side."""

    def measure(side: Side) -> Importing:
        reactor = side.written_for == "twisted"
        return Importing(f"{side.package}.internet.reactor" if reactor else side.package, figure)

    return measure


OURS, UV = "reactorlite", "reactorlite-uvloop"

CASES = (
    Case(
        "echo-1",
        "64 bytes there and back, 1 connection",
        server("echo", load.Ask),
        6000,
        (Bound(UV, "raw-uvloop", 1.25),),
    ),
    Case(
        "echo-100",
        "64 bytes there and back, 100 connections ready at once",
        server("echo", load.Ask100),
        12000,
        (
            Bound(OURS, "raw-64k", 1.15),
            Bound(OURS, "twisted", 0.52),
            Bound(UV, "raw-uvloop", 1.25),
        ),
        step=100,
    ),
    Case(
        "tls-echo",
        "64 bytes there and back in TLS, 10 connections",
        server("secure-echo", load.AskSecurely),
        6000,
        (
            Bound(OURS, "raw", 1.15),
            Bound(OURS, "twisted", 0.6),
            Bound(UV, "raw-uvloop", 1.25),
        ),
        PROGRAMS,
        step=10,
    ),
    Case(
        "bursts",
        "one request answered with 20 writes of 32 bytes, 10 connections",
        server("bursts", load.AskBursts),
        2000,
        (Bound(OURS, "twisted", 0.5), Bound(UV, "raw-uvloop", 0.25)),
        step=10,
    ),
    Case(
        "chunks",
        "64 KiB in, one byte back, then the next",
        server("chunks", load.SendChunks),
        4096,
        (Bound(OURS, "raw-64k", 1.15), Bound(UV, "raw-uvloop", 1.15)),
    ),
    Case(
        "bulk",
        "64 KiB in, of a stream that comes as fast as it is taken",
        server("bulk", load.SendBulk),
        8192,
        (Bound(OURS, "raw-64k", 1.15), Bound(UV, "raw-uvloop", 1.15)),
        step=256,
    ),
    Case(
        "stream",
        "64 KiB out, of a stream of 64 MiB that keeps to the reader's pace",
        server("stream", load.ReadStream),
        4096,
        (Bound(OURS, "raw-64k", 1.08), Bound(UV, "raw-uvloop", 1.15)),
        step=1024,
    ),
    Case(
        "close",
        "connection accepted, one request answered, closed by the server",
        server("close", load.ConnectAskClose),
        1000,
        (Bound(OURS, "raw", 1.2), Bound(UV, "raw-uvloop", 1.3)),
        step=20,
    ),
    Case(
        "web",
        "a small page by twisted.web, 10 connections that are kept",
        server("web", load.GetPage),
        3000,
        (Bound("hosted-web", "twisted-web", 1.11), Bound("hosted-web-uvloop", "twisted-web", 1.0)),
        WEB,
        step=10,
    ),
    Case(
        "connect",
        "connection made by the client, one request, closed by the server",
        program("connect", 20, SIDES["epoll"]),
        1000,
        (Bound(OURS, "twisted", 1.05),),
        PROGRAMS,
        step=20,
    ),
    Case(
        "datagrams",
        "64 bytes in a datagram there and back, 10 peers",
        server("datagrams", load.AskInDatagrams),
        6000,
        (
            Bound(OURS, "raw-64k", 1.2),
            Bound(UV, "raw-uvloop", 1.2),
            Bound(UV, "twisted", 0.8),
        ),
        step=10,
        sittings=9,  # the system's part is most of it, and what is compared a hundredth
    ),
    Case(
        "idle",
        "memory of one of 5,000 idle connections",
        Idling,
        5000,
        (Bound(OURS, "raw", 1.3),),
        unit="KiB",
        scale=1 / 1024,
        step=5000,
        sittings=1,
    ),
    Case(
        "cancel",
        "callLater and cancel, 100 in a turn",
        program("cancel", 100),
        20000,
        (Bound(OURS, "twisted", 1.1),),
        PROGRAMS,
        step=100,
    ),
    Case(
        "due",
        "one of 1,000 timers that are due at once, set and fired",
        program("due", 1000),
        30000,
        (Bound(OURS, "twisted", 1.1),),
        PROGRAMS,
        step=1000,
    ),
    Case(
        "spawn",
        "process started, its line read and its exit seen, 4 at once",
        program("spawn", 4),
        200,
        (Bound(OURS, "twisted", 1.0), Bound(UV, "twisted", 1.0)),
        PROGRAMS,
        step=4,
    ),
    Case(
        "import",
        "import of the reactor, or of asyncio (raw)",
        imports(0),
        3,
        (Bound(OURS, "raw", 1.25),),
        REACTORS,
        unit="ms",
        scale=1e3,
    ),
    Case(
        "import-memory",
        "memory that the same import takes",
        imports(1),
        1,
        (Bound(OURS, "raw", 3, more=True),),
        REACTORS,
        unit="MiB",
        scale=2**-20,
    ),
)
