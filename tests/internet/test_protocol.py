"""Protocols and factories, with everything around them faked.

What Twisted does too is asserted of both: the fixture `side` brings either one's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import pickle
import random
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite.internet import error, protocol
from reactorlite.python.failure import Failure

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""

    def module(path: str) -> Any:
        return importlib.import_module(f"{request.param}.{path}")

    return SimpleNamespace(
        name=request.param,
        protocol=module("internet.protocol"),
        error=module("internet.error"),
        interfaces=module("internet.interfaces"),
        Failure=module("python.failure").Failure,
        CancelledError=module("internet.defer").CancelledError,
    )


class Call:
    """A call to be made later."""

    def __init__(self, delay: float, call: Any, args: tuple[Any, ...]) -> None:
        self.delay = delay
        self.call = call
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def make(self) -> None:
        self.call(*self.args)


class Clock:
    """Keeps the calls asked for, to be made by the test."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def callLater(self, delay: float, call: Any, *args: Any) -> Call:
        self.calls.append(Call(delay, call, args))
        return self.calls[-1]


class Connector:
    """Counts what is asked of it."""

    def __init__(self, not_connecting: type[Exception] | None = None) -> None:
        self.connected = 0
        self.stopped = 0
        self.disconnected = 0
        self.not_connecting = not_connecting

    def connect(self) -> None:
        self.connected += 1

    def stopConnecting(self) -> None:
        self.stopped += 1
        if self.not_connecting is not None:
            raise self.not_connecting

    def disconnect(self) -> None:
        self.disconnected += 1


class Reactor(Clock):
    """Connects nowhere, and remembers with what it was to."""

    def __init__(self) -> None:
        super().__init__()
        self.connector = Connector()

    def connectTCP(self, *where: Any, factory: Any, **how: Any) -> Connector:
        self.asked = ("TCP", where, how)
        self.factory = factory
        return self.connector

    def connectUNIX(self, *where: Any, factory: Any, **how: Any) -> Connector:
        self.asked = ("UNIX", where, how)
        self.factory = factory
        return self.connector

    def connectSSL(self, *where: Any, factory: Any, **how: Any) -> Connector:
        self.asked = ("SSL", where, how)
        self.factory = factory
        return self.connector


# ── protocols ────────────────────────────────────────────────────────────────────────────


def test_make_connection_gives_transport_before_connection_made(side: Any) -> None:
    """`connectionMade` finds the transport in place, and `connected` set."""
    seen: list[Any] = []

    class P(side.protocol.Protocol):
        def connectionMade(self) -> None:
            seen.append((self.transport, self.connected))

    P().makeConnection("the transport")

    assert seen == [("the transport", 1)]


def test_protocol_begins_without_connection(side: Any) -> None:
    """A new protocol has no transport, no factory, and is not connected."""
    new = side.protocol.Protocol()

    assert (new.transport, new.factory, new.connected) == (None, None, 0)


def test_protocol_callbacks_do_nothing_by_default(side: Any) -> None:
    """Every callback may be left out."""
    new = side.protocol.Protocol()

    assert new.connectionMade() is None
    assert new.dataReceived(b"x") is None
    assert new.connectionLost() is None


def test_connection_done_is_a_plain_end(side: Any) -> None:
    """`connectionDone` is the reason of a connection that just ended."""
    assert side.protocol.connectionDone.check(side.error.ConnectionDone)


@pytest.mark.parametrize("kind", ["Protocol", "Factory", "DatagramProtocol"])
def test_log_prefix_is_the_class_name(side: Any, kind: str) -> None:
    """Log lines about an object begin with its class's name."""
    mine = type("Mine", (getattr(side.protocol, kind),), {})

    assert mine().logPrefix() == "Mine"


@pytest.mark.parametrize(
    ("kind", "interface"),
    [
        ("Protocol", "IProtocol"),
        ("Protocol", "ILoggingContext"),
        ("Factory", "IProtocolFactory"),
        ("ClientFactory", "IProtocolFactory"),
        ("DatagramProtocol", "ILoggingContext"),
        ("ProcessProtocol", "IProcessProtocol"),
        ("ProtocolToConsumerAdapter", "IConsumer"),
        ("ConsumerToProtocolAdapter", "IProtocol"),
        ("FileWrapper", "ITransport"),
    ],
)
def test_classes_declare_what_they_keep(side: Any, kind: str, interface: str) -> None:
    """Programs may ask for interfaces instead of classes."""
    kept = getattr(side.interfaces, interface)

    assert kept.implementedBy(getattr(side.protocol, kind))


