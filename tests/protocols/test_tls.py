"""TLS over any transport, with no loop and no reactor: two protocols and what is between them."""

import ssl

import pytest

from reactorlite.internet import error
from reactorlite.internet.interfaces import (
    IHandshakeListener,
    INegotiated,
    IProtocolNegotiationFactory,
)
from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.internet.ssl import PrivateCertificate, VerificationError, optionsForClientTLS
from reactorlite.internet.task import Clock
from reactorlite.internet.testing import StringTransport
from reactorlite.protocols.tls import TLSMemoryBIOFactory
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

pytest.importorskip("cryptography", reason="the certificates are made with it")


@pytest.fixture(scope="module")
def own() -> PrivateCertificate:
    """A certificate for "localhost" that is made for the run."""
    from reactorlite.internet.ssl import KeyPair

    return KeyPair.generate(size=2048).selfSignedCert(1, CN="localhost")


@implementer(IHandshakeListener)
class Side(Protocol):
    """A protocol that notes its events, and does what the test wants at some of them."""

    def __init__(self, **hooks):
        self.events = []
        self.received = b""
        self.hooks = hooks
        self.reason = None

    def _happened(self, name):
        self.events.append(name)
        self.hooks.get(name, lambda side: None)(self)

    def connectionMade(self):
        self._happened("made")

    def handshakeCompleted(self):
        self._happened("secured")

    def dataReceived(self, data):
        self.received += data
        self._happened("data")

    def connectionLost(self, reason):
        self.reason = reason.value
        self._happened("lost")


class Made(ClientFactory):
    noisy = False

    def __init__(self, side):
        self.side = side

    def buildProtocol(self, addr):
        return self.side


class Carrier(StringTransport):
    """A transport that only keeps what is written, until the test takes it across."""

    aborted = False

    def abortConnection(self):
        self.aborted = True
        self.loseConnection()


class Wire:
    """A server, a client, and what is between them; `size` is that of the pieces."""

    def __init__(self, server, server_tls, client, client_tls, size=65536, clock=None):
        self.size = size
        self.ends = [
            TLSMemoryBIOFactory(server_tls, False, Made(server), clock).buildProtocol(None),
            TLSMemoryBIOFactory(client_tls, True, Made(client)).buildProtocol(None),
        ]
        self.carriers = [Carrier(), Carrier()]
        for end, carrier in zip(self.ends, self.carriers, strict=True):
            end.makeConnection(carrier)
        self.carry()

    def carry(self):
        """Take what is written across, until nothing is; then close what was closed."""
        while any(carrier.value() for carrier in self.carriers):
            for carrier, other in zip(self.carriers, reversed(self.ends), strict=True):
                data = carrier.value()
                carrier.clear()
                for start in range(0, len(data), self.size):
                    other.dataReceived(data[start : start + self.size])
        if any(carrier.disconnecting for carrier in self.carriers):
            self.cut()

    def cut(self):
        """End the connection below."""
        for end in self.ends:
            if end.wrappedProtocol is not None:
                end.connectionLost(Failure(error.ConnectionDone()))


def wrote(data):
    """Something to do: write `data`."""
    return lambda side: side.transport.write(data)


def close(side):
    """Close from this side."""
    side.transport.loseConnection()


def pair(own, size=65536, **hooks):
    """A server and a client that trusts it, joined, with hooks for both."""
    server = Side(**{k[7:]: v for k, v in hooks.items() if k.startswith("server_")})
    client = Side(**{k[7:]: v for k, v in hooks.items() if k.startswith("client_")})
    wire = Wire(server, own.options(), client, optionsForClientTLS("localhost", own), size)
    return wire, server, client


@pytest.mark.parametrize("size", [1, 7, 65536])
def test_data_crosses_in_any_pieces(own, size):
    """What both write before the handshake crosses after it, however it is cut."""
    _, server, client = pair(
        own, size, server_made=wrote(b"hello"), client_made=wrote(b"hi" * 1000)
    )

    assert server.events[:2] == client.events[:2] == ["made", "secured"]
    assert (server.received, client.received) == (b"hi" * 1000, b"hello")


def test_clean_end(own):
    """Who closes and who is closed to both learn of a clean end, after the data."""
    wire, server, client = pair(own, client_made=wrote(b"last words"), client_secured=close)

    assert server.received == b"last words"
    assert type(server.reason) is type(client.reason) is error.ConnectionDone
    assert [end.wrappedProtocol for end in wire.ends] == [None, None]


def test_cut(own):
    """A connection that ends below TLS, and not in it, was cut."""
    wire, server, client = pair(own)

    wire.cut()

    assert type(server.reason) is type(client.reason) is error.ConnectionLost
    assert "without closing TLS" in str(server.reason)


def test_close_before_the_handshake(own):
    """A close in `connectionMade`, with nothing written, closes at once."""
    wire, _, client = pair(own, client_made=close)

    assert wire.carriers[1].aborted
    assert client.events == ["made", "lost"]


