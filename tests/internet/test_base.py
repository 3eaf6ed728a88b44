"""The resolvers that are no reactor's own, and other names that programs import from `base`."""

import asyncio
import socket
import threading

import pytest

from reactorlite import Reactor
from reactorlite.internet import base, error
from reactorlite.internet.base import BlockingResolver, ThreadedResolver
from reactorlite.internet.interfaces import IResolverSimple

RESOLVERS = {"blocking": lambda reactor: BlockingResolver(), "threaded": ThreadedResolver}


def on_a_loop(run, main):
    """The result of `main(reactor)` in a loop of the fixture's kind."""

    async def within():
        async with Reactor() as reactor:
            return await asyncio.wait_for(main(reactor), 10)

    return run(within())


@pytest.mark.parametrize("kind", RESOLVERS)
@pytest.mark.parametrize(
    ("name", "address"),
    [("localhost", "127.0.0.1"), ("192.0.2.1", "192.0.2.1"), ("", "0.0.0.0")],
)
def test_name_with_an_address(run, kind, name, address):
    """A name, an address and nothing at all give an IPv4 address."""

    async def main(reactor):
        return await RESOLVERS[kind](reactor).getHostByName(name)

    assert on_a_loop(run, main) == address


@pytest.mark.parametrize("kind", RESOLVERS)
@pytest.mark.parametrize("name", ["nowhere.invalid", "::1", "x" * 70 + ".invalid"])
def test_name_without_an_address(run, kind, name):
    """What nobody has, or nobody can have, fails with `DNSLookupError`."""

    async def main(reactor):
        with pytest.raises(error.DNSLookupError, match="no address was found"):
            await RESOLVERS[kind](reactor).getHostByName(name)

    on_a_loop(run, main)


def test_answer_that_comes_too_late(run, monkeypatch):
    """A look-up that takes longer than the sum of the time-outs fails; its thread goes on."""
    may_answer = threading.Event()
    monkeypatch.setattr(socket, "gethostbyname", lambda name: may_answer.wait(30))

    async def main(reactor):
        with pytest.raises(error.DNSLookupError, match="in time"):
            await ThreadedResolver(reactor).getHostByName("slow.invalid", (0.005, 0.01))
        may_answer.set()

    on_a_loop(run, main)


@pytest.mark.parametrize("kind", RESOLVERS)
def test_installed(run, kind):
    """Either may be installed as the reactor's resolver."""

    async def main(reactor):
        reactor.installResolver(RESOLVERS[kind](reactor))
        return await reactor.resolve("localhost")

    assert on_a_loop(run, main) == "127.0.0.1"
    assert IResolverSimple.providedBy(RESOLVERS[kind](Reactor()))


def test_other_names():
    """A reactor is a `ReactorBase`, and what it calls later a `DelayedCall`."""
    reactor = Reactor()
    call = reactor.callLater(1, print)

    assert isinstance(reactor, base.ReactorBase)
    assert isinstance(call, base.DelayedCall)
    call.cancel()
