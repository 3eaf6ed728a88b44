"""The classes that applications subclass: protocols, and the factories that make them.

A factory is given to `listenTCP` or `connectTCP`; the reactor asks it for a protocol per
connection and gives that protocol its transport. Nothing here needs a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from typing import Protocol as Shape

from reactorlite.internet import error
from reactorlite.internet.defer import Deferred
from reactorlite.python import log
from reactorlite.python.components import Adapter, implementer, registerAdapter
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from typing import Self

    from reactorlite.internet import interfaces

__all__ = [
    "AbstractDatagramProtocol",
    "BaseProtocol",
    "ClientCreator",
    "ClientFactory",
    "ConnectedDatagramProtocol",
    "ConsumerToProtocolAdapter",
    "DatagramProtocol",
    "Factory",
    "FileWrapper",
    "ProcessProtocol",
    "Protocol",
    "ProtocolToConsumerAdapter",
    "ReconnectingClientFactory",
    "ServerFactory",
    "connectionDone",
]

connectionDone = Failure(error.ConnectionDone())
connectionDone.cleanFailure()


class _MadeByFactory(Shape):
    """What `Factory.buildProtocol` needs of a protocol: that it can be told its factory."""

    factory: Any


if TYPE_CHECKING:
    # With a default, `factory = Factory()` needs no annotation: the commonest way to begin.
    from typing_extensions import TypeVar as _TypeVar

    P = _TypeVar("P", bound=_MadeByFactory, default=Any)
else:
    P = TypeVar("P", bound=_MadeByFactory)


@implementer("IProtocolFactory", "ILoggingContext")
class Factory(Generic[P]):
    """Makes the protocols of a port or of connections going out.

    Set `protocol` to what is to be called, without arguments, for each connection, or override
    `buildProtocol`. `numPorts` counts the ports and connectors using this factory; `noisy` says
    whether starting and stopping are logged.
    """

    protocol: Callable[..., P] | None = None
    numPorts: int = 0
    noisy: bool = True

    @classmethod
    def forProtocol(cls, protocol: Callable[..., P], *args: Any, **kwargs: Any) -> Self:
        """Return `cls(*args, **kwargs)`, making protocols by calling `protocol`.

        Raises `TypeError` if `protocol`, most often a class, can't be called.
        """
        if not callable(protocol):
            raise TypeError(
                f"forProtocol() takes a protocol class, not {protocol!r}: one protocol, that is"
                " there already, goes to endpoints.connectProtocol()"
            )
        factory = cls(*args, **kwargs)
        factory.protocol = protocol
        return factory

    def logPrefix(self) -> str:
        """Return what log lines about this factory begin with: its class's name."""
        return type(self).__name__

    def doStart(self) -> None:
        """Count one more user; the first one starts the factory. For reactors to call."""
        if self.numPorts == 0:
            if self.noisy:
                self._tell("Starting factory {factory!r}")
            self.startFactory()
        self.numPorts += 1

    def doStop(self) -> None:
        """Count one user less; the last one stops the factory. For reactors to call.

        Nothing happens to a factory that nobody uses.
        """
        if self.numPorts == 0:
            return
        self.numPorts -= 1
        if self.numPorts == 0:
            if self.noisy:
                self._tell("Stopping factory {factory!r}")
            self.stopFactory()

    def _tell(self, form: str) -> None:
        log.msg(form.format(factory=self), factory=self, log_format=form)

    def startFactory(self) -> None:
        """Override to set up what all connections share, before the first one.

        Called again if the factory is used again after it stopped.
        """

    def stopFactory(self) -> None:
        """Override to undo `startFactory`. Connections may still be open at this time."""

    def buildProtocol(self, addr: interfaces.IAddress | None) -> P | None:
        """Return a protocol for a connection with the peer `addr`, its `factory` set to this.

        An override may return `None` to have the connection closed at once.
        """
        build = self.protocol
        assert build is not None, "set Factory.protocol or override buildProtocol"
        protocol = build()
        protocol.factory = self
        return protocol


class ServerFactory(Factory[P]):
    """A factory for `listenTCP` and its siblings; the name tells the reader, nothing more."""


class ClientFactory(Factory[P]):
    """A factory for `connectTCP` and its siblings, told how each attempt goes.

    `connector.connect()` called in `clientConnectionFailed` or `clientConnectionLost` tries again.
    """

    def startedConnecting(self, connector: interfaces.IConnector) -> None:
        """Called when an attempt begins; `connector.stopConnecting()` ends it."""

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Called when no connection came about; `reason` says why."""

    def clientConnectionLost(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Called when a connection ended, after the protocol's `connectionLost`."""


