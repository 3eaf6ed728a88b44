"""Receivers of lines and of strings with their length in front, and a sender of files.

A connection cuts its bytes where it likes. A receiver puts them together again, and gives the
application whole lines or strings: the same ones for every way of cutting, in time that grows
with the bytes received and not with the number of pieces they came in.

Nothing is delivered once the transport is `disconnecting`: what a connection still had when
its end was decided would depend on how it was cut.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import Protocol
from reactorlite.protocols._lines import LineOnlyReceiver, LineReceiver
from reactorlite.protocols._receiving import (
    Held,
    _PauseableMixin,
    is_closing,
    joined,
    not_bytes,
)
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from reactorlite.internet import interfaces

__all__ = [
    "FileSender",
    "Int8StringReceiver",
    "Int16StringReceiver",
    "Int32StringReceiver",
    "IntNStringReceiver",
    "LineOnlyReceiver",
    "LineReceiver",
    "NetstringParseError",
    "NetstringReceiver",
    "StatefulStringProtocol",
    "StringTooLongError",
]

_COMMA = ord(",")


# ── strings ──────────────────────────────────────────────────────────────────────────────


class StringTooLongError(AssertionError):
    """The length of a string to be sent does not fit in front of it."""


class NetstringParseError(ValueError):
    """What was received is no netstring."""


class _StringReceiver(Protocol):
    """What receivers of strings share: what waits to be delivered, and how it is kept."""

    # What waits, of which `_start` bytes are used up, and how much there must be before it is
    # worth looking at.
    _held: Held = b""
    _start: int = 0
    _wanted: int = 0
    _busy: bool = False

    def dataReceived(self, data: bytes) -> None:
        """Deliver the strings that `data` completes; for the transport to call.

        Called from inside a delivery, it puts `data` after all that waits. What
        `stringReceived` raises goes to the caller; the strings after it stay, for the next call.
        """
        held = self._held
        if not held:
            self._held = held = data if type(data) is bytes else bytes(data)
        elif data:
            if is_closing(self.transport):
                return
            self._held = held = joined(held, self._start, data)
            self._start = 0
        if self._busy or len(held) - self._start < self._wanted:
            return
        self._busy = True
        self._wanted = 0
        try:
            self._deliver()
        finally:
            self._busy = False
            self._let_go()

    def _let_go(self) -> None:
        """Forget what is used up, once that is most of it."""
        if self._start * 2 >= len(self._held):
            self._held = bytes(self._held[self._start :])
            self._start = 0

    def _deliver(self) -> None:
        raise NotImplementedError

    def stringReceived(self, string: bytes) -> Any:
        """Override to take a string."""
        raise NotImplementedError(f"{type(self).__qualname__} has no stringReceived")


class IntNStringReceiver(_StringReceiver, _PauseableMixin):
    """Receives strings that have their length in front, as a number of a fixed size.

    A subclass says how the number looks: `structFormat`, for the `struct` module, and
    `prefixLength`, the bytes it takes. Strings received have at most `MAX_LENGTH` bytes.
    """

    MAX_LENGTH: int = 99999
    structFormat: str
    prefixLength: int

    @property
    def recvd(self) -> bytes:
        """What was received and not yet delivered; setting it replaces that.

        In `stringReceived` it begins behind the string at hand, in `lengthLimitExceeded` with
        the length.
        """
        return bytes(self._held[self._start :])

    @recvd.setter
    def recvd(self, data: bytes) -> None:
        self._held = data or b""
        self._start = self._wanted = 0

    def _deliver(self) -> None:
        size, form = self.prefixLength, self.structFormat
        while not self.paused:
            if getattr(self.transport, "disconnecting", False) and is_closing(self.transport):
                return
            held, start = self._held, self._start
            if len(held) - start < size:
                return
            (length,) = struct.unpack_from(form, held, start)
            if length > self.MAX_LENGTH:
                return self._refuse(length)
            start += size
            end = start + length
            if end > len(held):
                self._wanted = size + length
                return
            self._start = end
            string = held[start:end]
            self.stringReceived(string if type(string) is bytes else bytes(string))

    def _refuse(self, length: int) -> None:
        held, start = self._held, self._start
        self.lengthLimitExceeded(length)
        if self._held is held and self._start == start and length > self.MAX_LENGTH:
            # The length alone: it is refused again when more comes, and nothing piles up.
            self.recvd = bytes(held[start : start + self.prefixLength])

    def sendString(self, string: bytes) -> None:
        """Send `string` with its length in front.

        Raises `StringTooLongError` if the length does not fit there.
        """
        limit = 1 << 8 * self.prefixLength
        if len(string) >= limit:
            raise StringTooLongError(f"{len(string)} bytes to send, and less than {limit} allowed")
        try:
            data = struct.pack(self.structFormat, len(string)) + string
        except TypeError:
            raise not_bytes("sendString", string) from None
        self.transport.write(data)

    def lengthLimitExceeded(self, length: int) -> Any:
        """Called when more than `MAX_LENGTH` bytes are announced; this closes the connection.

        An override may raise `MAX_LENGTH` to admit the string, or set `recvd`. Else the string
        is dropped as it comes, with all that follows, and this is called for each read.
        """
        self.transport.loseConnection()


class Int32StringReceiver(IntNStringReceiver):
    """Receives strings with a length of 4 bytes in front, the highest first."""

    structFormat = "!I"
    prefixLength = 4


class Int16StringReceiver(IntNStringReceiver):
    """Receives strings with a length of 2 bytes in front, the higher first."""

    structFormat = "!H"
    prefixLength = 2


class Int8StringReceiver(IntNStringReceiver):
    """Receives strings with a length of one byte in front."""

    structFormat = "!B"
    prefixLength = 1


class NetstringReceiver(_StringReceiver):
    """Receives netstrings: `3:abc,` is one with the three bytes `abc`.

    Strings received have at most `MAX_LENGTH` bytes. What is no netstring, or a longer one,
    closes the connection; `brokenPeer` is 1 from then on, and nothing more is received.
    """

    MAX_LENGTH: int = 99999
    brokenPeer: int = 0

    def makeConnection(self, transport: interfaces.ITransport) -> None:
        """Begin with nothing received, then as every protocol."""
        super().makeConnection(transport)
        self._held = b""
        self._start = self._wanted = self.brokenPeer = 0

    def _deliver(self) -> None:
        while self._start < len(self._held) and not is_closing(self.transport):
            try:
                string = None if self.brokenPeer else self._next(self._held, self._start)
            except NetstringParseError:
                self.brokenPeer = 1
            if self.brokenPeer:
                self._held = b""
                self._start = 0
                self.transport.loseConnection()
            elif string is None:
                return
            else:
                self.stringReceived(string if type(string) is bytes else bytes(string))

    def _next(self, held: Held, start: int) -> Held | None:
        """Take the next string out of what is held; None if it is not whole."""
        digits = len(str(self.MAX_LENGTH))
        colon = held.find(b":", start, start + digits + 1)
        if colon < 0:
            self._check_length(bytes(held[start : start + digits + 1]))
            return None
        length = self._check_length(bytes(held[start:colon]))
        colon += 1
        end = colon + length
        if end >= len(held):
            self._wanted = end + 1 - start
            return None
        if held[end] != _COMMA:
            raise NetstringParseError("a netstring ends with no comma")
        self._start = end + 1
        return held[colon:end]

    def _check_length(self, digits: bytes) -> int:
        """The number that `digits` are, or begin with; `NetstringParseError` if it won't do."""
        if not digits.isdigit() or (digits[0] == ord("0") and len(digits) > 1):
            raise NetstringParseError(f"a netstring begins with {digits!r}, and not its length")
        length = int(digits)
        if length > self.MAX_LENGTH:
            raise NetstringParseError(f"a netstring is longer than {self.MAX_LENGTH} bytes")
        return length

    def sendString(self, string: bytes) -> None:
        """Send `string` as a netstring."""
        try:
            data = b"%d:%b," % (len(string), string)
        except TypeError:
            raise not_bytes("sendString", string) from None
        self.transport.write(data)


