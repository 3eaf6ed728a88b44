"""TLS between asyncio's transports and ours: from the first byte, and on a live connection."""

import asyncio
import contextlib
import socket
import ssl
import threading

import pytest

from reactorlite import Reactor
from reactorlite.bridge import adapt, tls
from reactorlite.bridge.flow import MARK
from reactorlite.internet import error
from reactorlite.internet.interfaces import IHandshakeListener, INegotiated, ISSLTransport
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.internet.ssl import Certificate, VerificationError, optionsForClientTLS
from reactorlite.python import log as python_log
from reactorlite.python.components import implementer
from tests.waiting import PATIENCE, until


@implementer(IHandshakeListener)
class Side(Protocol):
    """A protocol that notes its events, and does what the test wants at some of them."""

    def __init__(self, **hooks):
        self.events = []
        self.received = b""
        self.hooks = hooks
        self.over = asyncio.get_running_loop().create_future()

    def _happened(self, name, *details):
        self.events.append(name)
        hook = self.hooks.get(name)
        if hook is not None:
            hook(self, *details)

    def connectionMade(self):
        self._happened("made")

    def handshakeCompleted(self):
        self._happened("secured")

    def dataReceived(self, data):
        self.received += data
        self._happened("data", data)

    def connectionLost(self, reason):
        self._happened("lost")
        self.over.set_result(reason.value)


class Made(ClientFactory):
    """A factory that makes the protocols that the test has."""

    noisy = False

    def __init__(self, *sides):
        self.sides = list(sides)

    def buildProtocol(self, addr):
        return self.sides.pop(0)


class Scene:
    """A reactor in the test's loop, a server and a client."""

    def __init__(self, reactor, server_tls, client_tls):
        self.reactor = reactor
        self.server_tls = server_tls
        self.client_tls = client_tls

    def secure(self, served, client):
        """Join both over TLS."""
        port = self.reactor.listenSSL(0, Made(served), self.server_tls, interface="127.0.0.1")
        number = port.getHost().port
        self.reactor.connectSSL("127.0.0.1", number, Made(client), self.client_tls)

    def plain(self, served, client):
        """Join both over TCP."""
        port = self.reactor.listenTCP(0, Made(served), interface="127.0.0.1")
        self.reactor.connectTCP("127.0.0.1", port.getHost().port, Made(client))

    def served(self, served):
        """Serve TLS, and answer the port's address."""
        port = self.reactor.listenSSL(0, Made(served), self.server_tls, interface="127.0.0.1")
        return ("127.0.0.1", port.getHost().port)


@pytest.fixture
def play(run, server_tls, client_tls):
    """Plays a coroutine on a scene."""

    def play(story):
        async def main():
            async with Reactor() as reactor:
                return await asyncio.wait_for(
                    story(Scene(reactor, server_tls, client_tls)), PATIENCE
                )

        return run(main())

    return play


def close(side, *_):
    """Close from this side."""
    side.transport.loseConnection()


def wrote(data):
    """Something to do: write `data`."""
    return lambda side, *_: side.transport.write(data)


# -- from the first byte


def test_what_is_written_waits_for_the_handshake(play):
    """Protocols are connected before the handshake, and hear of it before any data."""

    async def story(scene):
        served, client = Side(made=wrote(b"hello"), data=close), Side(made=wrote(b"hi"))
        scene.secure(served, client)
        return await served.over, await client.over, served, client

    one, other, served, client = play(story)

    assert served.events == ["made", "secured", "data", "lost"]
    assert client.events == ["made", "secured", "data", "lost"]
    assert (served.received, client.received) == (b"hi", b"hello")
    assert (type(one), type(other)) == (error.ConnectionDone, error.ConnectionDone)


