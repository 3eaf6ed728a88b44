"""`as_factory`: asyncio's protocols given to `listenTCP`, `connectTCP` and to any transport."""

import asyncio
import socket

import pytest

from reactorlite import Reactor
from reactorlite.bridge import as_factory
from reactorlite.internet import error
from reactorlite.internet.address import IPv4Address
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.internet.testing import StringTransport
from reactorlite.python.failure import Failure

MANY = 20_000_000


class Recorder(asyncio.Protocol):
    """An asyncio protocol that keeps what it is told."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.made, self.lost = loop.create_future(), loop.create_future()
        self.received = bytearray()
        self.events = []

    def connection_made(self, transport):
        self.transport = transport
        self.made.set_result(self)

    def data_received(self, data):
        self.received += data

    def eof_received(self):
        self.events.append("eof")

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, exc):
        self.lost.set_result(exc)


class Buffered(asyncio.BufferedProtocol):
    """A buffered protocol with a small buffer, that echoes."""

    def __init__(self, size=1000):
        self.buffer = bytearray(size)
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        self.asked.append(sizehint)
        return self.buffer

    def buffer_updated(self, nbytes):
        self.transport.write(self.buffer[:nbytes])


def listen(reactor, factory):
    """The address of a port of a reactor's that serves a factory."""
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    return "127.0.0.1", port.getHost().port


async def peer_of(reactor, made=Recorder):
    """An asyncio protocol served by a port, and a plain socket that is connected to it."""
    natives = []

    def make():
        natives.append(made())
        return natives[-1]

    address = listen(reactor, as_factory(make))
    peer = socket.socket()
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, address)
    while not natives:
        await asyncio.sleep(0)
    if isinstance(natives[0], Recorder):
        await natives[0].made
    return natives[0], peer


async def received(peer, size):
    """So many bytes from a socket, or what comes until its end."""
    data = bytearray()
    while len(data) < size:
        piece = await asyncio.get_running_loop().sock_recv(peer, 1 << 20)
        if not piece:
            break
        data += piece
    return bytes(data)


# ── streams ──────────────────────────────────────────────────────────────────────────────


def stream_factory(connected):
    """A factory of asyncio's streams, as `asyncio.start_server` makes them."""

    def make():
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, connected)

    return as_factory(make)