class StatefulStringProtocol:
    """A mix-in for receivers of strings: each string goes to the method of the state at hand.

    In the state `x` that is `proto_x`, which returns the name of the next one. The state
    `done` closes the connection. A string for which there is no method is logged.
    """

    state: str = "init"
    transport: Any

    def stringReceived(self, string: bytes) -> None:
        """Give `string` to the state's method."""
        receive = getattr(self, f"proto_{self.state}", None)
        if receive is None:
            log.msg(f"{type(self).__qualname__} has no proto_{self.state} for what it received")
        else:
            self.state = receive(string)
        if self.state == "done":
            self.transport.loseConnection()


# ── files ────────────────────────────────────────────────────────────────────────────────


@implementer("IProducer")
class FileSender:
    """Sends a file to a consumer, `CHUNK_SIZE` bytes at a time, as fast as the consumer asks."""

    CHUNK_SIZE: int = 2**14
    lastSent: Any = ""
    deferred: Deferred[Any] | None = None

    def beginFileTransfer(
        self,
        file: Any,
        consumer: interfaces.IConsumer,
        transform: Callable[[Any], Any] | None = None,
    ) -> Deferred[Any]:
        """Send what `file.read` gives, each piece as `transform` changes it, until it ends.

        The Deferred fires with the last byte sent; it fails if the consumer stops before that.
        Closing the file is the caller's.
        """
        self.file = file
        self.consumer = consumer
        self.transform = transform
        # The consumer may ask at once, so the Deferred is there before.
        deferred: Deferred[Any] = Deferred()
        self.deferred = deferred
        consumer.registerProducer(self, False)
        return deferred

    def resumeProducing(self) -> None:
        """Send the next piece, or end. For the consumer to call."""
        chunk = self.file.read(self.CHUNK_SIZE) if self.file else b""
        if not chunk:
            self.file = None
            self.consumer.unregisterProducer()
            deferred, self.deferred = self.deferred, None
            if deferred is not None:
                deferred.callback(self.lastSent)
            return
        if self.transform is not None:
            chunk = self.transform(chunk)
        self.consumer.write(chunk)
        self.lastSent = chunk[-1:]

    def pauseProducing(self) -> None:
        """Do nothing: nothing is sent that was not asked for."""

    def stopProducing(self) -> None:
        """Give up: fail the Deferred. For the consumer to call."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.errback(Failure(Exception("Consumer asked us to stop producing")))