def test_much_data_arrives_whole_in_both_directions(play):
    """Megabytes cross in both directions at once, nothing lost and nothing reordered."""
    there, back = bytes(range(256)) * 9001, bytes(range(255)) * 8003

    async def story(scene):
        served, client = Side(made=wrote(back)), Side(made=wrote(there))
        scene.secure(served, client)
        await until(
            lambda: len(served.received) == len(there) and len(client.received) == len(back)
        )
        return served, client

    served, client = play(story)

    assert served.received == there
    assert client.received == back


def test_data_before_close_is_sent(play):
    """What was written before `loseConnection` arrives, be it much and asked for at once."""
    data = b"0123456789" * 300_000

    def write_and_close(side):
        side.transport.write(data)
        side.transport.loseConnection()

    async def story(scene):
        served, client = Side(made=write_and_close), Side()
        scene.secure(served, client)
        return await served.over, await client.over, client.received == data

    one, other, arrived = play(story)

    assert arrived
    assert (type(one), type(other)) == (error.ConnectionDone, error.ConnectionDone)


def test_paused_in_connection_made(play):
    """Reading that is paused from the beginning holds back the data, not the handshake."""

    async def story(scene):
        served = Side(made=lambda side: side.transport.pauseProducing())
        client = Side(made=wrote(b"hello"))
        scene.secure(served, client)
        await until(lambda: "secured" in client.events and "secured" in served.events)
        await asyncio.sleep(0.05)
        before = served.received
        served.transport.resumeProducing()
        await until(lambda: served.received)
        return before, served.received

    assert play(story) == (b"", b"hello")


def test_peer_that_closes_while_reading_is_paused(play):
    """Data, and the peer's end behind it, are held back until reading is resumed."""

    async def story(scene):
        served = Side(data=lambda side, _: side.transport.pauseProducing())
        client = Side(made=wrote(b"one"))
        scene.secure(served, client)
        await until(lambda: served.received)
        client.transport.write(b"two")
        client.transport.loseConnection()
        await asyncio.sleep(0.05)
        held = served.received
        served.transport.resumeProducing()
        await until(lambda: served.received == b"onetwo")
        served.transport.resumeProducing()
        return held, await served.over, await client.over

    held, one, other = play(story)

    assert held == b"one"
    assert (type(one), type(other)) == (error.ConnectionDone, error.ConnectionDone)


class Producer:
    """A push producer of so many pieces, which notes how it is told to wait."""

    def __init__(self, transport, pieces):
        self.transport, self.left, self.paused, self.pauses = transport, pieces, False, 0
        transport.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self):
        self.paused = True
        self.pauses += 1

    def resumeProducing(self):
        self.paused = False
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(b"x" * 10_000)
        if not self.left:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def stopProducing(self):
        self.left = 0


def test_producer_waits_for_handshake_and_peer(play):
    """A producer that writes before the handshake is paused, and goes on after it."""

    async def story(scene):
        producers = []
        served = Side(made=lambda side: producers.append(Producer(side.transport, 500)))
        client = Side()
        scene.secure(served, client)
        await client.over
        return len(client.received), producers[0].pauses

    received, pauses = play(story)

    assert received == 5_000_000
    assert pauses > 1


def test_transport_tells_what_is_known(play):
    """A secure transport provides what says so, and knows the peer's certificate."""

    early = []

    def ask(side):
        early.extend([side.transport.getPeerCertificate(), side.transport.negotiatedProtocol])

    async def story(scene):
        served, client = Side(), Side(made=ask)
        scene.secure(served, client)
        await until(lambda: "secured" in served.events and "secured" in client.events)
        shown = Certificate.peerFromTransport(client.transport)
        return client.transport, shown, served.transport.getPeerCertificate()

    transport, shown, none = play(story)

    assert early == [None, None]
    assert transport.getHandle().version().startswith("TLSv1.")
    assert ISSLTransport.providedBy(transport)
    assert INegotiated.providedBy(transport)
    assert shown.getSubject().CN == b"localhost"
    assert none is None


