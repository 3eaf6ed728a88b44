"""The fakes. What Twisted's do too is asserted of both."""

from __future__ import annotations

import importlib
import importlib.util
import socket
import unittest
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite.internet import testing
from reactorlite.internet.address import IPv6Address
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.test import proto_helpers

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""

    def module(path: str) -> Any:
        return importlib.import_module(f"{request.param}.{path}")

    fakes = module("internet.testing")
    return SimpleNamespace(
        **{name: getattr(fakes, name) for name in testing.__all__},
        interfaces=module("internet.interfaces"),
        address=module("internet.address"),
        error=module("internet.error"),
        logger=module("logger"),
        Clock=module("internet.task").Clock,
        Deferred=module("internet.defer").Deferred,
        Failure=module("python.failure").Failure,
        ClientFactory=module("internet.protocol").ClientFactory,
    )


class Connectors:
    """A factory that is told of its connectors."""

    def __init__(self) -> None:
        self.started: list[Any] = []

    def startedConnecting(self, connector: Any) -> None:
        self.started.append(connector)


# ── StringTransport ──────────────────────────────────────────────────────────────────────


def test_transport_keeps_what_is_written(side: Any) -> None:
    """What is written can be read, also after the end, until it is cleared."""
    transport = side.StringTransport()

    transport.write(b"one")
    transport.writeSequence([b"two", b"three"])
    transport.loseConnection()
    transport.write(b"four")

    assert transport.value() == transport.io.getvalue() == b"onetwothreefour"
    transport.clear()
    assert transport.value() == b""


@pytest.mark.parametrize("data", ["text", bytearray(b"x"), memoryview(b"x"), 3, None])
def test_transport_takes_bytes_only(side: Any, data: Any) -> None:
    """Anything but `bytes` is refused, and nothing of it kept."""
    transport = side.StringTransport()

    with pytest.raises(TypeError, match="Data must be bytes"):
        transport.write(data)

    assert transport.value() == b""


def test_transport_has_addresses(side: Any) -> None:
    """There are addresses to be shown, and others can be given."""
    host, peer = side.address.UNIXAddress("/host"), side.address.UNIXAddress("/peer")

    plain = side.StringTransport()
    named = side.StringTransport(host, peerAddress=peer)

    assert plain.getHost() == side.address.IPv4Address("TCP", "10.0.0.1", 12345)
    assert plain.getPeer() == side.address.IPv4Address("TCP", "192.168.1.1", 54321)
    assert (named.getHost(), named.getPeer()) == (host, peer)


def test_transport_notes_its_end(side: Any) -> None:
    """Losing and aborting can be told apart."""
    fresh, lost, aborted = (side.StringTransport() for _ in range(3))

    lost.loseConnection()
    aborted.abortConnection()

    assert [(t.disconnecting, t.disconnected) for t in (fresh, lost, aborted)] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert fresh.connected


def test_transport_has_one_producer(side: Any) -> None:
    """A producer is kept with its kind, and is the only one."""
    transport = side.StringTransport()

    transport.registerProducer("producer", True)

    assert (transport.producer, transport.streaming) == ("producer", True)
    with pytest.raises(RuntimeError):
        transport.registerProducer("another", True)
    transport.unregisterProducer()
    assert (transport.producer, transport.streaming) == (None, None)
    with pytest.raises(RuntimeError):
        transport.unregisterProducer()


def test_transport_notes_what_it_is_told_as_a_producer(side: Any) -> None:
    """Pausing, resuming and stopping can be seen."""
    transport = side.StringTransport()

    states = [transport.producerState]
    for step in ("pauseProducing", "resumeProducing", "stopProducing"):
        getattr(transport, step)()
        states.append(transport.producerState)

    assert states == ["producing", "paused", "producing", "stopped"]


@pytest.mark.parametrize("step", ["pauseProducing", "resumeProducing"])
@pytest.mark.parametrize("end", ["stopProducing", "loseConnection", "abortConnection"])
def test_transport_that_ended_is_no_producer(side: Any, step: str, end: str) -> None:
    """After the end there is nothing to pause or to resume."""
    transport = side.StringTransport()
    getattr(transport, end)()

    with pytest.raises(RuntimeError):
        getattr(transport, step)()


