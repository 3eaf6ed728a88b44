"""`adapt`: a Twisted-style factory served by asyncio's own functions, with no reactor."""

import asyncio
import contextlib
import os
import socket
import ssl
import sys

import pytest

from reactorlite.bridge import adapt
from reactorlite.internet import _residence, asyncioreactor, error
from reactorlite.internet.address import IPv4Address, UNIXAddress
from reactorlite.internet.interfaces import IHalfCloseableProtocol
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.python.components import implementer
from tests.waiting import descriptors, opened_since

MANY = 20_000_000


class Told(Protocol):
    """A protocol whose life is told by futures, and which keeps what it receives."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.made, self.lost = loop.create_future(), loop.create_future()
        self.received = bytearray()
        self.sizes = []
        self._awaited = []

    def connectionMade(self):
        self.made.set_result(self)

    def dataReceived(self, data):
        self.received += data
        self.sizes.append(len(data))
        for size, enough in self._awaited:
            if len(self.received) >= size and not enough.done():
                enough.set_result(bytes(self.received))

    def connectionLost(self, reason):
        self.lost.set_result(reason.type)

    async def gets(self, size):
        """What was received, once it is so much."""
        if len(self.received) < size:
            enough = asyncio.get_running_loop().create_future()
            self._awaited.append((size, enough))
            await enough
        return bytes(self.received)


class Echo(Told):
    def dataReceived(self, data):
        super().dataReceived(data)
        self.transport.write(data)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Told):
    def __init__(self):
        super().__init__()
        self.halves = []

    def readConnectionLost(self):
        self.halves.append("read")
        self.transport.write(b"the rest")
        self.transport.loseConnection()

    def writeConnectionLost(self):
        self.halves.append("write")


class Pours:
    """A push producer that writes until it is told to wait, so many bytes in all."""

    def __init__(self, transport, left=MANY):
        self.transport = transport
        self.left = left
        self.paused = 0
        self.going = False
        transport.registerProducer(self, True)

    def resumeProducing(self):
        self.going = True
        while self.going and self.left > 0:
            piece = b"x" * min(self.left, 10_000)
            self.left -= len(piece)
            self.transport.write(piece)
        if self.left == 0:
            self.left = -1
            self.transport.unregisterProducer()

    def pauseProducing(self):
        self.paused += 1
        self.going = False

    def stopProducing(self):
        self.going = False


class Way:
    """One way to make connections with asyncio, for both of its ends."""

    def __init__(self, server_tls=None, client_tls=None, path=None):
        self.server_tls, self.client_tls, self.path = server_tls, client_tls, path

    async def serve(self, made):
        """Listen with asyncio's function."""
        loop = asyncio.get_running_loop()
        if self.path:
            return await loop.create_unix_server(made, self.path)
        return await loop.create_server(made, "127.0.0.1", 0, ssl=self.server_tls)

    async def connect(self, server, made):
        """Connect with asyncio's function."""
        loop = asyncio.get_running_loop()
        if self.path:
            return await loop.create_unix_connection(made, self.path)
        host, port = server.sockets[0].getsockname()
        name = "localhost" if self.client_tls else None
        return await loop.create_connection(
            made, host, port, ssl=self.client_tls, server_hostname=name
        )

    async def open_connection(self, server):
        """Connect with asyncio's streams."""
        reader = asyncio.StreamReader()
        stream = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self.connect(server, lambda: stream)
        return reader, asyncio.StreamWriter(transport, stream, reader, asyncio.get_running_loop())


KINDS = ["tcp", "tls", *(["unix"] if hasattr(socket, "AF_UNIX") else [])]


@pytest.fixture(params=KINDS)
def way(request, tmp_path, server_tls, client_tls):
    """TCP, TLS and UNIX sockets."""
    if request.param == "tls":
        return Way(server_tls, client_tls)
    return Way(path=str(tmp_path / "s") if request.param == "unix" else None)


@contextlib.asynccontextmanager
async def pair(way, server_class=Told, client_class=Told):
    """Both ends of a connection, each a Twisted-style protocol given through `adapt`."""
    made = asyncio.get_running_loop().create_future()

    class Serving(Factory):
        noisy = False

        def buildProtocol(self, addr):
            protocol = server_class()
            made.set_result(protocol)
            return protocol

    server = await way.serve(adapt(Serving()))
    factory = Factory.forProtocol(client_class)
    factory.noisy = False
    _, adapter = await way.connect(server, adapt(factory))
    served = await made
    await served.made
    client = adapter.out.protocol
    await client.made
    try:
        yield served, client
    finally:
        for protocol in (served, client):
            if not protocol.lost.done():
                protocol.transport.abortConnection()
            await protocol.lost
        server.close()
        await server.wait_closed()


# ── both ways ────────────────────────────────────────────────────────────────────────────


def test_serves_asyncios_streams(way, run):
    """A factory given to `create_server` and friends answers asyncio's own client."""

    async def main():
        server = await way.serve(adapt(Factory.forProtocol(Echo)))
        before = descriptors()
        reader, writer = await way.open_connection(server)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        await opened_since(before)
        server.close()
        await server.wait_closed()
        return answer

    assert run(main()) == b"hello"


