"""Names become addresses: by the loop's resolver, and by those that programs install."""

import asyncio
import socket

import pytest

from reactorlite import Reactor
from reactorlite.internet import defer, error
from reactorlite.internet.address import IPv4Address, IPv6Address, UNIXAddress
from reactorlite.internet.interfaces import (
    IHostnameResolver,
    IReactorPluggableNameResolver,
    IReactorPluggableResolver,
    IResolverSimple,
)
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.python.components import implementer


class Receiver:
    """Keeps what it is told of a look-up; `over` fires at its end."""

    def __init__(self):
        self.told = []
        self.over = defer.Deferred()

    def resolutionBegan(self, resolution):
        self.told.append(("began", resolution.name))

    def addressResolved(self, address):
        self.told.append(address)

    def resolutionComplete(self):
        self.told.append("complete")
        self.over.callback(self.told)


class Outcome(ClientFactory):
    """Tells by a future how an attempt to connect ended."""

    protocol = Protocol

    def __init__(self):
        self.done = asyncio.get_running_loop().create_future()

    def buildProtocol(self, address):
        self.done.set_result(address)

    def clientConnectionFailed(self, connector, reason):
        if not self.done.done():
            self.done.set_exception(reason.value)


@implementer(IResolverSimple)
class Simple:
    """Finds every name at 127.0.0.1, and keeps what it was asked."""

    def __init__(self, answer="127.0.0.1"):
        self.answer = answer
        self.asked = []

    def getHostByName(self, name, timeout=()):
        self.asked.append(name)
        return defer.succeed(self.answer)


@implementer(IHostnameResolver)
class Complex:
    """Finds every name at the addresses given, and keeps what it was asked."""

    def __init__(self, *addresses):
        self.addresses = addresses
        self.asked = []

    def resolveHostName(self, receiver, name, portNumber=0, addressTypes=None):
        self.asked.append((name, portNumber))
        resolution = Resolution(name)
        receiver.resolutionBegan(resolution)
        for address in self.addresses:
            receiver.addressResolved(address)
        receiver.resolutionComplete()
        return resolution


class Resolution:
    """A look-up that is over."""

    def __init__(self, name):
        self.name = name

    def cancel(self):
        raise NotImplementedError


async def looked_up(reactor, *args):
    """What a receiver is told of a look-up, to its end."""
    receiver = Receiver()
    reactor.nameResolver.resolveHostName(receiver, *args)
    return await receiver.over


def on_a_loop(run, main):
    """The result of `main(reactor)` in a loop of the fixture's kind."""

    async def within():
        async with Reactor() as reactor:
            return await asyncio.wait_for(main(reactor), 10)

    return run(within())


# ── the loop's resolver ──────────────────────────────────────────────────────────────────


def test_reactor_says_that_resolvers_can_be_installed():
    """The reactor provides both interfaces, and its resolvers provide theirs."""
    reactor = Reactor()

    assert IReactorPluggableNameResolver.providedBy(reactor)
    assert IReactorPluggableResolver.providedBy(reactor)
    assert IHostnameResolver.providedBy(reactor.nameResolver)
    assert IResolverSimple.providedBy(reactor.resolver)


def test_local_name(run):
    """A name is reported with its addresses, between beginning and end."""

    async def main(reactor):
        return await looked_up(reactor, "localhost", 80, [IPv4Address])

    told = on_a_loop(run, main)

    assert told == [("began", "localhost"), IPv4Address("TCP", "127.0.0.1", 80), "complete"]


def test_datagrams(run):
    """Addresses are for the transport that was asked for."""

    async def main(reactor):
        return await looked_up(reactor, "localhost", 80, [IPv4Address], "UDP")

    assert on_a_loop(run, main)[1] == IPv4Address("UDP", "127.0.0.1", 80)


@pytest.mark.parametrize("name", ["nowhere.invalid", "", "x" * 70 + ".invalid", "x\0y"])
def test_name_without_address(run, name):
    """A name that nobody has, or nobody can have, is reported with no address."""

    async def main(reactor):
        return await looked_up(reactor, name, 80)

    assert on_a_loop(run, main) == [("began", name), "complete"]


@pytest.mark.parametrize(
    ("name", "address"),
    [("192.0.2.1", IPv4Address("TCP", "192.0.2.1", 7)), ("::1", IPv6Address("TCP", "::1", 7))],
)
def test_literal_is_reported_at_once(name, address):
    """An address takes no loop: it is reported before the call returns."""
    receiver = Receiver()

    Reactor().nameResolver.resolveHostName(receiver, name, 7)

    assert receiver.told == [("began", name), address, "complete"]