def test_lenient_transport(side: Any) -> None:
    """A lenient one may be resumed after the connection was lost."""
    transport = side.StringTransport(lenient=True)
    transport.loseConnection()

    transport.resumeProducing()

    assert transport.producerState == "producing"


def test_transport_that_tells_its_end(side: Any) -> None:
    """`StringTransportWithDisconnection` tells its protocol, once."""
    transport = side.StringTransportWithDisconnection()
    protocol = transport.protocol = side.AccumulatingProtocol()
    protocol.makeConnection(transport)

    transport.loseConnection()
    reason, protocol.closedReason = protocol.closedReason, None
    transport.abortConnection()

    assert reason.check(side.error.ConnectionDone)
    assert protocol.closedReason is None
    assert not transport.connected


def test_what_transports_promise(side: Any) -> None:
    """A `StringTransport` is what it says it is."""
    verifyObject = pytest.importorskip("zope.interface.verify").verifyObject
    transport = side.StringTransport()

    assert verifyObject(side.interfaces.ITransport, transport)
    assert verifyObject(side.interfaces.IConsumer, transport)
    assert verifyObject(side.interfaces.IPushProducer, transport)
    assert side.interfaces.IUDPTransport.providedBy(side.FakeDatagramTransport())


def test_datagrams(side: Any) -> None:
    """Datagrams are kept with their addresses."""
    transport = side.FakeDatagramTransport()

    transport.write(b"one", ("10.0.0.1", 5))
    transport.write(b"two")

    assert transport.written == [(b"one", ("10.0.0.1", 5)), (b"two", transport.noAddr)]


def test_port_of_datagrams() -> None:
    """What else a port of datagrams is asked for can be seen."""
    transport = testing.FakeDatagramTransport()
    before = (transport.connected, transport.stopped, transport.getBroadcastAllowed())

    transport.connect("10.0.0.2", 5)
    transport.setBroadcastAllowed(True)
    transport.stopListening()

    assert (before, transport.getHost().type) == ((None, False, False), "UDP")
    assert (transport.connected, transport.stopped) == (("10.0.0.2", 5), True)
    assert transport.getBroadcastAllowed()
    with pytest.raises(RuntimeError, match="is connected"):
        transport.connect("10.0.0.2", 5)


def test_file_that_stays_open(side: Any) -> None:
    """What was written can be read after the file was closed."""
    file = side.StringIOWithoutClosing(b"one")

    file.close()

    assert file.getvalue() == b"one"


# ── protocols ────────────────────────────────────────────────────────────────────────────


def test_accumulating_protocol(side: Any) -> None:
    """It keeps what happens to it."""
    protocol = side.AccumulatingProtocol()
    before = (protocol.made, protocol.closed, protocol.data, protocol.closedReason)

    protocol.makeConnection(side.StringTransport())
    protocol.dataReceived(b"one")
    protocol.dataReceived(b"two")
    protocol.connectionLost("reason")

    assert before == (0, 0, b"", None)
    assert (protocol.made, protocol.closed, protocol.data) == (1, 1, b"onetwo")
    assert protocol.closedReason == "reason"


def test_accumulating_protocol_fires_its_deferreds(side: Any) -> None:
    """Connection and end fire a Deferred each, once."""
    fired: list[Any] = []
    protocol = side.AccumulatingProtocol()
    protocol.factory = SimpleNamespace(protocolConnectionMade=side.Deferred())
    protocol.factory.protocolConnectionMade.addCallback(fired.append)
    protocol.closedDeferred = side.Deferred()
    protocol.closedDeferred.addCallback(fired.append)

    for _ in range(2):
        protocol.makeConnection(side.StringTransport())
        protocol.connectionLost()

    assert fired == [protocol, None]


def test_line_sending_protocol_that_starts(side: Any) -> None:
    """It sends its lines, and keeps what comes."""
    protocol, transport = side.LineSendingProtocol([b"a", b"b"]), side.StringTransport()

    protocol.makeConnection(transport)
    protocol.dataReceived(b"one\r\ntwo\r\n")

    assert transport.value() == b"a\r\nb\r\n"
    assert protocol.response == [b"one", b"two"]