def test_abort(own):
    """`abortConnection` closes at once, and delivers nothing after it."""
    wire, _server, client = pair(
        own, server_made=wrote(b"ignored"), client_secured=lambda s: s.transport.abortConnection()
    )

    assert wire.carriers[1].aborted
    assert client.received == b""


def test_nothing_is_written_after_close(own):
    """What is written after `loseConnection` goes nowhere."""

    def end(side):
        side.transport.write(b"one")
        side.transport.loseConnection()
        side.transport.write(b"two")

    _, server, _ = pair(own, client_secured=end)

    assert server.received == b"one"


def test_untrusted(own):
    """A certificate that is not trusted ends both sides, and both say why."""
    server, client = Side(), Side()

    Wire(server, own.options(), client, optionsForClientTLS("localhost"))

    assert type(client.reason) is ssl.SSLCertVerificationError
    assert "unknown ca" in str(server.reason)


def test_somebody_else(own):
    """A certificate of another host is refused."""
    server, client = Side(), Side()

    Wire(server, own.options(), client, optionsForClientTLS("other.example", own))

    assert type(client.reason) is VerificationError


def test_what_is_no_context_factory(own):
    """The factory says so at once."""
    with pytest.raises(TypeError, match="context"):
        TLSMemoryBIOFactory("context", True, Made(Side()))


def test_factory_without_a_context_is_refused():
    """A context factory whose `getContext` returns none is refused where it is given."""

    class Empty:
        def getContext(self):
            return None

    with pytest.raises(TypeError, match="got None of"):
        TLSMemoryBIOFactory(Empty(), True, ClientFactory.forProtocol(Protocol))


def test_text(own):
    """`write` wants bytes."""
    _, _, client = pair(own)

    with pytest.raises(TypeError, match="encode"):
        client.transport.write("text")
    with pytest.raises(TypeError, match="takes bytes, not int"):
        client.transport.write(3)


def test_negotiated_protocol(own):
    """A factory's `acceptableProtocols` are offered, and the first common one is agreed upon."""

    @implementer(IProtocolNegotiationFactory)
    class Offering(Made):
        def acceptableProtocols(self):
            return [b"h2", b"http/1.1"]

    client = Side()
    options = optionsForClientTLS("localhost", own, acceptableProtocols=[b"http/1.1"])
    wire = Wire.__new__(Wire)
    Wire.__init__(wire, Side(), own.options(), client, options)
    offering = TLSMemoryBIOFactory(own.options(), False, Offering(Side()))

    assert client.transport.negotiatedProtocol is None
    assert INegotiated.providedBy(client.transport)
    wire.ends[0] = offering.buildProtocol(None)
    again = Side()
    wire.ends[1] = TLSMemoryBIOFactory(options, True, Made(again)).buildProtocol(None)
    for end, carrier in zip(wire.ends, wire.carriers, strict=True):
        end.makeConnection(carrier)
    wire.carry()
    assert again.transport.negotiatedProtocol == b"http/1.1"


class Push:
    """A push producer that writes all it may."""

    def __init__(self, side):
        self.transport, self.left, self.paused, self.pauses = side.transport, 40, False, 0
        self.transport.registerProducer(self, True)
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

    def stopProducing(self):
        self.left = 0


def test_producer_waits_for_the_handshake(own):
    """A producer is paused before the handshake, and is the transport's after it."""
    producers = []

    def produce(side):
        producers.append(Push(side))
        side.transport.loseConnection()

    _, _, client = pair(own, server_made=produce)

    assert producers[0].pauses == 1
    assert len(client.received) == 400_000
    assert type(client.reason) is error.ConnectionDone


def test_tls_inside_tls(own):
    """A factory of this kind may stand inside another."""
    inner = [Side(made=wrote(b"deep")), Side(made=wrote(b"down"))]
    options = [own.options(), optionsForClientTLS("localhost", own)]
    outer = [
        TLSMemoryBIOFactory(context, is_client, Made(side)).buildProtocol(None)
        for context, is_client, side in zip(options, (False, True), inner, strict=True)
    ]

    Wire(outer[0], own.options(), outer[1], optionsForClientTLS("localhost", own))

    assert [side.received for side in inner] == [b"down", b"deep"]


def test_certificate_is_shown(own):
    """The client sees the server's certificate."""
    from reactorlite.internet.ssl import Certificate

    _, server, client = pair(own)

    assert Certificate.peerFromTransport(client.transport) == Certificate(own.original)
    assert server.transport.getPeerCertificate() is None


def test_clock_of_a_factory_limits_closing(own):
    """A peer that doesn't close too is waited for by the clock that the factory was given."""
    clock = Clock()
    client_tls = optionsForClientTLS("localhost", own)
    server = Side()
    wire = Wire(server, own.options(), Side(), client_tls, clock=clock)

    server.transport.loseConnection()
    clock.advance(2.9)
    waited = not wire.carriers[0].disconnecting
    clock.advance(0.2)

    assert waited
    assert wire.carriers[0].disconnecting