def test_protocol_is_negotiated(play):
    """What both contexts offer by ALPN is agreed upon."""

    async def story(scene):
        scene.server_tls.set_alpn_protocols(["h2", "echo/1"])
        scene.client_tls.set_alpn_protocols(["echo/1"])
        served, client = Side(), Side(secured=wrote(b"!"))
        scene.secure(served, client)
        await until(lambda: served.received)
        return served.transport.negotiatedProtocol, client.transport.negotiatedProtocol

    assert play(story) == (b"echo/1", b"echo/1")


# -- ends


def test_abort_is_immediate(play):
    """`abortConnection` ends both sides, wherever the handshake is."""

    async def story(scene):
        served, client = Side(), Side(secured=lambda side: side.transport.abortConnection())
        scene.secure(served, client)
        return await client.over, await served.over

    mine, theirs = play(story)

    assert type(mine) is error.ConnectionAborted
    assert type(theirs) is error.ConnectionLost


def test_close_before_the_handshake(play):
    """`loseConnection` in `connectionMade` with nothing written ends both sides at once."""

    async def story(scene):
        served, client = Side(), Side(made=close)
        scene.secure(served, client)
        return await client.over, await served.over

    mine, theirs = play(story)

    assert type(mine) is error.ConnectionDone
    assert type(theirs) is error.ConnectionLost


def test_peer_that_never_closes_is_left(play, monkeypatch):
    """A peer that was told of the end and stays silent is waited for, but not for long."""
    monkeypatch.setattr(tls, "CLOSE_LIMIT", 0.05)

    async def story(scene):
        served = Side(secured=close)
        address = scene.served(served)

        def talk():
            with socket.create_connection(address) as sock:
                peer = scene.client_tls.wrap_socket(sock, server_hostname="localhost")
                with peer:
                    assert peer.recv(10) == b""  # told; and now nothing
                    done.wait(30)

        done = threading.Event()
        talking = asyncio.get_running_loop().run_in_executor(None, talk)
        reason = await served.over
        done.set()
        await talking
        return reason

    assert type(play(story)) is error.ConnectionDone


def test_half_close(play):
    """`loseWriteConnection` tells the peer that no more comes; its last words still arrive."""

    async def story(scene):
        served = Side(made=wrote(b"answer"))
        client = Side(data=lambda side, _: side.transport.loseWriteConnection())
        scene.secure(served, client)
        return await served.over, await client.over, client.received

    one, other, received = play(story)

    assert received == b"answer"
    assert (type(one), type(other)) == (error.ConnectionDone, error.ConnectionDone)


def test_stream_that_is_cut(play):
    """A peer that goes away without closing TLS has cut the stream: that is no clean end."""

    async def story(scene):
        served = Side()
        scene.server_tls.num_tickets = 0  # unread, they would make the end a reset
        address = scene.served(served)

        def talk():
            with socket.create_connection(address) as sock:
                peer = scene.client_tls.wrap_socket(sock, server_hostname="localhost")
                peer.send(b"half a sen")
                sock = socket.socket(fileno=peer.detach())
                sock.close()

        await asyncio.get_running_loop().run_in_executor(None, talk)
        return await served.over, served.received

    reason, received = play(story)

    assert received == b"half a sen"
    assert type(reason) is error.ConnectionLost
    assert "without closing TLS" in str(reason)


def test_exception_in_handshake_completed(play, log):
    """What `handshakeCompleted` raises is logged, and ends the connection with that reason."""

    def boom(side):
        raise ZeroDivisionError("boom")

    async def story(scene):
        served, client = Side(), Side(secured=boom)
        scene.secure(served, client)
        return await client.over

    reason = play(story)

    assert repr(reason) == "ZeroDivisionError('boom')"
    assert log.take() == ["ZeroDivisionError('boom')"]


# -- handshakes that fail


