"""Attempts to connect: which addresses in which order, what fails how, and what is left."""

import asyncio
import errno
import ipaddress
import os
import socket

import pytest

from reactorlite import Reactor
from reactorlite.bridge import reaching
from reactorlite.internet import error
from reactorlite.internet._reactor_interfaces import _Binding
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from tests.waiting import comes, descriptors, opened_since, until

IPV4 = socket.AF_INET
IPV6 = socket.AF_INET6


class Client(ClientFactory):
    """A client's factory that tells futures how it goes, and keeps the order of what it hears."""

    noisy = False

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.made, self.failed, self.lost = (loop.create_future() for _ in range(3))
        self.events = []

    def startedConnecting(self, connector):
        self.events.append("started")

    def buildProtocol(self, addr):
        protocol = Protocol()
        protocol.connectionMade = lambda: self.made.set_result(protocol)
        self.events.append("build")
        return protocol

    def clientConnectionFailed(self, connector, reason):
        self.events.append("failed")
        self.failed.set_result(reason)

    def clientConnectionLost(self, connector, reason):
        self.events.append("lost")
        self.lost.set_result(reason)


def port_of(reactor, interface="127.0.0.1"):
    """The number of a port that is served."""
    factory = Factory.forProtocol(Protocol)
    factory.noisy = False
    return reactor.listenTCP(0, factory, interface=interface).getHost().port


@pytest.fixture
def closed_port():
    """A port that is bound and doesn't listen: who connects is refused."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    yield taken.getsockname()[1]
    taken.close()


@pytest.fixture
def full_port():
    """A port whose queue is full: who connects waits."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    waiting = []
    for _ in range(3):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listening.getsockname())
        waiting.append(one)
    yield listening.getsockname()[1]
    for one in (listening, *waiting):
        one.close()


def names(answer):
    """A `getaddrinfo` of a loop's that gives these addresses, or raises."""

    async def getaddrinfo(host, port, **_):
        if isinstance(answer, Exception):
            raise answer
        return [(family, socket.SOCK_STREAM, 6, "", (ip, port)) for family, ip in answer]

    return getaddrinfo


class Loop(asyncio.SelectorEventLoop):
    """A loop whose resolver is the test's."""

    answer = ()

    async def getaddrinfo(self, host, port, **kw):
        return await names(self.answer)(host, port, **kw)


def run_on(answer, main):
    """Run on a loop that resolves every name so."""

    def make():
        loop = Loop()
        loop.answer = answer
        loop.set_debug(True)
        return loop

    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main)


# ── which addresses ──────────────────────────────────────────────────────────────────────


def test_ipv4_comes_first():
    """Of a name's addresses those of IPv4 are tried first, each family in the resolver's order."""
    answer = [(IPV6, "::1"), (IPV4, "192.0.2.1"), (IPV6, "::2"), (IPV4, "192.0.2.2")]

    async def main():
        return await reaching.targets(asyncio.get_running_loop(), "example.invalid", 80)

    assert [address[0] for _, address in run_on(answer, main())] == [
        "192.0.2.1",
        "192.0.2.2",
        "::1",
        "::2",
    ]


def test_addresses_given_twice_are_tried_once():
    """A resolver may repeat itself."""
    answer = [(IPV4, "192.0.2.1"), (IPV4, "192.0.2.1")]

    async def main():
        return await reaching.targets(asyncio.get_running_loop(), "example.invalid", 80)

    assert run_on(answer, main()) == [(IPV4, ("192.0.2.1", 80))]


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
def test_literal_addresses_need_no_resolver(literal):
    """An address is taken as it is, in either family."""

    async def main():
        return await reaching.targets(asyncio.get_running_loop(), literal, 80)

    [(family, address)] = run_on(AssertionError("asked"), main())

    assert address[:2] == (literal, 80)
    assert family == (IPV6 if ":" in literal else IPV4)


