"""A connection that is made again: when, after how long, and who hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from reactorlite.application.internet import ClientService, backoffPolicy
from reactorlite.internet.defer import CancelledError, Deferred
from reactorlite.internet.error import ConnectionDone, ConnectionLost
from reactorlite.internet.interfaces import IHalfCloseableProtocol, IProtocolNegotiationFactory
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.task import Clock
from reactorlite.internet.testing import StringTransport
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure


class Endpoint:
    """Connects when the test says so."""

    def __init__(self) -> None:
        self.coming: list[Deferred[Any]] = []
        self.factories: list[Any] = []
        self.given_up = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        self.factories.append(factory)
        self.coming.append(Deferred(self._give_up))
        return self.coming[-1]

    def _give_up(self, _: object) -> None:
        self.given_up += 1

    def succeeds(self) -> tuple[Any, StringTransport]:
        """The attempt becomes a connection; answers what the transport calls, and that."""
        outer, transport = self.factories[-1].buildProtocol(None), StringTransport()
        outer.makeConnection(transport)
        self.coming[-1].callback(outer)
        return outer, transport

    def fails(self, exc: Exception) -> None:
        """The attempt fails."""
        self.coming[-1].errback(exc)


class Noting(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.story: list[Any] = []

    def connectionMade(self) -> None:
        self.story.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.story.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.story.append(reason.type)


DONE, BROKEN = Failure(ConnectionDone()), Failure(ConnectionLost())


class Scene:
    """A client of an endpoint, on a clock; the wait after n failures is n seconds."""

    def __init__(self, **options: Any) -> None:
        self.endpoint = Endpoint()
        self.clock = Clock()
        factory = Factory.forProtocol(Noting)
        factory.noisy = False
        self.client = ClientService(self.endpoint, factory, float, self.clock, **options)

    def when(self, **options: Any) -> list[Any]:
        """What `whenConnected` comes to: a protocol, or the class of an error."""
        return _outcome(self.client.whenConnected(**options))

    def stop(self) -> list[Any]:
        """What the Deferred of `stopService` comes to."""
        return _outcome(self.client.stopService())

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return len(self.endpoint.coming)

    @property
    def waits(self) -> list[float]:
        """In how many seconds it is tried again."""
        return [call.getTime() - self.clock.seconds() for call in self.clock.calls]


def _outcome(deferred: Deferred[Any]) -> list[Any]:
    got: list[Any] = []
    deferred.addCallbacks(got.append, lambda failure: got.append(failure.type))
    return got


@pytest.fixture
def scene() -> Scene:
    """A client that has not started."""
    return Scene()


# ── connecting ───────────────────────────────────────────────────────────────────────────


def test_connects_when_started(scene: Scene) -> None:
    """The start connects, and those that waited get the protocol itself."""
    before = scene.when()
    assert scene.attempts == 0

    scene.client.startService()
    outer, _ = scene.endpoint.succeeds()
    outer.dataReceived(b"x")

    assert [type(each) for each in before] == [Noting]
    assert before == scene.when()
    assert before[0].story == ["made", b"x"]


def test_lost_connection_is_made_again(scene: Scene) -> None:
    """After a loss the wait is that after one failure."""
    scene.client.startService()
    outer, _ = scene.endpoint.succeeds()
    first = scene.when()[0]

    outer.connectionLost(BROKEN)
    waiting = scene.when()
    assert (first.story, scene.waits, waiting) == (["made", ConnectionLost], [1], [])
    scene.clock.advance(1)
    scene.endpoint.succeeds()

    assert scene.attempts == 2
    assert waiting == scene.when() != [first]


def test_waits_grow_with_failures(scene: Scene) -> None:
    """The policy is asked with the failures since the last connection, which begin anew."""
    scene.client.startService()
    waits = []
    for _ in range(3):
        scene.endpoint.fails(OSError())
        waits += scene.waits
        scene.clock.advance(waits[-1])
    outer, _ = scene.endpoint.succeeds()
    outer.connectionLost(BROKEN)

    assert [*waits, *scene.waits] == [1, 2, 3, 1]


def test_who_waits_may_give_up(scene: Scene) -> None:
    """So many further failures, and the Deferred fails; others go on waiting."""
    scene.client.startService()
    patient, soon, later = scene.when(), scene.when(failAfterFailures=1), scene.when()
    later = scene.when(failAfterFailures=2)

    scene.endpoint.fails(OSError())
    assert (soon, later) == ([OSError], [])
    scene.clock.advance(1)
    scene.endpoint.fails(KeyError())

    assert (later, patient) == ([KeyError], [])


def test_who_waits_may_cancel(scene: Scene) -> None:
    """A Deferred that was cancelled keeps nobody from connecting."""
    scene.client.startService()
    waiting = scene.client.whenConnected()
    cancelled = _outcome(waiting)

    waiting.cancel()
    scene.endpoint.succeeds()

    assert cancelled == [CancelledError]


def test_attempt_that_raises_has_failed(scene: Scene) -> None:
    """An endpoint that raises, instead of failing, is tried again all the same."""
    scene.endpoint.connect = lambda factory: 1 / 0  # type: ignore[assignment, return-value]
    waiting = scene.when(failAfterFailures=1)

    scene.client.startService()

    assert (waiting, scene.waits) == ([ZeroDivisionError], [1])


def test_started_twice(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A second start is told in the log, and connects no second time."""
    scene.client.startService()

    scene.client.startService()

    assert scene.attempts == 1
    assert "runs already" in caplog.text


