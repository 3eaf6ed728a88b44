"""Receivers of lines and of strings with their length in front, and a sender of files.

A connection cuts its bytes where it likes. A receiver puts them together again, and gives the
application whole lines or strings: the same ones for every way of cutting, in time that grows
with the bytes received and not with the number of pieces they came in.

Nothing is delivered once the transport is `disconnecting`: what a connection still had when
its end was decided would depend on how it was cut.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import Protocol
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

_MOST, _FEWEST = 16384, 128
"""So many bytes are split into lines at once. When some of these lines were given back as raw
data it is the fewest, and from there four times as many each time: a protocol that turns to raw
data and back must not have all of a read split again and again."""

_EASY, _HARD, _BUSY = range(3)
"""A `LineReceiver` that has nothing but the beginning of a line; one that may have more, or is
paused, or receives raw data; one that is delivering."""

_TURNED = object()
"""Instead of a result: what waits is to be delivered otherwise from here on."""

_COMMA = ord(",")

_Bytes = bytes | bytearray


def _joined(held: _Bytes, start: int, data: bytes) -> _Bytes:
    """What is held from `start` on, and `data` after it.

    Takes time in proportion to `data`, on the whole: pieces smaller than what is held are
    gathered in a bytearray, which grows in place.
    """
    if type(held) is bytearray:
        del held[:start]
        held += data
        return held
    left = len(held) - start
    if left <= len(data):
        return held[start:] + data if left else data
    grown = bytearray(memoryview(held)[start:])
    grown += data
    return grown


class _PauseableMixin:
    """A receiver that is a push producer: what it produces are calls of the application."""

    paused: bool = False
    transport: Any
    dataReceived: Callable[[bytes], Any]

    def pauseProducing(self) -> None:
        """Deliver nothing, and have the transport receive nothing, until `resumeProducing`."""
        self.paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on, beginning with what was received and not yet delivered."""
        self.paused = False
        self.transport.resumeProducing()
        self.dataReceived(b"")

    def stopProducing(self) -> None:
        """Deliver nothing any more, and close the connection."""
        self.paused = True
        self.transport.stopProducing()


# ── lines ────────────────────────────────────────────────────────────────────────────────


class _Switch:
    """An attribute of a `LineReceiver`. That it is set is noticed in the middle of a read.

    To look at two attributes after each line would take a fifth of the time a line takes.
    """

    def __init__(self, initial: Any) -> None:
        self.initial = initial

    def __set_name__(self, owner: type, name: str) -> None:
        self.kept_as = f"_{name}_now"

    def __get__(self, instance: LineReceiver | None, owner: type | None = None) -> Any:
        if instance is None:
            return self.initial
        return getattr(instance, self.kept_as, self.initial)

    def __set__(self, instance: LineReceiver, value: Any) -> None:
        setattr(instance, self.kept_as, value)
        instance._turn()


