"""Receivers of lines: `LineReceiver`, and `LineOnlyReceiver` for where that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from operator import length_hint
from typing import Any

from reactorlite.internet.protocol import Protocol
from reactorlite.protocols._receiving import (
    Held,
    _PauseableMixin,
    is_closing,
    joined,
    not_bytes,
)

_MOST, _FEWEST = 16384, 128
"""So many bytes are split into lines at once. When some of these lines were given back as raw
data it is the fewest, and from there four times as many each time: a protocol that turns to raw
data and back must not have all of a read split again and again."""

_EASY, _HARD, _BUSY = range(3)
"""A `LineReceiver` that has nothing but the beginning of a line; one that may have more, or is
paused, or receives raw data; one that is delivering."""

_TURNED = object()
"""Instead of a result: what waits is to be delivered otherwise from here on."""


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
    _rest: Held = b""
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
                if transport is not None and transport.disconnecting and is_closing(transport):
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
            if self._rest and is_closing(self.transport):
                return None
            self._rest = joined(self._rest, self._start, data)
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
        if not data or is_closing(self.transport):
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
                if transport is not None and transport.disconnecting and is_closing(transport):
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
        if len(rest) < self.MAX_LENGTH + len(delimiter) or is_closing(self.transport):
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

    def _keep_unfinished(self, rest: Held) -> bool:
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
        try:
            data = line + self.delimiter
        except TypeError:
            raise not_bytes("sendLine", line) from None
        self.transport.write(data)

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

    _rest: Held = b""
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
            self._rest = joined(self._rest, 0, data)
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
            if transport is not None and transport.disconnecting and is_closing(transport):
                return
            if len(line) > self.MAX_LENGTH:
                self.lineLengthExceeded(line)
            else:
                self.lineReceived(line)
        if self._skipping or len(self._rest) > self.MAX_LENGTH:
            self._look_at_unfinished()

    def _completes(self, data: bytes) -> bool:
        """Keep `data`, less than is held already; whether a line ends in it."""
        self._rest = rest = joined(self._rest, 0, data)
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
            if not is_closing(self.transport):
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
