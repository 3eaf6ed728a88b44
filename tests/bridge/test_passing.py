"""Descriptors that are sent along with bytes."""

import asyncio
import os
import socket
from contextlib import suppress

import pytest

from reactorlite import Reactor
from reactorlite.bridge.loops import can_receive_descriptors
from reactorlite.internet import error, interfaces
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.python.components import implementer
from tests.waiting import descriptors, opened_since, until

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")


class Recording(Protocol):
    """Keeps its events; descriptors by what can be read from them."""

    def __init__(self):
        self.events = []
        self.over = asyncio.get_running_loop().create_future()

    def dataReceived(self, data):
        self.events.append(data)

    def connectionLost(self, reason):
        self.over.set_result(reason)


@implementer(interfaces.IFileDescriptorReceiver)
class Receiving(Recording):
    def fileDescriptorReceived(self, descriptor):
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            self.events.append(file.read().decode())


async def connected(reactor, kind=Recording):
    """A protocol of that kind on one end of a pair, and a plain socket that is the other."""
    ours, theirs = socket.socketpair()
    factory = Factory.forProtocol(kind)
    made = []
    factory.buildProtocol = lambda address: made.append(kind()) or made[0]
    reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
    ours.close()
    while not made or made[0].transport is None:
        await asyncio.sleep(0.001)
    theirs.settimeout(30)
    return made[0], theirs


@pytest.fixture
def files(tmp_path):
    """Open files, whose content is their name."""
    opened = []
    for name in "abc":
        (tmp_path / name).write_text(name)
        opened.append(open(tmp_path / name, "rb"))  # noqa: SIM115  # closed below
    yield opened
    for each in opened:
        each.close()


def taken(theirs):
    """What a plain socket receives at once: bytes, and the names of files."""
    data, found, _, _ = socket.recv_fds(theirs, 1 << 20, 10)
    names = []
    for each in found:
        with os.fdopen(each) as file:
            file.seek(0)
            names.append(file.read())
    return data, names


def test_sent_with_the_next_byte(files, run):
    """A descriptor comes with what is written after it, and may be closed once it is given."""

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            with theirs:
                copy = os.dup(files[0].fileno())
                protocol.transport.sendFileDescriptor(copy)
                os.close(copy)
                protocol.transport.write(b"x")
                return await asyncio.to_thread(taken, theirs)

    assert run(main()) == (b"x", ["a"])


def test_several_keep_their_order(files, run):
    """Descriptors sent one after the other come in that order."""

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            with theirs:
                for each in files:
                    protocol.transport.sendFileDescriptor(each.fileno())
                protocol.transport.write(b"xyz")
                return await asyncio.to_thread(taken, theirs)

    assert run(main()) == (b"xyz", ["a", "b", "c"])


def test_waits_for_a_full_peer(files, run):
    """Behind much that waits to be sent, bytes and descriptors still come whole and in order."""
    much = b"m" * 1_000_000

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            protocol.transport.write(much)
            await asyncio.sleep(0)
            protocol.transport.sendFileDescriptor(files[0].fileno())
            protocol.transport.write(b"end")
            protocol.transport.loseConnection()

            def take_all():
                with theirs:
                    got, names = b"", []
                    while pair := taken(theirs):
                        if pair == (b"", []):
                            return got, names
                        got += pair[0]
                        names += pair[1]

            return await asyncio.to_thread(take_all)

    got, names = run(main())

    assert got == much + b"end"
    assert names == ["a"]


def test_unsent_are_let_go(files, run):
    """A descriptor that no byte followed is closed with the connection, whose reason says so."""

    async def main():
        async with Reactor() as reactor:
            first, theirs = await connected(reactor)  # libuv opens a descriptor for itself
            opened = len(descriptors())
            theirs.close()
            await first.over
            await until(lambda: len(descriptors()) == opened - 2)
            before = descriptors()
            protocol, theirs = await connected(reactor)
            protocol.transport.sendFileDescriptor(files[0].fileno())
            protocol.transport.loseConnection()
            reason = await protocol.over
            theirs.close()
            left = await opened_since(before)
            protocol.transport.sendFileDescriptor(files[0].fileno())
            return reason, left | (descriptors() - before)

    reason, left = run(main())

    assert reason.check(error.FileDescriptorOverrun)
    assert left == set()


