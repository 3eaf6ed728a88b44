"""`HostnameEndpoint`: which of a host's addresses are tried, when, and what comes of it."""

import asyncio
import socket
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactorlite import Reactor
from reactorlite.internet import defer, error
from reactorlite.internet.address import (
    HostnameAddress,
    IPv4Address,
    IPv6Address,
    UNIXAddress,
)
from reactorlite.internet.endpoints import HostnameEndpoint
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.task import Clock
from reactorlite.internet.testing import MemoryReactorClock, StringTransport
from reactorlite.python.failure import Failure

FACTORY = Factory.forProtocol(Protocol)
FOUR = IPv4Address("TCP", "192.0.2.4", 80)
SIX = IPv6Address("TCP", "2001:db8::6", 80)
FIVE = IPv4Address("TCP", "192.0.2.5", 80)


class Resolver:
    """Finds the addresses given, once it is told to; `cancelled` says if it was to stop."""

    cancelled = False

    def __init__(self, *addresses):
        self.addresses = addresses

    def resolveHostName(self, receiver, name, portNumber=0, addressTypes=None):
        self.name = name
        self.receiver = receiver
        receiver.resolutionBegan(self)
        return self

    def cancel(self):
        self.cancelled = True

    def answer(self):
        for address in self.addresses:
            self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


class Trial:
    """A reactor that connects nothing, and an endpoint that tries the addresses given."""

    def __init__(self, *addresses, host="example.invalid", answer=True, **options):
        self.reactor = MemoryReactorClock()
        self.reactor.nameResolver = self.resolver = Resolver(*addresses)
        self.endpoint = HostnameEndpoint(self.reactor, host, 80, **options)
        self.results = []
        self.going = self.endpoint.connect(FACTORY)
        self.going.addBoth(self.results.append)
        if answer and not self.results:
            self.resolver.answer()

    @property
    def tried(self):
        """The hosts that were tried so far, in their order."""
        return [host for host, *_ in self.reactor.tcpClients]

    @property
    def result(self):
        """What became of it: the protocol, or the exception."""
        (result,) = self.results
        return result.value if isinstance(result, Failure) else result

    def fail(self, number):
        """Let an attempt fail; answers the reason."""
        reason = error.ConnectError(string=f"attempt {number}")
        self.reactor.tcpClients[number][2].clientConnectionFailed(None, Failure(reason))
        return reason

    def succeed(self, number):
        """Let an attempt succeed."""
        protocol = self.reactor.tcpClients[number][2].buildProtocol(None)
        protocol.makeConnection(StringTransport())

    def given_up(self):
        """Which attempts were to stop."""
        return [each.stoppedConnecting for each in self.reactor.connectors]


def test_one_after_the_other():
    """Addresses are tried in their order, each 0.3 s after the one before it."""
    trial = Trial(FOUR, SIX, FIVE)

    first = trial.tried
    trial.reactor.advance(0.3)
    second = trial.tried
    trial.reactor.advance(0.3)

    assert first == ["192.0.2.4"]
    assert second == ["192.0.2.4", "2001:db8::6"]
    assert trial.tried == ["192.0.2.4", "2001:db8::6", "192.0.2.5"]
    assert trial.reactor.getDelayedCalls() == []


def test_own_delay():
    """`attemptDelay` is the time between attempts."""
    trial = Trial(FOUR, SIX, attemptDelay=2)

    trial.reactor.advance(1.9)
    early = trial.tried
    trial.reactor.advance(0.1)

    assert len(early) == 1
    assert len(trial.tried) == 2


def test_what_each_attempt_is_given():
    """Each attempt has the port, the time-out and the local address."""
    trial = Trial(FOUR, timeout=7, bindAddress="127.0.0.1")

    host, port, _, timeout, bind = trial.reactor.tcpClients[0]

    assert (host, port, timeout, bind) == ("192.0.2.4", 80, 7, ("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (None, None),
        (b"127.0.0.1", ("127.0.0.1", 0)),
        (("127.0.0.1", 5), ("127.0.0.1", 5)),
        ((b"127.0.0.1", 5), ("127.0.0.1", 5)),
    ],
)
def test_local_address(given, passed):
    """A local address may be a host or a pair, in text or bytes."""
    assert Trial(FOUR, bindAddress=given).reactor.tcpClients[0][4] == passed


def test_link_local_address():
    """An address on one link only is tried on that link."""
    assert Trial(IPv6Address("TCP", "fe80::1", 80, 0, 3)).tried == ["fe80::1%3"]


