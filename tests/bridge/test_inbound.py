"""The adapter: asyncio's callbacks, in any order that loops make them, as calls on a protocol."""

import asyncio

import pytest

from reactorlite.bridge import adapt
from reactorlite.internet import error
from reactorlite.internet.address import IPv4Address
from reactorlite.internet.interfaces import IHalfCloseableProtocol
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.python.components import implementer

NAMES = {"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)}


class Carrier(asyncio.Transport):
    """A loop's transport that only notes what it is asked to do, and in what order."""

    def __init__(self, **extra):
        super().__init__({**NAMES, **extra})
        self.asked = []

    def write(self, data):
        self.asked.append(bytes(data))

    def get_write_buffer_size(self):
        return 0

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def pause_reading(self):
        self.asked.append("pause")

    def resume_reading(self):
        self.asked.append("resume")

    def can_write_eof(self):
        return True

    def close(self):
        self.asked.append("close")

    def abort(self):
        self.asked.append("abort")


class Notes(Protocol):
    """A protocol that notes its events, and does what the test wants at some of them."""

    def __init__(self, on_data=None, on_made=None):
        self.events = []
        self.on_data = on_data
        self.on_made = on_made

    def connectionMade(self):
        self.events.append("made")
        if self.on_made:
            self.on_made(self)

    def dataReceived(self, data):
        self.events.append(data if len(data) < 100 else len(data))
        if self.on_data:
            self.on_data(self)

    def connectionLost(self, reason):
        self.events.append(reason.type)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Notes):
    def readConnectionLost(self):
        self.events.append("read lost")

    def writeConnectionLost(self):
        self.events.append("write lost")


def connected(protocol, **extra):
    """An adapter for a protocol, on a carrier."""
    factory = Factory()
    factory.buildProtocol = lambda address: protocol
    adapter = adapt(factory)()
    carrier = Carrier(**extra)
    adapter.connection_made(carrier)
    return adapter, carrier


@pytest.fixture
def play(run):
    """Runs a test's function inside a loop, and a few turns of it afterwards."""

    def play(story):
        async def main():
            result = story()
            for _ in range(3):
                await asyncio.sleep(0)
            return result

        return run(main())

    return play


def test_callbacks_become_calls(play):
    """A connection that is made, receives and is lost is told so, in order."""
    protocol = Notes()

    def story():
        adapter, _ = connected(protocol)
        adapter.data_received(b"data")
        adapter.eof_received()
        adapter.connection_lost(None)

    play(story)

    assert protocol.events == ["made", b"data", error.ConnectionDone]


def test_factory_is_told_the_peer(play):
    """`buildProtocol` gets the peer's address."""
    seen = []
    factory = Factory()
    factory.buildProtocol = lambda address: seen.append(address) or Notes()

    play(lambda: adapt(factory)().connection_made(Carrier()))

    assert seen == [IPv4Address("TCP", "192.0.2.1", 1)]


def test_large_reads_are_cut(play):
    """What a loop reads in one piece is delivered in pieces of 64 KiB, nothing lost."""
    protocol = Notes()

    def story():
        adapter, _ = connected(protocol)
        adapter.data_received(b"x" * 200_000)

    play(story)

    assert protocol.events == ["made", 65536, 65536, 65536, 200_000 - 3 * 65536]


def test_reads_are_made_smaller_where_the_loop_lets_itself(play):
    """A transport that says how much it reads at a time is told to read 64 KiB."""

    class Sized(Carrier):
        max_size = 256 * 1024

    carrier = Sized()
    factory = Factory()
    factory.buildProtocol = lambda address: Notes()

    play(lambda: adapt(factory)().connection_made(carrier))

    assert carrier.max_size == 65536


def test_pausing_within_a_large_read(play):
    """A protocol that pauses at the first piece gets the next when it resumes."""
    protocol = Notes(on_data=lambda p: p.transport.pauseProducing())

    def story():
        adapter, _ = connected(protocol)
        adapter.data_received(b"x" * 100_000)
        before = list(protocol.events)
        protocol.on_data = None
        protocol.transport.resumeProducing()
        return before, list(protocol.events)

    before, at_once = play(story)

    assert before == at_once == ["made", 65536]
    assert protocol.events == ["made", 65536, 100_000 - 65536]


