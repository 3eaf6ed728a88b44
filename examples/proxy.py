"""A TCP proxy that never holds more than a little, however fast one side sends.

    python examples/proxy.py LISTEN_PORT TARGET_HOST TARGET_PORT

With 0 for LISTEN_PORT a free one is chosen. Each connection is a producer for its other side:
when that can't send as fast as it is written to, it has the producer pause, which receives
nothing more until all is sent. So the fast side is slowed down by TCP itself, and the proxy
needs no memory for the difference. What is on its way still arrives when a side ends, and a
side that has sent all may wait for the answer. Ctrl-C ends the proxy.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.interfaces import IConnector, IHalfCloseableProtocol
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure


@implementer(IHalfCloseableProtocol)
class Side(Protocol):
    """One of two connections: what it receives, the other side sends."""

    other: "Side | None" = None
    ended = False  # nothing more is to be received

    def join(self, other: "Side") -> None:
        self.other, other.other = other, self
        self.transport.registerProducer(other.transport, True)
        other.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def readConnectionLost(self) -> None:
        self.ended = True
        other = self.other
        if other is not None:
            other.transport.unregisterProducer()
            other.transport.loseWriteConnection()
            if other.ended:
                other.transport.loseConnection()
                self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass  # this side has all that it will get, and may still answer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            # A transport closes only when nobody is registered to give it more.
            other.transport.unregisterProducer()
            other.transport.loseConnection()


class Incoming(Side):
    """A client's connection, which waits until there is one to the target."""

    factory: "Proxy"

    def connectionMade(self) -> None:
        self.transport.pauseProducing()
        reactor.connectTCP(self.factory.host, self.factory.port, Target(self))


class Outgoing(Side):
    """The connection to the target, for one client."""

    factory: "Target"

    def connectionMade(self) -> None:
        self.join(self.factory.incoming)
        self.factory.incoming.transport.resumeProducing()


class Target(ClientFactory[Outgoing]):
    protocol = Outgoing
    noisy = False

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        print(f"no connection to the target: {reason.getErrorMessage()}")
        self.incoming.transport.loseConnection()


class Proxy(Factory[Incoming]):
    protocol = Incoming

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port


def main(listen_port: str, host: str, port: str) -> None:
    listening = reactor.listenTCP(int(listen_port), Proxy(host, int(port)))
    print("listening on port", listening.getHost().port)
    reactor.run()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python proxy.py LISTEN_PORT TARGET_HOST TARGET_PORT")
    main(*sys.argv[1:])
