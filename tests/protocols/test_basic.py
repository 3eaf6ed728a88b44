"""Receivers of lines and strings, and the sender of files.

What Twisted does too is asserted of both: the fixture `basic` brings either one's module.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import itertools
import random
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactorlite.internet.testing import StringTransport
from reactorlite.protocols import basic as ours

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def basic(request: pytest.FixtureRequest) -> Any:
    """One side's `protocols.basic`."""
    return importlib.import_module(f"{request.param}.protocols.basic")


class Transport:
    """Remembers what is asked of it."""

    def __init__(self) -> None:
        self.disconnecting = False
        self.written = b""
        self.asked: list[str] = []

    def write(self, data: bytes) -> None:
        self.written += data

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:
        self.disconnecting = True

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")
        self.loseConnection()


def connected(receiver: Any) -> Any:
    """The receiver, with a transport."""
    receiver.makeConnection(Transport())
    return receiver


def feed(receiver: Any, pieces: Iterable[bytes]) -> None:
    """Deliver pieces as a connection does: none that is empty, none once it is closing."""
    for piece in pieces:
        if piece and not receiver.transport.disconnecting:
            receiver.dataReceived(piece)


def lines(basic: Any, base: str = "LineReceiver", **attributes: Any) -> Any:
    """A connected receiver of lines, which keeps in `got` what comes."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)

    def rawDataReceived(self: Any, data: bytes) -> None:
        self.got.append(("raw", data))

    body = {"lineReceived": lineReceived, "rawDataReceived": rawDataReceived, "got": []}
    return connected(type("Lines", (getattr(basic, base),), body | attributes)())


def strings(basic: Any, base: str, **attributes: Any) -> Any:
    """A connected receiver of strings, which keeps in `got` what comes."""

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)

    body = {"stringReceived": stringReceived, "got": []}
    return connected(type("Strings", (getattr(basic, base),), body | attributes)())


LINE_RECEIVERS = ["LineReceiver", "LineOnlyReceiver"]
STRING_RECEIVERS = [f"Int{bits}StringReceiver" for bits in (8, 16, 32)] + ["NetstringReceiver"]


# ── lines


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_lines(basic, base):
    """Lines are delivered without their delimiter, the unfinished one when it is finished."""
    receiver = lines(basic, base)

    feed(receiver, [b"one\r\n\r\ntw", b"o\r", b"\nthree"])

    assert receiver.got == [b"one", b"", b"two"]


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_other_delimiter(basic, base):
    """The delimiter is what the class says, of any length."""
    receiver = lines(basic, base, delimiter=b"--")

    feed(receiver, [b"a-b--c-", b"-d\r\n--"])

    assert receiver.got == [b"a-b", b"c", b"d\r\n"]


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_send_line(basic, base):
    """A line is sent with its delimiter."""
    receiver = lines(basic, base, delimiter=b"\n")

    receiver.sendLine(b"hello")

    assert receiver.transport.written == b"hello\n"


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_must_be_overridden(basic, base):
    """A receiver that does not say what to do with a line raises NotImplementedError."""
    receiver = connected(getattr(basic, base)())

    with pytest.raises(NotImplementedError):
        receiver.dataReceived(b"line\r\n")


@pytest.mark.parametrize("base", LINE_RECEIVERS)
@pytest.mark.parametrize("data", [b"12345\r\n", b"1234567"])
def test_long_line_closes(basic, base, data):
    """A line that is longer than `MAX_LENGTH` closes the connection, finished or not."""
    receiver = lines(basic, base, MAX_LENGTH=4)

    feed(receiver, [b"1234\r\n", data])

    assert receiver.got == [b"1234"]
    assert receiver.transport.disconnecting


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_longest_line_in_any_pieces(base):
    """A line of just `MAX_LENGTH` bytes is taken, also when its delimiter comes in two."""
    receiver = lines(ours, base, MAX_LENGTH=4)

    feed(receiver, [b"1234\r", b"\n"])

    assert receiver.got == [b"1234"]
    assert not receiver.transport.disconnecting


def test_long_line_is_told_with_all_that_follows(basic):
    """`lineLengthExceeded` gets all that was received from the beginning of the long line."""
    told: list[bytes] = []
    receiver = lines(basic, MAX_LENGTH=4, lineLengthExceeded=lambda self, line: told.append(line))

    receiver.dataReceived(b"ok\r\n12345\r\nok\r\nx")
    receiver.dataReceived(b"ok\r\n")

    assert told == [b"12345\r\nok\r\nx"]
    assert receiver.got == [b"ok", b"ok"]


def test_line_only_goes_on_behind_a_long_line():
    """A `LineOnlyReceiver` that does not close goes on with the line behind a long one."""
    told: list[bytes] = []
    for size in (1, 3, 100):
        told.clear()
        receiver = lines(
            ours,
            "LineOnlyReceiver",
            MAX_LENGTH=4,
            got=[],
            lineLengthExceeded=lambda self, line: told.append(line),
        )

        feed(receiver, cut(b"ok\r\n1234567890\r\nfine\r\n", size))

        assert receiver.got == [b"ok", b"fine"]
        assert len(told) == 1


def test_raw_data(basic):
    """After `setRawMode` the rest is raw data, after `setLineMode` it is lines again."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        if line == b"raw":
            self.setRawMode()

    def rawDataReceived(self: Any, data: bytes) -> None:
        raw, _, rest = data.partition(b".")
        self.got.append(("raw", raw))
        self.setLineMode(rest)

    receiver = lines(basic, lineReceived=lineReceived, rawDataReceived=rawDataReceived)

    feed(receiver, [b"one\r\nraw\r\nx\r\ny.two\r\nraw\r\nz.three\r\n", b"four\r\n"])

    assert receiver.got == [
        *(b"one", b"raw", ("raw", b"x\r\ny"), b"two"),
        *(b"raw", ("raw", b"z"), b"three", b"four"),
    ]


