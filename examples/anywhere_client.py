"""A client that has its words said again in capitals, by a server wherever it is.

    python examples/anywhere_client.py DESCRIPTION WORD ...

    python examples/anywhere_client.py tcp:127.0.0.1:8020 hello world
    python examples/anywhere_client.py unix:/tmp/capitals hello world
    python examples/anywhere_client.py tls:localhost:8021:trustRoots=certificates hello world

Start `anywhere_server.py` first. The client prints the answers, and ends with the last of them.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.endpoints import clientFromString, connectProtocol
from reactorlite.internet.task import react
from reactorlite.protocols.basic import LineReceiver


class Asking(LineReceiver):
    delimiter = b"\n"

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.answered: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        for word in self.words:
            self.sendLine(word.encode())

    def lineReceived(self, line: bytes) -> None:
        print(line.decode())
        self.words.pop()
        if not self.words:
            self.transport.loseConnection()
            self.answered.callback(None)


async def main(_: object, description: str, *words: str) -> None:
    endpoint = clientFromString(reactor, description)
    asking: Asking = await connectProtocol(endpoint, Asking(list(words)))
    await asking.answered


if __name__ == "__main__":
    react(main, sys.argv[1:])