def test_literal_of_another_family_is_not_reported():
    """An address of a type that wasn't asked for isn't reported."""
    receiver = Receiver()

    Reactor().nameResolver.resolveHostName(receiver, "192.0.2.1", 7, [IPv6Address])

    assert receiver.told == [("began", "192.0.2.1"), "complete"]


@pytest.mark.parametrize("args", [([UNIXAddress],), ([],), (None, "SCTP")])
def test_what_cannot_be_asked_for(args):
    """Types and transports that no resolver knows raise at the call."""
    receiver = Receiver()

    with pytest.raises(ValueError, match=r"IPv4Address|TCP"):
        Reactor().nameResolver.resolveHostName(receiver, "localhost", 0, *args)

    assert receiver.told == []


class Stuck(asyncio.SelectorEventLoop):
    """A loop that never finds a name, and counts those who gave up waiting."""

    def __init__(self):
        super().__init__()
        self.given_up = 0

    async def getaddrinfo(self, *args, **kw):
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1


def test_look_up_can_be_cancelled():
    """A look-up that is given up reports nothing more, and leaves nothing waiting."""

    async def main():
        async with Reactor() as reactor:
            receiver = Receiver()
            resolution = reactor.nameResolver.resolveHostName(receiver, "example.invalid")
            await asyncio.sleep(0)

            resolution.cancel()

            await asyncio.sleep(0)
            return receiver.told, asyncio.get_running_loop().given_up

    with asyncio.Runner(loop_factory=Stuck) as runner:
        assert runner.run(main()) == ([("began", "example.invalid")], 1)


def test_look_up_ends_with_the_reactor():
    """A receiver that still waits when the reactor ends learns that there is nothing."""

    async def main():
        receiver = Receiver()
        async with Reactor() as reactor:
            reactor.nameResolver.resolveHostName(receiver, "example.invalid")
            await asyncio.sleep(0)
        return receiver.told

    with asyncio.Runner(loop_factory=Stuck) as runner:
        assert runner.run(main()) == [("began", "example.invalid"), "complete"]


def test_cancelled_resolve():
    """Cancelling the Deferred of `resolve` ends the look-up."""

    async def main():
        async with Reactor() as reactor:
            found = reactor.resolve("example.invalid")
            await asyncio.sleep(0)

            found.cancel()

            with pytest.raises(defer.CancelledError):
                await found
            await asyncio.sleep(0)
            return asyncio.get_running_loop().given_up

    with asyncio.Runner(loop_factory=Stuck) as runner:
        assert runner.run(main()) == 1


# ── resolvers of the program's ───────────────────────────────────────────────────────────


def port_of(reactor):
    """The port of a server of the reactor's."""
    return reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1").getHost().port


def test_connecting_by_a_simple_resolver(run):
    """`connectTCP` asks an installed `IResolverSimple`, and `nameResolver` stands for it."""
    resolver = Simple()

    async def main(reactor):
        reactor.installResolver(resolver)
        factory = Outcome()
        reactor.connectTCP("example.invalid", port_of(reactor), factory)
        address = await factory.done
        return address.host, await looked_up(reactor, "other.invalid", 9)

    host, told = on_a_loop(run, main)

    assert host == "127.0.0.1"
    assert told[1:] == [IPv4Address("TCP", "127.0.0.1", 9), "complete"]
    assert resolver.asked == ["example.invalid", "other.invalid"]


def test_connecting_by_a_resolver_of_all_addresses(run):
    """`connectTCP` tries what an installed `IHostnameResolver` finds, IPv4 first, to the port."""
    found = [
        IPv6Address("TCP", "::1", 0),
        IPv4Address("TCP", "127.0.0.1", 0),
        UNIXAddress("/nowhere"),
    ]
    resolver = Complex(*found)

    async def main(reactor):
        reactor.installNameResolver(resolver)
        factory = Outcome()
        port = port_of(reactor)
        reactor.connectTCP("example.invalid", port, factory)
        address = await factory.done
        return address == IPv4Address("TCP", "127.0.0.1", port), await reactor.resolve("x.invalid")

    assert on_a_loop(run, main) == (True, "127.0.0.1")


def test_literals_are_not_looked_up(run):
    """An address needs no resolver, in `connectTCP` and in `resolve`."""
    resolver = Simple()

    async def main(reactor):
        reactor.installResolver(resolver)
        factory = Outcome()
        reactor.connectTCP("127.0.0.1", port_of(reactor), factory)
        await factory.done
        return await reactor.resolve("192.0.2.1"), await reactor.resolve("")

    assert on_a_loop(run, main) == ("192.0.2.1", "0.0.0.0")
    assert resolver.asked == []