def test_first_to_succeed_wins():
    """The first attempt to succeed gives the protocol, and the others are given up."""
    trial = Trial(FOUR, SIX, FIVE)
    trial.reactor.advance(0.3)

    trial.succeed(1)

    assert isinstance(trial.result, Protocol)
    assert trial.given_up() == [True, False]
    trial.reactor.advance(5)
    assert len(trial.tried) == 2
    assert trial.reactor.getDelayedCalls() == []


def test_next_is_tried_when_none_is_left():
    """When every attempt made has failed, the next is made without waiting."""
    trial = Trial(FOUR, SIX)

    trial.fail(0)

    assert trial.tried == ["192.0.2.4", "2001:db8::6"]
    assert trial.results == []


def test_failure_while_another_may_succeed():
    """A failure changes nothing while another attempt may still succeed."""
    trial = Trial(FOUR, SIX, FIVE)
    trial.reactor.advance(0.3)

    trial.fail(0)

    assert len(trial.tried) == 2
    trial.reactor.advance(0.3)
    trial.succeed(2)
    assert isinstance(trial.result, Protocol)


def test_last_failure_is_told():
    """When all attempts fail, the Deferred fails as the last of them did."""
    trial = Trial(FOUR, SIX)
    trial.reactor.advance(0.3)

    trial.fail(1)
    reason = trial.fail(0)

    assert trial.result is reason
    assert trial.reactor.getDelayedCalls() == []


def test_no_address():
    """A name without an address fails with `DNSLookupError`, which names it."""
    result = Trial().result

    assert isinstance(result, error.DNSLookupError)
    assert "example.invalid" in str(result)


def test_other_addresses_are_passed_over():
    """Addresses that aren't of IP are not tried."""
    trial = Trial(UNIXAddress("/nowhere"), FOUR)

    assert trial.tried == ["192.0.2.4"]


def test_cancelled_while_looked_up():
    """To cancel while the name is looked up cancels that."""
    trial = Trial(FOUR, answer=False)

    trial.going.cancel()

    assert isinstance(trial.result, error.ConnectingCancelledError)
    assert trial.resolver.cancelled
    trial.resolver.answer()
    assert trial.tried == []


def test_cancelled_on_the_way():
    """To cancel gives up all attempts, and the error says where they were going."""
    trial = Trial(FOUR, SIX, FIVE)
    trial.reactor.advance(0.3)

    trial.going.cancel()

    assert isinstance(trial.result, error.ConnectingCancelledError)
    assert trial.result.address == HostnameAddress(b"example.invalid", 80)
    assert trial.given_up() == [True, True]
    assert trial.reactor.getDelayedCalls() == []


def test_attempts_that_fail_at_once():
    """A reactor that refuses every address at once is asked for each."""
    trial = Trial(FOUR, SIX, answer=False)
    asked = []

    def refuse(host, *_, **__):
        asked.append(host)
        raise error.NoRouteError

    trial.reactor.connectTCP = refuse
    trial.resolver.answer()

    assert asked == ["192.0.2.4", "2001:db8::6"]
    assert isinstance(trial.result, error.NoRouteError)


@given(
    st.integers(1, 4),
    st.lists(
        st.one_of(st.just("wait"), st.tuples(st.booleans(), st.integers(0, 3)), st.just("end"))
    ),
)
def test_any_course_of_events(count, events):
    """However attempts go, there is one result at most, and nothing is left behind it."""
    trial = Trial(*[IPv4Address("TCP", f"192.0.2.{number}", 80) for number in range(count)])
    over = set()

    for event in events:
        if event == "wait":
            trial.reactor.advance(0.3)
        elif event == "end":
            trial.going.cancel()
        else:
            good, number = event
            under_way = number < len(trial.tried) and number not in over
            if under_way and not trial.given_up()[number]:
                over.add(number)
                (trial.succeed if good else trial.fail)(number)

    assert len(trial.results) <= 1
    left = [number for number in range(len(trial.tried)) if number not in over]
    if trial.results:
        assert trial.reactor.getDelayedCalls() == []
        assert all(trial.given_up()[number] for number in left)
    else:
        assert left
        assert not any(trial.given_up())
        assert len(trial.reactor.getDelayedCalls()) == (len(trial.tried) < count)


# ── names ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("example.com", "example.com:80"),
        (b"example.com", "example.com:80"),
        ("b\u00fccher.example", "xn--bcher-kva.example:80"),
        ("bu\u0308cher.example", "xn--bcher-kva.example:80"),
        ("example.com.", "example.com.:80"),
        ("my_service", "my_service:80"),
        ("192.0.2.1", "192.0.2.1:80"),
        ("::1", "[::1]:80"),
        ("fe80::1%lo", "[fe80::1%lo]:80"),
    ],
)
def test_names(host, shown):
    """Text and bytes, IDNA and addresses are hosts; `repr` shows them as they go out."""
    trial = Trial(FOUR, host=host)

    assert repr(trial.endpoint) == f"<HostnameEndpoint {shown}>"
    assert trial.tried == ["192.0.2.4"]