def test_both_ends_of_a_connection(way, run):
    """A factory given to `create_connection` talks to one given to `create_server`."""

    async def main():
        async with pair(way, Echo) as (_, client):
            client.transport.write(b"there ")
            client.transport.write(b"and back")
            return await client.gets(14)

    assert run(main()) == b"there and back"


@pytest.mark.parametrize("towards", ["server", "client"])
def test_much_data_arrives_whole(way, run, towards):
    """What is written in one piece arrives whole, in reads of 64 KiB at most."""
    data = os.urandom(1000) * 1000

    async def main():
        async with pair(way) as ends:
            receiver, sender = ends if towards == "server" else ends[::-1]
            sender.transport.write(data)
            sender.transport.loseConnection()
            await receiver.lost
            return bytes(receiver.received), receiver.sizes

    received, sizes = run(main())

    assert received == data
    assert max(sizes) <= 65536


@pytest.mark.parametrize("towards", ["server", "client"])
def test_producer_is_paused_and_resumed(way, run, towards):
    """A producer waits while the peer is slow, and everything arrives in the end."""

    async def main():
        async with pair(way) as ends:
            receiver, sender = ends if towards == "server" else ends[::-1]
            receiver.transport.pauseProducing()
            producer = Pours(sender.transport)
            producer.resumeProducing()
            await asyncio.sleep(0.02)
            left = producer.left
            receiver.transport.resumeProducing()
            received = len(await receiver.gets(MANY))
            return left, received, producer.paused

    left, received, paused = run(main())

    assert left > 0
    assert received == MANY
    assert paused


def test_paused_protocol_gets_nothing(way, run):
    """After `pauseProducing` nothing is delivered; after `resumeProducing` all of it, in order."""

    async def main():
        async with pair(way) as (served, client):
            served.transport.pauseProducing()
            client.transport.write(b"one")
            await asyncio.sleep(0.01)
            client.transport.write(b"two")
            await asyncio.sleep(0.01)
            before = bytes(served.received)
            served.transport.resumeProducing()
            return before, await served.gets(6)

    assert run(main()) == (b"", b"onetwo")


def test_pausing_when_connected(way, run):
    """A protocol that pauses in `connectionMade` gets nothing until it resumes."""

    class Pausing(Told):
        def connectionMade(self):
            self.transport.pauseProducing()
            super().connectionMade()

    async def main():
        async with pair(way, Pausing) as (served, client):
            client.transport.write(b"early")
            await asyncio.sleep(0.01)
            before = bytes(served.received)
            served.transport.resumeProducing()
            return before, await served.gets(5)

    assert run(main()) == (b"", b"early")


# ── endings ──────────────────────────────────────────────────────────────────────────────


def test_lose_connection(way, run):
    """What was written is delivered, and both ends hear `ConnectionDone`."""

    async def main():
        async with pair(way) as (served, client):
            served.transport.write(b"last words")
            served.transport.loseConnection()
            return await client.lost, await served.lost, bytes(client.received)

    assert run(main()) == (error.ConnectionDone, error.ConnectionDone, b"last words")


def test_abort_connection(way, run):
    """The side that aborts hears `ConnectionAborted`, the other that the connection was lost."""

    async def main():
        async with pair(way) as (served, client):
            served.transport.abortConnection()
            return await served.lost, await client.lost

    ours, theirs = run(main())

    assert ours is error.ConnectionAborted
    # A UNIX socket knows no reset.
    expected = error.ConnectionDone if way.path else error.ConnectionLost
    assert theirs is expected


def test_abort_with_much_unsent(way, run):
    """Aborting drops what waits, at once."""

    async def main():
        async with pair(way) as (served, client):
            client.transport.pauseProducing()
            served.transport.write(b"x" * MANY)
            await asyncio.sleep(0.01)
            served.transport.abortConnection()
            return await asyncio.wait_for(served.lost, 2)

    assert run(main()) is error.ConnectionAborted


def test_protocol_that_raises(way, run, log):
    """An error in `dataReceived` is logged and is the reason of the end; the server lives on."""

    class Raising(Told):
        def dataReceived(self, data):
            raise ValueError("in dataReceived")

    async def main():
        async with pair(way, Raising) as (served, client):
            client.transport.write(b"!")
            await client.lost
            return await served.lost

    assert run(main()) is ValueError
    assert log.take() == ["ValueError('in dataReceived')"]


def test_half_close(way, run):
    """A half-closeable protocol hears of the peer's end, may write on, and logs nothing.

    TLS as asyncio has it ends both halves at once.
    """

    async def main():
        async with pair(way, HalfCloseable) as (served, client):
            if way.client_tls:
                client.transport.loseConnection()
            else:
                client.transport.loseWriteConnection()
            ended = await served.lost, await client.lost
            return ended, served.halves, bytes(client.received)

    ended, halves, rest = run(main())

    assert ended[0] is error.ConnectionDone
    # A client that closed over TLS no longer reads, so that the answer resets the connection;
    # only stock asyncio tells.
    may_end = {error.ConnectionDone, *([error.ConnectionLost] if way.client_tls else [])}
    assert ended[1] in may_end
    assert "read" in halves
    assert rest == (b"" if way.client_tls else b"the rest")


