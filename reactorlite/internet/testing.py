"""Fakes for tests of protocols: transports that keep bytes, reactors that keep requests.

Nothing here needs a loop:

    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(b"hi")
    assert transport.value() == b"hi"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, overload

from reactorlite.internet import error
from reactorlite.internet._memory import (
    MemoryReactor,
    MemoryReactorClock,
    RaisingMemoryReactor,
    SynchronousResolver,
    _FakeConnector,
    _FakePort,
)
from reactorlite.internet.address import IPv4Address
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import Protocol
from reactorlite.internet.task import LoopingCall
from reactorlite.logger import ILogObserver
from reactorlite.protocols.basic import LineReceiver
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "AccumulatingProtocol",
    "EventLoggingObserver",
    "FakeDatagramTransport",
    "LineSendingProtocol",
    "MemoryReactor",
    "MemoryReactorClock",
    "NonStreamingProducer",
    "RaisingMemoryReactor",
    "StringIOWithoutClosing",
    "StringTransport",
    "StringTransportWithDisconnection",
    "SynchronousResolver",
    "_FakeConnector",
    "_FakePort",
    "waitUntilAllDisconnected",
]


# ── protocols ────────────────────────────────────────────────────────────────────────────


class AccumulatingProtocol(Protocol):
    """Keeps what it receives in `data`, and how the connection ended in `closedReason`.

    `made` and `closed` turn 1 with the connection. A Deferred in the factory's
    `protocolConnectionMade` is fired with the protocol when it is connected, one in
    `closedDeferred` with None when the connection is lost.
    """

    made = 0
    closed = 0
    closedReason: Failure | None = None
    closedDeferred: Deferred[None] | None = None
    data: bytes = b""

    def connectionMade(self) -> None:
        """Take note, and fire the factory's Deferred."""
        self.made = 1
        if self.factory is not None and self.factory.protocolConnectionMade is not None:
            made, self.factory.protocolConnectionMade = self.factory.protocolConnectionMade, None
            made.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """Keep the data."""
        self.data += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Take note of the reason, and fire `closedDeferred`."""
        self.closed = 1
        self.closedReason = reason
        if self.closedDeferred is not None:
            closed, self.closedDeferred = self.closedDeferred, None
            closed.callback(None)


class LineSendingProtocol(LineReceiver):
    """Sends lines, at once or (with `start` false) at the first line it gets.

    `response` lists the lines it received; `lostConn` is whether the connection is over.
    """

    lostConn = False

    def __init__(self, lines: Sequence[bytes], start: bool = True) -> None:
        self.lines = list(lines)
        self.response: list[bytes] = []
        self.start = start

    def connectionMade(self) -> None:
        """Send the lines if this side is to start."""
        if self.start:
            self._sendAll()

    def _sendAll(self) -> None:
        for line in self.lines:
            self.sendLine(line)

    def lineReceived(self, line: bytes) -> None:
        """Keep the line; answer the first one if the other side was to start."""
        if not self.start:
            self._sendAll()
            self.lines = []
        self.response.append(line)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Take note."""
        self.lostConn = True


# ── transports ───────────────────────────────────────────────────────────────────────────


@implementer("IUDPTransport")
class FakeDatagramTransport:
    """Keeps what is sent, as pairs of datagram and address, in `written`.

    The address is `noAddr` where none was given. `connected` is the address that `connect` was
    called with, or None; `stopped` is whether the port was to stop.
    """

    noAddr = object()
    connected: tuple[str, int] | None = None
    stopped = False
    _broadcasts = False

    def __init__(self) -> None:
        self.written: list[tuple[bytes, Any]] = []

    def write(self, packet: bytes, addr: Any = noAddr) -> None:
        """Keep the datagram."""
        self.written.append((packet, addr))

    def connect(self, host: str, port: int) -> None:
        """Keep the address. `RuntimeError` if there is one."""
        if self.connected is not None:
            raise RuntimeError("connect() was called on a port that is connected")
        self.connected = (host, port)

    def getHost(self) -> Any:
        """Return an address to be shown."""
        return IPv4Address("UDP", "10.0.0.1", 12345)

    def stopListening(self) -> None:
        """Set `stopped`."""
        self.stopped = True

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """Keep whether broadcasting is allowed."""
        self._broadcasts = enabled

    def getBroadcastAllowed(self) -> bool:
        """Return what was set, at first False."""
        return self._broadcasts


