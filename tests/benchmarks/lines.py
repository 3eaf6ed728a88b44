"""What receiving lines and strings costs, beside Twisted's receivers.

`python -m tests.benchmarks.lines` prints one line per case: microseconds of processor time for
each line or string, for each side, and ours divided by theirs. The receivers are fed from
memory; the last case is a server in a process of its own, which echoes lines to 20 connections
that send 100 at a time, and of which the kernel's part is counted too.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import platform
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from tests.benchmarks.deferreds import Timer, medians
from tests.benchmarks.load import connection
from tests.benchmarks.measuring import Child
from tests.benchmarks.sides import BACKLOG, HOST

ROUNDS = 41
LINES = 1000
LINE = b"a line of sixty-four bytes, such as a simple protocol would send"
CONNECTIONS = 20
TOGETHER = 100


class Case(NamedTuple):
    """A receiver, what it is fed, how many lines or strings that is, and the bound."""

    name: str
    make: Callable[[Any], Any]
    pieces: list[bytes]
    count: int
    target: float


class Connected:
    """A transport that is there and does nothing."""

    disconnecting = False


def receiver(base: str, hook: str) -> Callable[[Any], Any]:
    """Make a receiver of the kind `base`, connected, that takes what comes and forgets it."""

    def make(basic: Any) -> Any:
        body = {hook: lambda self, received: None, "noisy": False}
        made = type("Receiver", (getattr(basic, base),), body)()
        made.makeConnection(Connected())
        return made

    return make


def alternating(basic: Any) -> Any:
    """Make a receiver of lines that announce raw data, of the length they say."""

    class Receiver(basic.LineReceiver):  # type: ignore[misc,name-defined]  # either side's
        left = 0

        def lineReceived(self, line: bytes) -> None:
            self.left = int(line)
            self.setRawMode()

        def rawDataReceived(self, data: bytes) -> None:
            self.left, left = max(0, self.left - len(data)), self.left
            if not self.left:
                self.setLineMode(data[left:])

    made = Receiver()
    made.makeConnection(Connected())
    return made


def cut(data: bytes, size: int) -> list[bytes]:
    """Cut data into pieces."""
    return [data[start : start + size] for start in range(0, len(data), size)]


TEXT = (LINE + b"\r\n") * LINES
INT32 = (len(LINE).to_bytes(4, "big") + LINE) * LINES
NETSTRINGS = (b"%d:%b," % (len(LINE), LINE)) * LINES
ANNOUNCED = b"64\r\n" + LINE

LINE_RECEIVER = receiver("LineReceiver", "lineReceived")
LINE_ONLY = receiver("LineOnlyReceiver", "lineReceived")

CASES = (
    Case("LineReceiver, whole", LINE_RECEIVER, [TEXT * 4], LINES * 4, 0.25),
    Case("LineReceiver, 1,000 bytes", LINE_RECEIVER, cut(TEXT, 1000), LINES, 0.5),
    Case("LineReceiver, 1 line a read", LINE_RECEIVER, [LINE + b"\r\n"] * LINES, LINES, 1.6),
    Case("LineReceiver, lines and raw", alternating, cut(ANNOUNCED * LINES, 65536), LINES, 3.5),
    Case("LineOnlyReceiver, 1,000 bytes", LINE_ONLY, cut(TEXT, 1000), LINES, 1.3),
    Case(
        "Int32StringReceiver, 1,000 bytes",
        receiver("Int32StringReceiver", "stringReceived"),
        cut(INT32, 1000),
        LINES,
        1.4,
    ),
    Case(
        "NetstringReceiver, 1,000 bytes",
        receiver("NetstringReceiver", "stringReceived"),
        cut(NETSTRINGS, 1000),
        LINES,
        1.0,
    ),
)

ECHO = "lines echoed over sockets"
TARGETS = {case.name: {"twisted": case.target} for case in CASES} | {ECHO: {"twisted": 0.4}}


def sides() -> list[str]:
    """The packages that are compared: ours, and Twisted where it is installed."""
    return [name for name in ("reactorlite", "twisted") if importlib.util.find_spec(name)]


def feeding(case: Case, package: str) -> Timer:
    """Time the feeding of one side's receiver."""
    feed = case.make(importlib.import_module(f"{package}.protocols.basic")).dataReceived

    def measure(count: int) -> float:
        begun = time.process_time()
        for _ in range(count):
            for piece in case.pieces:
                feed(piece)
        return time.process_time() - begun

    return measure