@pytest.mark.parametrize(
    "host",
    [
        "a..b",
        "",
        "-a.example",
        "*.example",
        "a b",
        "[::1]",
        "x:80",
        "a" * 64,
        "\u2603" * 64,
        b"\xff",
    ],
)
def test_what_is_no_name(host):
    """What can't be a host's name fails the Deferred with `ValueError`, and nobody is asked."""
    trial = Trial(FOUR, host=host, answer=False)

    assert isinstance(trial.result, ValueError)
    assert "invalid hostname" in str(trial.result)
    assert not hasattr(trial.resolver, "name")
    assert "HostnameEndpoint" in repr(trial.endpoint)


def test_host_of_another_type():
    """A host that is neither text nor bytes raises at once."""
    with pytest.raises(TypeError, match="text or bytes"):
        HostnameEndpoint(MemoryReactorClock(), None, 80)


def test_reactor_without_a_resolver():
    """A reactor that has no `nameResolver` is warned of, where the endpoint is made."""
    with pytest.warns(DeprecationWarning, match="IReactorPluggableNameResolver") as caught:
        HostnameEndpoint(Clock(), "example.invalid", 80)

    assert caught[0].filename == __file__


def test_our_reactor_is_not_warned_of():
    """Our reactor has one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        HostnameEndpoint(Reactor(), "example.invalid", 80)

    assert caught == []


# ── on the loop ──────────────────────────────────────────────────────────────────────────


def on_a_loop(run, main):
    """The result of `main(reactor)` in a loop of the fixture's kind."""

    async def within():
        async with Reactor() as reactor:
            return await asyncio.wait_for(main(reactor), 10)

    return run(within())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_connects(run, host):
    """A host by name or address is connected to."""

    async def main(reactor):
        port = reactor.listenTCP(0, FACTORY, interface="127.0.0.1").getHost().port
        protocol = await HostnameEndpoint(reactor, host, port).connect(FACTORY)
        return protocol.transport.getPeer().host

    assert on_a_loop(run, main) == "127.0.0.1"


def test_another_address_after_a_refusal(run):
    """An address that refuses is followed by the next, through an installed resolver."""

    class Both(Resolver):
        def resolveHostName(self, *args, **options):
            super().resolveHostName(*args, **options)
            self.answer()
            return self

    async def main(reactor):
        port = reactor.listenTCP(0, FACTORY, interface="127.0.0.1").getHost().port
        refusing, listening = (
            IPv4Address("TCP", host, port) for host in ("127.0.0.2", "127.0.0.1")
        )
        reactor.installNameResolver(Both(refusing, listening))
        endpoint = HostnameEndpoint(reactor, "example.invalid", port, attemptDelay=60)
        protocol = await endpoint.connect(FACTORY)
        return protocol.transport.getPeer().host

    assert on_a_loop(run, main) == "127.0.0.1"


def test_cancelled_while_a_simple_resolver_is_asked(run, log):
    """To cancel cancels what an installed `IResolverSimple` is at, without a word in the log."""
    cancelled = []

    class Slow:
        def getHostByName(self, name, timeout=()):
            return defer.Deferred(cancelled.append)

    async def main(reactor):
        reactor.installResolver(Slow())
        going = HostnameEndpoint(reactor, "example.invalid", 80).connect(FACTORY)
        going.cancel()
        with pytest.raises(error.ConnectingCancelledError):
            await going

    on_a_loop(run, main)

    assert len(cancelled) == 1
    assert log.take() == []


def test_unknown_name(run):
    """A name that nobody has fails with `DNSLookupError`."""

    async def main(reactor):
        with pytest.raises(error.DNSLookupError):
            await HostnameEndpoint(reactor, "nowhere.invalid", 80).connect(FACTORY)

    on_a_loop(run, main)


def test_look_up_by_threads(run, monkeypatch):
    """For a reactor without a resolver threads look up the name."""
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    class Bare(MemoryReactorClock):
        nameResolver = None

        def __init__(self):
            super().__init__()
            self.nameResolver = None

    async def main(reactor):
        bare = Bare()
        with pytest.warns(DeprecationWarning, match="nameResolver|NameResolver"):
            endpoint = HostnameEndpoint(bare, "example.invalid", 80)
        endpoint.connect(FACTORY)
        while not bare.tcpClients:
            await asyncio.sleep(0.001)
        return bare.tcpClients[0][0]

    assert on_a_loop(run, main) == "::1"