def test_certificate_that_is_not_trusted(play):
    """A client that doesn't trust the certificate says so, to itself and to the server."""

    async def story(scene):
        scene.client_tls = ssl.create_default_context()
        served, client = Side(), Side(made=wrote(b"secret"))
        scene.secure(served, client)
        return await client.over, await served.over, served.events

    mine, theirs, events = play(story)

    assert type(mine) is ssl.SSLCertVerificationError
    assert "self-signed" in str(mine).replace("self signed", "self-signed")
    assert isinstance(theirs, ssl.SSLError)
    assert "unknown ca" in str(theirs)
    assert events == ["made", "lost"]


def test_certificate_of_somebody_else(play, certificate):
    """A certificate for another name is refused, and the reason names the name."""
    trusted = Certificate.loadPEM(certificate.read_bytes())

    async def story(scene):
        scene.client_tls = optionsForClientTLS("other.example", trusted)
        served, client = Side(), Side()
        scene.secure(served, client)
        return await client.over

    reason = play(story)

    assert type(reason) is VerificationError
    assert "other.example" in str(reason)


def test_plain_text_on_a_tls_port(play):
    """A server that is spoken to without TLS says what it got."""

    async def story(scene):
        served, client = Side(), Side(made=wrote(b"GET / HTTP/1.0\r\n\r\n"))
        number = scene.served(served)[1]
        scene.reactor.connectTCP("127.0.0.1", number, Made(client))
        return await served.over, await client.over, served.events

    reason, other, events = play(story)

    assert isinstance(reason, ssl.SSLError)
    assert "http request" in str(reason)
    assert type(other) is error.ConnectionDone
    assert events == ["made", "lost"]


def test_tls_with_a_plain_server(play):
    """A client that gets plain text for an answer says so."""

    async def story(scene):
        served, client = Side(data=wrote(b"500 what?\r\n")), Side()
        port = scene.reactor.listenTCP(0, Made(served), interface="127.0.0.1")
        scene.reactor.connectSSL("127.0.0.1", port.getHost().port, Made(client), scene.client_tls)
        return await client.over

    reason = play(story)

    assert isinstance(reason, ssl.SSLError)
    assert "wrong version number" in str(reason).lower() or "packet length" in str(reason).lower()


def test_handshake_that_stops_half_way(play):
    """A peer that goes away in the handshake is named for it."""

    async def story(scene):
        served = Side()
        _, writer = await asyncio.open_connection(*scene.served(served))
        writer.write(b"\x16\x03\x01\x02\x00")
        await until(lambda: served.events)
        writer.close()
        await writer.wait_closed()
        return await served.over

    reason = play(story)

    assert type(reason) is error.ConnectionLost
    assert "in the TLS handshake" in str(reason)


def test_handshake_that_takes_too_long(play, monkeypatch):
    """A peer that says nothing more in the handshake is left after a while."""
    monkeypatch.setattr(tls, "HANDSHAKE_LIMIT", 0.05)

    async def story(scene):
        served = Side()
        _, writer = await asyncio.open_connection(*scene.served(served))
        reason = await served.over
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return reason

    reason = play(story)

    assert type(reason) is error.ConnectionLost
    assert "took longer than" in str(reason)


# -- on a live connection


def starts(context, **how):
    """Something to do: start TLS."""
    return lambda side, *_: side.transport.startTLS(context, **how)


def test_start_tls_in_connection_made(play):
    """Both may start TLS as soon as they are connected."""

    async def story(scene):
        served = Side(made=starts(scene.server_tls), data=wrote(b"yes"))
        client = Side(made=starts(optionsFor(scene)), secured=wrote(b"secure?"), data=close)
        scene.plain(served, client)
        return await client.over, served.events, client.received

    reason, events, received = play(story)

    assert type(reason) is error.ConnectionDone
    assert events[:3] == ["made", "secured", "data"]
    assert received == b"yes"


def optionsFor(scene):
    """The client's context; it expects the certificate of the host that it connected to."""
    return scene.client_tls