def rows(rounds: int = ROUNDS) -> list[tuple[str, dict[str, float]]]:
    """Every case with its seconds for each line or string, by side."""
    measured = []
    gc.collect()
    gc.freeze()
    for case in CASES:
        timers = {package: feeding(case, package) for package in sides()}
        taken = medians(timers, 2, rounds)
        measured.append((case.name, {name: s / case.count for name, s in taken.items()}))
    measured.append((ECHO, echoed(rounds)))
    return measured


# ── over sockets ─────────────────────────────────────────────────────────────────────────


def serve(package: str) -> None:
    """Echo lines for ever; answer each line of standard input with the CPU time used so far."""
    importlib.import_module(f"{package}.internet.reactor")
    reactor = importlib.import_module(f"{package}.internet").reactor
    basic = importlib.import_module(f"{package}.protocols.basic")
    protocol = importlib.import_module(f"{package}.internet.protocol")

    class Echo(basic.LineReceiver):  # type: ignore[misc,name-defined]  # either side's
        def lineReceived(self, line: bytes) -> None:
            self.sendLine(line)

    def answer() -> None:
        for _ in sys.stdin:
            print(time.process_time(), flush=True)
        os._exit(0)

    factory = protocol.Factory.forProtocol(Echo)
    factory.noisy = False
    port = reactor.listenTCP(0, factory, backlog=BACKLOG, interface=HOST)
    threading.Thread(target=answer, daemon=True).start()
    print(port.getHost().port, flush=True)
    reactor.run()


@contextmanager
def server(package: str) -> Iterator[Timer]:
    """Start a server, and time what it spends on bursts of lines."""
    child = Child("lines", package)
    sockets = [connection(child.started) for _ in range(CONNECTIONS)]
    burst = TEXT[: len(TEXT) // LINES * TOGETHER]
    buffer = bytearray(len(burst))

    def measure(count: int) -> float:
        begun = child.ask("cpu")
        for _ in range(count):
            for sock in sockets:
                sock.sendall(burst)
            for sock in sockets:
                if sock.recv_into(buffer, 0, socket.MSG_WAITALL) != len(burst):
                    raise EOFError("the server closed the connection")
        return child.ask("cpu") - begun

    yield measure
    for sock in sockets:
        sock.close()
    child.close()


def echoed(rounds: int) -> dict[str, float]:
    """Seconds of a server's CPU time for each line, by side; medians over new processes."""
    taken: dict[str, list[float]] = {package: [] for package in sides()}
    for _ in range(3):
        with ExitStack() as stack:
            timers = {package: stack.enter_context(server(package)) for package in sides()}
            for package, seconds in medians(timers, 5, max(1, rounds // 3)).items():
                taken[package].append(seconds / CONNECTIONS / TOGETHER)
    return {package: statistics.median(seconds) for package, seconds in taken.items()}


def line(name: str, times: dict[str, float]) -> str:
    """One case as text."""
    ours = times["reactorlite"]
    text = f"{name:34}{ours * 1e6:9.3f}"
    for other, limit in TARGETS[name].items():
        if other in times:
            text += f"{times[other] * 1e6:10.3f}{ours / times[other]:8.2f} (<= {limit})"
    return text


def main() -> None:
    """Print the table."""
    print(f"{platform.python_implementation()} {platform.python_version()}, microseconds a line")
    print(f"{'':34}{'ours':>9}{'twisted':>10}{'ratio':>8}")
    for name, times in rows():
        print(line(name, times), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1])
    else:
        main()
