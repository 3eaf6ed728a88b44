"""Policies around protocols: time-outs, limits, throttling, logs of the traffic.

A wrapping factory stands between a factory and the reactor. Each protocol it makes stands
between a transport and a protocol of the inner factory: to the transport it is the protocol, to
the inner protocol it is the transport. Whatever it has no method for, the transport is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any, TypeVar

from reactorlite.internet._current import current_reactor
from reactorlite.internet.protocol import ClientFactory, Protocol, ServerFactory
from reactorlite.python import components, log
from reactorlite.python.components import adapted

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

__all__ = [
    "LimitConnectionsByPeer",
    "LimitTotalConnectionsFactory",
    "ProtocolWrapper",
    "SpewingFactory",
    "SpewingProtocol",
    "ThrottlingFactory",
    "ThrottlingProtocol",
    "TimeoutFactory",
    "TimeoutMixin",
    "TimeoutProtocol",
    "TrafficLoggingFactory",
    "TrafficLoggingProtocol",
    "WrappingFactory",
]


def _log_prefix(outer: object, inner: Any) -> str:
    context = adapted("ILoggingContext", inner)
    name = type(inner).__name__ if context is None else context.logPrefix()
    return f"{name} ({type(outer).__name__})"


# ── wrapping ─────────────────────────────────────────────────────────────────────────────


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


# ── throttling ───────────────────────────────────────────────────────────────────────────


class ThrottlingProtocol(ProtocolWrapper):
    """Tells its factory how much it reads and writes, and pauses when that says so."""

    producer: Any = None

    def write(self, data: bytes) -> None:
        """Count `data`, and send it."""
        self.factory.registerWritten(len(data))
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Count `data`, and send all of it."""
        data = list(data)
        self.factory.registerWritten(sum(map(len, data)))
        super().writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        """Count `data`, and give it to the inner protocol."""
        self.factory.registerRead(len(data))
        super().dataReceived(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill the transport, and pause it for throttling."""
        self.producer = producer
        super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self.producer = None
        super().unregisterProducer()

    def throttleReads(self) -> None:
        """Receive nothing until `unthrottleReads`."""
        self.transport.pauseProducing()

    def unthrottleReads(self) -> None:
        """Receive again, unless the connection is closing."""
        if not self.disconnecting:
            self.transport.resumeProducing()

    def throttleWrites(self) -> None:
        """Pause the producer, if there is one. What is written without one is sent."""
        if self.producer is not None:
            self.producer.pauseProducing()

    def unthrottleWrites(self) -> None:
        """Let the producer go on, if there is one."""
        if self.producer is not None:
            self.producer.resumeProducing()


class ThrottlingFactory(WrappingFactory[ThrottlingProtocol]):
    """Limits the connections made, and what all of them together read and write.

    `maxConnectionCount` connections are made; further ones are closed at once. `readLimit` and
    `writeLimit` are bytes per second, or `None`. They are looked at once a second: after one
    with too much, as long a break is made as brings the average to the limit.
    """

    protocol = ThrottlingProtocol

    def __init__(
        self,
        wrappedFactory: Any,
        maxConnectionCount: int = sys.maxsize,
        readLimit: float | None = None,
        writeLimit: float | None = None,
    ) -> None:
        super().__init__(wrappedFactory)
        self.connectionCount = 0
        self.maxConnectionCount = maxConnectionCount
        self.readLimit = readLimit
        self.writeLimit = writeLimit
        self.readThisSecond = 0
        self.writtenThisSecond = 0
        self.checkReadBandwidthID: interfaces.IDelayedCall | None = None
        self.checkWriteBandwidthID: interfaces.IDelayedCall | None = None
        self.unthrottleReadsID: interfaces.IDelayedCall | None = None
        self.unthrottleWritesID: interfaces.IDelayedCall | None = None

    def callLater(self, period: float, func: Callable[[], object]) -> Any:
        """Call `func` in `period` seconds; override to have another clock than the reactor's."""
        return current_reactor().callLater(period, func)

    def registerWritten(self, length: int) -> None:
        """Count bytes that were written."""
        self.writtenThisSecond += length

    def registerRead(self, length: int) -> None:
        """Count bytes that were read."""
        self.readThisSecond += length

    def checkReadBandwidth(self) -> None:
        """Throttle if too much was read in the last second; look again in one."""
        assert self.readLimit is not None
        if self.readThisSecond > self.readLimit:
            self.throttleReads()
            _cancel(self.unthrottleReadsID)
            excess = self.readThisSecond / self.readLimit - 1
            self.unthrottleReadsID = self.callLater(excess, self.unthrottleReads)
        self.readThisSecond = 0
        self.checkReadBandwidthID = self.callLater(1, self.checkReadBandwidth)

    def checkWriteBandwidth(self) -> None:
        """Throttle if too much was written in the last second; look again in one."""
        assert self.writeLimit is not None
        if self.writtenThisSecond > self.writeLimit:
            self.throttleWrites()
            _cancel(self.unthrottleWritesID)
            excess = self.writtenThisSecond / self.writeLimit - 1
            self.unthrottleWritesID = self.callLater(excess, self.unthrottleWrites)
        self.writtenThisSecond = 0
        self.checkWriteBandwidthID = self.callLater(1, self.checkWriteBandwidth)

    def throttleReads(self) -> None:
        """Have all connections receive nothing."""
        log.msg(f"Throttling reads on {self!r}")
        for protocol in list(self.protocols):
            protocol.throttleReads()

    def unthrottleReads(self) -> None:
        """Have all connections receive again."""
        self.unthrottleReadsID = None
        log.msg(f"No longer throttling reads on {self!r}")
        for protocol in list(self.protocols):
            protocol.unthrottleReads()

    def throttleWrites(self) -> None:
        """Pause the producers of all connections."""
        log.msg(f"Throttling writes on {self!r}")
        for protocol in list(self.protocols):
            protocol.throttleWrites()

    def unthrottleWrites(self) -> None:
        """Let the producers of all connections go on."""
        self.unthrottleWritesID = None
        log.msg(f"No longer throttling writes on {self!r}")
        for protocol in list(self.protocols):
            protocol.unthrottleWrites()

    def buildProtocol(self, addr: interfaces.IAddress | None) -> ThrottlingProtocol | None:
        """Return a protocol, or None when there are connections enough."""
        if self.connectionCount >= self.maxConnectionCount:
            log.msg(f"{self!r} has {self.connectionCount} connections and makes no more")
            return None
        protocol = super().buildProtocol(addr)
        if protocol is None:
            return None
        self.connectionCount += 1
        if self.connectionCount == 1:
            if self.readLimit is not None:
                self.checkReadBandwidth()
            if self.writeLimit is not None:
                self.checkWriteBandwidth()
        return protocol

    def unregisterProtocol(self, p: ThrottlingProtocol) -> None:
        """Count a connection less; the last one ends the looking and the throttling."""
        super().unregisterProtocol(p)
        self.connectionCount -= 1
        if self.connectionCount == 0:
            _cancel(self.unthrottleReadsID)
            _cancel(self.checkReadBandwidthID)
            _cancel(self.unthrottleWritesID)
            _cancel(self.checkWriteBandwidthID)
            self.unthrottleReadsID = self.checkReadBandwidthID = None
            self.unthrottleWritesID = self.checkWriteBandwidthID = None


def _cancel(call: interfaces.IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()


# ── limits ───────────────────────────────────────────────────────────────────────────────


class LimitConnectionsByPeer(WrappingFactory[ProtocolWrapper]):
    """Makes at most `maxConnectionsPerPeer` connections with each host.

    `peerConnections` counts them by host, from `startFactory` on.
    """

    maxConnectionsPerPeer: int = 5

    def startFactory(self) -> None:
        """Begin with no connections counted."""
        self.peerConnections: dict[Any, int] = {}

    def buildProtocol(self, addr: Any) -> ProtocolWrapper | None:
        """Return a protocol, or None when this peer has connections enough."""
        host = _host_of(addr)
        count = self.peerConnections.get(host, 0)
        if count >= self.maxConnectionsPerPeer:
            return None
        protocol = super().buildProtocol(addr)
        if protocol is not None:
            self.peerConnections[host] = count + 1
        return protocol

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """Count a connection less for the peer's host."""
        super().unregisterProtocol(p)
        host = _host_of(p.getPeer())
        self.peerConnections[host] -= 1
        if self.peerConnections[host] == 0:
            del self.peerConnections[host]


def _host_of(address: Any) -> Any:
    """The host of an address, or of a tuple as old programs have it: with the kind in front."""
    if isinstance(address, tuple):
        return address[1] if len(address) > 2 and address[0] in ("tcp", "TCP") else address[0]
    return getattr(address, "host", None) or getattr(address, "name", None)


class LimitTotalConnectionsFactory(ServerFactory[Any]):
    """Makes at most `connectionLimit` connections, of `protocol`; `None` is no limit.

    Further ones get an `overflowProtocol`, to say so and close, or are closed where that is
    `None`. `connectionCount` counts both kinds.
    """

    connectionCount: int = 0
    connectionLimit: int | None = None
    overflowProtocol: Callable[[], Any] | None = None

    def buildProtocol(self, addr: interfaces.IAddress | None) -> ProtocolWrapper | None:
        """Return a protocol, or the one for overflow, in a wrapping that is counted."""
        build = self.protocol
        if self.connectionLimit is not None and self.connectionCount >= self.connectionLimit:
            build = self.overflowProtocol
            if build is None:
                return None
        assert build is not None, "set LimitTotalConnectionsFactory.protocol"
        inner = build()
        inner.factory = self
        self.connectionCount += 1
        return ProtocolWrapper(self, inner)

    def registerProtocol(self, p: ProtocolWrapper) -> None:
        """Do nothing: `p` was counted when it was made."""

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """Count a connection less."""
        self.connectionCount -= 1


# ── time-outs ────────────────────────────────────────────────────────────────────────────


class TimeoutProtocol(ProtocolWrapper):
    """Closes its connection when nothing was received or sent for a while."""

    def __init__(self, factory: Any, wrappedProtocol: Any, timeoutPeriod: float | None) -> None:
        super().__init__(factory, wrappedProtocol)
        self.timeoutCall: interfaces.IDelayedCall | None = None
        self.timeoutPeriod: float | None = None
        self.setTimeout(timeoutPeriod)

    def setTimeout(self, timeoutPeriod: float | None = None) -> None:
        """Wait for `timeoutPeriod` seconds from now on; `None`: for ever."""
        self.cancelTimeout()
        self.timeoutPeriod = timeoutPeriod
        if timeoutPeriod is not None:
            self.timeoutCall = self.factory.callLater(timeoutPeriod, self.timeoutFunc)

    def cancelTimeout(self) -> None:
        """Wait for ever, until `setTimeout`."""
        call, self.timeoutCall = self.timeoutCall, None
        _cancel(call)

    def resetTimeout(self) -> None:
        """Begin to wait anew."""
        if self.timeoutCall is not None and self.timeoutPeriod is not None:
            self.timeoutCall.reset(self.timeoutPeriod)

    def write(self, data: bytes) -> None:
        """Send `data`; the waiting begins anew."""
        self.resetTimeout()
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send all of `data`; the waiting begins anew."""
        self.resetTimeout()
        super().writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        """Give `data` to the inner protocol; the waiting begins anew."""
        self.resetTimeout()
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Wait no longer, and tell the inner protocol."""
        self.cancelTimeout()
        super().connectionLost(reason)

    def timeoutFunc(self) -> None:
        """Called when the time is over: close the connection. Override to do something else."""
        self.timeoutCall = None
        self.loseConnection()


class TimeoutFactory(WrappingFactory[TimeoutProtocol]):
    """Closes connections on which nothing happened for `timeoutPeriod` seconds."""

    protocol = TimeoutProtocol

    def __init__(self, wrappedFactory: Any, timeoutPeriod: float | None = 30 * 60) -> None:
        self.timeoutPeriod = timeoutPeriod
        super().__init__(wrappedFactory)

    def _around(self, inner: Any) -> TimeoutProtocol:
        return self.protocol(self, inner, timeoutPeriod=self.timeoutPeriod)

    def callLater(self, period: float, func: Callable[[], object]) -> Any:
        """Call `func` in `period` seconds; override to have another clock than the reactor's."""
        return current_reactor().callLater(period, func)


class TimeoutMixin:
    """Gives a protocol a time-out of its own: `setTimeout`, then `resetTimeout` at each sign.

    End it with `setTimeout(None)` in `connectionLost`, or it goes off after that. `timeOut` has
    its seconds.
    """

    timeOut: float | None = None
    transport: Any

    _timeout_call: interfaces.IDelayedCall | None = None

    def callLater(self, period: float, func: Callable[[], object]) -> Any:
        """Call `func` in `period` seconds; override to have another clock than the reactor's."""
        return current_reactor().callLater(period, func)

    def resetTimeout(self) -> None:
        """Begin to wait anew, if there is a time-out."""
        if self._timeout_call is not None and self.timeOut is not None:
            self._timeout_call.reset(self.timeOut)

    def setTimeout(self, period: float | None) -> float | None:
        """Wait for `period` seconds from now on, or no longer; return what it was before."""
        before, self.timeOut = self.timeOut, period
        call = self._timeout_call
        if period is None:
            self._timeout_call = None
            _cancel(call)
        elif call is not None:
            call.reset(period)
        else:
            self._timeout_call = self.callLater(period, self._timed_out)
        return before

    def _timed_out(self) -> None:
        self._timeout_call = None
        self.timeoutConnection()

    def timeoutConnection(self) -> None:
        """Called when the time is over: close the connection. Override to do something else."""
        self.transport.loseConnection()


# ── logs ─────────────────────────────────────────────────────────────────────────────────


class SpewingProtocol(ProtocolWrapper):
    """Logs all that is received and sent."""

    def dataReceived(self, data: bytes) -> None:
        """Log `data`, and give it to the inner protocol."""
        log.msg(f"Received: {data!r}")
        super().dataReceived(data)

    def write(self, data: bytes) -> None:
        """Log `data`, and send it."""
        log.msg(f"Sending: {data!r}")
        super().write(data)


class SpewingFactory(WrappingFactory[SpewingProtocol]):
    """Logs all that its connections receive and send."""

    protocol = SpewingProtocol


class TrafficLoggingProtocol(ProtocolWrapper):
    """Writes down what goes over its connection, in `logfile`, which stays open.

    Lines begin with `C` for what came and `S` for what was sent (`SV` for a sequence), then
    `number`. Of data longer than `lengthLimit` bytes the end is left out.
    """

    _elided = b"<... elided>"

    def __init__(
        self,
        factory: Any,
        wrappedProtocol: Any,
        logfile: IO[str],
        lengthLimit: int | None = None,
        number: int = 0,
    ) -> None:
        super().__init__(factory, wrappedProtocol)
        self.logfile = logfile
        self.lengthLimit = lengthLimit
        self._number = number

    def _log(self, line: str) -> None:
        self.logfile.write(line + "\n")
        self.logfile.flush()

    def _shown(self, data: bytes) -> bytes:
        limit = self.lengthLimit
        if limit is None or len(data) <= limit:
            return data
        return data[: max(0, limit - len(self._elided))] + self._elided

    def connectionMade(self) -> None:
        """Write a line for the beginning."""
        self._log("*")

    def dataReceived(self, data: bytes) -> None:
        """Write `data` down, and give it to the inner protocol."""
        self._log(f"C {self._number}: {self._shown(data)!r}")
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Write the reason down, and tell the inner protocol."""
        self._log(f"C {self._number}: {reason!r}")
        super().connectionLost(reason)

    def write(self, data: bytes) -> None:
        """Write `data` down, and send it."""
        self._log(f"S {self._number}: {self._shown(data)!r}")
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write `data` down, and send all of it."""
        data = list(data)
        self._log(f"SV {self._number}: {[self._shown(piece) for piece in data]!r}")
        super().writeSequence(data)

    def loseConnection(self) -> None:
        """Write a line for this, and close."""
        self._log(f"S {self._number}: *")
        super().loseConnection()


class TrafficLoggingFactory(WrappingFactory[TrafficLoggingProtocol]):
    """Writes down what goes over its connections, each in a file of its own.

    The files are `logfilePrefix` with `-1`, `-2` and so on behind it.
    """

    protocol = TrafficLoggingProtocol

    _counter = 0

    def __init__(
        self, wrappedFactory: Any, logfilePrefix: str, lengthLimit: int | None = None
    ) -> None:
        self.logfilePrefix = logfilePrefix
        self.lengthLimit = lengthLimit
        super().__init__(wrappedFactory)

    def open(self, name: str) -> IO[str]:
        """Open a file for writing; an override sees to it itself that its files are closed."""
        return open(name, "w")

    def _around(self, inner: Any) -> TrafficLoggingProtocol:
        self._counter += 1
        logfile = self.open(f"{self.logfilePrefix}-{self._counter}")
        return self.protocol(self, inner, logfile, self.lengthLimit, self._counter)

    def unregisterProtocol(self, p: TrafficLoggingProtocol) -> None:
        """Count a connection less, and close its file if it was opened here."""
        super().unregisterProtocol(p)
        if type(self).open is TrafficLoggingFactory.open:
            p.logfile.close()

    def resetCounter(self) -> None:
        """Number the next connection 1 again, and write over its file."""
        self._counter = 0