def test_upgrade_keeps_the_order(play):
    """What is written before `startTLS` goes out plain, what is written after it encrypted."""
    seen = []

    def upgrade(side, data):
        if data == b"STARTTLS":
            seen.append(type(side.transport).__name__)
            side.transport.write(b"go")
            side.transport.startTLS(side.context)
            side.transport.write(b"ahead")
            seen.append(type(side.transport).__name__)

    def follow(side, data):
        if data == b"go":
            side.transport.startTLS(side.context)
            side.transport.write(b"thanks")

    async def story(scene):
        served, client = Side(data=upgrade), Side(made=wrote(b"STARTTLS"), data=follow)
        served.context, client.context = scene.server_tls, scene.client_tls
        scene.plain(served, client)
        before = served.transport
        await until(lambda: served.received.endswith(b"thanks") and client.received == b"goahead")
        return before, served, list(served.events)

    before, served, events = play(story)

    assert served.received == b"STARTTLSthanks"
    assert before is None or before is served.transport
    assert seen == ["StreamTransport", "SecureTransport"]
    assert events == ["made", "data", "secured", "data"]


def test_client_hello_with_the_request(play):
    """A client that sends its request and, without waiting, the handshake, is served."""

    def upgrade(side, data):
        if not side.upgraded:
            side.upgraded = True
            assert data == b"STARTTLS"
            side.transport.pauseProducing()
            # What follows comes while reading is paused, and is held back.
            asyncio.get_running_loop().call_soon(start, side.client)
            asyncio.get_running_loop().call_later(0.05, go_on, side)

    def go_on(side):
        side.transport.startTLS(side.context)
        side.transport.resumeProducing()

    def start(side):
        side.transport.startTLS(side.context)
        side.transport.write(b"hello")

    async def story(scene):
        served, client = Side(data=upgrade), Side(made=wrote(b"STARTTLS"))
        served.upgraded, served.client = False, client
        served.context, client.context = scene.server_tls, scene.client_tls
        scene.plain(served, client)
        await until(lambda: served.received == b"STARTTLShello")
        return list(served.events)

    assert play(story) == ["made", "data", "secured", "data"]


class Carrier(asyncio.Transport):
    """A loop's transport that keeps what it is to send."""

    def __init__(self):
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.sent = ssl.MemoryBIO()
        self.paused = False

    def set_protocol(self, protocol):
        self.protocol = protocol

    def write(self, data):
        self.sent.write(data)

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def get_write_buffer_size(self):
        return 0

    def is_closing(self):
        return False


class Pieces:
    """What a client of STARTTLS sends, and an adapter that a loop gives it to."""

    def __init__(self, scene, served):
        served.context = scene.server_tls
        self.adapter, self.carrier = adapt(Made(served))(), Carrier()
        self.carrier.protocol = self.adapter
        self.peer_sends = ssl.MemoryBIO()
        self.peer = scene.client_tls.wrap_bio(
            self.carrier.sent, self.peer_sends, server_hostname="localhost"
        )
        with pytest.raises(ssl.SSLWantReadError):
            self.peer.do_handshake()
        self.hello = self.peer_sends.read()
        self.adapter.connection_made(self.carrier)

    async def say(self, data):
        """Have the peer finish its handshake, and send `data`."""
        await until(self._shook_hands)
        self.peer.write(data)
        self.carrier.protocol.data_received(self.peer_sends.read())

    def _shook_hands(self):
        try:
            self.peer.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


def upgrade_at(request):
    """Something to do: start TLS for this request."""
    return lambda side, data: data.endswith(request) and side.transport.startTLS(side.context)


def test_held_back_in_pieces(play):
    """TLS that is started while held pieces are delivered gets the pieces that are left."""

    async def story(scene):
        served = Side(data=upgrade_at(b"upgrade"))
        pieces = Pieces(scene, served)
        served.transport.pauseProducing()
        for piece in (b"first", b"upgrade", pieces.hello[:100], pieces.hello[100:]):
            pieces.adapter.data_received(piece)
        held = served.received
        served.transport.resumeProducing()
        await pieces.say(b"third")
        return held, served.received, pieces.carrier.paused

    assert play(story) == (b"", b"firstupgradethird", False)