class ReconnectingClientFactory(ClientFactory[P]):
    """A client factory that connects again, waiting longer each time, when it loses or fails.

    Call `resetDelay` once a connection has proved good (from the protocol's `connectionMade`,
    say), or the waiting goes on growing where it left off.

    `initialDelay` and `maxDelay` are seconds; each wait is `factor` times the one before it, and
    is spread by chance with a standard deviation of `jitter` times its length (0 or `None` for
    none). After `maxRetries` attempts in a row no more are made (`None`: no end). `clock` is
    where the waiting is done; `None` stands for the current reactor.
    """

    maxDelay: float = 3600
    initialDelay: float = 1.0
    factor: float = 2.718281828459045
    jitter: float | None = 0.119626565582

    delay: float = initialDelay
    retries: int = 0
    maxRetries: int | None = None
    connector: interfaces.IConnector | None = None
    clock: interfaces.IReactorTime | None = None
    continueTrying: int = 1

    _callID: interfaces.IDelayedCall | None = None
    _live: ClassVar[tuple[str, ...]] = (
        "connector",
        "_callID",
        "retries",
        "delay",
        "continueTrying",
        "clock",
    )

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Try again later, unless `stopTrying` was called."""
        self._lost(connector)

    def clientConnectionLost(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Try again later, unless `stopTrying` was called."""
        self._lost(connector)

    def _lost(self, connector: interfaces.IConnector) -> None:
        if self.continueTrying:
            self.connector = connector
            self.retry()

    def retry(self, connector: interfaces.IConnector | None = None) -> None:
        """Have `connector` connect after the current delay, and lengthen the next one.

        Without an argument it is the connector that was lost last; `ValueError` if there was
        none. After `stopTrying`, and when `maxRetries` are used up, nothing but a log line
        comes of it.
        """
        if not self.continueTrying:
            self._say(f"No more attempts for {connector}: stopTrying() was called")
            return
        if connector is None:
            connector = self.connector
        if connector is None:
            raise ValueError("retry() has no connector: none was given, and none was lost before")
        self.retries += 1
        if self.maxRetries is not None and self.retries > self.maxRetries:
            self._say(f"No more attempts for {connector}: {self.maxRetries} were allowed")
            return
        self._connectLater(connector, self._nextDelay())

    def _nextDelay(self) -> float:
        # Imported here because `random` alone would be a tenth of what importing the reactor
        # takes, and most programs never come this way.
        import random

        delay = self.delay
        if self.jitter:
            delay = random.normalvariate(delay, delay * self.jitter)
        self.delay = min(delay * self.factor, self.maxDelay)
        return delay

    def _connectLater(self, connector: interfaces.IConnector, delay: float) -> None:
        self._say(f"{connector} tries again in {delay:.0f} seconds")

        def connect() -> None:
            self._callID = None
            connector.connect()

        clock = self.clock
        if clock is None:
            from reactorlite.internet._current import current_reactor

            # Not kept: the next attempt may be made under another reactor.
            clock = current_reactor()
        self._callID = clock.callLater(delay, connect)

    def _say(self, line: str) -> None:
        if self.noisy:
            log.msg(line)

    def stopTrying(self) -> None:
        """End the waiting, and the attempt under way if there is one; make no further ones."""
        if self._callID is not None:
            self._callID.cancel()
            self._callID = None
        self.continueTrying = 0
        if self.connector is not None:
            try:
                self.connector.stopConnecting()
            except error.NotConnectingError:
                # It was waiting or connected: there is no attempt to end.
                return

    def resetDelay(self) -> None:
        """Begin again with `initialDelay` and no attempts counted."""
        self.delay = self.initialDelay
        self._callID = None
        self.retries = 0
        self.continueTrying = 1

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self._live}


