"""Policies: wrapping, throttling, limits, time-outs, logs of the traffic.

What Twisted does too is asserted of both: the fixture `side` brings either one's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite.internet import error
from reactorlite.internet import interfaces as our_interfaces
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.protocols import policies as ours
from reactorlite.python.failure import Failure

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""

    def module(path: str) -> Any:
        return importlib.import_module(f"{request.param}.{path}")

    return SimpleNamespace(
        policies=module("protocols.policies"),
        protocol=module("internet.protocol"),
        address=module("internet.address"),
        Clock=module("internet.task").Clock,
        StringTransport=module("internet.testing").StringTransport,
        lost=module("python.failure").Failure(module("internet.error").ConnectionDone()),
    )


def kept(side: Any) -> Any:
    """A factory of protocols that keep what they are told in `story`."""

    class Kept(side.protocol.Protocol):
        def __init__(self) -> None:
            self.story: list[Any] = []

        def connectionMade(self) -> None:
            self.story.append("made")

        def dataReceived(self, data: bytes) -> None:
            self.story.append(data)

        def connectionLost(self, reason: Any) -> None:
            self.story.append("lost")

    return side.protocol.Factory.forProtocol(Kept)


def transport_of(side: Any) -> Any:
    """A transport that keeps what is asked of it in `story`."""

    class Told(side.StringTransport):
        def __init__(self) -> None:
            super().__init__()
            self.story: list[str] = []

        def pauseProducing(self) -> None:
            self.story.append("pause")

        def resumeProducing(self) -> None:
            self.story.append("resume")

        def loseConnection(self) -> None:
            self.story.append("lose")

    return Told()


def connected(side: Any, factory: Any, address: Any = None) -> Any:
    """What the factory makes, with a transport."""
    outer = factory.buildProtocol(address)
    outer.makeConnection(transport_of(side))
    return outer


# ── wrapping


def test_wrapping(side):
    """The inner protocol is told what the outer one is; the factory counts the connected."""
    factory = side.policies.WrappingFactory(kept(side))

    outer = connected(side, factory)
    inner = outer.wrappedProtocol
    assert list(factory.protocols) == [outer]
    outer.dataReceived(b"data")
    outer.connectionLost(side.lost)

    assert inner.story == ["made", b"data", "lost"]
    assert inner.transport is outer
    assert outer.wrappedProtocol is None
    assert not factory.protocols


def test_outer_is_a_transport(side):
    """The transport is told what the inner protocol asks of the outer one."""
    outer = connected(side, side.policies.WrappingFactory(kept(side)))

    outer.write(b"a")
    outer.writeSequence([b"b", b"c"])
    outer.registerProducer("producer", True)
    outer.unregisterProducer()
    outer.loseConnection()

    assert outer.transport.value() == b"abc"
    assert outer.transport.producer is None
    assert outer.transport.story == ["lose"]
    assert outer.disconnecting
    assert outer.getPeer() == outer.transport.getPeer()
    assert outer.getHost() == outer.transport.getHost()


def test_transport_is_asked_for_the_rest(side):
    """Attributes that the outer protocol has not are the transport's."""
    outer = connected(side, side.policies.WrappingFactory(kept(side)))

    assert outer.value() == b""
    with pytest.raises(AttributeError):
        outer.nothingOfTheKind()


def test_outer_provides_what_the_transport_does():
    """The outer protocol keeps the interfaces of its transport, and those of a protocol."""
    side = SimpleNamespace(StringTransport=_testing().StringTransport)
    outer = connected(side, ours.WrappingFactory(Factory.forProtocol(Protocol)))

    assert our_interfaces.ITransport.providedBy(outer)
    assert our_interfaces.IProtocol.providedBy(outer)


def _testing() -> Any:
    return importlib.import_module("reactorlite.internet.testing")


def test_log_prefix(side):
    """Log lines name the inner and the outer, for protocols and factories."""
    factory = side.policies.WrappingFactory(kept(side))
    outer = connected(side, factory)

    assert outer.logPrefix() == "Kept (ProtocolWrapper)"
    assert factory.logPrefix() == "Factory (WrappingFactory)"


