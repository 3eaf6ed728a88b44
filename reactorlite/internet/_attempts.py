"""How a client endpoint's Deferred hears of an attempt that a reactor makes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet.defer import Deferred, fail
from reactorlite.internet.protocol import (
    BaseProtocol,
    ClientFactory,
    Protocol,
    connectionDone,
)
from reactorlite.python.components import adapted, implementer

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

#: What a protocol may provide beside `IProtocol`, and is asked for.
_MORE = ("IHalfCloseableProtocol", "IFileDescriptorReceiver", "IHandshakeListener")


def attempted(
    connect: Callable[..., object], *destination: Any, factory: Any, **options: Any
) -> Deferred[Any]:
    """Call `connect(*destination, factory, **options)`, a reactor's method.

    The Deferred gives the protocol when it is connected, and to cancel it gives up. It fails
    with what the factory raises, with `NoProtocol`, or as the attempt does.
    """
    try:
        waiting = _WrappingFactory(_checked(factory))
        connect(*destination, waiting, **options)
    except Exception:
        return fail()
    return waiting._onConnection


def _checked(factory: Any) -> Any:
    # Nothing more: tests of programs give a fake reactor any object, or None.
    if isinstance(factory, type):
        raise TypeError(
            f"connect() takes a factory, not the class {factory!r}: Factory.forProtocol(P) makes"
            " one of a protocol class"
        )
    if isinstance(factory, BaseProtocol) and not hasattr(factory, "buildProtocol"):
        raise TypeError(
            f"connect() takes a factory, not the protocol {factory!r}: connectProtocol(endpoint,"
            " protocol) connects one"
        )
    return factory


class _WrappingProtocol(Protocol):
    """Stands before a protocol until it is connected.

    A transport that says who its protocol is is handed over then; to any other this goes on to
    pass what comes.
    """

    def __new__(cls: Any, connectedDeferred: Any, wrappedProtocol: Any) -> Any:
        more = [name for name in _MORE if adapted(name, wrappedProtocol) is wrappedProtocol]
        return super().__new__(_providing(cls, tuple(more)) if more else cls)

    def __init__(self, connectedDeferred: Deferred[Any], wrappedProtocol: Any) -> None:
        self._connectedDeferred = connectedDeferred
        self._wrappedProtocol = wrappedProtocol

    def logPrefix(self) -> Any:
        """What log lines begin with: the protocol's own, or its class."""
        context = adapted("ILoggingContext", self._wrappedProtocol)
        return type(self._wrappedProtocol).__name__ if context is None else context.logPrefix()

    def connectionMade(self) -> None:
        """Connect the protocol, then fire the Deferred with it."""
        try:
            self._wrappedProtocol.makeConnection(self.transport)
        except BaseException:
            if not self._connectedDeferred.called:
                self._connectedDeferred.errback()
            raise
        if getattr(self.transport, "protocol", None) is self:
            self.transport.protocol = self._wrappedProtocol
        if not self._connectedDeferred.called:
            self._connectedDeferred.callback(self._wrappedProtocol)

    def dataReceived(self, data: bytes) -> None:
        """Pass data on."""
        self._wrappedProtocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass the end on."""
        self._wrappedProtocol.connectionLost(reason)

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """Pass a descriptor on."""
        self._wrappedProtocol.fileDescriptorReceived(descriptor)

    def readConnectionLost(self) -> None:
        """Pass on that the peer sends no more."""
        self._wrappedProtocol.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Pass on that nothing more can be sent."""
        self._wrappedProtocol.writeConnectionLost()

    def handshakeCompleted(self) -> None:
        """Pass on that TLS is set up."""
        self._wrappedProtocol.handshakeCompleted()


@functools.cache
def _providing(cls: Any, more: tuple[str, ...]) -> Any:
    """The class of those that stand before protocols that provide `more`."""
    return implementer(*more)(type(cls.__name__, (cls,), {}))


class _WrappingFactory(ClientFactory[Any]):
    """A client factory of any factory, and the Deferred of its one connection."""

    protocol = _WrappingProtocol

    def __init__(self, wrappedFactory: Any) -> None:
        self._wrappedFactory = wrappedFactory
        self._connector: Any = None
        self._onConnection: Deferred[Any] = Deferred(self._cancelled)

    def _cancelled(self, _: object) -> None:
        self._onConnection.errback(error.ConnectingCancelledError(self._connector.getDestination()))
        try:
            self._connector.stopConnecting()
        except error.NotConnectingError:  # it is about to be made
            self._connector.disconnect()

    def doStart(self) -> None:
        """Count one more user of the inner factory."""
        self._wrappedFactory.doStart()

    def doStop(self) -> None:
        """Count one user less of the inner factory."""
        self._wrappedFactory.doStop()

    def startedConnecting(self, connector: interfaces.IConnector) -> None:
        """Remember what to stop."""
        self._connector = connector

    def buildProtocol(self, addr: Any) -> Any:
        """Ask the inner factory; the Deferred fails with what it raises, or `NoProtocol`."""
        try:
            protocol = self._wrappedFactory.buildProtocol(addr)
            if protocol is None:
                raise error.NoProtocol
        except Exception:
            if not self._onConnection.called:
                self._onConnection.errback()
            return None
        return self.protocol(self._onConnection, protocol)

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Fail the Deferred, unless it has been told."""
        if connector is self._connector:
            self._connector = None  # else each would keep the other until they are collected
        if not self._onConnection.called:
            self._onConnection.errback(reason)

    clientConnectionLost = clientConnectionFailed
