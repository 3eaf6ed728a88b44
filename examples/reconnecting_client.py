"""A client that comes back: it connects again, however often its server goes.

    python examples/reconnecting_client.py [PORT [HOST]]

PORT is 9001 and HOST is 127.0.0.1 unless given: start `greeting_server.py`, end it, start it
again. The waits between attempts grow, up to `maxDelay`, until a connection has proved good.
Ctrl-C ends the client.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.interfaces import IConnector
from reactorlite.internet.protocol import Protocol, ReconnectingClientFactory
from reactorlite.python.failure import Failure


class Listener(Protocol):
    factory: "Persistent"

    def connectionMade(self) -> None:
        print("connected")

    def dataReceived(self, data: bytes) -> None:
        print("received", data.decode())
        # Not in connectionMade: a server may well accept and then fail, for ever.
        self.factory.resetDelay()


class Persistent(ReconnectingClientFactory[Listener]):
    protocol = Listener
    initialDelay = delay = 0.1  # seconds
    maxDelay = 10

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        print("not connected:", reason.getErrorMessage())
        super().clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        print("lost:", reason.getErrorMessage())
        super().clientConnectionLost(connector, reason)


def main(port: str = "9001", host: str = "127.0.0.1") -> None:
    reactor.connectTCP(host, int(port), Persistent())
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
