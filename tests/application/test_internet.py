"""Services that listen, connect, and repeat."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from reactorlite.application import internet, strports
from reactorlite.application.internet import (
    CooperatorService,
    StreamServerEndpointService,
    TCPClient,
    TCPServer,
    TimerService,
)
from reactorlite.application.service import MultiService
from reactorlite.internet.defer import Deferred, fail, succeed
from reactorlite.internet.error import CannotListenError
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.internet.task import Clock, SchedulerStopped


class Opened:
    """What a reactor's method returned."""

    def __init__(self, story: list[Any]) -> None:
        self.story = story

    def stopListening(self) -> Deferred[str]:
        self.story.append("closed")
        return succeed("the end")

    def disconnect(self) -> None:
        self.story.append("disconnected")


class FakeReactor:
    """Has every method, and records what is asked of it."""

    def __init__(self) -> None:
        self.story: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        def asked(*args: Any, **kw: Any) -> Opened:
            self.story.append((name, args, kw))
            return Opened(self.story)

        return asked


# ── by a reactor's method ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["TCP", "SSL", "UNIX", "UDP", "Multicast", "UNIXDatagram"])
def test_server_listens_while_it_runs(kind: str) -> None:
    """A server hands its arguments to the reactor's method of its name, once, and closes."""
    reactor = FakeReactor()
    name = f"{kind}Server" if kind != "Multicast" else "MulticastServer"
    server = getattr(internet, name)("where", "what", interface="here", reactor=reactor)

    server.privilegedStartService()
    server.startService()
    ended = server.stopService()

    assert reactor.story == [
        (f"listen{kind}", ("where", "what"), {"interface": "here"}),
        "closed",
    ]
    assert (ended.result, server.running) == ("the end", False)


@pytest.mark.parametrize("kind", ["TCP", "SSL", "UNIX"])
def test_client_connects_while_it_runs(kind: str) -> None:
    """A client does so when it is started, rights or not, and disconnects."""
    reactor = FakeReactor()
    client = getattr(internet, f"{kind}Client")("host", 1, "factory", timeout=3, reactor=reactor)

    client.privilegedStartService()
    assert reactor.story == []
    client.startService()
    client.stopService()

    assert reactor.story == [
        (f"connect{kind}", ("host", 1, "factory"), {"timeout": 3}),
        "disconnected",
    ]


def test_datagram_client_closes_its_port() -> None:
    """A client of datagrams has a port, not a connector."""
    reactor = FakeReactor()
    client = internet.UNIXDatagramClient("path", "protocol", reactor=reactor)
    client.startService()

    ended = client.stopService()

    assert (reactor.story[-1], ended.result) == ("closed", "the end")


@pytest.mark.parametrize("kind", [TCPServer, TCPClient])
def test_started_again(kind: Any) -> None:
    """What was stopped can be started again; to stop it twice is no harm."""
    reactor = FakeReactor()
    service = kind("a", "b", reactor=reactor)
    service.startService()
    service.stopService()
    assert service.stopService() is None

    service.startService()

    assert len(reactor.story) == 3


@pytest.mark.parametrize("kind", [TCPServer, TCPClient])
def test_what_is_open_is_not_copied(kind: Any) -> None:
    """A copy of a service that runs has nothing open."""
    reactor = FakeReactor()
    service = kind("a", "b", reactor=reactor)
    service.startService()

    copy.copy(service).stopService()

    assert len(reactor.story) == 1


def test_current_reactor_serves(run: Any) -> None:
    """Without a reactor the current one is asked: in a host's loop, that loop's."""

    class Greeter(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"hello")
            self.transport.loseConnection()

    class Hearer(Protocol):
        heard = b""

        def dataReceived(self, data: bytes) -> None:
            Hearer.heard += data

        def connectionLost(self, reason: Any = None) -> None:
            done.callback(None)

    done: Deferred[None] = Deferred()

    async def main() -> None:
        all_of_it = MultiService()
        server = TCPServer(0, Factory.forProtocol(Greeter), interface="127.0.0.1")
        server.setServiceParent(all_of_it)
        all_of_it.startService()
        port = server._port.getHost().port
        TCPClient("127.0.0.1", port, ClientFactory.forProtocol(Hearer)).setServiceParent(all_of_it)
        await done
        await all_of_it.stopService()

    run(main())

    assert Hearer.heard == b"hello"


# ── by an endpoint ───────────────────────────────────────────────────────────────────────


class FakeEndpoint:
    """Listens when it is told to."""

    def __init__(self) -> None:
        self.story: list[Any] = []
        self.coming: list[Deferred[Any]] = []

    def listen(self, factory: Any) -> Deferred[Any]:
        self.story.append(f"listen {factory}")
        self.coming.append(Deferred(lambda _: self.story.append("cancelled")))
        return self.coming[-1]


def test_endpoint_listens_while_it_runs() -> None:
    """The endpoint listens once, and its port is closed."""
    endpoint = FakeEndpoint()
    service = StreamServerEndpointService(endpoint, "f")
    service.privilegedStartService()
    service.startService()
    endpoint.coming[0].callback(Opened(endpoint.story))

    ended = service.stopService()

    assert endpoint.story == ["listen f", "closed"]
    assert (ended.result, service.running) == ("the end", False)


def test_endpoint_listens_again() -> None:
    """After a stop the service can be started again."""
    endpoint = FakeEndpoint()
    service = StreamServerEndpointService(endpoint, "f")
    service.startService()
    service.stopService()

    service.startService()
    endpoint.coming[1].callback(Opened(endpoint.story))
    service.stopService()

    assert endpoint.story == ["listen f", "cancelled", "listen f", "closed"]