# ── factories ────────────────────────────────────────────────────────────────────────────


class Counting:
    """Counts its starts and stops; mixed into a factory."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def startFactory(self) -> None:
        self.events.append("start")

    def stopFactory(self) -> None:
        self.events.append("stop")


def counting(side: Any) -> Any:
    """A factory that counts its starts and stops."""
    factory = type("CountingFactory", (Counting, side.protocol.Factory), {})()
    factory.noisy = False
    return factory


def test_factory_starts_with_first_user(side: Any) -> None:
    """However many ports there are, `startFactory` is called once."""
    factory = counting(side)

    factory.doStart()
    factory.doStart()

    assert (factory.events, factory.numPorts) == (["start"], 2)


def test_factory_stops_with_last_user(side: Any) -> None:
    """`stopFactory` is called when nobody is left."""
    factory = counting(side)
    factory.doStart()
    factory.doStart()

    factory.doStop()
    assert factory.events == ["start"]
    factory.doStop()

    assert (factory.events, factory.numPorts) == (["start", "stop"], 0)


def test_factory_starts_again(side: Any) -> None:
    """A stopped factory may be used again."""
    factory = counting(side)
    factory.doStart()
    factory.doStop()

    factory.doStart()

    assert factory.events == ["start", "stop", "start"]


def test_stopping_an_unused_factory_does_nothing(side: Any) -> None:
    """`doStop` without a `doStart` is let pass."""
    factory = counting(side)

    factory.doStop()

    assert (factory.events, factory.numPorts) == ([], 0)


def test_factory_that_fails_to_start_is_not_in_use(side: Any) -> None:
    """What `startFactory` raises comes out of `doStart`, and nobody is counted."""
    factory = counting(side)
    factory.startFactory = lambda: 1 / 0

    with pytest.raises(ZeroDivisionError):
        factory.doStart()

    assert factory.numPorts == 0


def test_build_protocol_tells_the_factory(side: Any) -> None:
    """Each connection gets a protocol of its own that knows its factory."""
    factory = side.protocol.Factory()
    factory.protocol = side.protocol.Protocol

    one, two = factory.buildProtocol(None), factory.buildProtocol(None)

    assert one is not two
    assert one.factory is two.factory is factory


def test_build_protocol_needs_a_protocol(side: Any) -> None:
    """A factory that was told nothing cannot build."""
    with pytest.raises(AssertionError):
        side.protocol.Factory().buildProtocol(None)


def test_protocol_attribute_may_be_any_callable(side: Any) -> None:
    """`protocol` need not be a class."""
    made = side.protocol.Protocol()
    factory = side.protocol.Factory.forProtocol(lambda: made)

    assert factory.buildProtocol(None) is made


def test_for_protocol_makes_a_factory_of_the_class(side: Any) -> None:
    """`forProtocol` passes further arguments on, and leaves the class alone."""

    class F(side.protocol.Factory):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.given = (args, kwargs)

    factory = F.forProtocol(side.protocol.Protocol, 1, two=2)

    assert type(factory) is F
    assert factory.given == ((1,), {"two": 2})
    assert (factory.protocol, F.protocol) == (side.protocol.Protocol, None)


def test_factory_needs_what_makes_protocols() -> None:
    """A protocol in its class's place is refused at once, with the function that takes one."""
    with pytest.raises(TypeError, match=r"takes a protocol class, not <.*connectProtocol"):
        protocol.Factory.forProtocol(protocol.Protocol())  # type: ignore[arg-type]


def test_factories_can_be_subscribed(side: Any) -> None:
    """A factory's class may say which protocol it makes, for type checkers."""
    assert side.protocol.Factory[side.protocol.Protocol]().numPorts == 0


