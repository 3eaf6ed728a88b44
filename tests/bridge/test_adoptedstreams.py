"""Sockets that something else has opened: ports and connections on them."""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import reactorlite
from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet.address import IPv4Address, UNIXAddress
from reactorlite.internet.protocol import Factory, Protocol
from tests.waiting import PATIENCE, comes

FAMILIES = [socket.AF_INET, socket.AF_INET6]
if hasattr(socket, "AF_UNIX"):
    FAMILIES.append(socket.AF_UNIX)


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


def echo():
    """A factory of echoes that doesn't log its beginning and end."""
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    return factory


def descriptors():
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def listening(family, directory):
    """A socket of that family that listens on an address of its own."""
    address = {
        socket.AF_INET: ("127.0.0.1", 0),
        socket.AF_INET6: ("::1", 0),
    }.get(family, str(directory / "s"))
    found = socket.socket(family)
    found.bind(address)
    found.listen()
    return found


async def answer(address, family):
    """What a server says to "hello"."""
    loop = asyncio.get_running_loop()
    with socket.socket(family) as client:
        client.setblocking(False)
        await loop.sock_connect(client, address)
        await loop.sock_sendall(client, b"hello")
        return await asyncio.wait_for(loop.sock_recv(client, 100), PATIENCE)


@pytest.mark.parametrize("family", FAMILIES)
def test_port(family, tmp_path, run):
    """A socket that listens is served, and the caller's own descriptor may be closed."""

    async def main():
        async with Reactor() as reactor:
            theirs = listening(family, tmp_path)
            address = theirs.getsockname()
            port = reactor.adoptStreamPort(theirs.fileno(), family, echo())
            theirs.close()
            got = await answer(address, family)
            before = descriptors()
            await port.stopListening()
            return got, await comes(lambda: descriptors() < before)

    assert run(main()) == (b"hello", True)


def test_port_that_no_loop_served_is_closed(tmp_path):
    """Without a loop a port is adopted and stopped, and nothing stays open."""
    before = descriptors()
    with listening(socket.AF_INET, tmp_path) as theirs:
        port = Reactor().adoptStreamPort(theirs.fileno(), socket.AF_INET, echo())
        host = port.getHost()
        port.stopListening()
        number = theirs.getsockname()[1]

    assert host == IPv4Address("TCP", "127.0.0.1", number)
    assert descriptors() == before


def test_callers_own_socket_goes_on_listening(tmp_path, run):
    """Stopping an adopted port leaves the caller's own socket as it is."""

    async def main():
        async with Reactor() as reactor:
            with listening(socket.AF_INET, tmp_path) as theirs:
                await reactor.adoptStreamPort(
                    theirs.fileno(), socket.AF_INET, echo()
                ).stopListening()
                with socket.create_connection(theirs.getsockname()):
                    theirs.settimeout(30)
                    theirs.accept()[0].close()

    run(main())


def test_port_does_not_start_again(run, tmp_path):
    """What was adopted and stopped isn't there to be started."""

    async def main():
        async with Reactor() as reactor:
            with listening(socket.AF_INET, tmp_path) as theirs:
                port = reactor.adoptStreamPort(theirs.fileno(), socket.AF_INET, echo())
            await port.stopListening()
            with pytest.raises(error.CannotListenError, match="can't start again"):
                port.startListening()

    run(main())


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_connection(run):
    """A connected socket is served by a protocol of the factory's, whose start isn't called."""

    async def main():
        async with Reactor() as reactor:
            ours, theirs = socket.socketpair()
            factory = echo()
            factory.doStart = factory.doStop = None
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
            ours.close()
            theirs.setblocking(False)
            loop = asyncio.get_running_loop()
            with theirs:
                await loop.sock_sendall(theirs, b"hello")
                return await asyncio.wait_for(loop.sock_recv(theirs, 100), 5)

    assert run(main()) == b"hello"


def test_connection_before_the_loop(run):
    """A connection that is adopted before there is a loop is served when there is."""
    reactor = Reactor()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, peer = server.accept()
    factory = echo()
    addresses = []
    build = factory.buildProtocol
    factory.buildProtocol = lambda address: addresses.append(address) or build(address)
    reactor.adoptStreamConnection(accepted.fileno(), socket.AF_INET, factory)
    accepted.close()
    client.sendall(b"early")

    async def main():
        async with reactor:
            client.setblocking(False)
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 5)

    got = run(main())
    client.close()

    assert got == b"early"
    assert addresses == [IPv4Address("TCP", *peer)]