def test_factory_passes_on(side):
    """The inner factory hears of starts, stops and attempts."""
    story: list[Any] = []

    class Inner(side.protocol.ClientFactory):
        noisy = False

        def startFactory(self) -> None:
            story.append("start")

        def stopFactory(self) -> None:
            story.append("stop")

        def startedConnecting(self, connector: Any) -> None:
            story.append(connector)

        clientConnectionFailed = clientConnectionLost = lambda self, *args: story.append(args)

    factory = side.policies.WrappingFactory(Inner())
    factory.noisy = False

    factory.doStart()
    factory.startedConnecting("connector")
    factory.clientConnectionFailed("connector", "reason")
    factory.clientConnectionLost("connector", "reason")
    factory.doStop()

    attempt = ("connector", "reason")
    assert story == ["start", "connector", attempt, attempt, "stop"]


@pytest.mark.parametrize(
    "kind", [ours.WrappingFactory, ours.TimeoutFactory, ours.ThrottlingFactory]
)
def test_no_inner_protocol(kind):
    """Where the inner factory refuses a connection, so does the outer one."""

    class Refusing(Factory):
        def buildProtocol(self, addr: object) -> None:
            return None

    assert kind(Refusing()).buildProtocol(None) is None


# ── throttling


def throttled(side: Any, **limits: Any) -> Any:
    """A throttling factory on a clock of its own."""
    factory = side.policies.ThrottlingFactory(kept(side), **limits)
    factory.clock = side.Clock()
    factory.callLater = factory.clock.callLater
    return factory


def test_reads_are_throttled(side):
    """After a second with thrice the limit, reading pauses for two seconds."""
    factory = throttled(side, readLimit=10)
    outer = connected(side, factory)

    outer.dataReceived(b"x" * 30)
    factory.clock.advance(1)
    assert outer.transport.story == ["pause"]
    factory.clock.pump([0.5, 1, 0.25])
    assert outer.transport.story == ["pause"]
    factory.clock.advance(0.5)

    assert outer.transport.story == ["pause", "resume"]


def test_writes_are_throttled(side):
    """After a second with twice the limit, the producer pauses for one."""
    story: list[str] = []
    producer = SimpleNamespace(
        pauseProducing=lambda: story.append("pause"),
        resumeProducing=lambda: story.append("resume"),
    )
    factory = throttled(side, writeLimit=10)
    outer = connected(side, factory)
    outer.registerProducer(producer, True)

    outer.write(b"x" * 15)
    outer.writeSequence([b"x" * 4, b"x"])
    factory.clock.advance(1)
    assert story == ["pause"]
    factory.clock.advance(1)

    assert story == ["pause", "resume"]
    assert outer.transport.value() == b"x" * 20


def test_nothing_to_throttle():
    """Without a producer, throttled writes are sent; a closing connection is not resumed."""
    side = SimpleNamespace(StringTransport=_testing().StringTransport)
    outer = ours.ThrottlingProtocol(ours.ThrottlingFactory(Factory()), Protocol())
    outer.makeConnection(transport_of(side))

    outer.throttleWrites()
    outer.unthrottleWrites()
    outer.loseConnection()
    outer.unthrottleReads()

    assert outer.transport.story == ["lose"]


def test_connections_enough(side):
    """No more than `maxConnectionCount` connections are made at a time."""
    factory = throttled(side, maxConnectionCount=1)
    first = connected(side, factory)

    assert factory.buildProtocol(None) is None
    first.connectionLost(side.lost)

    assert factory.buildProtocol(None) is not None


def test_last_connection_ends_the_looking(side):
    """With the last connection every delayed call is cancelled."""
    factory = throttled(side, readLimit=10, writeLimit=10)
    outer = connected(side, factory)
    outer.dataReceived(b"x" * 100)
    factory.clock.advance(1)

    outer.connectionLost(side.lost)

    assert not factory.clock.getDelayedCalls()


def test_throttled_again_while_throttled():
    """Too much again while writes are throttled moves the time at which they go on."""
    testing, task = _testing(), importlib.import_module("reactorlite.internet.task")
    side = SimpleNamespace(StringTransport=testing.StringTransport, Clock=task.Clock)
    side.policies, side.protocol = ours, importlib.import_module("reactorlite.internet.protocol")
    factory = throttled(side, writeLimit=10)
    outer = connected(side, factory)

    for _ in range(2):
        outer.write(b"x" * 100)
        factory.clock.advance(1)

    assert factory.unthrottleWritesID.getTime() == 2 + 9
    outer.connectionLost(Failure(error.ConnectionDone()))
    assert not factory.clock.getDelayedCalls()