def test_client_factory_callbacks_do_nothing_by_default(side: Any) -> None:
    """A client factory need not care how attempts go."""
    factory = side.protocol.ClientFactory()

    assert factory.startedConnecting(None) is None
    assert factory.clientConnectionFailed(None, None) is None
    assert factory.clientConnectionLost(None, None) is None


def test_factory_logs_starting_and_stopping(caplog: pytest.LogCaptureFixture) -> None:
    """A noisy factory says when it starts and stops, once each."""
    caplog.set_level(logging.INFO, logger="reactorlite")
    factory = protocol.Factory[Any]()

    factory.doStart()
    factory.doStart()
    factory.doStop()
    factory.doStop()

    assert caplog.messages == [f"Starting factory {factory!r}", f"Stopping factory {factory!r}"]
    events = [record.event for record in caplog.records]
    assert [event["log_format"].split()[0] for event in events] == ["Starting", "Stopping"]
    assert [event["factory"] for event in events] == [factory, factory]


def test_quiet_factory_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Without `noisy` there is not a word."""
    caplog.set_level(logging.INFO, logger="reactorlite")
    factory = protocol.Factory[Any]()
    factory.noisy = False

    factory.doStart()
    factory.doStop()

    assert caplog.messages == []


# ── reconnecting ─────────────────────────────────────────────────────────────────────────


def reconnecting(side: Any, **settings: Any) -> Any:
    """A quiet reconnecting factory on a clock of its own."""
    factory = side.protocol.ReconnectingClientFactory()
    factory.noisy = False
    factory.clock = Clock()
    for name, value in settings.items():
        setattr(factory, name, value)
    return factory


def delays(factory: Any, count: int) -> list[float]:
    """How long a factory waits when `count` attempts in a row fail."""
    connector = Connector()
    for _ in range(count):
        factory.clientConnectionFailed(connector, None)
        factory.clock.calls[-1].make()
    assert connector.connected == count
    return [call.delay for call in factory.clock.calls]


def test_waits_grow_by_the_factor(side: Any) -> None:
    """Without jitter each wait is `factor` times the last, up to `maxDelay`."""
    factory = reconnecting(side, jitter=0, factor=2, maxDelay=10)

    assert delays(factory, 6) == [1, 2, 4, 8, 10, 10]


def test_waits_have_defaults(side: Any) -> None:
    """The first wait is a second, the longest an hour, and they grow by e."""
    factory = reconnecting(side, jitter=None)

    assert delays(factory, 12) == pytest.approx(
        [min(2.718281828459045**n, 3600) for n in range(12)]
    )


@pytest.mark.skipif("twisted" not in SIDES, reason="compares with Twisted")
def test_jitter_is_drawn_as_twisted_draws_it() -> None:
    """With one seed, the waits are the same to the last digit."""
    seen = {}
    for name in SIDES:
        random.seed(20)
        module = importlib.import_module(f"{name}.internet.protocol")
        seen[name] = delays(reconnecting(SimpleNamespace(protocol=module)), 25)

    assert seen["reactorlite"] == seen["twisted"]


def test_jitter_spreads_the_waits(side: Any) -> None:
    """Two factories do not wait alike."""
    one, two = (delays(reconnecting(side), 3) for _ in range(2))

    assert one != two


@pytest.mark.parametrize("event", ["clientConnectionFailed", "clientConnectionLost"])
def test_losing_and_failing_both_try_again(side: Any, event: str) -> None:
    """An attempt is made after the wait, and not before."""
    factory = reconnecting(side)
    connector = Connector()

    getattr(factory, event)(connector, None)

    assert connector.connected == 0
    factory.clock.calls[0].make()
    assert connector.connected == 1


def test_reset_delay_begins_again(side: Any) -> None:
    """After `resetDelay` the waits are short again."""
    factory = reconnecting(side, jitter=0, factor=2)
    delays(factory, 3)

    factory.resetDelay()

    assert delays(factory, 2)[3:] == [1, 2]
    assert factory.retries == 2


def test_max_retries_ends_it(side: Any) -> None:
    """After `maxRetries` in a row no attempt is made."""
    factory = reconnecting(side, maxRetries=2)
    delays(factory, 2)

    factory.clientConnectionFailed(Connector(), None)

    assert len(factory.clock.calls) == 2


def test_retry_needs_a_connector(side: Any) -> None:
    """Nothing can be tried again that was not tried before."""
    with pytest.raises(ValueError, match="no connector"):
        reconnecting(side).retry()


def test_retry_takes_a_connector(side: Any) -> None:
    """A connector given is the one to connect."""
    factory = reconnecting(side)
    connector = Connector()

    factory.retry(connector)
    factory.clock.calls[0].make()

    assert connector.connected == 1


def test_stop_trying_ends_the_waiting(side: Any) -> None:
    """The attempt waited for is not made, nor any later one."""
    factory = reconnecting(side)
    connector = Connector()
    factory.clientConnectionLost(connector, None)

    factory.stopTrying()
    factory.clientConnectionLost(connector, None)
    factory.retry(connector)

    assert [call.cancelled for call in factory.clock.calls] == [True]
    assert factory.continueTrying == 0


def test_stop_trying_ends_an_attempt_under_way(side: Any) -> None:
    """The connector is told to stop."""
    connector = Connector()
    factory = reconnecting(side, connector=connector)

    factory.stopTrying()

    assert connector.stopped == 1


def test_stop_trying_when_there_is_no_attempt(side: Any) -> None:
    """A connector that is not connecting is no error."""
    connector = Connector(side.error.NotConnectingError)
    factory = reconnecting(side, connector=connector)

    factory.stopTrying()

    assert connector.stopped == 1


def test_stop_trying_before_any_attempt(side: Any) -> None:
    """A factory that never connected may be told to stop."""
    factory = reconnecting(side)

    factory.stopTrying()

    assert factory.continueTrying == 0


def test_a_call_that_was_made_is_not_cancelled(side: Any) -> None:
    """`stopTrying` while connecting leaves the delayed call, which ran, alone."""
    factory = reconnecting(side)
    factory.clientConnectionLost(Connector(), None)
    factory.clock.calls[0].make()

    factory.stopTrying()

    assert [call.cancelled for call in factory.clock.calls] == [False]


def test_pickling_leaves_live_parts_behind(side: Any) -> None:
    """What belongs to this run is not kept; settings are."""
    factory = reconnecting(side, maxDelay=7, numPorts=2)
    delays(factory, 3)
    factory.stopTrying()

    state = factory.__getstate__()

    assert state == {"noisy": False, "maxDelay": 7, "numPorts": 2}


def test_pickled_factory_begins_afresh() -> None:
    """A factory read back tries as one that never tried."""
    factory = reconnecting(SimpleNamespace(protocol=protocol), maxDelay=7)
    delays(factory, 3)
    factory.stopTrying()

    copy = pickle.loads(pickle.dumps(factory))

    assert (copy.maxDelay, copy.delay, copy.retries, copy.continueTrying) == (7, 1.0, 0, 1)
    assert copy.clock is copy.connector is None


def test_reconnecting_says_what_it_does(caplog: pytest.LogCaptureFixture) -> None:
    """A noisy factory logs each wait, and why it gives up."""
    caplog.set_level(logging.INFO, logger="reactorlite")
    factory = reconnecting(SimpleNamespace(protocol=protocol), noisy=True, jitter=0, maxRetries=1)

    factory.clientConnectionLost(Connector(), None)
    factory.clientConnectionLost(Connector(), None)
    factory.stopTrying()
    factory.retry(Connector())

    waits, used_up, stopped = caplog.messages
    assert waits.endswith("in 1 seconds")
    assert "1 were allowed" in used_up
    assert "stopTrying()" in stopped


def test_without_clock_it_waits_on_the_current_reactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reactor is looked up when an attempt is due, and not kept."""
    reactors = [Reactor(), Reactor()]
    waiting = iter(reactors)
    monkeypatch.setattr(
        "reactorlite.internet._current.current_reactor", lambda: next(waiting), raising=True
    )
    factory = reconnecting(SimpleNamespace(protocol=protocol), clock=None)

    factory.clientConnectionLost(Connector(), None)
    factory.clientConnectionLost(Connector(), None)

    assert [len(reactor.calls) for reactor in reactors] == [1, 1]