class _InstanceFactory(ClientFactory[P]):
    """Hands out the one protocol a `ClientCreator` made, and tells the Deferred how it went."""

    noisy = False
    _pending: interfaces.IDelayedCall | None = None

    def __init__(self, reactor: Any, instance: P, deferred: Deferred[P]) -> None:
        self._reactor = reactor
        self._instance = instance
        self._deferred = deferred

    def __repr__(self) -> str:
        return f"<ClientCreator factory of {self._instance!r}>"

    def buildProtocol(self, addr: interfaces.IAddress | None) -> P:
        """Return the protocol, and fire the Deferred with it on the next turn."""
        self._fireLater(self._deferred.callback, self._instance)
        return self._instance

    def clientConnectionFailed(self, connector: interfaces.IConnector, reason: Failure) -> None:
        """Fire the Deferred with `reason` on the next turn."""
        self._fireLater(self._deferred.errback, reason)

    def _fireLater(self, fire: Callable[[Any], None], result: Any) -> None:
        # On a later turn, so that the protocol has its transport when its owner hears of it.
        self._pending = self._reactor.callLater(0, self._fire, fire, result)

    def _fire(self, fire: Callable[[Any], None], result: Any) -> None:
        self._pending = None
        fire(result)

    def giveUp(self) -> None:
        """Do not fire the Deferred any more: it was cancelled."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None


class ClientCreator:
    """Makes single connections, each to one new `protocolClass(*args, **kwargs)`.

    Each method returns a `Deferred` that fires with the connected protocol or with the failure.
    Cancelling it ends the attempt, or closes a connection just made.
    """

    def __init__(
        self, reactor: Any, protocolClass: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        self.reactor = reactor
        self.protocolClass = protocolClass
        self.args = args
        self.kwargs = kwargs

    def connectTCP(
        self,
        host: str,
        port: int,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Deferred[Any]:
        """Connect to `port` of `host` within `timeout` seconds."""
        connect = self.reactor.connectTCP
        return self._connect(connect, host, port, timeout=timeout, bindAddress=bindAddress)

    def connectUNIX(
        self, address: str, timeout: float = 30, checkPID: bool = False
    ) -> Deferred[Any]:
        """Connect to the UNIX socket `address` within `timeout` seconds."""
        return self._connect(self.reactor.connectUNIX, address, timeout=timeout, checkPID=checkPID)

    def connectSSL(
        self,
        host: str,
        port: int,
        contextFactory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Deferred[Any]:
        """Connect to `port` of `host` and speak TLS as `contextFactory` says."""
        return self._connect(
            self.reactor.connectSSL,
            host,
            port,
            contextFactory=contextFactory,
            timeout=timeout,
            bindAddress=bindAddress,
        )

    def _connect(self, connect: Callable[..., Any], *where: Any, **how: Any) -> Deferred[Any]:
        def cancel(_: Deferred[Any]) -> None:
            connector.disconnect()
            factory.giveUp()

        deferred: Deferred[Any] = Deferred(cancel)
        protocol = self.protocolClass(*self.args, **self.kwargs)
        factory: _InstanceFactory[Any] = _InstanceFactory(self.reactor, protocol, deferred)
        connector = connect(*where, factory=factory, **how)
        return deferred


class BaseProtocol:
    """What protocols of every kind have: a `transport`, and `connected`, 0 before they have it."""

    connected: int = 0
    # Any, because which methods there are depends on what carries the connection.
    transport: Any = None

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, then call `connectionMade`. For reactors to call."""
        self.connected = 1
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Override to begin the conversation: the transport is there and can be written to."""


@implementer("IProtocol", "ILoggingContext")
class Protocol(BaseProtocol):
    """One connection's conversation. `factory` is what made it."""

    factory: Any = None

    def logPrefix(self) -> str:
        """Return what log lines about this connection begin with: the class's name."""
        return type(self).__name__

    def dataReceived(self, data: bytes) -> None:
        """Override to take what the peer sent: in pieces of any size, never empty."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Override to hear, once, that the connection is over and why.

        `reason.check(error.ConnectionDone)` tells a plain end from an error.
        """