def test_next_address_is_tried(closed_port):
    """If the first address doesn't answer, the second is connected to."""

    async def main():
        async with Reactor() as reactor:
            listening = socket.create_server(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            factory = Client()
            reactor.connectTCP("example.invalid", port, factory)
            protocol = await factory.made
            peer = protocol.transport.getPeer()
            listening.close()
            return peer.host, list(factory.events)

    # Nobody listens on that address, though it is this machine's.
    answer = [(IPV4, "127.0.0.9"), (IPV4, "127.0.0.1")]

    assert run_on(answer, main()) == ("127.0.0.1", ["started", "build"])


def test_error_of_the_first_address_is_told(closed_port):
    """If no address answers, the factory gets the error of the first."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("example.invalid", closed_port, factory)
            return (await factory.failed).value

    failure = run_on([(IPV4, "127.0.0.1"), (IPV6, "::ffff:1.2.3.4:5")], main())

    assert isinstance(failure, error.ConnectionRefusedError)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_ipv6_where_it_is_all_there_is(run):
    """A name with an IPv6 address only is connected to."""

    async def main():
        async with Reactor() as reactor:
            try:
                port = port_of(reactor, "::1")
            except error.CannotListenError:
                pytest.skip("no IPv6 on this machine")
            factory = Client()
            reactor.connectTCP("example.invalid", port, factory)
            return (await factory.made).transport.getPeer().host

    assert run_on([(IPV6, "::1")], main()) == "::1"


def test_name_without_addresses():
    """A name for which the resolver gives nothing fails with `DNSLookupError`."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("example.invalid", 80, factory)
            return (await factory.failed).type

    assert run_on([], main()) is error.DNSLookupError


def test_name_that_is_not_found():
    """A resolver's error is `DNSLookupError`, and its cause."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("example.invalid", 80, factory)
            return (await factory.failed).value

    failure = run_on(socket.gaierror(socket.EAI_NONAME, "no such name"), main())

    assert isinstance(failure, error.DNSLookupError)
    assert isinstance(failure.__cause__, socket.gaierror)


# ── how it fails ─────────────────────────────────────────────────────────────────────────


def test_refusal_keeps_its_cause(run, closed_port):
    """A refused connection is Twisted's error, with the system's as its cause and its number."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("127.0.0.1", closed_port, factory)
            return (await factory.failed).value

    failure = run(main())

    assert type(failure) is error.ConnectionRefusedError
    assert failure.osError == errno.ECONNREFUSED
    assert isinstance(failure.__cause__, OSError)


def test_time_out(run, full_port):
    """An attempt that takes too long fails with `TimeoutError`, and can be repeated."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            connector = reactor.connectTCP("127.0.0.1", full_port, factory, timeout=0.01)
            reason = await factory.failed
            return reason.type, connector.state

    assert run(main()) == (error.TimeoutError, "disconnected")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"bindAddress": ("192.0.2.1", 0)}, error.ConnectBindError),
        ({"port": 70000}, OverflowError),
    ],
    ids=["bindAddress", "port"],
)
def test_failure_known_at_once_is_told_after_the_call(run, options, kind):
    """Even if it is known at once that an attempt fails, `connectTCP` returns first."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP(**{"host": "127.0.0.1", "port": 9, "factory": factory, **options})
            factory.events.append("returned")
            reason = await factory.failed
            return reason.type, factory.events

    assert run(main()) == (kind, ["started", "returned", "failed"])


def test_connection_is_made_after_the_call(run):
    """However fast the connection, `connectTCP` returns before there is a protocol."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("127.0.0.1", port_of(reactor), factory)
            factory.events.append("returned")
            await factory.made
            return list(factory.events)

    assert run(main()) == ["started", "returned", "build"]


def test_service_name(run):
    """A port may be given by its service's name; one that isn't known raises at the call."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            connector = reactor.connectTCP(
                "127.0.0.1", "http", factory, bindAddress=("192.0.2.1", 0)
            )
            with pytest.raises(error.ServiceNameUnknownError):
                reactor.connectTCP("127.0.0.1", "no-such-service", Client())
            await factory.failed
            return connector.getDestination().port

    assert run(main()) == 80