# ── ClientCreator ────────────────────────────────────────────────────────────────────────


def result_of(deferred: Any) -> list[Any]:
    """Where the result of a Deferred appears."""
    results: list[Any] = []
    deferred.addBoth(results.append)
    return results


def test_creator_fires_with_the_protocol_on_a_later_turn(side: Any) -> None:
    """The Deferred fires after `buildProtocol`, when the protocol has its transport."""
    reactor = Reactor()
    made = side.protocol.Protocol()
    creator = side.protocol.ClientCreator(reactor, lambda: made)
    results = result_of(creator.connectTCP("host", 80))

    assert reactor.factory.buildProtocol(None) is made
    assert results == []
    reactor.calls[0].make()

    assert results == [made]


def test_creator_passes_arguments_to_the_protocol(side: Any) -> None:
    """Each protocol is made with the arguments that the creator got."""
    given: list[Any] = []
    creator = side.protocol.ClientCreator(Reactor(), lambda *a, **k: given.append((a, k)), 1, b=2)

    creator.connectTCP("host", 80)

    assert given == [((1,), {"b": 2})]


def test_creator_fires_with_the_failure_on_a_later_turn(side: Any) -> None:
    """An attempt that fails is the Deferred's failure."""
    reactor = Reactor()
    creator = side.protocol.ClientCreator(reactor, side.protocol.Protocol)
    results = result_of(creator.connectTCP("host", 80))
    reason = side.Failure(side.error.ConnectError())

    reactor.factory.clientConnectionFailed(reactor.connector, reason)
    assert results == []
    reactor.calls[0].make()

    assert [result.value for result in results] == [reason.value]


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (
            lambda c: c.connectTCP("host", 80),
            ("TCP", ("host", 80), {"timeout": 30, "bindAddress": None}),
        ),
        (
            lambda c: c.connectTCP("host", 80, 5, ("me", 0)),
            ("TCP", ("host", 80), {"timeout": 5, "bindAddress": ("me", 0)}),
        ),
        (
            lambda c: c.connectUNIX("path", 5, True),
            ("UNIX", ("path",), {"timeout": 5, "checkPID": True}),
        ),
        (
            lambda c: c.connectSSL("host", 443, "context"),
            (
                "SSL",
                ("host", 443),
                {"contextFactory": "context", "timeout": 30, "bindAddress": None},
            ),
        ),
    ],
)
def test_creator_asks_the_reactor(side: Any, call: Any, asked: Any) -> None:
    """The reactor gets what the caller gave, and the defaults."""
    reactor = Reactor()

    call(side.protocol.ClientCreator(reactor, side.protocol.Protocol))

    assert reactor.asked == asked