def test_starting_raw(basic):
    """A class may begin with raw data."""
    receiver = lines(basic, line_mode=0)

    receiver.dataReceived(b"raw\r\n")
    receiver.setLineMode(b"line\r\n")

    assert receiver.got == [("raw", b"raw\r\n"), b"line"]


def test_mode_set_by_attribute(basic):
    """`line_mode` may be set itself, and the next line of the same read is raw data."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.line_mode = 0

    receiver = lines(basic, lineReceived=lineReceived)

    receiver.dataReceived(b"line\r\nraw\r\n")

    assert receiver.line_mode == 0
    assert receiver.got == [("raw", b"raw\r\n")]


def test_mode_of_a_mixin(basic):
    """A mix-in's plain attribute takes the place of the receiver's, and may be set too."""

    class Paused:
        paused = True

    class Receiver(Paused, basic.LineReceiver):
        def lineReceived(self, line: bytes) -> None:
            got.append(line)
            self.paused = True

    got: list[bytes] = []
    receiver = connected(Receiver())

    receiver.dataReceived(b"one\r\ntwo\r\n")
    assert got == []
    receiver.resumeProducing()

    assert got == [b"one"]


def test_delimiter_changed_by_a_line(basic):
    """A changed delimiter holds from the next line on, and for what is held."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        self.delimiter = b"\n" if self.delimiter == b"\r\n" else b"\r\n"

    receiver = lines(basic, lineReceived=lineReceived)

    feed(receiver, [b"a\r\nb\nc\r\nd\ne\r\n\r", b"\n"])

    assert receiver.got == [b"a", b"b", b"c", b"d", b"e", b"\r"]


def test_longest_changed_by_a_line(basic):
    """A raised `MAX_LENGTH` holds from the next line on."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        self.MAX_LENGTH = 100

    receiver = lines(basic, lineReceived=lineReceived, MAX_LENGTH=4)

    feed(receiver, [b"a\r\nlonger than that\r\nx"])

    assert receiver.got == [b"a", b"longer than that"]


def test_clear_buffer(basic):
    """`clearLineBuffer` gives what is not delivered, and makes the receiver forget it."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got += [line, self.clearLineBuffer()]

    receiver = lines(basic, lineReceived=lineReceived)

    feed(receiver, [b"one\r\ntwo\r\nthr", b"four\r\n"])

    assert receiver.got == [b"one", b"two\r\nthr", b"four", b""]