def test_held_back_when_tls_is_started(play):
    """TLS that is started while pieces are held back gets them at once, and holds back itself."""

    async def story(scene):
        served = Side()
        pieces = Pieces(scene, served)
        served.transport.pauseProducing()
        pieces.adapter.data_received(pieces.hello)
        served.transport.startTLS(scene.server_tls)
        await pieces.say(b"secret")
        held = served.received
        served.transport.resumeProducing()
        await until(lambda: served.received and not pieces.carrier.paused)
        return held, served.received, pieces.carrier.paused

    assert play(story) == (b"", b"secret", False)


def test_end_that_was_held_back(play):
    """The peer's end that was held back when TLS is started is the end of TLS, too."""

    async def story(scene):
        served = Side()
        pieces = Pieces(scene, served)
        closed = asyncio.get_running_loop().create_future()
        pieces.carrier.close = lambda: closed.set_result(True)
        pieces.carrier.can_write_eof = lambda: True
        served.transport.pauseProducing()
        pieces.adapter.data_received(pieces.hello)
        assert pieces.adapter.eof_received()
        served.transport.startTLS(scene.server_tls)
        await closed
        pieces.carrier.protocol.connection_lost(None)
        return await served.over

    assert "in the TLS handshake" in str(play(story))


def test_more_than_a_read_at_once(play):
    """TLS that is started amid a large piece gets what is left of it."""

    async def story(scene):
        served = Side(data=upgrade_at(b"upgrade"))
        pieces = Pieces(scene, served)
        pieces.adapter.data_received(b"upgrade".rjust(MARK) + pieces.hello)
        await pieces.say(b"third")
        return served.received.lstrip()

    assert play(story) == b"upgradethird"


def test_sides_may_be_swapped(play):
    """`normal=False` makes a client of the side that was connected to."""

    async def story(scene):
        scene.client_tls.check_hostname = False
        served = Side(made=starts(scene.client_tls, normal=False), secured=wrote(b"I asked"))
        client = Side(made=starts(scene.server_tls, normal=False))
        scene.plain(served, client)
        await until(lambda: client.received)
        return client.received, Certificate.peerFromTransport(served.transport)

    received, shown = play(story)

    assert received == b"I asked"
    assert shown.getSubject().CN == b"localhost"


def test_tls_inside_tls(play):
    """TLS may be started on what is encrypted already."""

    async def story(scene):
        served = Side(secured=lambda side: inner(side, scene.server_tls), data=wrote(b"deep"))
        client = Side(secured=lambda side: inner(side, scene.client_tls))
        scene.secure(served, client)
        await until(lambda: served.events.count("secured") == 2)
        client.transport.write(b"how deep?")
        await until(lambda: client.received)
        client.transport.loseConnection()
        return served.received, client.received, await served.over, await client.over

    def inner(side, context):
        if side.events.count("secured") == 1:
            side.transport.startTLS(context)

    received, answered, one, other = play(story)

    assert (received, answered) == (b"how deep?", b"deep")
    assert (type(one), type(other)) == (error.ConnectionDone, error.ConnectionDone)


def test_start_tls_after_the_end_does_nothing(play):
    """`startTLS` on a connection that is over, or about to be, is in vain."""

    async def story(scene):
        served, client = Side(), Side(made=close)
        scene.plain(served, client)
        await client.over
        client.transport.startTLS(scene.client_tls)
        return type(client.transport).__name__

    assert play(story) == "StreamTransport"


# -- what is wrong with a call


@pytest.mark.parametrize("wrong", [None, "context", ssl.SSLContext, object()])
def test_what_is_no_context_factory_is_refused(play, wrong):
    """Whoever takes a context factory says so when it gets something else."""

    async def story(scene):
        served, client = Side(), Side()
        scene.plain(served, client)
        await until(lambda: client.transport is not None)
        for call in (
            lambda: scene.reactor.listenSSL(0, Made(), wrong),
            lambda: scene.reactor.connectSSL("127.0.0.1", 1, Made(), wrong),
            lambda: client.transport.startTLS(wrong),
        ):
            with pytest.raises(TypeError, match="context"):
                call()

    play(story)


