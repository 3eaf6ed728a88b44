"""One server in a process of its own: `python -m tests.benchmarks.servers SIDE CASE`.

Prints its port, then answers each line on standard input with a number: `cpu` with the seconds
of CPU time that this process has used, user and system together, `memory` with the bytes it has
resident. Ends when standard input does.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time

from tests.benchmarks.memory import resident
from tests.benchmarks.sides import SIDES


def allow_descriptors() -> None:
    """Let this process have the descriptors that 5,000 connections need."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))


QUESTIONS = {"cpu": time.process_time, "memory": resident}


def answer() -> None:
    """Answer the lines of standard input, then end the process."""
    # A thread that waits in read() costs the loop nothing, and every side can have one.
    for line in sys.stdin:
        print(QUESTIONS[line.strip()](), flush=True)
    os._exit(0)


def main(name: str, case: str) -> None:
    """Serve until standard input ends."""
    side = SIDES[name]
    allow_descriptors()
    threading.Thread(target=answer, daemon=True).start()
    side.program.serve(side, case, lambda port: print(port, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
