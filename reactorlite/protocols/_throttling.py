"""Limits to what the connections of a factory read and write in a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from reactorlite.internet._current import current_reactor
from reactorlite.protocols._wrapping import ProtocolWrapper, WrappingFactory, cancel
from reactorlite.python import log

if TYPE_CHECKING:
    from reactorlite.internet import interfaces


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
            cancel(self.unthrottleReadsID)
            excess = self.readThisSecond / self.readLimit - 1
            self.unthrottleReadsID = self.callLater(excess, self.unthrottleReads)
        self.readThisSecond = 0
        self.checkReadBandwidthID = self.callLater(1, self.checkReadBandwidth)

    def checkWriteBandwidth(self) -> None:
        """Throttle if too much was written in the last second; look again in one."""
        assert self.writeLimit is not None
        if self.writtenThisSecond > self.writeLimit:
            self.throttleWrites()
            cancel(self.unthrottleWritesID)
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
            cancel(self.unthrottleReadsID)
            cancel(self.checkReadBandwidthID)
            cancel(self.unthrottleWritesID)
            cancel(self.checkWriteBandwidthID)
            self.unthrottleReadsID = self.checkReadBandwidthID = None
            self.unthrottleWritesID = self.checkWriteBandwidthID = None