def test_pausing(basic):
    """Nothing is delivered while paused, and everything afterwards, in order."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        if line == b"pause":
            self.pauseProducing()

    receiver = lines(basic, lineReceived=lineReceived)

    receiver.dataReceived(b"one\r\npause\r\ntwo\r\nthr")
    receiver.dataReceived(b"ee\r\npause\r\nfour\r\n")
    assert receiver.got == [b"one", b"pause"]
    receiver.resumeProducing()
    assert receiver.got == [b"one", b"pause", b"two", b"three", b"pause"]
    receiver.resumeProducing()

    assert receiver.got[-1] == b"four"
    assert receiver.transport.asked == ["pause", "resume"] * 2


def test_pause_within_a_line_is_undone(basic):
    """A pause that is over when the line is done with changes nothing."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        self.pauseProducing()
        self.resumeProducing()

    receiver = lines(basic, lineReceived=lineReceived)

    receiver.dataReceived(b"one\r\ntwo\r\nthree\r\n")

    assert receiver.got == [b"one", b"two", b"three"]


def test_raw_pausing(basic):
    """Raw data is held back too."""
    receiver = lines(basic)
    receiver.setRawMode()
    receiver.pauseProducing()

    receiver.dataReceived(b"one")
    receiver.dataReceived(b"two")
    assert receiver.got == []
    receiver.resumeProducing()

    assert receiver.got == [("raw", b"onetwo")]


@pytest.mark.parametrize("base", ["LineReceiver", "Int8StringReceiver"])
def test_stop_producing(basic, base):
    """`stopProducing` stops the transport and leaves the receiver paused."""
    receiver = connected(getattr(basic, base)())

    receiver.stopProducing()

    assert receiver.paused
    assert receiver.transport.asked == ["stop"]


@pytest.mark.parametrize("base", LINE_RECEIVERS)
def test_no_lines_when_closing(basic, base):
    """Lines behind the one that closed the connection are not delivered."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        self.transport.loseConnection()

    receiver = lines(basic, base, lineReceived=lineReceived)

    receiver.dataReceived(b"one\r\ntwo\r\n")

    assert receiver.got == [b"one"]


def test_result_of_a_line(basic):
    """What `lineReceived` returns, if it is true, ends the delivery and is returned."""

    def lineReceived(self: Any, line: bytes) -> bytes:
        self.got.append(line)
        return line

    receiver = lines(basic, lineReceived=lineReceived)

    assert receiver.dataReceived(b"one\r\ntwo\r\n") == b"one"
    assert receiver.dataReceived(b"") == b"two"
    assert receiver.dataReceived(b"") is None


def test_error_in_a_line(basic):
    """An error goes to the caller, and the lines behind it are delivered with the next read."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        if line == b"bad":
            raise ValueError(line)

    receiver = lines(basic, lineReceived=lineReceived)

    with pytest.raises(ValueError, match="bad"):
        receiver.dataReceived(b"one\r\nbad\r\ntwo\r\nthr")
    receiver.dataReceived(b"ee\r\n")

    assert receiver.got == [b"one", b"bad", b"two", b"three"]


