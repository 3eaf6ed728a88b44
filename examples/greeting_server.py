"""The greeting's server: it says "Hello" to whoever connects, and prints what it is told.

    python examples/greeting_server.py [PORT]

PORT is 9001 unless given; with 0 a free one is chosen and printed. Ctrl-C ends the server.
`greeting_client.py` is its counterpart, for another terminal.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory, Protocol, connectionDone
from reactorlite.python.failure import Failure


class SimpleProtocol(Protocol):
    def connectionMade(self) -> None:
        print("success from ", self.transport.client)
        self.transport.write(b"Hello")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        print(self.transport.client, "disconnected")
        print(reason)

    def dataReceived(self, data: bytes) -> None:
        print(data.decode())


def main(number: int = 9001) -> None:
    factory: Factory[SimpleProtocol] = Factory()
    factory.protocol = SimpleProtocol
    port = reactor.listenTCP(number, factory)
    if number == 0:
        print("listening on port", port.getHost().port)
    reactor.run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