def test_creator_cancelled_while_connecting(side: Any) -> None:
    """Cancelling disconnects the connector, and fails at once."""
    reactor = Reactor()
    deferred = side.protocol.ClientCreator(reactor, side.protocol.Protocol).connectTCP("host", 80)
    results = result_of(deferred)

    deferred.cancel()

    assert reactor.connector.disconnected == 1
    assert results[0].check(side.CancelledError)


def test_creator_cancelled_just_when_connected(side: Any) -> None:
    """A connection made but not yet told of is closed, and not told of."""
    reactor = Reactor()
    deferred = side.protocol.ClientCreator(reactor, side.protocol.Protocol).connectTCP("host", 80)
    results = result_of(deferred)
    reactor.factory.buildProtocol(None)

    deferred.cancel()

    assert reactor.calls[0].cancelled
    assert reactor.connector.disconnected == 1
    assert results[0].check(side.CancelledError)


def test_creator_is_quiet(side: Any) -> None:
    """Single connections leave no lines in the log, and their factories print."""
    reactor = Reactor()

    side.protocol.ClientCreator(reactor, side.protocol.Protocol).connectTCP("host", 80)

    assert not reactor.factory.noisy
    assert "ClientCreator" in repr(reactor.factory)


# ── consumers, processes, datagrams ──────────────────────────────────────────────────────


def test_protocol_as_consumer_receives_what_is_written(side: Any) -> None:
    """Writing to the adapter is data received."""
    seen: list[bytes] = []
    original = SimpleNamespace(dataReceived=seen.append)
    consumer = side.protocol.ProtocolToConsumerAdapter(original)

    consumer.registerProducer(None, True)
    consumer.write(b"data")
    consumer.unregisterProducer()

    assert seen == [b"data"]