class LineReceiver(Protocol, _PauseableMixin):
    """Receives lines, and raw data where a line says that such follows.

    Lines end with `delimiter`, which is not part of them, and have at most `MAX_LENGTH` bytes.
    `line_mode` is 1 while lines are received, 0 while raw data is. All may be changed at any
    time; lines that were already received when `MAX_LENGTH` was lowered may pass.

    What `lineReceived` or `rawDataReceived` raises goes to whoever called `dataReceived`; what
    was not yet delivered stays, for the next call.
    """

    line_mode: Any = _Switch(1)
    paused: Any = _Switch(False)
    delimiter: bytes = b"\r\n"
    MAX_LENGTH: int = 16384

    # What waits are lines already split off, then bytes, of which `_start` are used up. If
    # these are `_unfinished`, no line ends in them; a bytearray is searched from `_searched`.
    _lines: Iterator[bytes] = iter(())
    _split_by: bytes = delimiter
    _rest: _Bytes = b""
    _start: int = 0
    _unfinished: bool = True
    _searched: int = 0
    _size: int = _MOST
    _longest: int = 0  # of the lines split off last
    _flowing: bool = True  # neither paused nor raw
    _state: int = _EASY

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("line_mode", "paused"):
            found = next(vars(base)[name] for base in cls.__mro__ if name in vars(base))
            if not hasattr(type(found), "__set__"):
                switch = _Switch(found)
                switch.__set_name__(cls, name)
                setattr(cls, name, switch)
        cls._flowing = bool(cls.line_mode and not cls.paused)
        cls._state = _EASY if cls._flowing else _HARD

    def dataReceived(self, data: bytes) -> Any:
        """Deliver what `data` completes; for the transport to call.

        Called from inside a delivery, it puts `data` after all that waits. A true result of
        `lineReceived` or `rawDataReceived` ends the delivery and is returned.
        """
        rest: Any = self._rest  # bytes, when this state is an easy one
        if self._state or len(rest) > len(data) or len(rest) + len(data) > self.MAX_LENGTH:
            return self._receive(data)
        self._split_by = delimiter = self.delimiter
        lines = (rest + data).split(delimiter)
        self._rest = rest = lines.pop()
        self._lines = waiting = iter(lines)
        self._state = _BUSY
        state = _HARD
        try:
            # `_deliver_lines` is this loop with all that is not common: here is no line too
            # long, and what is turned or put in from inside is seen by what is kept.
            for line in waiting:
                transport = self.transport
                if transport is not None and transport.disconnecting and _is_closing(transport):
                    return None
                why = self.lineReceived(line)
                if why:
                    return why
                if self.delimiter is not delimiter:
                    return self._deliver()
            if self._rest is not rest or self._lines is not waiting:
                return self._deliver()
            state = _EASY
        finally:
            self._state = state
        return None

    def _receive(self, data: bytes) -> Any:
        """Do as `dataReceived`, in the less common cases."""
        if data:
            if self._rest and _is_closing(self.transport):
                return None
            self._rest = _joined(self._rest, self._start, data)
            self._start = 0
            self._unfinished = False
        if self._state == _BUSY:
            return None
        self._state = _BUSY
        try:
            return self._deliver()
        finally:
            self._state = _EASY if self._is_easy() else _HARD

    def _is_easy(self) -> bool:
        """Whether nothing waits but the beginning of a line, and a read is worth splitting."""
        if not (self._flowing and self._unfinished and self._size == _MOST):
            return False
        return type(self._rest) is bytes and not length_hint(self._lines)

    def _turn(self) -> None:
        """Have whatever is delivering at the moment look how to go on."""
        self._flowing = flowing = bool(self.line_mode and not self.paused)
        if self._state == _BUSY:
            self._lines = iter([*self._lines])
        elif not flowing:
            self._state = _HARD

    def _deliver(self) -> Any:
        why: Any = _TURNED
        while why is _TURNED:
            if self._flowing:
                why = self._deliver_lines()
            elif self.paused:
                return None
            else:
                why = self._deliver_raw()
        return why

    def _deliver_raw(self) -> Any:
        data = self.clearLineBuffer()
        if not data or _is_closing(self.transport):
            return None
        return self.rawDataReceived(data) or _TURNED

    def _deliver_lines(self) -> Any:
        delimiter = self.delimiter
        if delimiter != self._split_by:
            self._rest = self.clearLineBuffer()
            self._split_by = delimiter
            self._unfinished = False
        may_be_long = True
        while True:
            for line in (waiting := self._lines):
                transport = self.transport
                if transport is not None and transport.disconnecting and _is_closing(transport):
                    return None
                if may_be_long and len(line) > self.MAX_LENGTH:
                    return self.lineLengthExceeded(line + delimiter + self.clearLineBuffer())
                why = self.lineReceived(line)
                if why:
                    return why
                if self.delimiter is not delimiter:
                    return _TURNED
            if self._lines is not waiting:
                return _TURNED
            if self._unfinished or not self._split():
                break
            may_be_long = self._longest > self.MAX_LENGTH
        rest = self._rest
        if len(rest) < self.MAX_LENGTH + len(delimiter) or _is_closing(self.transport):
            return None
        return self.lineLengthExceeded(self.clearLineBuffer())

    def _split(self) -> bool:
        """Split lines off what waits; false if there is no whole one."""
        rest, start, delimiter = self._rest, self._start, self._split_by
        if type(rest) is bytearray and rest.find(delimiter, self._searched) < 0:
            return self._keep_unfinished(rest)
        rest = bytes(rest)
        end = start + self._size
        lines = rest[start:end].split(delimiter)
        last = lines.pop()
        self._longest = end - start
        if end >= len(rest):
            self._keep_unfinished(last)
        elif lines:
            self._keep_unsplit(rest, end - len(last))
        else:
            end = rest.find(delimiter, start)
            if end < 0:
                return self._keep_unfinished(rest[start:])
            lines = [rest[start:end]]
            self._longest = end - start
            self._keep_unsplit(rest, end + len(delimiter))
        self._lines = iter(lines)
        return bool(lines)

    def _keep_unsplit(self, rest: bytes, start: int) -> None:
        self._rest = rest
        self._start = start
        self._searched = 0
        self._size = min(self._size * 4, _MOST)

    def _keep_unfinished(self, rest: _Bytes) -> bool:
        """Keep the beginning of a line, and remember that there is no more in it."""
        self._rest = rest
        self._start = self._searched = 0
        self._unfinished = True
        if type(rest) is bytearray:
            # The delimiter may have begun, and be completed by what comes.
            self._searched = max(0, len(rest) - len(self._split_by) + 1)
        return False

    def clearLineBuffer(self) -> bytes:
        """Return what was received and not yet delivered, and forget it."""
        lines, start = [*self._lines], self._start
        if lines:
            self._size = _FEWEST
        if start:
            # The lines stand right before, and need not be put together again.
            start -= sum(map(len, lines)) + len(lines) * len(self._split_by)
            lines = []
        rest = bytes(self._rest[start:])
        self._rest = b""
        self._start = self._searched = 0
        self._unfinished = True
        return self._split_by.join([*lines, rest]) if lines else rest

    def setLineMode(self, extra: bytes = b"") -> Any:
        """Receive lines from here on, beginning with `extra`: what of the raw data was lines.

        Returns what `dataReceived(extra)` does.
        """
        self.line_mode = 1
        return self.dataReceived(extra) if extra else None

    def setRawMode(self) -> None:
        """Receive raw data from here on: in `lineReceived`, from behind the line at hand."""
        self.line_mode = 0

    def rawDataReceived(self, data: bytes) -> Any:
        """Override to take data that is no lines, in pieces of any size, never empty.

        `setLineMode` ends it.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no rawDataReceived")

    def lineReceived(self, line: bytes) -> Any:
        """Override to take a line, without its delimiter."""
        raise NotImplementedError(f"{type(self).__qualname__} has no lineReceived")

    def sendLine(self, line: bytes) -> None:
        """Send `line` and a delimiter."""
        self.transport.write(line + self.delimiter)

    def lineLengthExceeded(self, line: bytes) -> Any:
        """Called with a line of more than `MAX_LENGTH` bytes; this closes the connection.

        `line` is all that was received from its beginning on: perhaps not to its end, perhaps
        lines after it. An override that does not close must know where to go on: what is
        received next is taken for the beginning of a line.
        """
        return self.transport.loseConnection()


class LineOnlyReceiver(Protocol):
    """Receives lines and nothing else: simpler than `LineReceiver`, without raw data and pauses.

    Lines end with `delimiter`, which is not part of them, and have at most `MAX_LENGTH` bytes.
    """

    delimiter: bytes = b"\r\n"
    MAX_LENGTH: int = 16384

    _rest: _Bytes = b""
    _searched: int = 0
    _skipping: bool = False
    _busy: bool = False
    _grown: bool = False

    def dataReceived(self, data: bytes) -> Any:
        """Deliver the lines that `data` completes; for the transport to call.

        Called from inside a delivery, it puts `data` after all that waits. What `lineReceived`
        raises goes to the caller, and the lines of `data` after that one are dropped.
        """
        if self._busy:
            self._rest = _joined(self._rest, 0, data)
            self._grown = True
            return
        self._busy = True
        try:
            self._deliver(data)
            while self._grown:
                self._grown = False
                self._deliver(b"")
        finally:
            self._busy = False

    def _deliver(self, data: bytes) -> None:
        rest: Any = self._rest
        if len(rest) <= len(data):
            data = bytes(rest + data)
        elif not self._completes(data):
            return
        else:
            data = bytes(self._rest)
        lines = data.split(self.delimiter)
        self._rest = lines.pop()
        self._searched = 0
        if self._skipping and lines:
            self._skipping = False
            del lines[0]
        for line in lines:
            transport = self.transport
            if transport is not None and transport.disconnecting and _is_closing(transport):
                return
            if len(line) > self.MAX_LENGTH:
                self.lineLengthExceeded(line)
            else:
                self.lineReceived(line)
        if self._skipping or len(self._rest) > self.MAX_LENGTH:
            self._look_at_unfinished()

    def _completes(self, data: bytes) -> bool:
        """Keep `data`, less than is held already; whether a line ends in it."""
        self._rest = rest = _joined(self._rest, 0, data)
        if rest.find(self.delimiter, self._searched) < 0:
            self._look_at_unfinished()
            return False
        return True

    def _look_at_unfinished(self) -> None:
        """Report a line that is too long however it goes on, and keep nothing of it."""
        rest, delimiter, longest = self._rest, self.delimiter, self.MAX_LENGTH
        # The delimiter may have begun, and be completed by what comes.
        self._searched = max(0, len(rest) - len(delimiter) + 1)
        if not self._skipping:
            if len(rest) <= longest or delimiter.startswith(bytes(rest[longest:])):
                return
            self._skipping = True
            if not _is_closing(self.transport):
                self.lineLengthExceeded(bytes(rest))
        self._rest = bytes(rest[self._searched :])
        self._searched = 0

    def lineReceived(self, line: bytes) -> Any:
        """Override to take a line, without its delimiter."""
        raise NotImplementedError(f"{type(self).__qualname__} has no lineReceived")

    def sendLine(self, line: bytes) -> None:
        """Send `line` and a delimiter."""
        self.transport.writeSequence((line, self.delimiter))

    def lineLengthExceeded(self, line: bytes) -> Any:
        """Called once for each line of more than `MAX_LENGTH` bytes; this closes the connection.

        `line` may be only the beginning of it. An override that does not close goes on with
        the next line: the rest of this one is dropped.
        """
        return self.transport.loseConnection()


# ── strings ──────────────────────────────────────────────────────────────────────────────


class StringTooLongError(AssertionError):
    """The length of a string to be sent does not fit in front of it."""


class NetstringParseError(ValueError):
    """What was received is no netstring."""


class _StringReceiver(Protocol):
    """What receivers of strings share: what waits to be delivered, and how it is kept."""

    # What waits, of which `_start` bytes are used up, and how much there must be before it is
    # worth looking at.
    _held: _Bytes = b""
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
            if _is_closing(self.transport):
                return
            self._held = held = _joined(held, self._start, data)
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
            if getattr(self.transport, "disconnecting", False) and _is_closing(self.transport):
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
        self.transport.write(struct.pack(self.structFormat, len(string)) + string)

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
        while self._start < len(self._held) and not _is_closing(self.transport):
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

    def _next(self, held: _Bytes, start: int) -> _Bytes | None:
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
        self.transport.write(b"%d:%b," % (len(string), string))


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


def _is_closing(transport: Any) -> bool:
    # Not every transport tells. A mock's answer is true and no number, and does not mean it.
    return bool(getattr(transport, "disconnecting", False) == 1)


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