@pytest.mark.parametrize("resolver", [Complex(), Complex(IPv6Address("TCP", "::1", 0))])
def test_resolve_without_ipv4(run, resolver):
    """`resolve` fails where an installed resolver knows no IPv4 address."""

    async def main(reactor):
        reactor.installNameResolver(resolver)
        with pytest.raises(error.DNSLookupError, match=r"example\.invalid"):
            await reactor.resolve("example.invalid")

    on_a_loop(run, main)


@pytest.mark.parametrize("resolver", [Simple(None), Simple("elsewhere")])
def test_resolver_that_gives_no_address(run, resolver):
    """An attempt fails, and says whose answer it was, when a resolver gives something else."""

    async def main(reactor):
        reactor.installResolver(resolver)
        factory = Outcome()
        reactor.connectTCP("example.invalid", 80, factory)
        with pytest.raises(error.DNSLookupError, match=r"Simple object.*example\.invalid"):
            await factory.done

    on_a_loop(run, main)


def test_resolver_that_fails(run):
    """What a resolver fails with reaches the factory as it is."""

    class Failing(Simple):
        def getHostByName(self, name, timeout=()):
            return defer.fail(KeyError(name))

    async def main(reactor):
        reactor.installResolver(Failing())
        factory = Outcome()
        reactor.connectTCP("example.invalid", 80, factory)
        with pytest.raises(KeyError, match="example"):
            await factory.done

    on_a_loop(run, main)


def test_stop_connecting_cancels_the_look_up(run):
    """An attempt that is given up cancels what its resolver is at."""
    cancelled = []

    class Slow(Simple):
        def getHostByName(self, name, timeout=()):
            return defer.Deferred(cancelled.append)

    async def main(reactor):
        reactor.installResolver(Slow())
        factory = Outcome()
        connector = reactor.connectTCP("example.invalid", 80, factory)
        await asyncio.sleep(0)
        connector.stopConnecting()
        with pytest.raises(error.UserError):
            await factory.done
        await asyncio.sleep(0)

    on_a_loop(run, main)

    assert len(cancelled) == 1


@pytest.mark.parametrize("install", ["installResolver", "installNameResolver"])
def test_installing_what_is_no_resolver(install):
    """Installing something else raises at once, and changes nothing."""
    reactor = Reactor()
    before = reactor.resolver, reactor.nameResolver

    with pytest.raises(TypeError, match=install):
        getattr(reactor, install)(object())

    assert (reactor.resolver, reactor.nameResolver) == before


@pytest.mark.parametrize(
    ("install", "resolver"), [("installResolver", Simple()), ("installNameResolver", Complex())]
)
def test_installing_answers_the_previous_one(run, install, resolver):
    """What was used before is returned, and installing that again asks the loop as before."""

    async def main(reactor):
        previous = getattr(reactor, install)(resolver)
        assert getattr(reactor, install)(previous) is resolver
        factory = Outcome()
        reactor.connectTCP("localhost", port_of(reactor), factory)
        return (await factory.done).host, await looked_up(reactor, "localhost", 0, [IPv4Address])

    host, told = on_a_loop(run, main)

    assert host == "127.0.0.1"
    assert told[1] == IPv4Address("TCP", "127.0.0.1", 0)


def test_simple_resolver_of_another_type(run):
    """A resolver of IPv4 addresses has nothing for whoever wants IPv6, and failing is no error."""

    class Ignorant(Simple):
        def getHostByName(self, name, timeout=()):
            return defer.fail(error.DNSLookupError(name))

    async def main(reactor):
        reactor.installResolver(Simple())
        six = await looked_up(reactor, "example.invalid", 0, [IPv6Address])
        reactor.installResolver(Ignorant())
        return six, await looked_up(reactor, "example.invalid")

    six, none = on_a_loop(run, main)

    assert six == none == [("began", "example.invalid"), "complete"]


def test_default_look_ups_ask_the_loop():
    """The loop's `getaddrinfo` is asked, by family and kind, and its order is kept."""
    asked = []

    class Asked(asyncio.SelectorEventLoop):
        async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
            asked.append((host, port, family, type))
            return [
                (socket.AF_INET6, type, 6, "", ("::5", port, 0, 3)),
                (socket.AF_INET, type, 6, "", ("192.0.2.5", port)),
            ]

    async def main():
        async with Reactor() as reactor:
            return await looked_up(reactor, "example.invalid", 80)

    with asyncio.Runner(loop_factory=Asked) as runner:
        told = runner.run(main())

    assert asked == [("example.invalid", 80, socket.AF_UNSPEC, socket.SOCK_STREAM)]
    assert told[1:3] == [
        IPv6Address("TCP", "::5", 80, 0, 3),
        IPv4Address("TCP", "192.0.2.5", 80),
    ]
