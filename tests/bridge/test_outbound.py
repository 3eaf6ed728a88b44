"""The transport: what is gathered and when it is sent, seen from the loop's side."""

import asyncio
from types import SimpleNamespace

import pytest

from reactorlite.bridge import adapt
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.internet import error
from reactorlite.internet.interfaces import IHalfCloseableProtocol
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.python.components import implementer


class Carrier(asyncio.Transport):
    """A loop's transport that keeps the pieces it is given, or lets them wait."""

    def __init__(self):
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.pieces = []
        self.asked = []
        self.waiting = 0
        self.takes = True

    def write(self, data):
        self.pieces.append(bytes(data))
        if not self.takes:
            self.waiting += len(data)

    def get_write_buffer_size(self):
        return self.waiting

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.asked.append("eof")

    def pause_reading(self):
        pass

    resume_reading = pause_reading

    def close(self):
        self.asked.append("close")

    def abort(self):
        self.asked.append("abort")


class Line:
    """A protocol on a carrier, and what its methods are to do."""

    def __init__(self):
        self.protocol = Protocol()
        self.reason = None
        factory = Factory()
        factory.buildProtocol = lambda address: self.protocol
        self.adapter = adapt(factory)()
        self.carrier = Carrier()
        self.adapter.connection_made(self.carrier)
        self.transport = self.protocol.transport

    def receive(self, action):
        """Let the protocol do something in `dataReceived`."""
        self.protocol.dataReceived = lambda data: action()
        self.adapter.data_received(b"!")

    def drain(self):
        """Let the loop have sent everything."""
        self.carrier.waiting = 0
        self.adapter.resume_writing()


async def turns(number=3):
    """Let the loop run some turns."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_writes_in_a_callback_are_one_piece(run):
    """What `dataReceived` writes is sent in one piece when it returns."""

    async def main():
        line = Line()
        line.receive(lambda: [line.transport.write(b"%d" % n) for n in range(5)])
        return line.carrier.pieces

    assert run(main()) == [b"01234"]


def test_writes_in_connection_made_are_one_piece(run):
    """So is what `connectionMade` writes."""

    async def main():
        carrier = Carrier()
        protocol = Protocol()
        protocol.connectionMade = lambda: [protocol.transport.write(b"x") for _ in range(3)]
        factory = Factory()
        factory.buildProtocol = lambda address: protocol
        adapt(factory)().connection_made(carrier)
        return carrier.pieces

    assert run(main()) == [b"xxx"]


def test_writes_in_a_turn_are_one_piece(run):
    """What is written at any other time is sent in one piece at the end of the turn."""

    async def main():
        line = Line()
        for number in range(5):
            line.transport.write(b"%d" % number)
        before = list(line.carrier.pieces)
        await turns()
        line.transport.write(b"next")
        await turns()
        return before, line.carrier.pieces

    assert run(main()) == ([], [b"01234", b"next"])


def test_a_sequence_is_one_piece(run):
    """`writeSequence` joins what it is given."""

    async def main():
        line = Line()
        line.transport.writeSequence([b"a", bytearray(b"b"), memoryview(b"c")])
        await turns()
        return line.carrier.pieces

    assert run(main()) == [b"abc"]


def test_gathering_is_bounded(run):
    """A callback that writes without end has it sent meanwhile: no more than that is kept."""

    async def main():
        line = Line()
        line.receive(lambda: [line.transport.write(b"x" * 1000) for _ in range(1000)])
        return [len(piece) for piece in line.carrier.pieces]

    pieces = run(main())

    assert sum(pieces) == 1_000_000
    assert max(pieces) <= 65536 + 1000


def test_empty_writes_send_nothing(run):
    """Nothing is sent for an empty write."""

    async def main():
        line = Line()
        line.transport.write(b"")
        line.transport.writeSequence([])
        await turns()
        return line.carrier.pieces

    assert run(main()) == []


def test_changed_buffers_are_sent_as_they_were(run):
    """A `bytearray` may be changed right after it was written."""

    async def main():
        line = Line()
        data = bytearray(b"before")
        line.transport.write(data)
        line.transport.write(memoryview(data))
        data[:] = b"after!"
        await turns()
        return line.carrier.pieces

    assert run(main()) == [b"beforebefore"]


@pytest.mark.parametrize("data", ["text", None, 5, ["list"]], ids=repr)
def test_only_bytes_are_written(run, data):
    """Anything but bytes is a `TypeError`, in both ways of writing."""

    async def main():
        line = Line()
        with pytest.raises(TypeError, match="bytes"):
            line.transport.write(data)
        with pytest.raises(TypeError):
            line.transport.writeSequence([data])

    run(main())


def test_text_is_told_how_to_be_written(run):
    """For text, the error says in a note what to do; its message is the one programs know."""

    async def main():
        with pytest.raises(TypeError) as raised:
            Line().transport.write("hello")
        return raised.value

    wrong = run(main())

    assert str(wrong) == "Data must be bytes"
    assert "'hello'.encode()" in wrong.__notes__[0]


def test_close_comes_after_the_data(run):
    """What was written before `loseConnection`, and right after it, is sent before the close."""

    async def main():
        line = Line()
        line.transport.write(b"before ")
        line.transport.loseConnection()
        line.transport.write(b"after")
        nothing_yet = not line.carrier.asked
        await turns()
        line.transport.write(b"too late")
        await turns()
        return nothing_yet, line.carrier.pieces, line.carrier.asked

    assert run(main()) == (True, [b"before after"], ["close"])


def test_close_in_a_callback_takes_effect_when_it_returns(run):
    """`loseConnection` within `dataReceived` closes on the way out."""

    async def main():
        line = Line()
        line.receive(lambda: (line.transport.write(b"bye"), line.transport.loseConnection()))
        return line.carrier.pieces, line.carrier.asked

    assert run(main()) == ([b"bye"], ["close"])


def test_half_close_comes_after_the_data(run):
    """`loseWriteConnection` waits until the loop has sent everything."""

    async def main():
        line = Line()
        line.carrier.takes = False
        line.transport.write(b"data")
        line.transport.loseWriteConnection()
        await turns()
        waiting = list(line.carrier.asked)
        line.drain()
        await turns()
        return waiting, line.carrier.pieces, line.carrier.asked

    assert run(main()) == ([], [b"data"], ["eof"])


@implementer(IHalfCloseableProtocol)
class Halves(Protocol):
    """Hears of each half's end, and notes it."""

    def __init__(self):
        self.heard = []

    def readConnectionLost(self):
        self.heard.append("read")

    def writeConnectionLost(self):
        self.heard.append("write")


