"""Forward a port: what comes in on it goes to another host, and back.

`reactor.listenTCP(8080, ProxyFactory("example.com", 80))` is all there is to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet._current import current_reactor
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.python import log

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

__all__ = ["Proxy", "ProxyClient", "ProxyClientFactory", "ProxyFactory", "ProxyServer"]


class Proxy(Protocol):
    """One of two connections that are forwarded to each other; `peer` is the other one."""

    noisy: bool = True
    peer: Proxy | None = None

    def setPeer(self, peer: Proxy | None) -> None:
        """Forward to `peer`."""
        self.peer = peer

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Close the other connection, once it has sent what was forwarded."""
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.transport.loseConnection()
        elif self.noisy:
            log.msg(f"No connection to close with {self!r}")

    def dataReceived(self, data: bytes) -> None:
        """Forward `data`."""
        if self.peer is not None:
            self.peer.transport.write(data)


class ProxyClient(Proxy):
    """The connection going out."""

    def connectionMade(self) -> None:
        """Have each side wait for the other, and let the one that came in begin."""
        assert self.peer is not None
        self.peer.setPeer(self)
        # Who reads no faster than the other side sends holds no more than a buffer.
        self.transport.registerProducer(self.peer.transport, True)
        self.peer.transport.registerProducer(self.transport, True)
        self.peer.transport.resumeProducing()


class ProxyClientFactory(ClientFactory[Any]):
    """Makes the one protocol that goes with a connection that came in."""

    protocol = ProxyClient

    def setServer(self, server: ProxyServer) -> None:
        """Say which connection came in."""
        self.server = server

    def buildProtocol(self, addr: interfaces.IAddress | None) -> Any:
        """Return the protocol, its peer set."""
        protocol: Any = super().buildProtocol(addr)
        protocol.setPeer(self.server)
        return protocol

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Close the connection that came in."""
        self.server.transport.loseConnection()


class ProxyServer(Proxy):
    """A connection that came in. `reactor` is what connects; the current one where None."""

    clientProtocolFactory = ProxyClientFactory
    reactor: Any = None

    def connectionMade(self) -> None:
        """Receive nothing yet, and connect to the factory's `host` and `port`."""
        self.transport.pauseProducing()
        client = self.clientProtocolFactory()
        client.setServer(self)
        reactor = current_reactor() if self.reactor is None else self.reactor
        reactor.connectTCP(self.factory.host, self.factory.port, client)


class ProxyFactory(Factory[Any]):
    """Forwards the connections that come in to `port` of `host`."""

    protocol = ProxyServer

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