def test_line_sending_protocol_that_answers(side: Any) -> None:
    """It waits for a line, and sends its own once."""
    protocol, transport = side.LineSendingProtocol([b"a", b"b"], False), side.StringTransport()

    protocol.makeConnection(transport)
    before = transport.value()
    protocol.dataReceived(b"one\r\ntwo\r\n")
    protocol.connectionLost(None)

    assert (before, transport.value()) == (b"", b"a\r\nb\r\n")
    assert protocol.response[1:] == [b"two"]
    assert protocol.lostConn


def test_line_sending_protocol_keeps_the_line_it_answers() -> None:
    """The first line it got is kept as well; Twisted's keeps one of its own instead."""
    protocol = testing.LineSendingProtocol([b"a", b"b"], start=False)
    protocol.makeConnection(testing.StringTransport())

    protocol.dataReceived(b"one\r\n")

    assert protocol.response == [b"one"]


# ── reactors ─────────────────────────────────────────────────────────────────────────────


def test_what_reactors_promise(side: Any) -> None:
    """Reactors, ports and connectors are what they say they are."""
    verifyObject = pytest.importorskip("zope.interface.verify").verifyObject
    providedBy = importlib.import_module("zope.interface").providedBy
    reactor = side.MemoryReactor()
    factory = Connectors()
    everything = [
        reactor,
        side.MemoryReactorClock(),
        side.RaisingMemoryReactor(),
        side.SynchronousResolver(),
        reactor.listenTCP(1, factory),
        reactor.connectTCP("x", 1, factory),
    ]

    kept = {each: list(providedBy(each)) for each in everything}

    assert all(verifyObject(i, each) for each, interfaces in kept.items() for i in interfaces)
    assert len(kept[everything[0]]) == 7
    assert side.interfaces.IReactorTime in kept[everything[1]]


@pytest.mark.parametrize(
    ("call", "kept", "arguments"),
    [
        (("listenTCP", 1, "f"), "tcpServers", (1, "f", 50, "")),
        (("listenSSL", 1, "f", "c"), "sslServers", (1, "f", "c", 50, "")),
        (("listenUNIX", "/x", "f"), "unixServers", ("/x", "f", 50, 0o666, 0)),
        (("listenTCP", 1, "f", 5, "::1"), "tcpServers", (1, "f", 5, "::1")),
    ],
)
def test_listening_is_remembered(side: Any, call: Any, kept: str, arguments: Any) -> None:
    """The arguments are kept, and the port can be stopped."""
    reactor = side.MemoryReactor()

    port = getattr(reactor, call[0])(*call[1:])

    assert getattr(reactor, kept) == [arguments]
    assert port.startListening() is port.stopListening() is None


@pytest.mark.parametrize(
    ("call", "kept", "before", "after"),
    [
        (("connectTCP", "h", 1), "tcpClients", (), (30, None)),
        (("connectSSL", "h", 1), "sslClients", ("context",), (30, None)),
        (("connectUNIX", "/x"), "unixClients", (), (30, 0)),
    ],
)
def test_connecting_is_remembered(side: Any, call: Any, kept: str, before: Any, after: Any) -> None:
    """The arguments are kept, the factory is told, and nothing connects."""
    reactor = side.MemoryReactor()
    factory = Connectors()

    connector = getattr(reactor, call[0])(*call[1:], factory, *before)

    assert getattr(reactor, kept) == [(*call[1:], factory, *before, *after)]
    assert factory.started == reactor.connectors == [connector]


def test_addresses_of_ports(side: Any) -> None:
    """A port says it listens where it was asked to."""
    reactor = side.MemoryReactor()

    assert reactor.listenTCP(1, None).getHost() == side.address.IPv4Address("TCP", "0.0.0.0", 1)
    assert reactor.listenTCP(1, None, interface="::1").getHost() == side.address.IPv6Address(
        "TCP", "::1", 1
    )
    assert reactor.listenUNIX("/x", None).getHost() == side.address.UNIXAddress("/x")


