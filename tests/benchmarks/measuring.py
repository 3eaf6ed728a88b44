"""How a figure is taken: one class for each way, with the same three methods.

`run(count)` returns a `Sample` of `count` operations. What is started stays up from round to
round, so that starting it is measured by nothing but the import cases.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks.load import Load, connection
from tests.benchmarks.sides import Side


class Sample(NamedTuple):
    """What one operation of a round cost: the figure compared, the load's CPU, elapsed time."""

    cost: float
    load: float | None = None
    elapsed: float | None = None


class Child:
    """A process that prints a number when it is ready, and then one for each line it gets."""

    def __init__(self, module: str, *args: str) -> None:
        command = [sys.executable, "-E", "-m", f"tests.benchmarks.{module}", *args]
        self.process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.started = int(self.read())

    def read(self) -> str:
        """Wait for the next line; ChildProcessError if the process ended instead."""
        if not (line := self.process.stdout.readline()):
            raise ChildProcessError(f"{self.process.args[-2:]} ended early")
        return line

    def ask(self, question: str) -> float:
        """Put a line in, take a number out."""
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.communicate()


class Serving:
    """The CPU time of a server, under a load from this process."""

    def __init__(self, side: Side, case: str, load: type[Load]) -> None:
        self.child = Child("servers", side.name, case)
        self.load = load(self.child.started)

    def run(self, count: int) -> Sample:
        """Have the server do `count` operations; seconds for each."""
        server, load, clock = self.child.ask("cpu"), time.process_time(), time.perf_counter()
        self.load.run(count)
        elapsed, load = time.perf_counter() - clock, time.process_time() - load
        server = self.child.ask("cpu") - server
        return Sample(server / count, load / count, elapsed / count)

    def close(self) -> None:
        """End the connections and the server."""
        self.load.close()
        self.child.close()


class Idling:
    """The memory that connections cost a server which has nothing to do with them."""

    def __init__(self, side: Side) -> None:
        self.side = side

    def run(self, count: int) -> Sample:
        """Open `count` connections to a new server; bytes for each."""
        child = Child("servers", self.side.name, "echo")
        # The first thousand fill the memory that start-up has used and given back.
        sockets = self.opened(child.started, 1000)
        before = child.ask("memory")
        sockets += self.opened(child.started, count)
        cost = (child.ask("memory") - before) / count
        for sock in sockets:
            sock.close()
        child.close()
        return Sample(cost)

    def opened(self, port: int, count: int) -> list[socket.socket]:
        """Open connections, and see to it that the server has accepted all of them."""
        sockets = []
        for number in range(1, count + 1):
            sockets.append(connection(port))
            # Accepted in order: once one is answered, all before it are there. Asked often
            # enough for the backlog; where that overflows, connecting takes a second.
            if not number % 50:
                sockets[-1].send(b"?")
                sockets[-1].recv(1)
        return sockets

    def close(self) -> None:
        """Nothing is left over from a round."""


class Attending:
    """The CPU time of a program that measures itself, with a floor server as its peer."""

    def __init__(self, side: Side, case: str, width: int, peer: Side | None = None) -> None:
        self.peer = Child("servers", peer.name, "close") if peer else None
        self.child = Child("clients", side.name, case)
        self.width = width

    def run(self, count: int) -> Sample:
        """Have the program do `count` operations; seconds for each."""
        port = self.peer.started if self.peer else 0
        clock = time.perf_counter()
        cost = self.child.ask(f"{count} {self.width} {port}")
        return Sample(cost / count, None, (time.perf_counter() - clock) / count)

    def close(self) -> None:
        """End the program and its peer."""
        self.child.close()
        if self.peer:
            self.peer.close()


IMPORT = """
import time
from tests.benchmarks.memory import resident
memory, begun = resident(), time.process_time()
import {module}
print(time.process_time() - begun, resident() - memory)
"""


class Importing:
    """What the first import in a new interpreter costs: CPU time, or memory."""

    def __init__(self, module: str, figure: int) -> None:
        self.command = [sys.executable, "-E", "-c", IMPORT.format(module=module)]
        self.figure = figure
        # Once in advance, so that all byte code is stored and every file is in memory.
        self.run(1)

    def run(self, count: int) -> Sample:
        """Import in `count` new interpreters; seconds, or bytes, for each."""
        total = 0.0
        for _ in range(count):
            answer = subprocess.run(self.command, check=True, text=True, stdout=subprocess.PIPE)
            total += float(answer.stdout.split()[self.figure])
        return Sample(total / count)

    def close(self) -> None:
        """Nothing is left over from a round."""


Measure = Callable[[Side], Serving | Idling | Attending | Importing]