@pytest.mark.parametrize("wrong", [Protocol, Protocol(), None], ids=["class", "protocol", "None"])
def test_what_is_no_factory_is_refused(wrong):
    """`connectTCP` says at the call that it wants a factory."""
    with pytest.raises(TypeError, match=r"Factory\.forProtocol"):
        Reactor().connectTCP("127.0.0.1", 9, wrong)


# ── what is left ─────────────────────────────────────────────────────────────────────────


WAYS_TO_END = {
    "refused": lambda reactor, factory, ports: reactor.connectTCP(
        "127.0.0.1", ports["closed"], factory
    ),
    "timed out": lambda reactor, factory, ports: reactor.connectTCP(
        "127.0.0.1", ports["full"], factory, timeout=0.001
    ),
    "given up at once": lambda reactor, factory, ports: reactor.connectTCP(
        "127.0.0.1", ports["full"], factory
    ).stopConnecting(),
    "given up later": lambda reactor, factory, ports: reactor.callLater(
        0.001, reactor.connectTCP("127.0.0.1", ports["full"], factory).stopConnecting
    ),
    "not bound": lambda reactor, factory, ports: reactor.connectTCP(
        "127.0.0.1", 9, factory, bindAddress=("192.0.2.1", 0)
    ),
}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize("way", WAYS_TO_END)
def test_failed_attempts_leave_nothing(run, way, closed_port, full_port):
    """However an attempt fails, no descriptor, task or delayed call is left of it."""
    ports = {"closed": closed_port, "full": full_port}

    async def main():
        async with Reactor() as reactor:
            await asyncio.sleep(0)
            before = descriptors()
            for _ in range(5):
                factory = Client()
                WAYS_TO_END[way](reactor, factory, ports)
                await factory.failed
            left = await opened_since(before)
            await comes(lambda: len(asyncio.all_tasks()) == 1)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            return left, tasks, reactor.getDelayedCalls()

    assert run(main()) == (set(), set(), [])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_attempts_given_up_in_mid_connection_leave_nothing(run):
    """Given up at any turn of the loop while it is being made, a connection leaves nothing."""

    async def main():
        async with Reactor() as reactor:
            served = []
            serving = Factory.forProtocol(lambda: served.append(Protocol()) or served[-1])
            serving.noisy = False
            port = reactor.listenTCP(0, serving, interface="127.0.0.1").getHost().port
            factory = Client()
            connector = reactor.connectTCP("127.0.0.1", port, factory)
            await factory.made
            await until(lambda: served)
            before = descriptors()
            for turns in range(8):
                factory = Client()
                connector = reactor.connectTCP("127.0.0.1", port, factory)
                for _ in range(turns):
                    await asyncio.sleep(0)
                connector.disconnect()
                await asyncio.wait(
                    [factory.failed, factory.lost], return_when=asyncio.FIRST_COMPLETED
                )
                for future in (factory.failed, factory.lost, factory.made):
                    future.cancel()
            return await opened_since(before), reactor.getDelayedCalls()

    assert run(main()) == (set(), [])


def test_reactor_that_stops_ends_attempts(run, full_port):
    """An attempt that is on its way when the reactor stops fails, and the factory stops."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            stopped = []
            factory.stopFactory = lambda: stopped.append(True)
            connector = reactor.connectTCP("127.0.0.1", full_port, factory)
            await asyncio.sleep(0.005)
        return factory.events, connector.state, stopped

    assert run(main()) == (["started", "failed"], "disconnected", [True])


def test_reconnecting_for_ever_ends_with_the_reactor(run, closed_port):
    """A factory that connects again whenever it fails doesn't keep the reactor from ending."""

    class Again(ClientFactory):
        noisy = False
        attempts = 0

        def clientConnectionFailed(self, connector, reason):
            self.attempts += 1
            connector.connect()

    async def main():
        async with Reactor() as reactor:
            factory = Again()
            reactor.connectTCP("127.0.0.1", closed_port, factory)
            while factory.attempts < 3:
                await asyncio.sleep(0.001)
        return factory.attempts

    assert run(main()) >= 3