def test_addresses_of_connectors(side: Any) -> None:
    """A connector says where it was to connect."""
    reactor, factory = side.MemoryReactor(), Connectors()

    found = [
        reactor.connectTCP("h", 1, factory).getDestination(),
        reactor.connectTCP("::1", 1, factory).getDestination(),
        reactor.connectUNIX("/x", factory).getDestination(),
    ]

    assert found == [
        side.address.IPv4Address("TCP", "h", 1),
        side.address.IPv6Address("TCP", "::1", 1),
        side.address.UNIXAddress("/x"),
    ]


def test_addresses_over_ipv6_with_tls() -> None:
    """With TLS, too, an address of IPv6 is one."""
    reactor = testing.MemoryReactor()

    found = [
        reactor.listenSSL(1, None, None, interface="::1").getHost(),
        reactor.connectSSL("::1", 1, Connectors(), None).getDestination(),
    ]

    assert found == [IPv6Address("TCP", "::1", 1)] * 2


def test_connector_notes_what_it_is_told(side: Any) -> None:
    """Giving up and disconnecting can be seen."""
    connector = side.MemoryReactor().connectTCP("h", 1, Connectors())
    before = (connector.stoppedConnecting, connector._disconnected)

    connector.connect()
    connector.stopConnecting()
    connector.disconnect()

    assert (before, (connector.stoppedConnecting, connector._disconnected)) == (
        (False, False),
        (True, True),
    )


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_adopting_is_remembered(side: Any, family: Any, host: str) -> None:
    """Adopted descriptors are kept, and their ports have addresses of their family."""
    reactor = side.MemoryReactor()

    ports = [
        reactor.adoptStreamPort(3, family, "f"),
        reactor.adoptDatagramPort(4, family, "p"),
    ]
    reactor.adoptStreamConnection(5, family, "f")

    assert reactor.adoptedPorts == [(3, family, "f"), (4, family, "p", 8192)]
    assert reactor.adoptedStreamConnections == [(5, family, "f")]
    assert [(p.getHost().type, p.getHost().host) for p in ports] == [("TCP", host), ("UDP", host)]


def test_odd_families_are_not_adopted(side: Any) -> None:
    """A family that is neither IPv4 nor IPv6 is refused, as by a real reactor."""
    reactor = side.MemoryReactor()

    with pytest.raises(side.error.UnsupportedAddressFamily):
        reactor.adoptStreamPort(3, 99, "f")
    with pytest.raises(side.error.UnsupportedAddressFamily):
        reactor.adoptDatagramPort(3, 99, "p", 10)


def test_life_of_a_reactor(side: Any) -> None:
    """Running calls what waited for it and ends; each step can be seen."""
    reactor = side.MemoryReactor()
    seen: list[Any] = []
    reactor.callWhenRunning(lambda *a, **k: seen.append((a, k, reactor.running)), 1, x=2)
    waited = list(reactor.whenRunningHooks)
    before = (reactor.running, reactor.hasRun, reactor.hasStopped, seen[:])

    reactor.run()
    reactor.callWhenRunning(seen.append, "late")

    assert before == (False, False, False, [])
    assert len(waited) == 1
    assert (reactor.running, reactor.hasRun, reactor.hasStopped) == (False, True, True)
    assert seen == [((1,), {"x": 2}, True), "late"]


def test_install_and_crash(side: Any) -> None:
    """Installing and crashing can be seen."""
    reactor = side.MemoryReactor()
    before = (reactor.hasInstalled, reactor.hasCrashed)

    reactor.install()
    reactor.crash()

    assert (before, (reactor.hasInstalled, reactor.hasCrashed)) == ((False, False), (True, True))
    assert not reactor.running


def test_triggers_are_kept(side: Any) -> None:
    """Triggers are there for the test to call."""
    reactor = side.MemoryReactor()

    reactor.addSystemEventTrigger("before", "shutdown", print, 1, x=2)

    assert reactor.triggers == {"before": {"shutdown": [(print, (1,), {"x": 2})]}}


def test_triggers_are_removed() -> None:
    """A trigger is taken out again, once."""
    reactor = testing.MemoryReactor()
    trigger = reactor.addSystemEventTrigger("before", "shutdown", print)

    reactor.removeSystemEventTrigger(trigger)

    assert reactor.triggers == {"before": {"shutdown": []}}
    with pytest.raises(ValueError, match="not in list"):
        reactor.removeSystemEventTrigger(trigger)