def test_connection_that_no_loop_served_is_closed():
    """A reactor that ends before a loop was there closes what it adopted."""
    reactor = Reactor()
    ours, theirs = socket.socketpair()
    reactor.adoptStreamConnection(ours.fileno(), ours.family, echo())
    ours.close()
    with theirs:
        theirs.settimeout(30)

        asyncio.run(_stopped(reactor))

        assert theirs.recv(1) == b""


async def _stopped(reactor):
    async with reactor:
        pass


def wrong_ones(directory):
    """Arguments that can't be adopted, and what is raised for them."""
    inet = listening(socket.AF_INET, directory)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    file = open(directory / "file", "wb")  # noqa: SIM115  # closed by the test
    return [inet, datagrams, file], [
        (inet.fileno(), socket.AF_INET6, error.UnsupportedAddressFamily),
        (inet.fileno(), 999, error.UnsupportedAddressFamily),
        (datagrams.fileno(), socket.AF_INET, error.UnsupportedSocketType),
        (file.fileno(), socket.AF_INET, OSError),
        (987, socket.AF_INET, OSError),
        (-1, socket.AF_INET, OSError),
        (inet, socket.AF_INET, TypeError),
    ]


@pytest.mark.parametrize("adopt", ["adoptStreamPort", "adoptStreamConnection"])
def test_wrong(adopt, tmp_path):
    """What isn't a socket of that family is an error at the call, and nothing stays open."""
    reactor = Reactor()
    opened, cases = wrong_ones(tmp_path)
    before = descriptors()

    for descriptor, family, expected in cases:
        with pytest.raises(expected):
            getattr(reactor, adopt)(descriptor, family, echo())

    assert descriptors() == before
    for each in opened:
        each.close()


def test_connected_for_listening_and_the_reverse(tmp_path):
    """A connected socket is no port, and one that listens no connection."""
    reactor = Reactor()
    with listening(socket.AF_INET, tmp_path) as server:
        client = socket.create_connection(server.getsockname())
        before = descriptors()

        with pytest.raises(OSError, match="Invalid argument"):
            reactor.adoptStreamPort(client.fileno(), socket.AF_INET, echo())
        with pytest.raises(OSError, match="not connected"):
            reactor.adoptStreamConnection(server.fileno(), socket.AF_INET, echo())
        client.close()

    assert descriptors() == before - 1 - 1


ACTIVATED = """
    import os, socket
    from reactorlite.internet import protocol, reactor

    class Echo(protocol.Protocol):
        def dataReceived(self, data):
            self.transport.write(data)

        def connectionLost(self, reason):
            reactor.stop()

    assert int(os.environ["LISTEN_PID"]) == os.getpid()
    for descriptor in range(3, 3 + int(os.environ["LISTEN_FDS"])):
        reactor.adoptStreamPort(descriptor, socket.AF_INET, protocol.Factory.forProtocol(Echo))
        os.close(descriptor)
    reactor.run()
"""


#: Puts the socket where systemd does, and becomes the service.
SYSTEMD = """
    import os, sys

    os.dup2(int(sys.argv[1]), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    os.execv(sys.executable, [sys.executable, sys.argv[2]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_inherited_as_systemd_hands_down(tmp_path):
    """A program serves the socket that it finds as descriptor 3, as systemd starts services."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(ACTIVATED))
    theirs = listening(socket.AF_INET, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SYSTEMD), str(theirs.fileno()), str(program)],
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": str(Path(reactorlite.__file__).parents[1])},
    ) as started:
        with socket.create_connection(theirs.getsockname()) as client:
            client.settimeout(40)
            theirs.close()
            client.sendall(b"hello")
            got = client.recv(10)
        code = started.wait(40)

    assert got == b"hello"
    assert code == 0


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_adopted_path_is_removed_as_twisted_does(tmp_path):
    """The file of an adopted UNIX socket goes when the port is stopped."""
    with listening(socket.AF_UNIX, tmp_path) as theirs:
        port = Reactor().adoptStreamPort(theirs.fileno(), socket.AF_UNIX, echo())
    host = port.getHost()

    port.stopListening()

    assert host == UNIXAddress(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
