"""A chat: several clients in one room, each with a name, and everybody reads what one says.

    python examples/chat.py [PORT]
    nc 127.0.0.1 8010

PORT is 8010 unless given; with 0 a free one is chosen. A client's first line is its name.
What the connections share, the room, is in their factory. Ctrl-C ends the server.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory, Protocol, connectionDone
from reactorlite.python.failure import Failure

MAX_LINE = 1024


class Chatter(Protocol):
    """One client. Bytes come in pieces of any size, so that lines have to be put together."""

    factory: "Room"
    name = ""
    unfinished = b""

    def connectionMade(self) -> None:
        self.say("Your name?")

    def dataReceived(self, data: bytes) -> None:
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        for line in lines:
            self.lineReceived(line.decode(errors="replace").strip())
        if len(self.unfinished) > MAX_LINE:
            self.transport.abortConnection()

    def lineReceived(self, line: str) -> None:
        if self.name:
            self.factory.tell(f"{self.name}: {line}", but=self)
        elif not line or line in self.factory.chatters:
            self.say("That one is taken. Your name?")
        else:
            self.enter(line)

    def enter(self, name: str) -> None:
        self.say(f"Hello {name}, here are: {', '.join(self.factory.chatters) or 'none so far'}")
        self.name = name
        self.factory.chatters[name] = self
        self.factory.tell(f"* {name} comes", but=self)

    def say(self, line: str) -> None:
        self.transport.write(line.encode() + b"\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.name:
            del self.factory.chatters[self.name]
            self.factory.tell(f"* {self.name} goes")


class Room(Factory[Chatter]):
    protocol = Chatter

    def __init__(self) -> None:
        self.chatters: dict[str, Chatter] = {}

    def tell(self, line: str, but: Chatter | None = None) -> None:
        for chatter in self.chatters.values():
            if chatter is not but:
                chatter.say(line)


def main(number: int = 8010) -> None:
    port = reactor.listenTCP(number, Room())
    print("listening on port", port.getHost().port)
    reactor.run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