@pytest.mark.parametrize("wrong", [987, -1, "x", None])
def test_no_descriptor(wrong, run):
    """What is no descriptor is refused at the call, and the connection goes on."""

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            with theirs:
                with pytest.raises((OSError, TypeError)):
                    protocol.transport.sendFileDescriptor(wrong)
                protocol.transport.write(b"on")
                return await asyncio.to_thread(taken, theirs)

    assert run(main()) == (b"on", [])


def test_receiver_gets_them_before_their_byte(files, run):
    """Each descriptor comes before the bytes that it was sent with; nothing is left open."""

    async def main():
        if not can_receive_descriptors(asyncio.get_running_loop()):
            pytest.skip("this loop reads too early")
        async with Reactor() as reactor:
            before = descriptors()
            protocol, theirs = await connected(reactor, Receiving)
            socket.send_fds(theirs, [b"one"], [files[0].fileno()])
            socket.send_fds(theirs, [b"two"], [files[1].fileno(), files[2].fileno()])
            theirs.close()
            reason = await protocol.over
            return protocol.events, reason, await opened_since(before)

    events, reason, left = run(main())

    assert events == ["a", b"one", "b", "c", b"two"]
    assert reason.check(error.ConnectionDone)
    assert left == set()


def test_receiver_sends_too(files, run):
    """A receiver writes, pauses and goes on as other protocols do."""

    async def main():
        if not can_receive_descriptors(asyncio.get_running_loop()):
            pytest.skip("this loop reads too early")
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor, Receiving)
            with theirs:
                protocol.transport.pauseProducing()
                socket.send_fds(theirs, [b"x"], [files[0].fileno()])
                await asyncio.sleep(0.02)
                paused = list(protocol.events)
                protocol.transport.resumeProducing()
                while len(protocol.events) < 2:
                    await asyncio.sleep(0.001)
                protocol.transport.write(b"back")
                return paused, protocol.events, await asyncio.to_thread(theirs.recv, 10)

    assert run(main()) == ([], ["a", b"x"], b"back")


def test_who_takes_none_leaks_none(files, run):
    """Descriptors sent to a protocol that doesn't take them are closed; the bytes come."""

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            before = descriptors()
            for _ in range(10):
                socket.send_fds(theirs, [b"x"], [theirs.fileno()])
            await until(lambda: len(b"".join(protocol.events)) == 10)
            left = await opened_since(before)
            theirs.close()
            return left

    assert run(main()) == set()


def test_loop_that_cannot_says_so(run, log):
    """Where a loop would lose descriptors, a receiver's connection is closed, with the reason."""

    async def main():
        if can_receive_descriptors(asyncio.get_running_loop()):
            pytest.skip("this loop can")
        async with Reactor() as reactor:
            ours, theirs = socket.socketpair()
            reactor.adoptStreamConnection(
                ours.fileno(), socket.AF_UNIX, Factory.forProtocol(Receiving)
            )
            ours.close()
            with theirs:
                theirs.settimeout(30)
                return await asyncio.to_thread(theirs.recv, 10)

    assert run(main()) == b""
    assert "NotImplementedError" in log.take()[0]


def test_producer_waits_while_descriptors_do(files, run):
    """A producer is paused when descriptors find no room, however few the bytes are."""

    class Producer:
        paused = resumed = 0

        def pauseProducing(self):
            self.paused += 1

        def resumeProducing(self):
            self.resumed += 1

        def stopProducing(self):
            pass

    async def main():
        async with Reactor() as reactor:
            protocol, theirs = await connected(reactor)
            producer = Producer()
            protocol.transport.registerProducer(producer, True)
            sent = 0
            while not producer.paused:
                protocol.transport.sendFileDescriptor(files[0].fileno())
                protocol.transport.write(b"x")
                sent += 1
                await asyncio.sleep(0)
            got = names = 0
            theirs.setblocking(False)
            while names < sent:
                with suppress(BlockingIOError):
                    data, found = taken(theirs)
                    got, names = got + len(data), names + len(found)
                await asyncio.sleep(0.001)
            while not producer.resumed:
                await asyncio.sleep(0.001)
            theirs.close()
            return sent, got, names

    sent, got, names = run(main())

    assert sent == got == names