# ── limits


def test_total_limit(side):
    """Beyond the limit there is the overflow protocol, or none."""

    class Limited(side.policies.LimitTotalConnectionsFactory):
        protocol = side.protocol.Protocol
        connectionLimit = 1

    class Overflow(side.protocol.Protocol):
        pass

    factory = Limited()
    first = connected(side, factory)

    assert first.wrappedProtocol.factory is factory
    assert factory.buildProtocol(None) is None
    factory.overflowProtocol = Overflow
    assert isinstance(factory.buildProtocol(None).wrappedProtocol, Overflow)
    first.connectionLost(side.lost)

    assert factory.connectionCount == 1


def test_limit_by_peer():
    """Each host has as many connections as allowed, and a new one when one is lost."""
    address = importlib.import_module("reactorlite.internet.address").IPv4Address
    factory = ours.LimitConnectionsByPeer(Factory.forProtocol(Protocol))
    factory.maxConnectionsPerPeer = 1
    factory.startFactory()
    here, there = address("TCP", "10.0.0.1", 1), address("TCP", "10.0.0.2", 1)
    first = factory.buildProtocol(here)
    first.makeConnection(_testing().StringTransport(peerAddress=here))

    assert factory.buildProtocol(here) is None
    assert factory.buildProtocol(there) is not None
    first.connectionLost(Failure(error.ConnectionDone()))

    assert factory.buildProtocol(here) is not None
    assert factory.peerConnections == {"10.0.0.1": 1, "10.0.0.2": 1}


def test_limit_by_peer_with_tuples(side):
    """Addresses may be tuples, as old programs have them."""
    factory = side.policies.LimitConnectionsByPeer(kept(side))
    factory.maxConnectionsPerPeer = 1
    factory.startFactory()

    assert factory.buildProtocol(("10.0.0.1", 1)) is not None
    assert factory.buildProtocol(("10.0.0.1", 2)) is None


# ── time-outs


def timing(side: Any, period: float | None = 10) -> tuple[Any, Any]:
    """A connected protocol with a time-out, and its clock."""
    clock = side.Clock()
    factory = side.policies.TimeoutFactory(kept(side), period)
    factory.callLater = clock.callLater
    return connected(side, factory), clock


def test_time_out(side):
    """A connection on which nothing happens is closed when the time is over."""
    outer, clock = timing(side)

    clock.advance(9)
    assert outer.transport.story == []
    clock.advance(1)

    assert outer.transport.story == ["lose"]


@pytest.mark.parametrize(
    ("sign", "args"), [("dataReceived", b"x"), ("write", b"x"), ("writeSequence", [b"x"])]
)
def test_sign_of_life(side, sign, args):
    """The time begins anew with each thing received or sent."""
    outer, clock = timing(side)

    clock.advance(9)
    getattr(outer, sign)(args)
    clock.advance(9)

    assert outer.transport.story == []
    assert [call.getTime() for call in clock.getDelayedCalls()] == [19]


def test_time_out_changed(side):
    """The time may be changed and taken away."""
    outer, clock = timing(side)

    outer.setTimeout(3)
    assert [call.getTime() for call in clock.getDelayedCalls()] == [3]
    outer.setTimeout(None)
    outer.resetTimeout()

    assert outer.timeoutPeriod is None
    assert not clock.getDelayedCalls()


def test_time_out_ends_with_the_connection(side):
    """When the connection is lost nothing waits any longer."""
    outer, clock = timing(side)

    outer.connectionLost(side.lost)

    assert not clock.getDelayedCalls()


def test_no_time_out(side):
    """A period of None is no time-out."""
    _, clock = timing(side, None)

    assert not clock.getDelayedCalls()


def test_data_after_the_time_is_over():
    """What still comes when the time is over is received as ever."""
    task = importlib.import_module("reactorlite.internet.task")
    side = SimpleNamespace(StringTransport=_testing().StringTransport, Clock=task.Clock)
    side.policies, side.protocol = ours, importlib.import_module("reactorlite.internet.protocol")
    outer, clock = timing(side)
    clock.advance(10)

    outer.dataReceived(b"late")

    assert outer.wrappedProtocol.story == ["made", b"late"]


