"""The greeting in one program: server and client meet, greet each other, and it is over.

    python examples/greeting.py

The two are those of `greeting_server.py` and `greeting_client.py`. The server only hangs up
once it has been greeted, so that the client's factory stops the reactor.
"""

from greeting_client import BasicClientFactory, Sender
from greeting_server import SimpleProtocol

from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory


class GreetedOnce(SimpleProtocol):
    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.loseConnection()


def meet() -> None:
    """Let a server and a client of this reactor's greet each other, on any free port."""
    port = reactor.listenTCP(0, Factory.forProtocol(GreetedOnce), interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", port.getHost().port, BasicClientFactory(Sender))


if __name__ == "__main__":
    meet()
    reactor.run()
