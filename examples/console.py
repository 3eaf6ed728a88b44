"""A console: lines typed on standard input are commands, answered on standard output.

    python examples/console.py

`add WHAT`, `list`, `done NUMBER`, `later SECONDS WORDS` and `quit` are the commands; the end of
the input, Ctrl-D on a terminal, quits too. The reactor goes on with other things meanwhile: what
is said `later` comes while the next line is awaited.
"""

from reactorlite.internet import reactor, stdio
from reactorlite.internet.protocol import connectionDone
from reactorlite.protocols.basic import LineReceiver
from reactorlite.python.failure import Failure


class Console(LineReceiver):
    delimiter = b"\n"

    def connectionMade(self) -> None:
        self.jobs: list[str] = []
        self.say("What is to be done?")

    def lineReceived(self, line: bytes) -> None:
        command, _, rest = line.decode(errors="replace").strip().partition(" ")
        answer = getattr(self, f"do_{command}", None)
        if answer is None:
            self.say(f"{command!r} is none of: add, list, done, later, quit")
            return
        try:
            answer(rest)
        except (ValueError, IndexError) as exc:
            self.say(f"no: {exc}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        reactor.stop()

    def say(self, text: str) -> None:
        self.sendLine(text.encode())

    def do_add(self, what: str) -> None:
        self.jobs.append(what)
        self.say(f"{len(self.jobs)}. {what}")

    def do_list(self, _: str) -> None:
        for number, what in enumerate(self.jobs, 1):
            self.say(f"{number}. {what}")

    def do_done(self, number: str) -> None:
        self.say(f"done: {self.jobs.pop(int(number) - 1)}")

    def do_later(self, rest: str) -> None:
        seconds, _, words = rest.partition(" ")
        reactor.callLater(float(seconds), self.say, words)

    def do_quit(self, _: str) -> None:
        self.say("Bye.")
        self.transport.loseConnection()


if __name__ == "__main__":
    stdio.StandardIO(Console())
    reactor.run()