def test_consumer_as_protocol_writes_what_is_received(side: Any) -> None:
    """Data received is written; the rest of a connection's life is not told."""
    seen: list[bytes] = []
    adapter = side.protocol.ConsumerToProtocolAdapter(SimpleNamespace(write=seen.append))

    adapter.makeConnection(None)
    adapter.connectionMade()
    adapter.dataReceived(b"data")
    adapter.connectionLost(side.Failure(side.error.ConnectionDone()))

    assert seen == [b"data"]


@pytest.mark.parametrize(
    ("descriptor", "events"),
    [(0, ["in lost"]), (1, ["out", "out lost"]), (2, ["err", "err lost"]), (3, [])],
)
def test_process_protocol_sorts_descriptors(side: Any, descriptor: int, events: list[str]) -> None:
    """The standard descriptors have methods of their own."""
    seen: list[str] = []

    class P(side.protocol.ProcessProtocol):
        def outReceived(self, data: bytes) -> None:
            seen.append("out")

        def errReceived(self, data: bytes) -> None:
            seen.append("err")

        def inConnectionLost(self) -> None:
            seen.append("in lost")

        def outConnectionLost(self) -> None:
            seen.append("out lost")

        def errConnectionLost(self) -> None:
            seen.append("err lost")

    process = P()
    process.childDataReceived(descriptor, b"x")
    process.childConnectionLost(descriptor)

    assert seen == events


def test_process_callbacks_do_nothing_by_default(side: Any) -> None:
    """Every callback may be left out."""
    process = side.protocol.ProcessProtocol()
    process.makeConnection("the transport")

    for descriptor in range(3):
        process.childDataReceived(descriptor, b"x")
        process.childConnectionLost(descriptor)

    assert process.processExited(None) is process.processEnded(None) is None
    assert process.transport == "the transport"


class Datagrams:
    """Records its starts and stops; mixed into a datagram protocol."""

    noisy = False

    def startProtocol(self: Any) -> None:
        self.events = [("start", self.transport)]

    def stopProtocol(self: Any) -> None:
        self.events.append(("stop", self.transport))


def datagrams(side: Any) -> Any:
    """A datagram protocol that records."""
    return type("D", (Datagrams, side.protocol.DatagramProtocol), {})()


def test_datagram_protocol_starts_and_stops_with_its_ports(side: Any) -> None:
    """It starts with the transport in place and stops without."""
    protocol = datagrams(side)

    protocol.makeConnection("port")
    protocol.doStart()
    protocol.doStop()
    protocol.doStop()

    assert protocol.events == [("start", "port"), ("stop", None)]
    assert (protocol.numPorts, protocol.transport) == (0, None)


def test_datagram_protocol_has_one_transport(side: Any) -> None:
    """A second transport is refused while there is one."""
    protocol = datagrams(side)
    protocol.makeConnection("port")

    with pytest.raises(AssertionError):
        protocol.makeConnection("other")

    assert protocol.transport == "port"


def test_datagram_protocol_out_of_use_cannot_stop(side: Any) -> None:
    """Stopping more often than starting is refused."""
    with pytest.raises(AssertionError):
        datagrams(side).doStop()


def test_datagram_protocol_pickles_without_transport(side: Any) -> None:
    """The transport belongs to this run."""
    protocol = side.protocol.DatagramProtocol()
    protocol.noisy = False
    protocol.makeConnection(lambda: "cannot be pickled")

    assert protocol.__getstate__() == {"noisy": False, "transport": None, "numPorts": 1}


def test_datagram_callbacks_do_nothing_by_default(side: Any) -> None:
    """Every callback may be left out."""
    assert side.protocol.AbstractDatagramProtocol().datagramReceived(b"", ("h", 1)) is None
    assert side.protocol.DatagramProtocol().connectionRefused() is None
    connected = side.protocol.ConnectedDatagramProtocol()
    assert connected.datagramReceived(b"") is None
    assert connected.connectionFailed(side.Failure(ValueError())) is None