def test_loop_that_delivers_although_it_is_paused(play):
    """Data that a loop still has when reading is paused is held back, and comes in order."""
    protocol = Notes()

    def story():
        adapter, carrier = connected(protocol)
        protocol.transport.pauseProducing()
        adapter.data_received(b"one")
        adapter.data_received(b"two")
        before = list(protocol.events)
        protocol.transport.resumeProducing()
        return before, carrier

    before, carrier = play(story)

    assert before == ["made"]
    assert protocol.events == ["made", b"one", b"two"]
    assert carrier.asked[0] == "pause"
    assert carrier.asked[-1] == "resume"


def test_pausing_again_while_held_data_comes(run):
    """A protocol that pauses at each piece gets one for each time that it resumes."""
    protocol = Notes(on_data=lambda p: p.transport.pauseProducing())

    async def main():
        adapter, _ = connected(protocol)
        protocol.transport.pauseProducing()
        for piece in (b"1", b"2", b"3"):
            adapter.data_received(piece)
        seen = []
        for _ in range(3):
            protocol.transport.resumeProducing()
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append(protocol.events[-1])
        return seen

    assert run(main()) == [b"1", b"2", b"3"]
    assert protocol.events == ["made", b"1", b"2", b"3"]


def test_end_behind_held_data(play):
    """The peer's end that comes while reading is paused is told after the data before it."""
    protocol = HalfCloseable()

    def story():
        adapter, _ = connected(protocol)
        protocol.transport.pauseProducing()
        adapter.data_received(b"data")
        adapter.eof_received()
        before = list(protocol.events)
        protocol.transport.resumeProducing()
        return before

    assert play(story) == ["made"]
    assert protocol.events == ["made", b"data", "read lost"]


def test_nothing_is_delivered_after_lose_connection(play):
    """Data that comes when this side has closed goes nowhere."""
    protocol = Notes()

    def story():
        adapter, _ = connected(protocol)
        protocol.transport.loseConnection()
        adapter.data_received(b"late")

    play(story)

    assert protocol.events == ["made"]


def test_nothing_is_delivered_after_the_end(play):
    """Held data isn't delivered to a protocol whose connection is lost."""
    protocol = Notes()

    def story():
        adapter, _ = connected(protocol)
        protocol.transport.pauseProducing()
        adapter.data_received(b"held")
        protocol.transport.resumeProducing()
        adapter.connection_lost(None)

    play(story)

    assert protocol.events == ["made", error.ConnectionDone]


def test_protocol_replaced_between_pieces(play):
    """A protocol that hands the connection over in `dataReceived` gets no more of the same read."""
    other = Notes()
    protocol = Notes(on_data=lambda p: setattr(p.transport, "protocol", other))

    def story():
        adapter, _ = connected(protocol)
        adapter.data_received(b"x" * 100_000)
        adapter.connection_lost(None)

    play(story)

    assert protocol.events == ["made", 65536]
    assert other.events == [100_000 - 65536, error.ConnectionDone]


def test_peer_that_has_gone_already(play):
    """A connection whose peer can't be told any more is dropped, and no protocol is made."""
    built = []
    factory = Factory()
    factory.buildProtocol = built.append
    carrier = Carrier(peername=None)

    def story():
        adapter = adapt(factory)()
        adapter.connection_made(carrier)
        adapter.connection_lost(None)

    play(story)

    assert built == []
    assert carrier.asked == ["abort"]


def test_refused_connection_is_closed_plainly(play):
    """If the factory gives no protocol, the peer sees an end and not a reset."""
    factory = Factory()
    factory.buildProtocol = lambda address: None
    carrier = Carrier()

    def story():
        adapter = adapt(factory)()
        adapter.connection_made(carrier)
        adapter.data_received(b"ignored")
        adapter.eof_received()
        adapter.connection_lost(None)

    play(story)

    assert carrier.asked == ["close"]


def test_data_within_another_callback(play):
    """A read that comes while the protocol is being called is delivered within it, in order."""
    protocol = Notes()

    def story():
        adapter, carrier = connected(protocol)

        def nest(p):
            p.on_data = None
            p.transport.write(b"first")
            adapter.data_received(b"inner")
            p.transport.write(b"second")

        protocol.on_data = nest
        adapter.data_received(b"outer")
        return carrier.asked

    assert b"".join(play(story)) == b"firstsecond"
    assert protocol.events == ["made", b"outer", b"inner"]