class Bounded(asyncio.SelectorEventLoop):
    """A loop whose resolver is a coroutine like any other: it waits with a time-out of its own."""

    limit = 5.0

    async def getaddrinfo(self, host, port, **kw):
        async with asyncio.timeout(self.limit):
            await asyncio.sleep(0.005)
        return [(IPV4, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def test_resolver_that_is_a_coroutine(log):
    """A loop's resolver may wait, sleep and time out as coroutines do."""

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("example.invalid", port_of(reactor), factory)
            done, _ = await asyncio.wait(
                [factory.made, factory.failed], return_when=asyncio.FIRST_COMPLETED
            )
            return done == {factory.made}, await reactor.resolve("example.invalid")

    with asyncio.Runner(loop_factory=Bounded) as runner:
        assert runner.run(main()) == (True, "127.0.0.1")


def test_resolver_that_times_out_leaves_the_caller_alone(log):
    """A time-out in the resolver ends the attempt, not the task that asked for it."""

    class Hasty(Bounded):
        limit = 0.001

    async def main():
        async with Reactor() as reactor:
            factory = Client()
            reactor.connectTCP("example.invalid", 80, factory)
            reason = await factory.failed
            return isinstance(reason.value, Exception)

    with asyncio.Runner(loop_factory=Hasty) as runner:
        assert runner.run(main())


@pytest.mark.parametrize("shared", [False, True])
def test_comes_from_a_binding(shared, run):
    """A `Binding` is a local address to come from, with the options that it says."""

    async def main():
        async with Reactor() as reactor:
            client = Client()
            binding = _Binding("127.0.0.2", 0, reuseAddress=shared, reusePort=shared)
            reactor.connectTCP("127.0.0.1", port_of(reactor), client, bindAddress=binding)
            transport = (await client.made).transport
            options = [
                bool(transport.socket.getsockopt(socket.SOL_SOCKET, each))
                for each in (socket.SO_REUSEADDR, socket.SO_REUSEPORT)
            ]
            transport.loseConnection()
            await client.lost
            return transport.getHost().host, options

    assert run(main()) == ("127.0.0.2", [shared, shared])


# ── before there is a connection ─────────────────────────────────────────────────────────


@pytest.fixture
def waiting():
    """A reactor without a loop, whose attempts wait for one."""
    reactor = Reactor()
    yield reactor
    reactor.disconnectAll()


class Quiet(ClientFactory):
    noisy = False


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", IPV4), ("::1", IPV6), ("example.invalid", IPV4)]
)
def test_attempt_has_a_socket(waiting, host, family):
    """While it connects, a connector's transport has the socket that it will connect with."""
    connector = waiting.connectTCP(host, 9, Quiet())

    handle = connector.transport.getHandle()

    assert handle.family == family
    assert connector.transport.socket is handle
    assert not connector.transport.connected


def test_socket_of_an_attempt_is_bound(waiting):
    """That socket is bound where the attempt is to come from."""
    connector = waiting.connectTCP("127.0.0.1", 9, Quiet(), bindAddress=("127.0.0.2", 0))

    assert connector.transport.socket.getsockname()[0] == "127.0.0.2"


def test_socket_of_an_attempt_that_cannot_be_bound(waiting):
    """An address to come from that isn't this machine's is told to who asks for the socket."""
    connector = waiting.connectTCP("127.0.0.1", 9, Quiet(), bindAddress=("192.0.2.1", 0))

    with pytest.raises(error.ConnectBindError):
        _ = connector.transport.socket


def test_attempt_is_given_up_by_its_transport(waiting):
    """Losing the connection before it is there is to stop connecting, and closes the socket."""
    failed = []
    factory = Quiet()
    factory.clientConnectionFailed = lambda connector, reason: failed.append(reason.type)
    connector = waiting.connectTCP("127.0.0.1", 9, factory)
    transport = connector.transport
    handle = transport.socket

    transport.loseConnection()
    transport.abortConnection()

    assert (failed, handle.fileno(), connector.transport) == ([error.UserError], -1, None)


def test_attempt_says_what_it_is(waiting):
    """The transport of an attempt knows where it goes, and what log lines call it."""
    connector = waiting.connectTCP("127.0.0.1", 9, Quiet())
    transport = connector.transport

    assert transport.getPeer() == connector.getDestination()
    assert transport.logstr == transport.logPrefix() == "Uninitialized"
    assert repr(connector) in repr(transport)


def test_attempt_over_unix_has_a_socket(waiting, tmp_path):
    """So has an attempt over a UNIX socket."""
    connector = waiting.connectUNIX(str(tmp_path / "s"), Quiet())

    assert connector.transport.socket.family == socket.AF_UNIX


@pytest.mark.parametrize("meanwhile", ["kept", "closed", "of another family"])
def test_connects_with_the_socket_that_was_looked_at(meanwhile, run):
    """The connection is made with that socket, unless it can't be."""

    async def main():
        async with Reactor() as reactor:
            client = Client()
            number = port_of(reactor, "::1" if "family" in meanwhile else "127.0.0.1")
            own = []

            def started(connector):
                own.append(connector.transport.socket)
                if meanwhile == "of another family":
                    connector.host = "::1"
                elif meanwhile == "closed":
                    own[0].close()
                else:
                    own[0].bind(("127.0.0.3", 0))

            client.startedConnecting = started
            reactor.connectTCP("127.0.0.1", number, client)
            transport = (await client.made).transport
            transport.loseConnection()
            await client.lost
            return transport.getHost().host, own[0].fileno()

    host = {"kept": "127.0.0.3", "closed": "127.0.0.1"}.get(meanwhile, "::1")
    assert run(main()) == (host, -1)


def test_reactor_that_never_ran_tells_no_failure(waiting):
    """An attempt that never had a loop isn't said to have failed when its reactor lets go."""
    told = []
    factory = Quiet()
    factory.clientConnectionFailed = lambda connector, reason: told.append(reason)
    factory.doStop = lambda: told.append("stopped")
    connector = waiting.connectTCP("127.0.0.1", 9, factory)

    waiting.disconnectAll()

    assert (told, connector.state) == (["stopped"], "disconnected")


def link_local():
    """An address of this machine that is only good on one link, with it; None without one."""
    try:
        with open("/proc/net/if_inet6") as lines:
            found = [line.split() for line in lines if line.startswith("fe80")]
    except OSError:
        return None
    return next((f"{ipaddress.IPv6Address(int(each[0], 16))}%{each[5]}" for each in found), None)


def test_comes_from_a_link(run):
    """A link-local address, with its link, can be connected to and from."""
    host = link_local()
    if host is None:
        pytest.skip("no link-local address here")

    async def main():
        async with Reactor() as reactor:
            client = Client()
            port = port_of(reactor, host)
            reactor.connectTCP(host, port, client, bindAddress=(host, 0))
            transport = (await client.made).transport
            transport.loseConnection()
            await client.lost
            return transport.getHost().host, transport.getPeer().host

    assert run(main()) == (host, host)


def test_server_hears_before_the_client_has_ended(run):
    """A client that closes when it is made hears of its end after the server of its beginning."""

    async def main():
        events = []

        class Hears(Protocol):
            def connectionMade(self):
                events.append("server")

        class Closes(Client):
            def buildProtocol(self, addr):
                protocol = Protocol()
                protocol.connectionMade = lambda: protocol.transport.loseConnection()
                protocol.connectionLost = lambda reason: events.append("lost")
                return protocol

        factory = Factory.forProtocol(Hears)
        factory.noisy = False
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
            client = Closes()
            reactor.connectTCP("127.0.0.1", port.getHost().port, client)
            await client.lost
        return events

    assert run(main()) == ["server", "lost"]