@pytest.mark.parametrize("ours_first", [True, False])
def test_connection_without_a_half_left_is_closed(run, ours_first):
    """When both halves are closed the connection is, whichever was the first."""

    async def main():
        line = Line()
        line.transport.protocol = protocol = Halves()
        for end_ours in (ours_first, not ours_first):
            if end_ours:
                line.transport.loseWriteConnection()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            elif not line.adapter.eof_received():
                line.carrier.close()  # as asyncio does then
        return protocol.heard, line.carrier.asked

    order = ["write", "read"] if ours_first else ["read", "write"]
    assert run(main()) == (order, ["eof", "close"])


def test_half_is_closed_after_the_data(run):
    """A half closed in the answer to the peer's end waits for the data, and so does the close."""

    async def main():
        line = Line()
        line.transport.protocol = protocol = Halves()
        line.carrier.takes = False
        protocol.readConnectionLost = lambda: (
            line.transport.write(b"bye"),
            line.transport.loseWriteConnection(),
        )
        stays = line.adapter.eof_received()
        before = list(line.carrier.asked)
        line.drain()
        await asyncio.sleep(0)
        return stays, before, line.carrier.pieces, line.carrier.asked

    assert run(main()) == (True, [], [b"bye"], ["eof", "close"])


def test_abort_drops_what_was_gathered(run):
    """`abortConnection` sends nothing of what still waits."""

    async def main():
        line = Line()
        line.transport.write(b"dropped")
        line.transport.abortConnection()
        line.transport.write(b"dropped too")
        await turns()
        return line.carrier.pieces, line.carrier.asked

    assert run(main()) == ([], ["abort"])


def test_error_in_a_callback_drops_what_it_wrote(run, log):
    """What a `dataReceived` that raises has written isn't sent."""

    async def main():
        line = Line()

        def action():
            line.transport.write(b"half of an answer")
            raise ValueError("halfway")

        line.receive(action)
        await turns()
        return line.carrier.pieces, line.carrier.asked

    assert run(main()) == ([], ["abort"])
    assert log.take() == ["ValueError('halfway')"]


def test_after_the_loss_nothing_happens(run):
    """Every method may be called when the connection is lost."""

    async def main():
        line = Line()
        line.adapter.connection_lost(None)
        transport = line.transport
        transport.write(b"x")
        transport.writeSequence([b"x"])
        transport.loseConnection()
        transport.loseWriteConnection()
        transport.abortConnection()
        transport.pauseProducing()
        transport.resumeProducing()
        transport.stopProducing()
        transport.unregisterProducer()
        await turns()
        return line.carrier.pieces, line.carrier.asked, bool(transport.disconnected)

    assert run(main()) == ([], [], True)


