"""The socket that a transport shows: looked at, gone past, and given up."""

import asyncio
import errno
import socket

import pytest

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol


class Side(Protocol):
    """Tells futures of its connection, and keeps what it gets."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.made, self.got, self.lost = (loop.create_future() for _ in range(3))

    def connectionMade(self):
        self.made.set_result(self.transport)

    def dataReceived(self, data):
        self.got.set_result(data)

    def connectionLost(self, reason):
        self.lost.set_result(reason)


def factory_of(protocol, kind=Factory):
    """A factory that gives one protocol, and doesn't log."""
    factory = kind()
    factory.noisy = False
    factory.buildProtocol = lambda address: protocol
    return factory


async def connected(reactor):
    """Both sides of a connection."""
    server, client = Side(), Side()
    port = reactor.listenTCP(0, factory_of(server), interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", port.getHost().port, factory_of(client, ClientFactory))
    await server.made
    await client.made
    return server, client


def test_given_up_after_it_was_handed_over(run):
    """A connection goes on with another protocol, once its socket is adopted and closed."""

    async def main():
        async with Reactor() as reactor:
            server, client = await connected(reactor)
            second = Side()
            transport = server.transport
            factory = factory_of(second)
            reactor.adoptStreamConnection(transport.fileno(), socket.AF_INET, factory)
            transport.socket.close()
            reason = await server.lost
            (await second.made).write(b"from the second")
            heard = await client.got
            still_there = not client.lost.done()
            second.transport.loseConnection()
            await client.lost
            return reason.type, heard, still_there

    assert run(main()) == (error.ConnectionDone, b"from the second", True)


def test_given_up_without_a_duplicate(run):
    """Closing the socket ends the connection for the peer, when nobody else has it."""

    async def main():
        async with Reactor() as reactor:
            server, client = await connected(reactor)
            server.transport.socket.close()
            server.transport.socket.close()
            reasons = [await server.lost, await client.lost]
            return [reason.type for reason in reasons]

    assert run(main()) == [error.ConnectionDone] * 2


def test_looks_past_the_transport(run):
    """What asyncio's view can't do is done all the same, as `recv` with MSG_PEEK."""

    async def main():
        async with Reactor() as reactor:
            server, client = await connected(reactor)
            with pytest.raises(BlockingIOError):
                client.transport.getHandle().recv(100, socket.MSG_PEEK)
            server.transport.write(b"there")
            return await client.got

    assert run(main()) == b"there"


def test_goes_past_the_transport(run):
    """`send` on the socket sends at once."""

    async def main():
        async with Reactor() as reactor:
            server, client = await connected(reactor)
            sent = server.transport.getHandle().send(b"urgent")
            return sent, await client.got

    assert run(main()) == (6, b"urgent")


def test_is_gone_with_the_connection(run):
    """The socket of a connection that is lost sends nothing."""

    async def main():
        async with Reactor() as reactor:
            server, client = await connected(reactor)
            handle = client.transport.getHandle()
            client.transport.loseConnection()
            await client.lost
            await server.lost
            with pytest.raises(OSError, match="descriptor") as raised:
                handle.send(b"too late")
            return raised.value.errno

    assert run(main()) == errno.EBADF