@implementer("IConsumer")
class ProtocolToConsumerAdapter(Adapter):
    """A protocol seen as a consumer: what is written to it, it receives as data."""

    def write(self, data: bytes) -> None:
        """Give `data` to the protocol's `dataReceived`."""
        self.original.dataReceived(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take note of nothing: a protocol cannot pause what feeds it."""

    def unregisterProducer(self) -> None:
        """Take note of nothing, as in `registerProducer`."""


@implementer("IProtocol")
class ConsumerToProtocolAdapter(Adapter):
    """A consumer seen as a protocol: the data it receives is written to the consumer."""

    def dataReceived(self, data: bytes) -> None:
        """Write `data` to the consumer."""
        self.original.write(data)

    def connectionLost(self, reason: Failure) -> None:
        """Tell the consumer nothing: consumers have no end."""

    def makeConnection(self, transport: Any) -> None:
        """Take no transport: consumers have none."""

    def connectionMade(self) -> None:
        """Tell the consumer nothing: consumers have no beginning."""


@implementer("IProcessProtocol")
class ProcessProtocol(BaseProtocol):
    """The conversation with a child process over its file descriptors.

    The ends of descriptors 0, 1 and 2 and their data have methods of their own; those of others
    come to `childDataReceived` and `childConnectionLost` only.
    """

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass what the child wrote on to `outReceived` (1) or `errReceived` (2)."""
        if childFD == 1:
            self.outReceived(data)
        elif childFD == 2:
            self.errReceived(data)

    def outReceived(self, data: bytes) -> None:
        """Override to take what the child wrote to its standard output."""

    def errReceived(self, data: bytes) -> None:
        """Override to take what the child wrote to its standard error."""

    def childConnectionLost(self, childFD: int) -> None:
        """Pass the end of a descriptor on to `inConnectionLost` and its siblings."""
        if childFD == 0:
            self.inConnectionLost()
        elif childFD == 1:
            self.outConnectionLost()
        elif childFD == 2:
            self.errConnectionLost()

    def inConnectionLost(self) -> None:
        """Override to hear that the child's standard input is closed."""

    def outConnectionLost(self) -> None:
        """Override to hear that the child's standard output is closed."""

    def errConnectionLost(self) -> None:
        """Override to hear that the child's standard error is closed."""

    def processExited(self, reason: Failure) -> None:
        """Override to hear that the child is gone; descriptors may still be open.

        `reason.value` is `error.ProcessDone` or `error.ProcessTerminated`.
        """

    def processEnded(self, reason: Failure) -> None:
        """Override to hear that the child is gone and all descriptors are closed: the last call.

        `reason` is as in `processExited`.
        """


class AbstractDatagramProtocol:
    """What datagram protocols have in common: a `transport`, and a count of ports using them.

    `noisy` says whether starting and stopping are logged.
    """

    transport: Any = None
    numPorts: int = 0
    noisy: bool = True

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "transport": None}

    def makeConnection(self, transport: Any) -> None:
        """Take the transport and start. For reactors to call; `AssertionError` if there is one."""
        assert self.transport is None, f"{self!r} is in use on {self.transport!r}"
        self.transport = transport
        self.doStart()

    def doStart(self) -> None:
        """Count one more port; the first one starts the protocol. For reactors to call."""
        if self.numPorts == 0:
            if self.noisy:
                log.msg(f"Starting protocol {self!r}")
            self.startProtocol()
        self.numPorts += 1

    def doStop(self) -> None:
        """Count one port less and let go of the transport; the last one stops the protocol.

        For reactors to call; `AssertionError` if no port is counted.
        """
        assert self.numPorts > 0, f"{self!r} is not in use"
        self.numPorts -= 1
        self.transport = None
        if self.numPorts == 0:
            if self.noisy:
                log.msg(f"Stopping protocol {self!r}")
            self.stopProtocol()

    def startProtocol(self) -> None:
        """Override to begin: the transport is there and can be written to."""

    def stopProtocol(self) -> None:
        """Override to end; the transport is gone."""

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Override to take a datagram and where it came from."""


@implementer("ILoggingContext")
class DatagramProtocol(AbstractDatagramProtocol):
    """A conversation in datagrams with any number of peers."""

    def logPrefix(self) -> str:
        """Return what log lines about this protocol begin with: the class's name."""
        return type(self).__name__

    def connectionRefused(self) -> None:
        """Override to hear that nobody listens where a *connected* port sends to."""


class ConnectedDatagramProtocol(DatagramProtocol):
    """A conversation in datagrams with one peer, whose datagrams come without an address."""

    def datagramReceived(self, datagram: bytes) -> None:  # type: ignore[override]  # Twisted's shape
        """Override to take a datagram."""

    def connectionFailed(self, failure: Failure) -> None:
        """Override to hear that the port could not be connected, and why."""


@implementer("ITransport")
class FileWrapper:
    """A file, or whatever has `write` and `close`, seen as a transport.

    What goes wrong in the file is not raised from here: `handleException` is called instead.
    """

    closed: int = 0
    disconnecting: int = 0
    producer: Any = None
    streamingProducer: bool | int = 0

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, data: bytes) -> None:
        """Write `data` to the file."""
        try:
            self.file.write(data)
        except Exception:
            self.handleException()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Write all of `iovec` as one."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """Close the file."""
        self.closed = 1
        try:
            self.file.close()
        except OSError:
            self.handleException()

    def handleException(self) -> None:
        """Override to be called from an `except` block when the file raised; this drops it."""

    def getPeer(self) -> Any:
        """Return two fixed words: a file has no peer."""
        return "file", "file"

    def getHost(self) -> Any:
        """Return a fixed word: a file has no address."""
        return "file"

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` write; one that is not `streaming` is asked once, at once."""
        self.producer = producer
        self.streamingProducer = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Let go of the producer."""
        self.producer = None

    # Private in Twisted too, but tests of programs have no other way to a pull producer's rest.
    def _checkProducer(self) -> None:
        """Ask the producer, if there is one, for more."""
        if self.producer is not None:
            self.producer.resumeProducing()

    def stopConsuming(self) -> None:
        """Let go of the producer and close the file."""
        self.unregisterProducer()
        self.loseConnection()

    def pauseProducing(self) -> None:
        """Do nothing: nothing is read from the file."""

    def resumeProducing(self) -> None:
        """Do nothing: nothing is read from the file."""

    def stopProducing(self) -> None:
        """Close the file."""
        self.loseConnection()


registerAdapter(ProtocolToConsumerAdapter, "IProtocol", "IConsumer")
registerAdapter(ConsumerToProtocolAdapter, "IConsumer", "IProtocol")
