"""What all policies are made of: a protocol around a protocol, a factory around a factory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.python import components
from reactorlite.python.components import adapted

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure


def _log_prefix(outer: object, inner: Any) -> str:
    context = adapted("ILoggingContext", inner)
    name = type(inner).__name__ if context is None else context.logPrefix()
    return f"{name} ({type(outer).__name__})"


class ProtocolWrapper(Protocol):
    """Stands between a transport and a protocol, and passes on what each does to the other.

    Provides what its transport does. `disconnecting` is 1 once `loseConnection` was called.
    `factory` counts it among its `protocols` while it is connected. The reference to
    `wrappedProtocol` is dropped when the connection is lost.
    """

    disconnecting: int = 0

    def __init__(self, factory: Any, wrappedProtocol: Any) -> None:
        self.wrappedProtocol = wrappedProtocol
        self.factory = factory

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def logPrefix(self) -> str:
        """Return what log lines begin with: the inner protocol's, and this class's name."""
        return _log_prefix(self, self.wrappedProtocol)

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, then become the inner protocol's."""
        components.directlyProvides(self, components.backing().providedBy(transport))
        super().makeConnection(transport)
        self.factory.registerProtocol(self)
        self._connect_wrapped()

    def _connect_wrapped(self) -> None:
        self.wrappedProtocol.makeConnection(self)

    # -- as the inner protocol's transport

    def write(self, data: bytes) -> None:
        """Send `data`."""
        self.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send all of `data`."""
        self.transport.writeSequence(data)

    def loseConnection(self) -> None:
        """Close once everything written so far has been sent."""
        self.disconnecting = 1
        self.transport.loseConnection()

    def getPeer(self) -> Any:
        """The other side's address."""
        return self.transport.getPeer()

    def getHost(self) -> Any:
        """This side's address."""
        return self.transport.getHost()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill the transport."""
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let the transport forget its producer."""
        self.transport.unregisterProducer()

    def stopConsuming(self) -> None:
        """Let the transport stop, where it is something that consumes."""
        self.transport.stopConsuming()

    # -- as the transport's protocol

    def dataReceived(self, data: bytes) -> None:
        """Give `data` to the inner protocol."""
        self.wrappedProtocol.dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Leave the factory's `protocols`, then tell the inner protocol."""
        self.factory.unregisterProtocol(self)
        self.wrappedProtocol.connectionLost(reason)
        self.wrappedProtocol = None


WP = TypeVar("WP", bound=ProtocolWrapper)


class WrappingFactory(ClientFactory[WP]):
    """Puts a `protocol` of its own around each protocol that `wrappedFactory` makes.

    Serves as a factory of both kinds, and passes on what it is told. `protocols` has those
    that are connected. Where the inner factory makes no protocol, none is made.
    """

    protocol: Callable[..., WP] = ProtocolWrapper  # type: ignore[assignment]  # the usual WP

    def __init__(self, wrappedFactory: Any) -> None:
        self.wrappedFactory = wrappedFactory
        self.protocols: dict[WP, int] = {}

    def logPrefix(self) -> str:
        """Return what log lines begin with: the inner factory's, and this class's name."""
        return _log_prefix(self, self.wrappedFactory)

    def doStart(self) -> None:
        """Count one more user, here and for the inner factory."""
        self.wrappedFactory.doStart()
        super().doStart()

    def doStop(self) -> None:
        """Count one user less, here and for the inner factory."""
        self.wrappedFactory.doStop()
        super().doStop()

    def startedConnecting(self, connector: interfaces.IConnector) -> None:
        """Tell the inner factory."""
        self.wrappedFactory.startedConnecting(connector)

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Tell the inner factory."""
        self.wrappedFactory.clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Tell the inner factory."""
        self.wrappedFactory.clientConnectionLost(connector, reason)

    def buildProtocol(self, addr: interfaces.IAddress | None) -> WP | None:
        """Return `protocol(self, inner)`; None if the inner factory makes none."""
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self._around(inner)

    def _around(self, inner: Any) -> WP:
        return self.protocol(self, inner)

    def registerProtocol(self, p: WP) -> None:
        """Count `p` among the connected."""
        self.protocols[p] = 1

    def unregisterProtocol(self, p: WP) -> None:
        """Count `p` among the connected no longer; `KeyError` if it is not."""
        del self.protocols[p]


def cancel(call: interfaces.IDelayedCall | None) -> None:
    """Cancel a delayed call, unless there is none or its time has come."""
    if call is not None and call.active():
        call.cancel()