def mixed(side: Any) -> tuple[Any, Any]:
    """A protocol with the mix-in, and its clock."""
    clock = side.Clock()

    class Mixed(side.policies.TimeoutMixin, side.protocol.Protocol):
        def callLater(self, period: float, func: Any) -> Any:
            return clock.callLater(period, func)

    protocol = Mixed()
    protocol.makeConnection(transport_of(side))
    return protocol, clock


def test_mixin(side):
    """A protocol's own time-out is set, begins anew, and closes."""
    protocol, clock = mixed(side)

    assert protocol.setTimeout(10) is None
    clock.advance(9)
    protocol.resetTimeout()
    clock.advance(9)
    assert protocol.transport.story == []
    clock.advance(1)

    assert protocol.transport.story == ["lose"]
    assert not clock.getDelayedCalls()


def test_mixin_changed(side):
    """Setting another time returns the one before, and None ends it."""
    protocol, clock = mixed(side)

    assert protocol.setTimeout(10) is None
    assert protocol.setTimeout(5) == 10
    assert [call.getTime() for call in clock.getDelayedCalls()] == [5]
    assert protocol.setTimeout(None) == 5
    protocol.resetTimeout()

    assert protocol.timeOut is None
    assert not clock.getDelayedCalls()


# ── logs


def test_traffic_is_written_down(side):
    """Every piece that goes over a connection is a line of its file."""
    file = io.StringIO()
    outer = side.policies.TrafficLoggingProtocol(
        side.policies.WrappingFactory(None), kept(side).buildProtocol(None), file, None, 7
    )
    outer.makeConnection(transport_of(side))

    outer.dataReceived(b"in")
    outer.write(b"out")
    outer.writeSequence([b"a", b"b"])
    outer.loseConnection()

    assert file.getvalue().splitlines() == [
        *("*", "C 7: b'in'", "S 7: b'out'", "SV 7: [b'a', b'b']", "S 7: *")
    ]
    assert outer.transport.value() == b"outab"


def test_long_traffic_is_cut():
    """Of data longer than the limit the end is left out, in the file only."""
    file = io.StringIO()
    outer = ours.TrafficLoggingProtocol(ours.WrappingFactory(None), Protocol(), file, 15)
    outer.makeConnection(_testing().StringTransport())

    outer.write(b"x" * 15)
    outer.write(b"x" * 16)

    assert file.getvalue().splitlines()[1:] == [f"S 0: {b'x' * 15}", "S 0: b'xxx<... elided>'"]
    assert len(outer.transport.value()) == 31


def test_files_of_traffic(side, tmp_path):
    """Connections are numbered, and so are their files, until the count begins anew."""
    opened: list[str] = []

    class Opening(side.policies.TrafficLoggingFactory):
        def open(self, name: str) -> Any:
            opened.append(name)
            return io.StringIO()

    factory = Opening(kept(side), "traffic")

    factory.buildProtocol(None)
    factory.buildProtocol(None)
    factory.resetCounter()
    factory.buildProtocol(None)

    assert opened == ["traffic-1", "traffic-2", "traffic-1"]


def test_file_is_closed(tmp_path):
    """A file that the factory itself opened is closed when the connection is lost."""
    factory = ours.TrafficLoggingFactory(Factory.forProtocol(Protocol), str(tmp_path / "log"))
    outer = factory.buildProtocol(None)
    outer.makeConnection(_testing().StringTransport())

    outer.connectionLost(Failure(error.ConnectionDone()))

    assert outer.logfile.closed
    assert (tmp_path / "log-1").read_text().startswith("*\nC 1: <")


def test_spewing(caplog):
    """All that is received and sent is logged."""
    caplog.set_level(logging.INFO, "reactorlite")
    outer = ours.SpewingFactory(Factory.forProtocol(Protocol)).buildProtocol(None)
    outer.makeConnection(_testing().StringTransport())

    outer.dataReceived(b"in")
    outer.write(b"out")

    assert [record.getMessage() for record in caplog.records] == [
        *("Received: b'in'", "Sending: b'out'")
    ]
