"""Descriptors that buffer what they write, for people's own classes; and what an address is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from reactorlite.internet._constants import CONNECTION_DONE
from reactorlite.internet._current import current_reactor
from reactorlite.internet._written import bytes_from
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FileDescriptor", "isIPAddress", "isIPv6Address"]


def isIPAddress(addr: str | bytes, family: int = socket.AF_INET) -> bool:
    """Whether `addr` is an address of IPv4, in four decimal numbers, or of the `family` given.

    Raises `ValueError` for a family that is neither AF_INET nor AF_INET6.
    """
    if family not in (socket.AF_INET, socket.AF_INET6):
        raise ValueError(f"isIPAddress() knows AF_INET and AF_INET6, not the family {family!r}")
    try:
        text = addr.decode("ascii") if isinstance(addr, bytes) else addr
        if family == socket.AF_INET6:
            text = text.partition("%")[0]  # the zone
        elif text.count(".") != 3:
            return False  # some systems' libraries take "10.1" for an address
        socket.inet_pton(family, text)
    except (ValueError, OSError):
        return False
    return True


def isIPv6Address(addr: str | bytes) -> bool:
    """Whether `addr` is an address of IPv6, with a zone ("%eth0") or without."""
    return isIPAddress(addr, socket.AF_INET6)


@implementer(
    "IReadWriteDescriptor",
    "IHalfCloseableDescriptor",
    "IPushProducer",
    "IConsumer",
    "ITransport",
    "ILoggingContext",
)
class FileDescriptor:
    """A descriptor that the reactor watches, with a buffer for what is written to it.

    A class of your own has `fileno`, which answers -1 once it is closed, `doRead`, and
    `writeSomeData` to be written to. It sets `connected` to 1 when it is open, calls
    `startReading`, and closes the descriptor in `connectionLost`, after this class's.
    `reactor` is the current one if it isn't given.
    """

    connected = 0
    disconnected = 0
    disconnecting = 0
    #: A producer is paused while more bytes than these wait to be written.
    bufferSize = 2**16
    #: As many bytes as `writeSomeData` is given at once, or a single larger write.
    SEND_LIMIT = 2**17
    dataBuffer = b""
    #: How much of `dataBuffer` has been written.
    offset = 0
    producer: Any = None
    producerPaused = False
    streamingProducer = False
    _writeDisconnecting = False
    _writeDisconnected = False

    def __init__(self, reactor: Any = None) -> None:
        self.reactor: Any = current_reactor() if reactor is None else reactor
        self._waiting: list[bytes] = []
        self._size = 0  # of what waits

    # -- for classes of people's own

    def fileno(self) -> int:
        """The descriptor's number; -1 stands for none."""
        return -1

    def doRead(self) -> Exception | None:
        """Read what is there; to be overridden. See `IReadDescriptor`."""
        raise NotImplementedError(f"{self._kind()} is watched for reading and has no doRead()")

    def writeSomeData(self, data: bytes) -> int | Exception:
        """Write as much of `data` as can be without waiting; to be overridden.

        Answers how many bytes were taken, or the exception that ends the descriptor.
        """
        raise NotImplementedError(f"{self._kind()} is written to and has no writeSomeData()")

    def getHost(self) -> Any:
        """The address of this side; to be overridden."""
        raise NotImplementedError(f"{self._kind()} has no getHost()")

    def getPeer(self) -> Any:
        """The address of the other side; to be overridden."""
        raise NotImplementedError(f"{self._kind()} has no getPeer()")

    def logPrefix(self) -> str:
        """What tells its lines in the log from others'."""
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """Learn that it is over: called by the reactor, and to be called by those overriding it."""
        self.disconnected = 1
        self.connected = 0
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        self.stopReading()
        self.stopWriting()

    def readConnectionLost(self, reason: Failure) -> None:
        """Learn that nothing more comes; ends it all, unless overridden."""
        self.connectionLost(reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Learn that nothing more can be written; ends it all, unless overridden."""
        self.connectionLost(reason)

    def _closeWriteConnection(self) -> Exception | None:
        """End the writing half, if there is such a thing; see `loseWriteConnection`."""
        return None

    def _postLoseConnection(self) -> Exception | None:
        """What `doWrite` answers when all is written and the end was asked for."""
        return CONNECTION_DONE

    # -- watching

    def startReading(self) -> None:
        """Have `doRead` called when there is something to read."""
        self.reactor.addReader(self)

    def stopReading(self) -> None:
        """Have `doRead` called no more."""
        self.reactor.removeReader(self)

    def startWriting(self) -> None:
        """Have `doWrite` called when there is room."""
        self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        """Have `doWrite` called no more."""
        self.reactor.removeWriter(self)

    # -- writing

    def write(self, data: bytes) -> None:
        """Have `data` written when there is room; when it is over, or ending, it is dropped.

        What could change, a bytearray, is copied. Raises `TypeError` for text: encode it.
        """
        if type(data) is not bytes:
            data = bytes_from(data)
        if self.connected and not self._writeDisconnected and data:
            self._wait(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Have all of `iovec` written, as `write` does."""
        pieces = [bytes_from(each, "writeSequence") for each in iovec]
        if self.connected and not self._writeDisconnected and pieces:
            self._wait(*pieces)

    def _wait(self, *pieces: bytes) -> None:
        self._waiting.extend(pieces)
        self._size += sum(map(len, pieces))
        if self._is_full() and self.producer is not None and self.streamingProducer:
            self.producerPaused = True
            self.producer.pauseProducing()
        self.startWriting()

    def _is_full(self) -> bool:
        return len(self.dataBuffer) + self._size > self.bufferSize

    def doWrite(self) -> Exception | int | None:
        """Write what waits, as far as there is room; called by the reactor."""
        if len(self.dataBuffer) - self.offset < self.SEND_LIMIT:
            self.dataBuffer = b"".join([self.dataBuffer[self.offset :], *self._waiting])
            self.offset = self._size = 0
            self._waiting = []
        rest: Any = memoryview(self.dataBuffer)[self.offset :] if self.offset else self.dataBuffer
        taken = self.writeSomeData(rest)
        if isinstance(taken, Exception) or taken < 0:
            return taken
        self.offset += taken
        if self.offset < len(self.dataBuffer) or self._size:
            return None
        self.dataBuffer = b""
        self.offset = 0
        self.stopWriting()
        return self._all_written()

    def _all_written(self) -> Exception | None:
        if self.producer is not None and (not self.streamingProducer or self.producerPaused):
            self.producerPaused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            return self._postLoseConnection()
        elif self._writeDisconnecting:
            self._writeDisconnected = True
            return self._closeWriteConnection()
        return None

    # -- ending

    def loseConnection(self, _connDone: Failure | None = None) -> None:
        """End, when everything that waits has been written; `connectionLost` follows."""
        if not self.connected or self.disconnecting:
            return
        if self._writeDisconnected:
            self.stopReading()
            self.stopWriting()
            self.connectionLost(_connDone or Failure(CONNECTION_DONE))
        else:
            self.stopReading()
            self.startWriting()
            self.disconnecting = 1

    def loseWriteConnection(self) -> None:
        """End the writing half when everything that waits has been written."""
        self._writeDisconnecting = True
        self.startWriting()

    # -- as a producer, and as a consumer

    def pauseProducing(self) -> None:
        """Read no more, for now."""
        self.stopReading()

    def resumeProducing(self) -> None:
        """Read again."""
        if self.connected and not self.disconnecting:
            self.startReading()

    def stopProducing(self) -> None:
        """End; nobody wants what is read."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` write here: paused and resumed if `streaming`, else asked each time.

        Raises `RuntimeError` when there is one already.
        """
        if self.producer is not None:
            raise RuntimeError(
                f"can't register {producer!r}: {self.producer!r} is registered and hasn't been"
                " unregistered"
            )
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        self.streamingProducer = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Let the producer go, which has no more to write."""
        self.producer = None
        if self.connected and self.disconnecting:
            self.startWriting()

    def stopConsuming(self) -> None:
        """Let the producer go, and end."""
        self.unregisterProducer()
        self.loseConnection()

    def _kind(self) -> str:
        return type(self).__qualname__