def test_stop_before_there_is_a_port() -> None:
    """The attempt to listen is given up without a word; to stop what never began is no harm."""
    endpoint = FakeEndpoint()
    service = StreamServerEndpointService(endpoint, "f")
    ended: list[Any] = []
    service.stopService().addCallback(ended.append)
    service.startService()

    service.stopService().addCallback(ended.append)

    assert (endpoint.story, ended) == (["listen f", "cancelled"], [None, None])


@pytest.mark.parametrize("late", [True, False])
def test_endpoint_that_cannot_listen(late: bool, log: Any) -> None:
    """Its failure is logged, as it may come late; stopping is in order."""
    endpoint = FakeEndpoint()
    if not late:
        endpoint.listen = lambda factory: fail(ZeroDivisionError())  # type: ignore[method-assign]
    service = StreamServerEndpointService(endpoint, "f")
    service.startService()
    if late:
        endpoint.coming[0].errback(ZeroDivisionError())

    assert log.take() == ["ZeroDivisionError()"]
    assert service.stopService().result is None


def test_described_server(reactor: Any) -> None:
    """A description becomes a service, which serves from start to stop."""
    service = strports.service("tcp:0:interface=127.0.0.1", Factory(), reactor=reactor)
    held = []

    def look() -> None:
        service.startService()
        held.append(service._waitingForPort.result.getHost().host)
        service.stopService().addCallback(lambda _: reactor.stop())

    reactor.callWhenRunning(look)
    reactor.run()

    assert held == ["127.0.0.1"]


def test_described_server_that_cannot_listen(reactor: Any) -> None:
    """It raises when it is started, each time, and not when it is made."""
    taken = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
    description = f"tcp:{taken.getHost().port}:interface=127.0.0.1"
    service = strports.service(description, Factory(), reactor)

    for start in (service.privilegedStartService, service.startService):
        with pytest.raises(CannotListenError):
            start()

    reactor.callWhenRunning(reactor.stop)
    reactor.run()


def test_late_failure_of_one_that_raises_is_logged(log: Any) -> None:
    """What comes after the start can only be logged."""
    endpoint = FakeEndpoint()
    service = StreamServerEndpointService(endpoint, "f")
    service._raiseSynchronously = True
    service.startService()

    endpoint.coming[0].errback(ZeroDivisionError())

    assert log.take() == ["ZeroDivisionError()"]


def test_unknown_description() -> None:
    """A description of nothing known is refused when the service is made."""
    with pytest.raises(ValueError, match="nothing"):
        strports.service("nothing:80", Factory())


def test_listen_by_description(run: Any) -> None:
    """`strports.listen` answers the port at once."""

    async def main() -> str:
        port = strports.listen("tcp:0:interface=127.0.0.1", Factory())
        host: str = port.getHost().host
        await port.stopListening()
        return host

    assert run(main()) == "127.0.0.1"


# ── again and again ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


def test_timer_calls_while_it_runs(clock: Clock) -> None:
    """The first call is at the start, then one after each step, until the stop."""
    calls: list[Any] = []
    timer = TimerService(5, lambda *a, **kw: calls.append((clock.seconds(), a, kw)), 1, two=2)
    timer.clock = clock

    timer.startService()
    clock.pump([5, 5])
    ended = timer.stopService()
    clock.advance(20)

    assert calls == [(at, (1,), {"two": 2}) for at in (0.0, 5.0, 10.0)]
    assert (ended.result, timer.running, clock.calls) == (None, False, [])


def test_timer_starts_again(clock: Clock) -> None:
    """A timer that was stopped, or has not run, can be started and stopped."""
    calls: list[int] = []
    timer = TimerService(5, calls.append, 1)
    timer.clock = clock
    assert timer.stopService() is None

    for _ in range(2):
        timer.startService()
        timer.stopService()

    assert calls == [1, 1]


def test_timer_waits_for_its_call(clock: Clock) -> None:
    """A stop is over when the call that is under way is."""
    under_way: Deferred[None] = Deferred()
    timer = TimerService(5, lambda: under_way)
    timer.clock = clock
    timer.startService()
    ended: list[Any] = []

    timer.stopService().addCallback(ended.append)

    assert (ended, timer.running) == ([], True)
    under_way.callback(None)
    assert (ended, timer.running) == ([None], False)


def test_timer_ends_when_a_call_fails(clock: Clock, log: Any) -> None:
    """What a call raises is logged, and no more calls are made; the stop is in order."""
    timer = TimerService(5, lambda: 1 / 0)
    timer.clock = clock

    timer.startService()

    assert log.take() == ["ZeroDivisionError('division by zero')"]
    assert clock.calls == []
    assert timer.stopService().result is None


def test_timer_is_copied_at_rest(clock: Clock) -> None:
    """A copy of a timer that runs doesn't stop that one's calls."""
    timer = TimerService(5, list)
    timer.clock = clock
    timer.startService()

    copy.copy(timer).stopService()

    assert len(clock.calls) == 1


def test_cooperator_runs_while_it_is_started(run: Any) -> None:
    """Iterators that come before wait for the start; one that is not at its end fails."""

    def for_ever() -> Iterator[None]:
        while True:
            yield

    async def main() -> None:
        service = CooperatorService()
        steps: list[int] = []
        first = service.coiterate(steps.append(n) for n in range(3))
        assert steps == []
        service.startService()
        await first
        assert (steps, service.running) == ([0, 1, 2], True)
        endless = service.coiterate(for_ever())
        service.stopService()
        with pytest.raises(SchedulerStopped):
            await endless

    run(main())