@pytest.mark.parametrize("call", [("iterate",), ("fireSystemEvent", "x"), ("resolve", "x")])
def test_what_a_reactor_in_memory_cannot_do(side: Any, call: Any) -> None:
    """What would need a real reactor says so."""
    with pytest.raises(NotImplementedError):
        getattr(side.MemoryReactor(), call[0])(*call[1:])


def test_descriptors(side: Any) -> None:
    """Readers and writers are kept until they are removed."""
    reactor = side.MemoryReactor()

    for each in ("one", "two", "one"):
        reactor.addReader(each)
        reactor.addWriter(each)
    reactor.removeReader("one")
    reactor.removeReader("one")
    reactor.removeWriter("two")

    assert (reactor.getReaders(), reactor.getWriters()) == (["two"], ["one"])
    assert set(reactor.removeAll()) == {"one", "two"}
    assert (reactor.getReaders(), reactor.getWriters()) == ([], [])


@pytest.mark.parametrize("kind", ["MemoryReactor", "RaisingMemoryReactor"])
def test_name_resolver(side: Any, kind: str) -> None:
    """A reactor has a name resolver, which can be exchanged."""
    reactor = getattr(side, kind)()
    first = reactor.nameResolver

    replaced = reactor.installNameResolver("another")

    assert isinstance(first, side.SynchronousResolver)
    assert (replaced, reactor.nameResolver) == (first, "another")


def test_names_are_looked_up_at_once(side: Any) -> None:
    """Every name is at home, before the call returns."""
    told: list[Any] = []
    receiver = SimpleNamespace(
        resolutionBegan=told.append,
        addressResolved=told.append,
        resolutionComplete=lambda: told.append("complete"),
    )

    resolution = side.SynchronousResolver().resolveHostName(receiver, "example", 80)

    assert told == [resolution, side.address.IPv4Address("TCP", "127.0.0.1", 80), "complete"]
    assert resolution.name == "example"
    with pytest.raises(Exception, match="already"):
        resolution.cancel()


def test_reactor_with_a_clock(side: Any) -> None:
    """Time goes on when the test says so."""
    reactor = side.MemoryReactorClock()
    called: list[Any] = []
    reactor.callLater(3, called.append, "x")

    reactor.advance(2)
    before = called[:]
    reactor.advance(1)

    assert (before, called, reactor.seconds()) == ([], ["x"], 3)
    assert reactor.tcpServers == []


LISTENING = [
    ("listenTCP", 1, "f"),
    ("listenSSL", 1, "f", "c"),
    ("listenUNIX", "/x", "f"),
    ("adoptStreamPort", 3, socket.AF_INET, "f"),
]
CONNECTING = [
    ("connectTCP", "h", 1, "f"),
    ("connectSSL", "h", 1, "f", "c"),
    ("connectUNIX", "/x", "f"),
    ("adoptStreamConnection", 3, socket.AF_INET, "f"),
    ("adoptDatagramPort", 3, socket.AF_INET, "p", 8192),
]


@pytest.mark.parametrize(
    ("call", "error"),
    [*((call, KeyError) for call in LISTENING), *((call, ValueError) for call in CONNECTING)],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.__name__,
)
def test_reactor_that_raises(side: Any, call: Any, error: type[Exception]) -> None:
    """It raises what it was given to raise."""
    reactor = side.RaisingMemoryReactor(KeyError("listen"), ValueError("connect"))

    with pytest.raises(error):
        getattr(reactor, call[0])(*call[1:])


def test_reactor_with_nothing_to_raise(side: Any) -> None:
    """Without an exception to raise there is still no connection."""
    with pytest.raises(TypeError):
        side.RaisingMemoryReactor().connectTCP("h", 1, "f")


# ── producers, waiting, logs ─────────────────────────────────────────────────────────────


class Consumer:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.write = self.got.append

    def unregisterProducer(self) -> None:
        self.got.append("unregistered")


def test_producer(side: Any) -> None:
    """It writes ten times, unregisters itself and fires its Deferred."""
    consumer = Consumer()
    producer = side.NonStreamingProducer(consumer)
    fired: list[Any] = []
    producer.result.addCallback(fired.append)

    for _ in range(10):
        producer.resumeProducing()

    assert consumer.got == [*(b"%d" % digit for digit in range(10)), "unregistered"]
    assert (fired, producer.stopped) == ([None], False)
    with pytest.raises(RuntimeError):
        producer.resumeProducing()


