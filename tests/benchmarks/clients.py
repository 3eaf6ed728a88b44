"""One program that measures itself: `python -m tests.benchmarks.clients SIDE CASE`.

Prints 0 when it is ready. Each line of standard input, `COUNT WIDTH PORT`, is a round; it is
answered with the seconds of CPU time that the round took. Ends when standard input does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from tests.benchmarks.sides import SIDES


class Stopwatch:
    """The rounds that are asked for, and the CPU time each takes."""

    begun = 0.0

    def rounds(self) -> Iterator[list[int]]:
        """Yield count, width and port of each round; waits with the loop standing still."""
        for line in sys.stdin:
            self.begun = time.process_time()
            yield [int(word) for word in line.split()]

    def done(self) -> None:
        """Answer with the time since the round was asked for."""
        print(time.process_time() - self.begun, flush=True)


def main(name: str, case: str) -> None:
    """Play rounds until standard input ends."""
    side, watch = SIDES[name], Stopwatch()
    print(0, flush=True)
    side.program.attend(side, case, watch.rounds, watch.done)


if __name__ == "__main__":
    main(*sys.argv[1:])
