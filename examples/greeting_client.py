"""The greeting's client: it says "hello" to the server, and prints what it is told.

    python examples/greeting_client.py [PORT [HOST]]

Start `greeting_server.py` first. PORT is 9001 and HOST is 127.0.0.1 unless given. The client
ends when its connection does, or by Ctrl-C.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.interfaces import IConnector
from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.python.failure import Failure


class Sender(Protocol):
    def connectionMade(self) -> None:
        self.send_command()

    def send_command(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        print("DATA", data.decode())


class BasicClientFactory(ClientFactory[Sender]):
    def __init__(self, protocol: type[Sender]) -> None:
        self.protocol = protocol

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        print(f"Could not connect: {reason.getErrorMessage()}")
        stop()

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        print(f"Lost connection: {reason.getErrorMessage()}")
        stop()


def stop() -> None:
    # After Ctrl-C connections are lost because the reactor stops.
    if reactor.running:
        reactor.stop()


def main(port: str = "9001", host: str = "127.0.0.1") -> None:
    reactor.connectTCP(host, int(port), BasicClientFactory(Sender))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