def test_data_put_in_by_a_line(basic):
    """What a line puts in comes behind all that waits."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        if line == b"one":
            self.dataReceived(b"ree\r\n")

    receiver = lines(basic, lineReceived=lineReceived)

    receiver.dataReceived(b"one\r\ntwo\r\nth")

    assert receiver.got == [b"one", b"two", b"three"]


def test_no_recursion(basic):
    """Ten thousand turns between lines and raw data in one read need no deeper stack."""

    def lineReceived(self: Any, line: bytes) -> None:
        self.got.append(line)
        self.setRawMode()

    receiver = lines(
        basic, lineReceived=lineReceived, rawDataReceived=lambda self, data: self.setLineMode(data)
    )

    receiver.dataReceived(b"x\r\n" * 10_000)

    assert receiver.got == [b"x"] * 10_000


def test_other_protocol_takes_over(basic):
    """A line may hand the connection and the rest of the read to another protocol."""
    other = lines(basic, delimiter=b"\n")

    def lineReceived(self: Any, line: bytes) -> None:
        self.transport.protocol = other
        other.dataReceived(self.clearLineBuffer())

    receiver = lines(basic, lineReceived=lineReceived)

    receiver.dataReceived(b"switch\r\none\ntwo\n")

    assert other.got == [b"one", b"two"]


def test_mock_transport():
    """A mock for a transport, whose every attribute is true, is not taken to be closing."""
    receiver = lines(ours)
    receiver.transport = Mock()

    receiver.dataReceived(b"one\r\ntwo\r\n")

    assert receiver.got == [b"one", b"two"]


def test_bytes_like_data(basic):
    """What is fed as a bytearray is delivered as bytes."""
    receiver = lines(basic)

    receiver.dataReceived(bytearray(b"one\r\ntw"))
    receiver.dataReceived(bytearray(b"o\r\n"))

    assert receiver.got == [b"one", b"two"]
    assert all(type(line) is bytes for line in receiver.got)


# ── strings


def framed(base: str, string: bytes) -> bytes:
    """A string as it is sent."""
    if base == "NetstringReceiver":
        return b"%d:%b," % (len(string), string)
    return len(string).to_bytes(getattr(ours, base).prefixLength, "big") + string


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_strings(basic, base):
    """Strings are delivered when they are whole."""
    receiver = strings(basic, base)
    data = framed(base, b"one") + framed(base, b"") + framed(base, b"two")

    feed(receiver, [data[:3], data[3:-2], data[-2:]])

    assert receiver.got == [b"one", b"", b"two"]


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_send_string(basic, base):
    """A string is sent as it would be received."""
    receiver = strings(basic, base)

    receiver.sendString(b"hello")

    assert receiver.transport.written == framed(base, b"hello")


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_string_must_be_overridden(basic, base):
    """A receiver that does not say what to do with a string raises NotImplementedError."""
    receiver = connected(getattr(basic, base)())

    with pytest.raises(NotImplementedError):
        receiver.dataReceived(framed(base, b"x"))


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_long_string_closes(basic, base):
    """A string longer than `MAX_LENGTH` closes the connection before it is there."""
    receiver = strings(basic, base, MAX_LENGTH=4)

    feed(receiver, [framed(base, b"1234"), framed(base, b"12345")[:-3]])

    assert receiver.got == [b"1234"]
    assert receiver.transport.disconnecting


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_no_strings_when_closing(base):
    """Strings behind the one that closed the connection are not delivered."""

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)
        self.transport.loseConnection()

    receiver = strings(ours, base, stringReceived=stringReceived)

    receiver.dataReceived(framed(base, b"one") + framed(base, b"two"))

    assert receiver.got == [b"one"]


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_error_in_a_string(base):
    """An error goes to the caller, and the strings behind it come with the next read."""

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)
        if string == b"bad":
            raise ValueError(string)

    receiver = strings(ours, base, stringReceived=stringReceived)
    data = framed(base, b"bad") + framed(base, b"two") + framed(base, b"three")

    with pytest.raises(ValueError, match="bad"):
        receiver.dataReceived(data[:-1])
    receiver.dataReceived(data[-1:])

    assert receiver.got == [b"bad", b"two", b"three"]


@pytest.mark.parametrize("base", STRING_RECEIVERS)
def test_data_put_in_by_a_string(base):
    """What a string puts in comes behind all that waits."""

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)
        if string == b"one":
            self.dataReceived(framed(base, b"three"))

    receiver = strings(ours, base, stringReceived=stringReceived)

    receiver.dataReceived(framed(base, b"one") + framed(base, b"two"))

    assert receiver.got == [b"one", b"two", b"three"]


@pytest.mark.parametrize(
    ("receiver", "call"),
    [
        (ours.LineReceiver, "sendLine"),
        (ours.Int32StringReceiver, "sendString"),
        (ours.NetstringReceiver, "sendString"),
    ],
)
def test_text_to_send(receiver, call):
    """Text is refused in the name of the call, with what to write."""
    sending = receiver()
    sending.makeConnection(StringTransport())

    with pytest.raises(TypeError, match=rf"{call}\(\) takes bytes, not str: .* 'hi'\.encode\(\)"):
        getattr(sending, call)("hi")

    assert sending.transport.value() == b""


@pytest.mark.parametrize(
    ("base", "limit"), [("Int8StringReceiver", 256), ("Int16StringReceiver", 65536)]
)
def test_too_long_to_send(basic, base, limit):
    """A string whose length does not fit is refused, and nothing is sent."""
    receiver = strings(basic, base)

    receiver.sendString(bytes(limit - 1))
    sent = len(receiver.transport.written)
    with pytest.raises(basic.StringTooLongError):
        receiver.sendString(bytes(limit))

    assert len(receiver.transport.written) == sent


@pytest.mark.parametrize("base", STRING_RECEIVERS[:3])
def test_string_pausing(basic, base):
    """Strings are held back while paused."""

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)
        self.pauseProducing()

    receiver = strings(basic, base, stringReceived=stringReceived)

    receiver.dataReceived(framed(base, b"one") + framed(base, b"two"))
    assert receiver.got == [b"one"]
    receiver.resumeProducing()

    assert receiver.got == [b"one", b"two"]


def test_received_and_not_delivered(basic):
    """`recvd` is what stands behind the string at hand, and may be replaced."""
    seen: list[bytes] = []

    def stringReceived(self: Any, string: bytes) -> None:
        self.got.append(string)
        seen.append(self.recvd)
        if string == b"a":
            self.recvd = b"\x01c"

    receiver = strings(basic, "Int8StringReceiver", stringReceived=stringReceived)

    receiver.dataReceived(b"\x01a\x01b\x02")

    assert receiver.got == [b"a", b"c"]
    assert seen == [b"\x01b\x02", b""]
    assert receiver.recvd == b""


def test_received_and_refused(basic):
    """In `lengthLimitExceeded` the length is told, and `recvd` begins with it."""
    seen: list[Any] = []

    def lengthLimitExceeded(self: Any, length: int) -> None:
        seen.append((length, self.recvd))

    receiver = strings(
        basic, "Int8StringReceiver", MAX_LENGTH=4, lengthLimitExceeded=lengthLimitExceeded
    )

    receiver.dataReceived(b"\x01a\x05bcd")

    assert seen == [(5, b"\x05bcd")]


def test_admitting_a_long_string(basic):
    """`lengthLimitExceeded` may raise the limit; the string is delivered with the next read."""

    def lengthLimitExceeded(self: Any, length: int) -> None:
        self.MAX_LENGTH = length

    receiver = strings(
        basic, "Int8StringReceiver", MAX_LENGTH=4, lengthLimitExceeded=lengthLimitExceeded
    )

    feed(receiver, [b"\x05abc", b"de"])

    assert receiver.got == [b"abcde"]


@pytest.mark.parametrize(
    "data", [b"x", b"1x", b":", b"01:a,", b"-1:", b" 1:a,", b"3:abc;", b"999999999:", b"1" * 9999]
)
def test_no_netstring(basic, data):
    """What is no netstring closes the connection and marks the peer as broken."""
    receiver = strings(basic, "NetstringReceiver")

    feed(receiver, [b"1:a,", data])

    assert receiver.got == [b"a"]
    assert receiver.brokenPeer == 1
    assert receiver.transport.disconnecting


def test_new_connection_mends_the_peer(basic):
    """A receiver of netstrings that is connected again begins anew."""
    receiver = strings(basic, "NetstringReceiver")
    receiver.dataReceived(b"x")

    connected(receiver).dataReceived(b"1:a,")

    assert receiver.got == [b"a"]
    assert receiver.brokenPeer == 0


def test_states(basic):
    """Each string goes to the method of the state that the one before it returned."""

    class Strings(basic.StatefulStringProtocol):
        transport = Transport()

        def proto_init(self, string: bytes) -> str:
            return string.decode()

        def proto_more(self, string: bytes) -> str:
            return "done"

    protocol = Strings()

    protocol.stringReceived(b"more")
    assert not protocol.transport.disconnecting
    protocol.stringReceived(b"last")

    assert protocol.state == "done"
    assert protocol.transport.disconnecting


def test_state_without_a_method(basic):
    """A string in a state that has no method is dropped, and the state stays."""
    protocol = basic.StatefulStringProtocol()
    protocol.state = "other"

    protocol.stringReceived(b"x")

    assert protocol.state == "other"


# ── any cut, bounded, in proportion


def cut(data: bytes, size: int) -> list[bytes]:
    """Cut data into pieces of a size."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut data at places."""
    places = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