def test_streams_serve_a_port(run):
    """asyncio's reader and writer answer the clients of a port."""

    async def answer(reader, writer):
        line = await reader.readline()
        writer.write(line.upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        async with Reactor() as reactor:
            reader, writer = await asyncio.open_connection(*listen(reactor, stream_factory(answer)))
            writer.write(b"hello\n")
            line = await reader.readline()
            rest = await reader.read()
            writer.close()
            await writer.wait_closed()
            return line, rest

    assert run(main()) == (b"HELLO\n", b"")


def test_streams_as_a_client(run):
    """asyncio's reader and writer are a client of a Twisted-style server."""

    class Greets(Protocol):
        def connectionMade(self):
            self.transport.write(b"welcome\n")

        def dataReceived(self, data):
            self.transport.write(data[::-1])
            self.transport.loseConnection()

    async def main():
        done = asyncio.get_running_loop().create_future()

        async def talk(reader, writer):
            line = await reader.readline()
            writer.write(b"olleh")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            done.set_result((line, answer))

        async with Reactor() as reactor:
            host, port = listen(reactor, Factory.forProtocol(Greets))
            reactor.connectTCP(host, port, stream_factory(talk))
            return await done

    assert run(main()) == (b"welcome\n", b"hello")


def test_streams_feel_back_pressure(run):
    """`drain` waits while the peer doesn't read, and goes on when it does."""
    written = []

    async def pour(reader, writer):
        for _ in range(MANY // 100_000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            written.append(100_000)
        writer.close()
        await writer.wait_closed()

    async def main():
        async with Reactor() as reactor:
            address = listen(reactor, stream_factory(pour))
            peer = socket.socket()
            peer.setblocking(False)
            await asyncio.get_running_loop().sock_connect(peer, address)
            await asyncio.sleep(0.05)
            before = sum(written)
            data = await received(peer, MANY + 1)
            peer.close()
            return before, len(data)

    before, total = run(main())

    assert before < MANY
    assert total == MANY


def test_streams_hold_back_a_fast_peer(run):
    """A stream reader that is not read stops the connection, and goes on when it is."""

    async def main():
        readers = asyncio.Queue()

        async def keep(reader, writer):
            await readers.put((reader, writer))

        async with Reactor() as reactor:
            _, peer_writer = await asyncio.open_connection(*listen(reactor, stream_factory(keep)))
            peer_writer.write(b"x" * MANY)
            reader, writer = await readers.get()
            await asyncio.sleep(0.05)
            waiting = peer_writer.transport.get_write_buffer_size()
            data = await reader.readexactly(MANY)
            writer.close()
            await writer.wait_closed()
            peer_writer.close()
            return waiting, len(data)

    waiting, total = run(main())

    assert waiting > 0
    assert total == MANY


def test_stream_tells_who_is_there(run):
    """`get_extra_info` gives the names of both ends and the socket."""

    async def main():
        seen = asyncio.get_running_loop().create_future()

        async def look(reader, writer):
            names = [writer.get_extra_info(name) for name in ("peername", "sockname")]
            has_socket = writer.get_extra_info("socket") is not None
            seen.set_result((names, has_socket, writer.get_extra_info("cipher", "none")))
            writer.close()
            await writer.wait_closed()

        async with Reactor() as reactor:
            address = listen(reactor, stream_factory(look))
            _, writer = await asyncio.open_connection(*address)
            result = await seen
            mine = writer.get_extra_info("sockname")
            writer.close()
            await writer.wait_closed()
            return result, mine, address

    (names, has_socket, missing), mine, address = run(main())

    assert names == [mine, address]
    assert has_socket
    assert missing == "none"


# ── buffered ─────────────────────────────────────────────────────────────────────────────


def test_buffered_protocol_gets_its_buffer_filled(run):
    """Data goes into the protocol's own buffer, in pieces that it has room for."""
    data = bytes(range(256)) * 40

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor, Buffered)
            await asyncio.get_running_loop().sock_sendall(peer, data)
            answer = await received(peer, len(data))
            peer.close()
            return answer, native.asked

    answer, asked = run(main())

    assert answer == data
    assert all(hint > 0 for hint in asked)


class Pausing(Buffered):
    """A buffered protocol that stops reading after each piece."""

    def buffer_updated(self, nbytes):
        self.asked.append(bytes(self.buffer[:nbytes]))
        self.transport.pause_reading()

    def get_buffer(self, sizehint):
        return self.buffer


def hosted(native):
    """The protocol that hosts `native`, on a transport of a test's."""
    protocol = as_factory(lambda: native).buildProtocol(None)
    protocol.makeConnection(StringTransport())
    return protocol


def test_pieces_wait_while_reading_is_paused():
    """What a paused buffered protocol has no room for comes when it reads again."""
    native = Pausing(2)
    protocol = hosted(native)

    protocol.dataReceived(b"abcde")
    first = list(native.asked)
    native.transport.resume_reading()
    second = list(native.asked)
    native.transport.resume_reading()

    assert (first, second) == ([b"ab"], [b"ab", b"cd"])
    assert native.asked == [b"ab", b"cd", b"e"]


def test_pieces_stop_at_the_end():
    """A buffered protocol that closes gets no more of what has come."""

    class Closing(Pausing):
        def buffer_updated(self, nbytes):
            self.asked.append(bytes(self.buffer[:nbytes]))
            self.transport.close()

    native = Closing(2)

    hosted(native).dataReceived(b"abcde")

    assert native.asked == [b"ab"]


def test_pieces_go_to_the_protocol_of_the_moment():
    """What is left when a protocol hands over goes to the next one."""

    class Next(asyncio.Protocol):
        received = b""

        def data_received(self, data):
            self.received += data

    class Upgrading(Pausing):
        def buffer_updated(self, nbytes):
            self.transport.set_protocol(following)

    following = Next()

    hosted(Upgrading(2)).dataReceived(b"abcde")

    assert following.received == b"cde"


def test_buffered_protocol_without_room(run, log):
    """An empty buffer is the protocol's error: logged, and the end of the connection."""

    async def main():
        async with Reactor() as reactor:
            _, peer = await peer_of(reactor, lambda: Buffered(0))
            await asyncio.get_running_loop().sock_sendall(peer, b"x")
            rest = await received(peer, 1)
            peer.close()
            return rest

    assert run(main()) == b""
    assert "empty buffer" in log.take()[0]


# ── endings ──────────────────────────────────────────────────────────────────────────────


def test_close(run):
    """`close` sends what was written; the end is in order, and told once."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            native.transport.write(b"last words")
            native.transport.close()
            closing = native.transport.is_closing()
            data = await received(peer, 100)
            peer.close()
            return data, await native.lost, closing

    assert run(main()) == (b"last words", None, True)


def test_close_with_much_unsent(run):
    """`close` waits for a peer that reads slowly, though writing was paused."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            native.transport.write(b"x" * MANY)
            native.transport.close()
            await asyncio.sleep(0.01)
            early = native.lost.done()
            data = await received(peer, MANY + 1)
            peer.close()
            return early, len(data), await native.lost

    assert run(main()) == (False, MANY, None)


def test_abort(run):
    """`abort` drops what waits; asyncio calls that None."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            native.transport.write(b"x" * MANY)
            await asyncio.sleep(0)
            native.transport.abort()
            lost = await native.lost
            peer.close()
            return lost, native.transport.is_closing()

    assert run(main()) == (None, True)


def test_peer_ends(run):
    """The peer's end is `eof_received`, and closes unless the protocol says otherwise."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            peer.close()
            return await native.lost, native.events, native.transport.is_closing()

    assert run(main()) == (None, ["eof"], True)


def test_peer_ends_its_half(run):
    """A protocol whose `eof_received` is true may write on."""

    class Answers(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.write(bytes(self.received))
            self.transport.close()
            return True

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor, Answers)
            await asyncio.get_running_loop().sock_sendall(peer, b"request")
            peer.shutdown(socket.SHUT_WR)
            answer = await received(peer, 100)
            peer.close()
            return answer, await native.lost

    assert run(main()) == (b"request", None)


def test_write_eof(run):
    """`write_eof` ends this half after what was written; data is still received."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            can = native.transport.can_write_eof()
            native.transport.write(b"all")
            native.transport.write_eof()
            data = await received(peer, 100)
            await asyncio.get_running_loop().sock_sendall(peer, b"answer")
            peer.close()
            await native.lost
            return can, data, bytes(native.received)

    assert run(main()) == (True, b"all", b"answer")


def test_reset_by_the_peer(run):
    """A reset reaches `connection_lost` as the system's error."""
    linger = b"\1\0\0\0\0\0\0\0"

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            peer.close()
            return await native.lost

    assert isinstance(run(main()), ConnectionResetError)


def test_reactor_that_stops(run):
    """A connection that ends with the reactor is lost with an error."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
        peer.close()
        return await native.lost

    assert isinstance(run(main()), error.ConnectionLost)


def test_failed_attempt_is_logged(run, log):
    """A connection that doesn't come about has no protocol to tell, and is logged."""

    async def main():
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        async with Reactor() as reactor:
            connector = reactor.connectTCP(*taken.getsockname(), as_factory(Recorder))
            while connector.state == "connecting":
                await asyncio.sleep(0.001)
        taken.close()

    run(main())

    assert "ConnectionRefusedError" in log.take()[0]


# ── flow ─────────────────────────────────────────────────────────────────────────────────


def test_writing_is_paused_and_resumed_once(run):
    """`pause_writing` and `resume_writing` alternate, as asyncio promises."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            for _ in range(MANY // 100_000):
                native.transport.write(b"x" * 100_000)
            paused = list(native.events)
            await received(peer, MANY)
            while len(native.events) < 2:
                await asyncio.sleep(0.001)
            peer.close()
            await native.lost
            return paused, native.events

    paused, events = run(main())

    assert paused == ["pause"]
    assert events[:2] == ["pause", "resume"]


def test_reading_is_paused_and_resumed(run):
    """`pause_reading` holds data back, `resume_reading` lets it come; `is_reading` tells."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            states = [native.transport.is_reading()]
            native.transport.pause_reading()
            states.append(native.transport.is_reading())
            await asyncio.get_running_loop().sock_sendall(peer, b"data")
            await asyncio.sleep(0.01)
            before = bytes(native.received)
            native.transport.resume_reading()
            states.append(native.transport.is_reading())
            while not native.received:
                await asyncio.sleep(0.001)
            peer.close()
            await native.lost
            return states, before, bytes(native.received)

    assert run(main()) == ([True, False, True], b"", b"data")


def test_write_buffer_size_and_limits(run):
    """What asyncio's protocols ask of a transport's buffer is answered."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            native.transport.set_write_buffer_limits(high=1000)
            native.transport.write(b"x" * MANY)
            await asyncio.sleep(0)
            waiting = native.transport.get_write_buffer_size()
            native.transport.abort()
            await native.lost
            peer.close()
            return waiting

    assert 0 < run(main()) < MANY


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")], ids=repr)
def test_whatever_asyncio_takes_is_written(run, data):
    """`write` and `writelines` take what asyncio's own transports take."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            native.transport.write(data)
            native.transport.writelines([data, data])
            answer = await received(peer, 9)
            peer.close()
            await native.lost
            return answer

    assert run(main()) == b"abc" * 3


def test_protocol_is_exchanged(run):
    """`set_protocol` hands the connection to another asyncio protocol."""

    async def main():
        async with Reactor() as reactor:
            native, peer = await peer_of(reactor)
            other = Recorder()
            native.transport.set_protocol(other)
            await asyncio.get_running_loop().sock_sendall(peer, b"for the other")
            peer.close()
            await other.lost
            return native.transport.get_protocol() is other, bytes(other.received)

    assert run(main()) == (True, b"for the other")


# ── on other transports ──────────────────────────────────────────────────────────────────


class Carrier:
    """A transport that the test holds, as a tunnel's or a fake's would be."""

    def __init__(self):
        self.events = []

    def write(self, data):
        self.events.append(data)

    def loseConnection(self):
        self.events.append("lose")

    def registerProducer(self, producer, streaming):
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def getPeer(self):
        return IPv4Address("TCP", "192.0.2.1", 1)

    getHost = getPeer


def test_on_any_transport(run):
    """A native protocol needs no socket under it, only a Twisted-style transport."""

    async def main():
        native = Recorder()
        protocol = as_factory(lambda: native).buildProtocol(None)
        carrier = Carrier()
        protocol.makeConnection(carrier)
        native.transport.write(b"out")
        protocol.dataReceived(b"in")
        info = (
            native.transport.get_extra_info("peername"),
            native.transport.get_extra_info("socket"),
        )
        can = native.transport.can_write_eof()
        native.transport.close()
        native.transport.close()
        protocol.connectionLost(Failure(error.ConnectionDone()))
        return carrier.events, bytes(native.received), info, can, await native.lost

    assert run(main()) == (
        [b"out", "lose"],
        b"in",
        (("192.0.2.1", 1), None),
        False,
        None,
    )


def test_factory_that_makes_something_else_says_so():
    """A maker of Twisted-style protocols given to `as_factory` is told what it wants."""
    with pytest.raises(TypeError, match="asyncio protocols"):
        as_factory(Protocol).buildProtocol(None)


def test_is_a_factory_for_both_sides():
    """What `as_factory` gives serves `listenTCP` and `connectTCP` alike."""
    assert isinstance(as_factory(asyncio.Protocol), ClientFactory)