class Given:
    """A context factory that has one context."""

    def __init__(self, context):
        self.context = context

    def getContext(self):
        return self.context


@pytest.mark.parametrize("given", ["context", "factory"])
def test_context_of_the_other_side_is_refused_at_the_call(given):
    """A client's context in a server's place, and the reverse, is told before any connection."""
    reactor = Reactor()
    for_clients, for_servers = (ssl.create_default_context(each) for each in ssl.Purpose)
    if given == "factory":
        for_clients, for_servers = Given(for_clients), Given(for_servers)

    with pytest.raises(TypeError, match=r"^listenSSL\(\) got .* a client's: .*CLIENT_AUTH"):
        reactor.listenSSL(0, Made(), for_clients)
    with pytest.raises(TypeError, match=r"^connectSSL\(\) got .* a server's: .*SERVER_AUTH"):
        reactor.connectSSL("127.0.0.1", 1, ClientFactory(), for_servers)


def test_wrong_argument_is_told_by_the_method_that_was_called(server_tls, client_tls):
    """`listenSSL` and `connectSSL` go by their own names in what they raise."""
    reactor = Reactor()

    with pytest.raises(TypeError, match=r"^listenSSL\(\)"):
        reactor.listenSSL("https", Made(), server_tls)
    with pytest.raises(TypeError, match=r"^connectSSL\(\)"):
        reactor.connectSSL("localhost", 443, Protocol, client_tls)


def test_context_that_needs_a_host_and_has_none(play):
    """A client that can't know whose certificate to expect says so, and stays as it was."""

    async def story(scene):
        served, client = Side(), Side()
        scene.plain(served, client)
        await until(lambda: served.transport is not None)
        with pytest.raises(ValueError, match="whose certificate"):
            served.transport.startTLS(scene.client_tls, normal=False)
        return type(served.transport).__name__

    assert play(story) == "StreamTransport"


def test_context_factory_that_raises_ends_the_connection(play, log):
    """What a context factory raises for a connection is logged, and is its reason."""

    class Sometimes:
        contexts = 1

        def getContext(self):
            if not self.contexts:
                raise LookupError("no more contexts")
            self.contexts -= 1
            return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    async def story(scene):
        scene.server_tls = Sometimes()
        served, client = Side(), Side()
        scene.secure(served, client)
        return await served.over, await client.over

    reason, _ = play(story)

    assert repr(reason) == "LookupError('no more contexts')"
    assert log.take() == ["LookupError('no more contexts')"]


def test_listening_before_the_loop(reactor, certificate):
    """What `listenSSL` opened before the reactor runs is served when it does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    factory = Factory.forProtocol(Protocol)
    factory.noisy = False
    port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")
    seen = []

    class Client(Protocol):
        def connectionMade(self):
            self.transport.loseConnection()

        def connectionLost(self, reason):
            seen.append(reason.type)
            reactor.stop()

    clients = ClientFactory.forProtocol(Client)
    clients.noisy = False
    reactor.connectSSL("127.0.0.1", port.getHost().port, clients, trusting)

    reactor.run()

    assert seen == [error.ConnectionDone]


def test_port_says_in_the_log_that_it_speaks_tls(certificate, run):
    """The line about a port's start tells of TLS; so does the one about its end."""
    lines = []

    def observe(event):
        lines.extend(event["message"])

    class Shop(Factory):
        noisy = False

    async def main():
        async with Reactor() as reactor:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            port = reactor.listenSSL(0, Shop(), context, interface="127.0.0.1")
            number = port.getHost().port
            await port.stopListening()
            return number

    python_log.addObserver(observe)
    try:
        number = run(main())
    finally:
        python_log.removeObserver(observe)

    assert lines == [f"Shop (TLS) starting on {number}", f"(TLS Port {number} Closed)"]