def commanded(base: str) -> Callable[[], Any]:
    """Make a receiver whose lines or strings tell it what to do with itself."""

    def received(self: Any, item: bytes) -> None:
        self.got.append(item)
        if item == b"c":
            self.transport.loseConnection()
        if item == b"i":
            self.dataReceived(b"")
        if item == b"p" and hasattr(self, "pauseProducing"):
            self.pauseProducing()
        if base == "LineReceiver":
            obey(self, item)

    def obey(self: Any, item: bytes) -> None:
        if item == b"r":
            self.left = 3
            self.setRawMode()
        if item == b"d":
            self.delimiter = b"\n" if self.delimiter == b"\r\n" else b"\r\n"

    def rawDataReceived(self: Any, data: bytes) -> None:
        raw, rest = data[: self.left], data[self.left :]
        self.got += raw  # byte by byte: raw data comes as it is cut
        self.left -= len(raw)
        if not self.left:
            self.setLineMode(rest)

    names = "lineReceived", "stringReceived"
    body: dict[str, Any] = dict.fromkeys(names, received) | {"rawDataReceived": rawDataReceived}
    body |= {"MAX_LENGTH": 9}
    kind = type("Commanded", (getattr(ours, base),), body)

    def make() -> Any:
        receiver = kind()
        receiver.got = []
        return connected(receiver)

    return make