def test_failure_is_told(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what went wrong, and when it is tried again."""
    caplog.set_level("INFO")
    scene.client.startService()

    scene.endpoint.fails(OSError("no route"))

    assert "no route" in caplog.text
    assert "follows in 1.0 s" in caplog.text


# ── stopping ─────────────────────────────────────────────────────────────────────────────


def test_stop_closes_the_connection(scene: Scene) -> None:
    """The stop is over when the connection is, and it is not made again."""
    scene.client.startService()
    outer, transport = scene.endpoint.succeeds()

    stopped = scene.stop()
    late = scene.when()
    assert (transport.disconnecting, stopped, late) == (True, [], [])
    outer.connectionLost(DONE)

    assert (stopped, late, scene.waits) == ([None], [CancelledError], [])
    assert not scene.client.running
    assert scene.when() == [CancelledError]


@pytest.mark.parametrize("started", [True, False])
def test_stop_gives_up_an_attempt(scene: Scene, started: bool) -> None:
    """An attempt is given up, and those that wait hear of it; if there is none, likewise."""
    if started:
        scene.client.startService()
    waiting = scene.when()

    assert scene.stop() == [None]

    assert waiting == [CancelledError]
    assert (scene.endpoint.given_up, scene.clock.calls) == (int(started), [])


def test_stop_while_it_waits(scene: Scene) -> None:
    """No attempt is left to be made."""
    scene.client.startService()
    scene.endpoint.fails(OSError())
    waiting = scene.when()

    assert scene.stop() == [None]

    assert (waiting, scene.clock.calls) == ([CancelledError], [])


def test_stop_after_the_reactor(scene: Scene) -> None:
    """A reactor that ended has given the next attempt up already."""
    scene.client.startService()
    scene.endpoint.fails(OSError())
    scene.clock.calls[0].cancel()

    assert scene.stop() == [None]


def test_every_stop_is_answered(scene: Scene) -> None:
    """Each of several stops is over when the connection is."""
    scene.client.startService()
    outer, _ = scene.endpoint.succeeds()
    stops = [scene.stop(), scene.stop()]

    outer.connectionLost(DONE)

    assert [*stops, scene.stop()] == [[None]] * 3


def test_start_after_stop(scene: Scene) -> None:
    """A client that was stopped can be started again."""
    scene.client.startService()
    scene.stop()

    scene.client.startService()
    waiting = scene.when()
    scene.endpoint.succeeds()

    assert (scene.attempts, len(waiting)) == (2, 1)


def test_start_while_it_stops(scene: Scene) -> None:
    """The next connection is made, at once, when the last one is closed."""
    scene.client.startService()
    outer, _ = scene.endpoint.succeeds()
    stopped = scene.stop()

    scene.client.startService()
    waiting = scene.when()
    assert (scene.attempts, waiting) == (1, [])
    outer.connectionLost(DONE)
    assert (scene.attempts, stopped, scene.waits) == (2, [None], [])
    scene.endpoint.succeeds()

    assert [type(each) for each in waiting] == [Noting]


def test_attempt_that_succeeds_though_given_up(scene: Scene) -> None:
    """A connection that comes of an attempt that was to be given up is closed."""
    transports = []

    def connect(factory: Any) -> Deferred[Any]:
        def succeed_all_the_same(attempt: Deferred[Any]) -> None:
            outer = factory.buildProtocol(None)
            transports.append((outer, StringTransport()))
            outer.makeConnection(transports[-1][1])
            attempt.callback(outer)

        return Deferred(succeed_all_the_same)

    scene.endpoint.connect = connect  # type: ignore[method-assign]
    scene.client.startService()

    stopped = scene.stop()

    [(outer, transport)] = transports
    assert (stopped, transport.disconnecting) == ([], True)
    outer.connectionLost(DONE)
    assert stopped == [None]


# ── preparing ────────────────────────────────────────────────────────────────────────────


def test_prepared_before_it_is_given() -> None:
    """Who waits gets the protocol when it is prepared."""
    prepared: list[Any] = []
    ready: Deferred[str] = Deferred()
    scene = Scene(prepareConnection=lambda protocol: prepared.append(protocol) or ready)
    scene.client.startService()
    waiting = scene.when()
    scene.endpoint.succeeds()
    assert (len(prepared), waiting) == (1, [])

    ready.callback("of no account")

    assert waiting == prepared


def test_connection_that_cannot_be_prepared() -> None:
    """It is closed, has failed, and is made again; its own end is no second failure."""
    scene = Scene(prepareConnection=lambda protocol: 1 / 0)
    scene.client.startService()
    waiting = scene.when(failAfterFailures=1)

    outer, transport = scene.endpoint.succeeds()
    outer.connectionLost(DONE)

    assert (waiting, transport.disconnecting) == ([ZeroDivisionError], True)
    assert scene.waits == [1]


def test_lost_while_it_is_prepared() -> None:
    """The preparing is given up, and the loss counts as a failure."""
    ready: Deferred[None] = Deferred()
    scene = Scene(prepareConnection=lambda protocol: ready)
    scene.client.startService()
    waiting = scene.when(failAfterFailures=1)
    outer, _ = scene.endpoint.succeeds()

    outer.connectionLost(BROKEN)

    assert (waiting, ready.called, scene.waits) == ([ConnectionLost], True, [1])


def test_stop_while_it_is_prepared() -> None:
    """The preparing is given up, the connection closed; then the stop is over."""
    ready: Deferred[None] = Deferred()
    scene = Scene(prepareConnection=lambda protocol: ready)
    scene.client.startService()
    outer, transport = scene.endpoint.succeeds()

    stopped = scene.stop()
    assert (ready.called, transport.disconnecting, stopped) == (True, True, [])
    outer.connectionLost(DONE)

    assert stopped == [None]


# ── before a factory, before a protocol ──────────────────────────────────────────────────


def test_interfaces_are_passed_on() -> None:
    """The endpoint and the transport find what factory and protocol provide."""

    @implementer(IHalfCloseableProtocol)
    class Halves(Protocol):
        def readConnectionLost(self) -> None: ...

        def writeConnectionLost(self) -> None: ...

    @implementer(IProtocolNegotiationFactory)
    class Negotiating(Factory[Any]):
        protocol = Halves

        def acceptableProtocols(self) -> list[bytes]:
            return [b"h2"]

    endpoint = Endpoint()
    client = ClientService(endpoint, Negotiating(), clock=Clock())
    client.startService()

    [factory] = endpoint.factories
    assert IProtocolNegotiationFactory.providedBy(factory)
    assert factory.acceptableProtocols() == [b"h2"]
    assert IHalfCloseableProtocol.providedBy(factory.buildProtocol(None))
    client.stopService()


def test_factory_that_makes_no_protocol() -> None:
    """A factory may decline, as ever."""
    endpoint, factory = Endpoint(), Factory()
    factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    client = ClientService(endpoint, factory, clock=Clock())
    client.startService()

    assert endpoint.factories[0].buildProtocol(None) is None
    client.stopService()


def test_real_connections(run: Any) -> None:
    """A client comes back to a real server, by the current reactor, and is closed for good."""
    from reactorlite.internet import reactor
    from reactorlite.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

    class HangingUp(Protocol):
        left = 2

        def connectionMade(self) -> None:
            self.transport.write(b"x")
            if HangingUp.left:
                HangingUp.left -= 1
                self.transport.loseConnection()

    async def main() -> None:
        server = Factory.forProtocol(HangingUp)
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server)
        made: list[Any] = []
        third: Deferred[None] = Deferred()

        def prepare(protocol: Any) -> None:
            made.append(protocol)
            if len(made) == 3:
                third.callback(None)

        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        factory = Factory.forProtocol(Noting)
        client = ClientService(endpoint, factory, lambda _: 0.01, prepareConnection=prepare)
        client.startService()
        await third
        assert await client.whenConnected() is made[-1]
        await client.stopService()
        await port.stopListening()
        assert [each.story[-1] for each in made] == [ConnectionDone] * 3

    run(main())


# ── how long ─────────────────────────────────────────────────────────────────────────────


def test_backoff_grows_to_a_limit() -> None:
    """Delays grow by the factor up to the limit, and what the jitter gives comes on top."""
    policy = backoffPolicy(2, 100, 3, lambda: 0.5)

    assert [policy(n) for n in range(6)] == [2.5, 6.5, 18.5, 54.5, 100.5, 100.5]


def test_backoff_by_default() -> None:
    """By default one and a half seconds or more, at most a minute, and a second of jitter."""
    policy = backoffPolicy()

    assert 1.5 <= policy(1) < 2.5
    assert 60 <= policy(50) < 61


@pytest.mark.parametrize("factor", [1.5, 10, 1e200])
def test_backoff_bears_any_number(factor: float) -> None:
    """However many attempts have failed, the delay is the longest, and soon known."""
    policy = backoffPolicy(factor=factor, jitter=lambda: 0)

    assert policy(10**6) == 60