@implementer("ITransport", "IConsumer", "IPushProducer")
class StringTransport:
    """A transport that keeps what is written to it, and notes what else it is asked for.

    `value()` is what was written since the last `clear()`. `disconnecting` is true after
    `loseConnection`, `disconnected` after `abortConnection`; the protocol isn't told.
    `producer` and `streaming` are those registered, or None. `producerState`, "producing",
    "paused" or "stopped", is what the protocol made of this as a producer: pausing and resuming
    raise `RuntimeError` after it is "stopped", and once the transport is closed unless `lenient`.
    """

    disconnecting = False
    disconnected = False
    producer: Any = None
    streaming: Any = None
    producerState = "producing"
    hostAddr: Any = IPv4Address("TCP", "10.0.0.1", 12345)
    peerAddr: Any = IPv4Address("TCP", "192.168.1.1", 54321)

    def __init__(
        self, hostAddress: Any = None, peerAddress: Any = None, lenient: bool = False
    ) -> None:
        self.io = BytesIO()
        self.connected = True
        self._lenient = lenient
        if hostAddress is not None:
            self.hostAddr = hostAddress
        if peerAddress is not None:
            self.peerAddr = peerAddress

    # -- for tests

    def value(self) -> bytes:
        """Return what was written since the last `clear`."""
        return self.io.getvalue()

    def clear(self) -> None:
        """Forget what was written."""
        self.io = BytesIO()

    # -- for protocols

    def write(self, data: bytes) -> None:
        """Keep `data`, even after the end. `TypeError` for anything but `bytes`."""
        if not isinstance(data, bytes):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        self.io.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Keep all the pieces."""
        self.io.write(b"".join(data))

    def loseConnection(self) -> None:
        """Set `disconnecting`."""
        self.disconnecting = True

    def abortConnection(self) -> None:
        """Set `disconnected`, then lose the connection."""
        self.disconnected = True
        self.loseConnection()

    def getHost(self) -> Any:
        """Return the address given as this side's."""
        return self.hostAddr

    def getPeer(self) -> Any:
        """Return the address given as the other side's."""
        return self.peerAddr

    def registerProducer(self, producer: Any, streaming: Any) -> None:
        """Keep the producer. `RuntimeError` if there is one."""
        if self.producer is not None:
            raise RuntimeError("registerProducer() was called while a producer is registered")
        self.producer = producer
        self.streaming = streaming

    def unregisterProducer(self) -> None:
        """Let go of the producer. `RuntimeError` if there is none."""
        if self.producer is None:
            raise RuntimeError("unregisterProducer() was called while no producer is registered")
        self.producer = None
        self.streaming = None

    def pauseProducing(self) -> None:
        """Set `producerState` to "paused"."""
        self._checkState("pause")
        self.producerState = "paused"

    def resumeProducing(self) -> None:
        """Set `producerState` to "producing"."""
        self._checkState("resume")
        self.producerState = "producing"

    def stopProducing(self) -> None:
        """Set `producerState` to "stopped"."""
        self.producerState = "stopped"

    def _checkState(self, what: str) -> None:
        if self.disconnecting and not self._lenient:
            raise RuntimeError(f"Cannot {what} producing after loseConnection")
        if self.producerState == "stopped":
            raise RuntimeError(f"Cannot {what} a stopped producer")


class StringTransportWithDisconnection(StringTransport):
    """A `StringTransport` whose end is told to its `protocol`, which the test has to set."""

    protocol: Any

    def loseConnection(self) -> None:
        """Call the protocol's `connectionLost` with a `ConnectionDone`, the first time."""
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(error.ConnectionDone("Bye.")))


class StringIOWithoutClosing(BytesIO):
    """A `BytesIO` that stays open, so that it can be read after its user closed it."""

    def close(self) -> None:
        """Do nothing."""


# ── producers, waiting, logs ─────────────────────────────────────────────────────────────


class NonStreamingProducer:
    """A pull producer that writes the ten digits, one each time, then unregisters itself.

    `result` fires with None when it is done or was stopped; `stopped` tells these apart.
    """

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.counter = 0
        self.stopped = False
        self.result: Deferred[None] = Deferred()

    def resumeProducing(self) -> None:
        """Write the next digit. `RuntimeError` if it is done, or was stopped."""
        if self.consumer is None:
            raise RuntimeError("resumeProducing() was called on a producer that has ended")
        self.consumer.write(b"%d" % self.counter)
        self.counter += 1
        if self.counter == 10:
            self.consumer.unregisterProducer()
            self._done()

    def pauseProducing(self) -> None:
        """Raise `RuntimeError`: a pull producer has nothing to pause."""
        raise RuntimeError("pauseProducing() was called on a pull producer")

    def stopProducing(self) -> None:
        """Set `stopped`, and end. `RuntimeError` if it has ended already."""
        if self.consumer is None:
            raise RuntimeError("stopProducing() was called on a producer that has ended")
        self.stopped = True
        self._done()

    def _done(self) -> None:
        self.consumer = None
        self.result.callback(None)


def waitUntilAllDisconnected(reactor: Any, protocols: Iterable[Any]) -> Deferred[Any]:
    """Return a Deferred that fires when no protocol's transport is `connected` any more.

    They are looked at now, and every hundredth of a second of the reactor's clock.
    """
    waiting = list(protocols)

    def look() -> None:
        if not any(protocol.transport.connected for protocol in waiting):
            looking.stop()

    looking = LoopingCall(look)
    looking.clock = reactor
    return looking.start(0.01, now=True)


@implementer(ILogObserver)
class EventLoggingObserver(Sequence[dict[str, Any]]):
    """A log observer that is the list of the events it was told."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        """Keep an event."""
        self._events.append(event)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._events)

    @classmethod
    def createWithCleanup(cls, testInstance: Any, publisher: Any) -> Self:
        """Return one that observes a publisher until the test's clean-up (`addCleanup`)."""
        observer = cls()
        publisher.addObserver(observer)
        testInstance.addCleanup(publisher.removeObserver, observer)
        return observer