def story(make: Callable[[], Any], pieces: Iterable[bytes]) -> tuple[list[Any], bool]:
    """What a receiver makes of pieces, and whether it closes; pauses end at once."""
    receiver = make()
    for piece in pieces:
        feed(receiver, [piece])
        while getattr(receiver, "paused", False):
            receiver.resumeProducing()
    return receiver.got, receiver.transport.disconnecting


LINE_WORDS = [b"r", b"d", b"p", b"c", b"i", b"\r", b"\n", b"\r\n", b"abcdefgh", b"x"]
STRINGS = [b"c", b"i", b"p", b"", b"abc", b"abcdefghi"]
NOISE = [b"\x00", b"\x01", b"9", b"12", b"0", b":", b",", b"a"]


def words(base: str) -> list[bytes]:
    """What the input of a receiver may be made of."""
    if base in LINE_RECEIVERS:
        return LINE_WORDS
    return [framed(base, string) for string in STRINGS] * 2 + NOISE


RECEIVERS = {name: commanded(name) for name in LINE_RECEIVERS + STRING_RECEIVERS}


@pytest.mark.parametrize("base", RECEIVERS)
@given(data=st.data())
def test_any_cut(base, data):
    """However the input is cut, the same is delivered, and the same inputs close."""
    stream = b"".join(data.draw(st.lists(st.sampled_from(words(base)), max_size=30)))
    places = data.draw(st.lists(st.integers(0, 200), max_size=8))
    make = RECEIVERS[base]

    whole = story(make, [stream])

    assert story(make, cut_at(stream, places)) == whole
    assert story(make, cut(stream, 1)) == whole


@given(st.lists(st.binary(max_size=9).filter(lambda line: b"a" not in line)), st.integers(1, 9))
def test_delimiter_that_begins_as_it_ends(drawn, size):
    """Lines are the same for any cut also if the delimiter overlaps with itself."""
    receiver = lines(ours, delimiter=b"aa", got=[])
    stream = b"".join(line + b"aa" for line in drawn)

    feed(receiver, cut(stream, size))

    assert receiver.got == drawn


@pytest.mark.parametrize("base", RECEIVERS)
def test_lines_longer_than_a_window(base):
    """Long and short items in one long read are delivered as they are in any pieces."""
    rng = random.Random(5)
    items = [
        bytes(rng.randrange(97, 122) for _ in range(rng.choice([3, 60, 250]))) for _ in range(400)
    ]
    items[100] = b"x" * 240
    line = base in LINE_RECEIVERS
    stream = b"".join(item + b"\r\n" if line else framed(base, item) for item in items)
    make = lines if line else strings

    for size in (1, 7, 1000, 20_000, len(stream)):
        receiver = make(ours, base, MAX_LENGTH=255, got=[])
        feed(receiver, cut(stream, size))
        assert receiver.got == items


@pytest.mark.parametrize("base", RECEIVERS)
def test_fuzzed(base):
    """Thousands of random inputs end in deliveries or in a closed connection, nothing else."""
    rng = random.Random(base)
    known = words(base)
    make = RECEIVERS[base]
    closed = 0

    for _ in range(2_000):
        pieces = [rng.choice(known) if rng.random() < 0.8 else rng.randbytes(2) for _ in range(8)]
        closed += story(make, pieces)[1]

    assert 0 < closed < 2_000


def held(receiver: Any) -> int:
    """How many bytes a receiver holds."""
    kept = list(vars(receiver).values())
    return sum(len(value) for value in kept if isinstance(value, bytes | bytearray))