def test_stopped_producer(side: Any) -> None:
    """Stopped, it is done."""
    producer = side.NonStreamingProducer(Consumer())
    fired: list[Any] = []
    producer.result.addCallback(fired.append)

    producer.stopProducing()

    assert (fired, producer.stopped, producer.consumer) == ([None], True, None)
    with pytest.raises(RuntimeError):
        producer.resumeProducing()


def test_producer_is_not_stopped_twice() -> None:
    """What has ended can't be stopped."""
    producer = testing.NonStreamingProducer(Consumer())
    producer.stopProducing()

    with pytest.raises(RuntimeError, match="has ended"):
        producer.stopProducing()


def test_pull_producer_is_not_paused(side: Any) -> None:
    """Pausing a pull producer is an error."""
    with pytest.raises(RuntimeError):
        side.NonStreamingProducer(Consumer()).pauseProducing()


def test_waiting_for_the_end(side: Any) -> None:
    """The Deferred fires when the last protocol is disconnected."""
    clock = side.Clock()
    protocols = [side.AccumulatingProtocol() for _ in range(2)]
    for protocol in protocols:
        protocol.makeConnection(side.StringTransport())
    fired: list[Any] = []

    side.waitUntilAllDisconnected(clock, protocols).addCallback(fired.append)
    protocols[0].transport.connected = False
    clock.advance(0.01)
    before = len(fired)
    protocols[1].transport.connected = False
    clock.advance(0.01)

    assert (before, len(fired)) == (0, 1)
    assert clock.getDelayedCalls() == []


def test_nothing_to_wait_for(side: Any) -> None:
    """If nobody is connected it fires at once."""
    fired: list[Any] = []

    side.waitUntilAllDisconnected(side.Clock(), []).addCallback(fired.append)

    assert len(fired) == 1


def test_observer_is_a_list(side: Any) -> None:
    """Events are kept, and can be gone through."""
    observer = side.EventLoggingObserver()

    for number in range(3):
        observer({"x": number})

    assert [e["x"] for e in observer] == [0, 1, 2]
    assert (len(observer), observer[-1], observer[:1]) == (3, {"x": 2}, [{"x": 0}])
    assert side.logger.ILogObserver.providedBy(observer)


def test_observer_is_cleaned_up(side: Any) -> None:
    """An observer made for a test observes until its end."""
    publisher = side.logger.LogPublisher()
    test = unittest.TestCase()

    observer = side.EventLoggingObserver.createWithCleanup(test, publisher)
    publisher({"x": 1})
    test.doCleanups()
    publisher({"x": 2})

    assert list(observer) == [{"x": 1}]


# ── names ────────────────────────────────────────────────────────────────────────────────


def test_old_name() -> None:
    """The old module has the very same fakes."""
    assert all(getattr(proto_helpers, n) is getattr(testing, n) for n in proto_helpers.__all__)
    assert set(testing.__all__) - set(proto_helpers.__all__) == {"SynchronousResolver"}


@pytest.mark.skipif("twisted" not in SIDES, reason="compares with Twisted")
def test_same_names() -> None:
    """Every name of Twisted's is there."""
    theirs = importlib.import_module("twisted.test.proto_helpers")

    assert set(theirs.__all__) == set(proto_helpers.__all__)


def test_fakes_carry_real_protocols() -> None:
    """A factory, its protocol and a Deferred work on fakes alone, with no loop."""
    lines: Deferred[bytes] = Deferred()

    class Client(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"hello")

        def dataReceived(self, data: bytes) -> None:
            lines.callback(data)

    reactor = testing.MemoryReactorClock()
    reactor.connectTCP("h", 1, ClientFactory.forProtocol(Client))
    factory = reactor.tcpClients[0][2]
    protocol, transport = factory.buildProtocol(None), testing.StringTransport()
    got: list[bytes] = []
    lines.addCallback(got.append)

    protocol.makeConnection(transport)
    protocol.dataReceived(b"world")

    assert (transport.value(), got) == (b"hello", [b"world"])