def test_datagram_protocol_logs_starting_and_stopping(caplog: pytest.LogCaptureFixture) -> None:
    """A noisy one says when it starts and stops."""
    caplog.set_level(logging.INFO, logger="reactorlite")
    datagram = protocol.DatagramProtocol()

    datagram.doStart()
    datagram.doStop()

    assert caplog.messages == [f"Starting protocol {datagram!r}", f"Stopping protocol {datagram!r}"]


# ── files ────────────────────────────────────────────────────────────────────────────────


def test_file_takes_what_is_written(side: Any) -> None:
    """Both ways of writing end in the file."""
    file = io.BytesIO()
    transport = side.protocol.FileWrapper(file)

    transport.write(b"a")
    transport.writeSequence([b"b", b"c"])

    assert file.getvalue() == b"abc"


@pytest.mark.parametrize("end", ["loseConnection", "stopProducing", "stopConsuming"])
def test_file_is_closed(side: Any, end: str) -> None:
    """Each way of ending closes the file, and lets go of the producer."""
    transport = side.protocol.FileWrapper(io.BytesIO())

    getattr(transport, end)()

    assert transport.file.closed
    assert transport.closed == 1
    assert transport.producer is None


def test_file_asks_a_pull_producer_once(side: Any) -> None:
    """One that does not stream is asked when it registers; one that does is not."""
    asked: list[str] = []
    transport = side.protocol.FileWrapper(io.BytesIO())

    transport.registerProducer(SimpleNamespace(resumeProducing=lambda: asked.append("pull")), False)
    transport.unregisterProducer()
    transport.registerProducer(SimpleNamespace(resumeProducing=lambda: asked.append("push")), True)

    assert asked == ["pull"]


@pytest.mark.parametrize("streaming", [False, True])
def test_file_asks_its_producer_when_told(side: Any, streaming: bool) -> None:
    """Who plays the loop asks the producer again and again, until it has unregistered."""
    asked: list[str] = []
    transport = side.protocol.FileWrapper(io.BytesIO())
    transport.registerProducer(
        SimpleNamespace(resumeProducing=lambda: asked.append("again")), streaming
    )
    asked.clear()

    transport._checkProducer()
    transport._checkProducer()
    transport.unregisterProducer()
    transport._checkProducer()

    assert asked == ["again", "again"]


def test_file_that_raises_is_given_to_handle_exception(side: Any) -> None:
    """What goes wrong in the file does not come out of the transport."""

    def fail(*args: Any) -> None:
        raise OSError

    told: list[str] = []
    transport = side.protocol.FileWrapper(SimpleNamespace(write=fail, close=fail))
    transport.handleException = lambda: told.append("told")

    transport.write(b"x")
    transport.loseConnection()

    assert told == ["told", "told"]


def test_file_has_no_addresses(side: Any) -> None:
    """What stands for addresses says that it is a file."""
    transport = side.protocol.FileWrapper(io.BytesIO())

    assert (transport.getPeer(), transport.getHost()) == (("file", "file"), "file")


def test_file_need_not_be_paused(side: Any) -> None:
    """Pausing and resuming do nothing."""
    transport = side.protocol.FileWrapper(io.BytesIO())

    transport.pauseProducing()
    transport.resumeProducing()

    assert not transport.file.closed


# ── the module ───────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif("twisted" not in SIDES, reason="compares with Twisted")
def test_every_public_name_is_there() -> None:
    """What Twisted's module says it exports, ours has."""
    theirs = importlib.import_module("twisted.internet.protocol")

    assert [name for name in theirs.__all__ if not hasattr(protocol, name)] == []


@pytest.mark.skipif("twisted" not in SIDES, reason="compares with Twisted")
def test_every_public_attribute_is_there() -> None:
    """Each class has every public attribute of its counterpart."""
    theirs = importlib.import_module("twisted.internet.protocol")

    missing = [
        f"{name}.{attribute}"
        for name in theirs.__all__
        for attribute in dir(getattr(theirs, name))
        if not attribute.startswith("_")
        and isinstance(getattr(theirs, name), type)
        and not hasattr(getattr(protocol, name), attribute)
    ]

    assert missing == []


def test_reason_of_lost_protocol_is_a_failure() -> None:
    """The default reason is a `Failure` that can be asked."""
    assert isinstance(protocol.connectionDone, Failure)
    assert protocol.connectionDone.type is error.ConnectionDone