@pytest.mark.parametrize("base", RECEIVERS)
def test_holds_no_more_than_the_longest_and_a_read(base):
    """A peer that never comes to an end has the receiver hold `MAX_LENGTH` bytes and one read.

    Also when the application does not close.
    """

    def go_on(self: Any, excess: object) -> None:
        del excess

    line = base in LINE_RECEIVERS
    attributes = {"lineLengthExceeded": go_on, "lengthLimitExceeded": go_on, "got": []}
    receiver = (lines if line else strings)(ours, base, MAX_LENGTH=250, **attributes)
    receiver.transport.loseConnection = lambda: None
    begun = b"" if line else framed(base, b"x" * 251)[:-251]

    most = 0
    for piece in [begun, *[b"9" * 40] * 100]:
        receiver.dataReceived(piece)
        most = max(most, held(receiver))

    assert most <= 250 + 40


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def is_at_most(times: float, much: Callable[[], float], little: Callable[[], float]) -> bool:
    """Whether much takes so many times as long as little at most.

    A machine that does something else as well may spoil a comparison, but not each of many.
    """
    return any(much() < times * little() for _ in range(10))


@pytest.mark.parametrize("base", [*LINE_RECEIVERS, "Int32StringReceiver", "NetstringReceiver"])
def test_time_in_proportion(base):
    """A line or string of 1 MiB in pieces of 8 bytes costs about 4 times what a quarter does."""
    longest = 1 << 20

    def receive(size: int) -> float:
        line = base in LINE_RECEIVERS
        item = b"x" * size
        receiver = (lines if line else strings)(ours, base, MAX_LENGTH=longest, got=[])
        pieces = cut(item + b"\r\n" if line else framed(base, item), 8)
        taken = seconds(lambda: feed(receiver, pieces))
        assert receiver.got == [item]
        return taken

    assert is_at_most(8, lambda: receive(longest), lambda: receive(longest // 4))


def test_many_lines_in_proportion():
    """Lines fed whole cost the same each, however many there are, paused after each or not."""

    def receive(count: int) -> float:
        receiver = lines(ours, got=[], lineReceived=lambda self, line: self.pauseProducing())

        def run() -> None:
            receiver.dataReceived(b"a line of text\r\n" * count)
            for _ in range(count):
                receiver.resumeProducing()

        return seconds(run)

    assert is_at_most(16, lambda: receive(16_000), lambda: receive(2_000))


def test_memory_of_a_long_line():
    """A long line that comes in small pieces takes little more memory than its bytes."""
    receiver = lines(ours, MAX_LENGTH=1 << 22)
    tracemalloc.start()
    try:
        for _ in range(1 << 12):
            receiver.dataReceived(b"x" * 256)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3 << 20


# ── files


class Consumer:
    """Remembers what is asked of it, and asks nothing itself."""

    def __init__(self) -> None:
        self.story: list[Any] = []

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.story.append(("register", streaming))

    def unregisterProducer(self) -> None:
        self.story.append("unregister")

    def write(self, data: bytes) -> None:
        self.story.append(data)


def results(deferred: Any) -> list[Any]:
    """A list that the Deferred's result is put in."""
    got: list[Any] = []
    deferred.addBoth(got.append)
    return got


def test_file_is_sent(basic):
    """A file is sent piece by piece as it is asked for, then the Deferred has the last byte."""
    consumer, sender = Consumer(), basic.FileSender()
    sender.CHUNK_SIZE = 4
    got = results(sender.beginFileTransfer(io.BytesIO(b"abcdef"), consumer, bytes.upper))

    for _ in range(2):
        sender.resumeProducing()
    assert got == []
    sender.resumeProducing()

    assert consumer.story == [("register", False), b"ABCD", b"EF", "unregister"]
    assert got == [b"F"]


def test_empty_file(basic):
    """Of an empty file nothing is sent, and there is no last byte."""
    consumer, sender = Consumer(), basic.FileSender()
    got = results(sender.beginFileTransfer(io.BytesIO(), consumer))

    sender.resumeProducing()

    assert consumer.story == [("register", False), "unregister"]
    assert got == [""]


def test_consumer_stops_a_file(basic):
    """The Deferred fails, once, when the consumer stops the sender."""
    sender = basic.FileSender()
    got = results(sender.beginFileTransfer(io.BytesIO(b"abc"), Consumer()))

    sender.stopProducing()
    sender.stopProducing()

    (failure,) = got
    assert failure.check(Exception)