def test_lose_write_connection(way, run):
    """`loseWriteConnection` sends what waits and never raises, not out of the loop either."""

    async def main():
        async with pair(way) as (served, client):
            client.transport.write(b"all of it")
            client.transport.loseWriteConnection()
            await served.gets(9)
            client.transport.abortConnection()
            await served.lost
            return bytes(served.received)

    assert run(main()) == b"all of it"


def test_protocol_that_is_refused(way, run):
    """A factory that gives None has the connection closed."""

    class Refusing(Factory):
        noisy = False

        def buildProtocol(self, addr):
            return None

    async def main():
        server = await way.serve(adapt(Refusing()))
        before = descriptors()
        reader, writer = await way.open_connection(server)
        rest = await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        await opened_since(before)
        server.close()
        await server.wait_closed()
        return rest

    assert run(main()) == b""


# ── what the protocol sees ───────────────────────────────────────────────────────────────


def test_addresses(way, run):
    """`getPeer` and `getHost` answer in Twisted's terms, also after the end."""

    async def main():
        async with pair(way) as (served, client):
            during = served.transport.getHost(), client.transport.getPeer()
            transports = served.transport, client.transport
            client.transport.loseConnection()
            await served.lost
            await client.lost
            return during, (transports[0].getHost(), transports[1].getPeer())

    during, after = run(main())

    assert during[0] == during[1]
    assert after == during
    kind = UNIXAddress if way.path else IPv4Address
    assert isinstance(during[0], kind)


def test_attributes_of_the_transport(way, run):
    """`connected`, `disconnecting` and `disconnected` follow the connection's life."""

    async def main():
        async with pair(way) as (served, client):
            transport = served.transport
            states = [(bool(transport.connected), transport.disconnecting)]
            transport.loseConnection()
            states.append((bool(transport.connected), transport.disconnecting))
            await served.lost
            await client.lost
            return states, bool(transport.connected), bool(transport.disconnected)

    assert run(main()) == ([(True, False), (True, True)], False, True)


def test_no_reactor_comes_into_play(way, run, fresh_default):
    """`adapt` makes no reactor, unless the protocol asks for one."""

    async def main():
        async with pair(way, Echo) as (_, client):
            client.transport.write(b"x")
            await client.gets(1)
            without = asyncio.get_running_loop() in _residence.residents
            asked = client.transport.reactor
            return without, asked is asyncioreactor.current_reactor()

    assert run(main()) == (False, True)
    assert _residence._default is None or not _residence._default.running


def test_socket_that_was_accepted_elsewhere(run):
    """`connect_accepted_socket` serves one end of a pair of sockets."""

    async def main():
        loop = asyncio.get_running_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
        listening.close()
        _, adapter = await loop.connect_accepted_socket(
            adapt(Factory.forProtocol(Echo)), sock=theirs
        )
        protocol = adapter.out.protocol
        ours.setblocking(False)
        await loop.sock_sendall(ours, b"hello")
        answer = await loop.sock_recv(ours, 100)
        ours.close()
        return answer, await protocol.lost

    assert run(main()) == (b"hello", error.ConnectionDone)


@pytest.mark.parametrize("wrong", [Protocol, Protocol(), None, "factory"], ids=repr)
def test_what_is_no_factory_is_refused(wrong):
    """`adapt` says at once what it wants, and how to make one of a protocol class."""
    with pytest.raises(TypeError, match=r"Factory\.forProtocol"):
        adapt(wrong)


def test_factory_class_is_refused():
    """A factory's class is not a factory."""
    with pytest.raises(TypeError, match=r"Factory\.forProtocol"):
        adapt(Factory)


# ── what TLS adds ────────────────────────────────────────────────────────────────────────


def test_certificate_that_is_not_trusted(run, log, server_tls):
    """A handshake that fails is the caller's to hear of; no protocol is made on either side."""

    async def main():
        way = Way(server_tls, ssl.create_default_context())
        built = []
        factory = Factory()
        factory.buildProtocol = lambda address: built.append(address)
        server = await way.serve(adapt(factory))
        with pytest.raises(ssl.SSLCertVerificationError):
            await way.connect(server, adapt(factory))
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()
        return built

    assert run(main()) == []
    log.take()  # in debug mode stock asyncio tells of the server's side


@pytest.mark.skipif(sys.platform == "win32", reason="has no reset to tell of")
def test_peer_that_resets_within_tls(run, server_tls, client_tls):
    """A connection that is cut without TLS's own farewell is lost, not done."""

    async def main():
        async with pair(Way(server_tls, client_tls)) as (served, client):
            client.transport.abortConnection()
            return await served.lost

    assert run(main()) is error.ConnectionLost