class Producer:
    """A producer that notes what it is told."""

    def __init__(self):
        self.told = []

    def pauseProducing(self):
        self.told.append("pause")

    def resumeProducing(self):
        self.told.append("resume")

    def stopProducing(self):
        self.told.append("stop")


def test_push_producer_is_paused_inside_write(run):
    """Over 64 KiB a push producer is paused before `write` returns; it resumes when none wait."""

    async def main():
        line = Line()
        producer = Producer()
        line.carrier.takes = False
        line.transport.registerProducer(producer, True)
        line.transport.write(b"x" * 65536)
        below = list(producer.told)
        line.transport.write(b"x")
        above = list(producer.told)
        await turns()
        waiting = list(producer.told)
        line.drain()
        await turns()
        return below, above, waiting, producer.told

    assert run(main()) == ([], ["pause"], ["pause"], ["pause", "resume"])


def test_buffer_size_is_the_producers_mark(run):
    """`bufferSize`, set on a transport, says when its producer is paused."""

    async def main():
        line, asked = Line(), []
        producer = SimpleNamespace(pauseProducing=lambda: asked.append("pause"))
        line.transport.bufferSize = 500
        line.transport.registerProducer(producer, True)
        line.transport.write(b"x" * 500)
        before = list(asked)
        line.transport.write(b"x")
        line.transport.unregisterProducer()
        return before, asked

    assert run(main()) == ([], ["pause"])


def test_log_lines_name_the_protocol_as_it_wishes(run):
    """What a protocol's `logPrefix` says stands in `logstr`, and in the transport's `repr`."""

    async def main():
        line = Line()
        line.protocol.logPrefix = lambda: "Custom"
        return line.transport.logPrefix(), repr(line.transport)

    assert run(main()) == ("Custom,0,192.0.2.1", "<Custom #0 on 2>")


def test_pull_producer_is_asked_for_one_piece_at_a_time(run):
    """A pull producer is asked again when what it wrote has been sent."""

    async def main():
        line = Line()
        line.carrier.takes = False
        producer = Producer()
        producer.resumeProducing = lambda: (
            producer.told.append("resume"),
            line.transport.write(b"piece"),
        )
        line.transport.registerProducer(producer, False)
        await turns()
        once = list(producer.told)
        line.drain()
        await turns()
        return once, producer.told

    assert run(main()) == (["resume"], ["resume", "resume"])


def test_endless_pull_producer_leaves_the_loop_its_turns(run):
    """A pull producer that always has something, on a fast line, doesn't keep the loop."""

    async def main():
        line = Line()
        producer = Producer()
        producer.resumeProducing = lambda: line.transport.write(b"x" * 1000)
        line.transport.registerProducer(producer, False)
        await turns(20)
        line.transport.unregisterProducer()
        before = len(line.carrier.pieces)
        await turns()
        return before, len(line.carrier.pieces) - before

    before, after = run(main())

    assert before > 1
    assert after <= 1


def test_second_producer_is_refused(run):
    """The error names the producer that is there, and what to call."""

    async def main():
        line = Line()
        line.transport.registerProducer(Producer(), True)
        with pytest.raises(RuntimeError, match=r"unregisterProducer\(\)"):
            line.transport.registerProducer(Producer(), True)

    run(main())


def test_producer_hears_of_the_loss(run):
    """A producer is stopped when the connection is lost; one that comes later, at once."""

    async def main():
        line = Line()
        early, late = Producer(), Producer()
        line.transport.registerProducer(early, True)
        line.adapter.connection_lost(ConnectionResetError())
        line.transport.registerProducer(late, True)
        return early.told, late.told

    assert run(main()) == (["stop"], ["stop"])


def test_reason_of_a_reset(run):
    """What asyncio raised is beneath the reason that the protocol gets."""

    async def main():
        line = Line()
        reasons = []
        line.protocol.connectionLost = reasons.append
        reset = ConnectionResetError()
        line.adapter.connection_lost(reset)
        return reasons[0].type, reasons[0].value.__cause__ is reset

    assert run(main()) == (error.ConnectionLost, True)


def test_names_of_a_descriptor():
    """Reading may be paused by the names that Twisted's connections have as descriptors."""
    assert StreamTransport.stopReading is StreamTransport.pauseProducing
    assert StreamTransport.startReading is StreamTransport.resumeProducing
