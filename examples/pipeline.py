"""A pipeline of processes: what one prints another reads, at the pace of the slower.

    python examples/pipeline.py [COMMAND [COMMAND ...]]

Each COMMAND is one argument, and its first word a program; without any it is as if the shell
ran `seq 200000 | grep 7 | wc -l`. What the last one prints is shown, and how each has ended.
"""

import shlex
import sys

from reactorlite.internet import reactor
from reactorlite.internet.error import ProcessDone
from reactorlite.internet.protocol import ProcessProtocol
from reactorlite.python.failure import Failure


class Stage(ProcessProtocol):
    """One process; its output goes to the next stage, or to be printed."""

    running = 0

    def __init__(self, command: str, after: "Stage | None") -> None:
        self.words = shlex.split(command)
        self.after = after
        Stage.running += 1

    def connectionMade(self) -> None:
        if self.after is not None:
            # Pauses this process's output when the next one doesn't keep up.
            self.after.transport.registerProducer(self.transport, True)

    def outReceived(self, data: bytes) -> None:
        if self.after is not None:
            self.after.transport.write(data)
        else:
            print(data.decode(), end="")

    def errReceived(self, data: bytes) -> None:
        print(f"{self.words[0]} complains: {data.decode()}", end="")

    def outConnectionLost(self) -> None:
        if self.after is not None:
            self.after.transport.unregisterProducer()
            self.after.transport.closeStdin()

    def processEnded(self, reason: Failure) -> None:
        told = "done" if reason.check(ProcessDone) else reason.getErrorMessage()
        print(f"{self.words[0]}: {told}")
        Stage.running -= 1
        if not Stage.running:
            reactor.stop()


def main(commands: list[str]) -> None:
    stage = None
    for command in reversed(commands):
        stage = Stage(command, stage)
        reactor.spawnProcess(stage, stage.words[0], stage.words, env=None)
    # The first one has nothing to read.
    stage.transport.closeStdin()
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:] or ["seq 200000", "grep 7", "wc -l"])
