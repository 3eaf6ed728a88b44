"""Datagram ports: what a loop adds, what is refused, and what is left afterwards."""

import asyncio
import errno
import os
import socket
import subprocess
import sys

import pytest

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet import reactor as front
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import (
    ConnectedDatagramProtocol,
    DatagramProtocol,
    Factory,
    Protocol,
)
from tests.waiting import until

HOST = "127.0.0.1"
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")


def has_ipv6():
    """Whether this host has the address ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")


class Keep(DatagramProtocol):
    """Keeps what it receives, and hands it to who waits."""

    noisy = False

    def __init__(self):
        self.got = []
        self.events = []
        self._waiting = None

    def datagramReceived(self, *what):
        self.got.append(what)
        self._tell()

    def connectionRefused(self):
        self.events.append("refused")
        self._tell()

    def connectionFailed(self, failure):
        self.events.append(failure.value)

    def stopProtocol(self):
        self.events.append("stopped")

    def next(self):
        """Fires at the next datagram or refusal."""
        self._waiting = Deferred()
        return self._waiting

    def _tell(self):
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


class Echo(DatagramProtocol):
    noisy = False

    def datagramReceived(self, datagram, addr):
        self.transport.write(datagram, addr)


class KeepConnected(Keep, ConnectedDatagramProtocol):
    pass


def address(port):
    """Where a port is, as `write` takes it."""
    return port.getHost().host, port.getHost().port


def closed_address():
    """An address where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        return sock.getsockname()


def descriptors():
    """The descriptors that this process has open."""
    return set(os.listdir("/proc/self/fd"))


def bound(family=socket.AF_INET, where=(HOST, 0)):
    """A plain datagram socket."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(30)
    sock.bind(where)
    return sock


# ── receiving and sending ────────────────────────────────────────────────────────────────

PEER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(30)
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    for number in range(3):
        sock.send(b"%d" % number)
        assert sock.recv(100) == b"%d" % number
    sock.send(b"")
    assert sock.recv(100) == b""
"""


def test_echoes_to_another_process(run):
    """A plain socket of another process gets back what it sends, empty datagrams too."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenUDP(0, Echo(), HOST)
            peer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PEER, str(port.getHost().port), stderr=subprocess.PIPE
            )
            _, complaints = await peer.communicate()
            return peer.returncode, complaints

    assert run(main()) == (0, b"")


def test_written_before_the_loop_runs(reactor):
    """A port that waits for a loop can be written to and sent to; it receives when that runs."""
    keep = Keep()
    port = reactor.listenUDP(0, keep, HOST)
    peer = bound()

    assert port.write(b"early", peer.getsockname()) == 5
    early = peer.recvfrom(100)
    peer.sendto(b"also early", address(port))
    keep.next().addCallback(lambda _: reactor.stop())
    reactor.run()
    here = peer.getsockname()
    peer.close()

    assert early == (b"early", (HOST, port.port or early[1][1]))
    assert keep.got == [(b"also early", here)]
    assert keep.events == ["stopped"]


def test_what_is_too_long_is_cut(run):
    """A datagram that is longer than `maxPacketSize` is cut, and the next one is whole."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST, maxPacketSize=4)
            for datagram in (b"12345", b"abc"):
                port.write(datagram, address(port))
                await keep.next()
            return [datagram for datagram, _ in keep.got]

    assert run(main()) == [b"1234", b"abc"]


def test_all_that_has_come_is_received(run):
    """What has come is received without a turn for each, and others have their turns meanwhile."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            await asyncio.sleep(0.001)
            turns = []
            for number in range(100):
                port.write(b"%d" % number, address(port))
            while len(keep.got) < 100:
                await asyncio.sleep(0)
                turns.append(len(keep.got))
            return [int(datagram) for datagram, _ in keep.got], len(set(turns))

    got, steps = run(main())

    assert got == list(range(100))
    assert 2 <= steps < 10


def test_pieces_are_one_datagram(run):
    """`writeSequence` sends all pieces as one."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            port.writeSequence((b"a", b"b", b""), address(port))
            await keep.next()
            return keep.got[0][0]

    assert run(main()) == b"ab"


@needs_ipv6
def test_ipv6(run):
    """Over IPv6 an address is a pair too, and a host may name its link."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, "::1")
            number = port.getHost().port
            for host in ("::1", "::1%1", b"::1"):
                port.write(b"six", (host, number))
                await keep.next()
            return keep.got, number

    got, number = run(main())

    assert got == [(b"six", ("::1", number))] * 3


@needs_ipv6
def test_unknown_link():
    """A host on a link that doesn't exist is an `OSError` that names the link."""
    reactor = Reactor()
    port = reactor.listenUDP(0, Keep(), "::1")

    with pytest.raises(OSError, match="'nolink'") as caught:
        port.write(b"", ("fe80::1%nolink", 1))
    port.stopListening()

    assert caught.value.errno == errno.ENODEV


@needs_ipv6
def test_link_local_peers_can_be_answered(run):
    """The host of a peer on a link names the link, so that writing to it goes there."""
    links = list(_link_local_addresses())
    if not links:
        pytest.skip("needs a link-local address")

    async def main():
        async with Reactor() as reactor:
            echo = reactor.listenUDP(0, Echo(), "::")
            keep = Keep()
            port = reactor.listenUDP(0, keep, "::")
            port.write(b"link", (links[0], echo.getHost().port))
            await keep.next()
            return keep.got

    ((datagram, (host, _)),) = run(main())

    assert (datagram, host) == (b"link", links[0])


def _link_local_addresses():
    try:
        with open("/proc/net/if_inet6") as lines:
            for line in lines:
                packed, _, _, scope, _, name = line.split()
                if scope == "20":
                    yield f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed))}%{name}"
    except OSError:
        return


def test_broadcast():
    """Writing to a broadcast address takes permission."""
    port = Reactor().listenUDP(0, Keep(), HOST)

    assert port.getBroadcastAllowed() is False
    with pytest.raises(PermissionError):
        port.write(b"", ("127.255.255.255", 9))
    port.setBroadcastAllowed(True)
    allowed = port.getBroadcastAllowed() and port.write(b"", ("127.255.255.255", 9)) == 0
    port.setBroadcastAllowed(False)

    assert (allowed, port.getBroadcastAllowed()) == (True, False)
    port.stopListening()


# ── connected ports ──────────────────────────────────────────────────────────────────────


def test_connected_port_is_told_of_refusal(run):
    """A connected port hears that nobody listens, again and again, and lives on."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            port.connect(*closed_address())
            for _ in range(2):
                port.write(b"?")
                await keep.next()
            # The socket tells it now, in place of sending.
            port.write(b"?")
            while len(keep.events) < 3:
                port.write(b"?")
            return keep.events[:3], port.connected

    assert run(main()) == (["refused"] * 3, True)


def test_refusal_of_an_answer(run):
    """A connected port is told of a refusal that comes while it takes what has come."""

    class Answer(Keep):
        def datagramReceived(self, *what):
            super().datagramReceived(*what)
            self.transport.write(b"answer")

    async def main():
        async with Reactor() as reactor:
            answer = Answer()
            port = reactor.listenUDP(0, answer, HOST)
            with bound() as peer:
                port.connect(*peer.getsockname())
                peer.sendto(b"question", address(port))
            while not answer.events:
                await asyncio.sleep(0.001)
            return len(answer.got), list(answer.events)

    assert run(main()) == (1, ["refused"])


def test_port_that_is_not_connected_hears_no_refusal(run):
    """What becomes of a datagram to anybody isn't told."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            for _ in range(3):
                assert port.write(b"?", closed_address()) == 1
            port.write(b"!", address(port))
            await keep.next()
            return list(keep.events), len(keep.got)

    assert run(main()) == ([], 1)


def test_connected_port_talks_to_one_peer(run):
    """A connected port needs no address, takes its peer's, and no other."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            echo, other = (reactor.listenUDP(0, Echo(), HOST) for _ in range(2))
            port = reactor.listenUDP(0, keep, HOST)
            port.connect(*address(echo))
            port.write(b"1")
            await keep.next()
            port.writeSequence([b"2"], address(echo))
            await keep.next()
            with pytest.raises(ValueError, match="is connected to"):
                port.write(b"3", address(other))
            with pytest.raises(RuntimeError, match="already connected"):
                port.connect(*address(other))
            other.write(b"4", address(port))
            await asyncio.sleep(0.01)
            return [datagram for datagram, _ in keep.got]

    assert run(main()) == [b"1", b"2"]


# ── bad input ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def port():
    """A port that no loop serves."""
    port = Reactor().listenUDP(0, Keep(), HOST)
    yield port
    port.stopListening()


@pytest.mark.parametrize(
    ("host", "says"),
    [("localhost", "not hostnames"), ("", "not hostnames"), ("::1", "IPv4 port can't write")],
)
def test_hosts_that_cannot_be_written_to(port, host, says):
    """A host has to be an address of the port's family."""
    with pytest.raises(error.InvalidAddressError, match=says):
        port.write(b"", (host, 9))


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "says"), [("localhost", "not hostnames"), (HOST, "IPv6 port can't write")]
)
def test_hosts_that_cannot_be_written_to_by_ipv6(host, says):
    """So it has to be over IPv6."""
    port = Reactor().listenUDP(0, Keep(), "::1")

    with pytest.raises(error.InvalidAddressError, match=says):
        port.write(b"", (host, 9))
    port.stopListening()


@pytest.mark.parametrize(("host", "says"), [("localhost", "not an IPv4"), ("::1", "can't write")])
def test_hosts_that_cannot_be_connected_to(port, host, says):
    """Nor can a port be connected to any other, and it is as it was then."""
    with pytest.raises(error.InvalidAddressError, match=says):
        port.connect(host, 9)

    assert not port.is_to_one_peer


@pytest.mark.parametrize(
    ("arguments", "raises"),
    [
        (("text", (HOST, 9)), TypeError),
        ((None, (HOST, 9)), TypeError),
        ((b"",), TypeError),
        ((b"", (HOST, "9")), TypeError),
        ((b"", [HOST, 9]), TypeError),
        ((b"", (HOST, 9, 0, 0)), TypeError),
        ((b"", (HOST, 65536)), OverflowError),
        ((b"x" * 65536, (HOST, 9)), error.MessageLengthError),
    ],
)
def test_what_cannot_be_written(port, arguments, raises):
    """What is wrong with a datagram or its address is raised by `write`."""
    with pytest.raises(raises):
        port.write(*arguments)


@pytest.mark.parametrize(
    ("arguments", "raises"),
    [
        ((0, Keep), TypeError),
        ((0, Factory.forProtocol(Protocol)), TypeError),
        ((0, Protocol()), TypeError),
        ((0, None), TypeError),
        (("8", Keep()), TypeError),
        ((-1, Keep(), HOST), OverflowError),
        ((65536, Keep(), HOST), OverflowError),
        ((0, Keep(), "localhost"), error.InvalidAddressError),
        ((0, Keep(), None), TypeError),
        ((0, Keep(), HOST, "8192"), TypeError),
        ((0, Keep(), HOST, -1), ValueError),
        ((0, Keep(), "203.0.113.7"), error.CannotListenError),
    ],
)
def test_ports_that_cannot_be_had(arguments, raises):
    """`listenUDP` says at the call what is wrong with it."""
    with pytest.raises(raises):
        Reactor().listenUDP(*arguments)


@needs_proc
def test_port_in_use_leaves_no_descriptor():
    """A port that is taken raises `CannotListenError` with the cause, and nothing stays open."""
    taken = bound()
    before = descriptors()

    with pytest.raises(error.CannotListenError) as caught:
        Reactor().listenUDP(taken.getsockname()[1], Keep(), HOST)
    left = descriptors() - before
    taken.close()

    assert left == set()
    assert caught.value.socketError.errno == errno.EADDRINUSE
    assert caught.value.__cause__ is caught.value.socketError


def test_no_descriptor_left(tmp_path, monkeypatch):
    """A port for which there is no descriptor raises `CannotListenError`, too."""

    def none_left(*family_and_type):
        raise OSError(errno.EMFILE, "Too many open files")

    reactor = Reactor()
    monkeypatch.setattr(socket, "socket", none_left)

    for listen, where in ((reactor.listenUDP, 0), (reactor.listenUNIXDatagram, f"{tmp_path}/s")):
        with pytest.raises(error.CannotListenError, match="Too many open files"):
            listen(where, Keep())


@needs_proc
def test_protocol_that_cannot_start():
    """If `startProtocol` raises, so does `listenUDP`; the port is closed, the protocol free."""
    keep = Keep()
    keep.startProtocol = lambda: 1 / 0
    reactor = Reactor()
    before = descriptors()

    with pytest.raises(ZeroDivisionError):
        reactor.listenUDP(0, keep, HOST)
    left = descriptors() - before
    del keep.startProtocol
    port = reactor.listenUDP(0, keep, HOST)
    port.stopListening()

    assert left == set()
    assert keep.numPorts == 1


def test_closed_port_says_so(port):
    """What is asked of a closed port raises `NotListeningError`."""
    port.stopListening()
    port.finish()

    for ask in (
        lambda: port.write(b"", (HOST, 9)),
        lambda: port.write(b"", ("localhost", 9)),
        lambda: port.connect(HOST, 9),
        port.getHost,
        port.getBroadcastAllowed,
    ):
        with pytest.raises(error.NotListeningError, match="is not listening"):
            ask()
    assert (port.fileno(), port.getHandle()) == (-1, None)
    port._scope.forget(port)


def test_raising_protocol_lives_on(run, log):
    """What callbacks raise is logged, and the port goes on."""

    class Raising(Keep):
        def datagramReceived(self, *what):
            super().datagramReceived(*what)
            raise ValueError("datagram")

        def connectionRefused(self):
            super().connectionRefused()
            raise ValueError("refused")

    async def main():
        async with Reactor() as reactor:
            keep, client = Raising(), Raising()
            port = reactor.listenUDP(0, keep, HOST)
            connected = reactor.listenUDP(0, client, HOST)
            connected.connect(*closed_address())
            for _ in range(2):
                port.write(b"", address(port))
                await keep.next()
            connected.write(b"")
            await client.next()
            await asyncio.sleep(0)
            return len(keep.got), list(client.events)

    assert run(main()) == (2, ["refused"])
    assert log.take() == ["ValueError('datagram')"] * 2 + ["ValueError('refused')"]


def test_exit_from_a_protocol(loop_factory):
    """A `SystemExit` in `datagramReceived` ends `run()` in order, with its code."""

    class Leaving(Keep):
        def datagramReceived(self, *what):
            raise SystemExit(3)

    reactor = Reactor(loop_factory())
    leaving = Leaving()
    port = reactor.listenUDP(0, leaving, HOST)
    port.write(b"", address(port))

    with pytest.raises(SystemExit) as caught:
        reactor.run()

    assert caught.value.code == 3
    assert leaving.events == ["stopped"]


def test_other_errors_are_logged(run, log):
    """What else goes wrong in receiving is logged, and the port goes on."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            port._adapter.error_received(OSError(errno.EHOSTUNREACH, "unreachable"))
            port.write(b"", address(port))
            await keep.next()

    run(main())

    assert log.take() == [repr(OSError(errno.EHOSTUNREACH, "unreachable"))]


def test_transport_that_the_loop_gives_up(run, log):
    """A port whose transport the loop has closed by itself is closed, and the log says so."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            await asyncio.sleep(0)
            port._adapter._transport.abort()
            await until(lambda: keep.events)
            return keep.events, port.connected

    assert run(main()) == (["stopped"], False)
    assert "gave <UDPPort of Keep on" in log.take()[0]


# ── the end ──────────────────────────────────────────────────────────────────────────────


def test_stopped_port_receives_nothing_more(run):
    """After `stopListening` nothing is received, though more has come."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            here = address(port)
            stopped = []
            keep.next().addCallback(lambda _: stopped.append(port.stopListening()))
            for _ in range(3):
                port.write(b"x", here)
            while not stopped:
                await asyncio.sleep(0)
            await stopped[0]
            return len(keep.got), keep.events, keep.transport

    assert run(main()) == (1, ["stopped"], None)


def test_number_is_free_when_the_deferred_fires(run):
    """Where one port ended, in the very callback, another begins; so it does in the same turn."""

    async def main():
        async with Reactor() as reactor:
            first = reactor.listenUDP(0, Keep(), HOST)
            number = first.getHost().port
            second = await first.stopListening().addCallback(
                lambda _: reactor.listenUDP(number, Keep(), HOST)
            )
            await asyncio.sleep(0.01)
            third = await second.stopListening().addCallback(
                lambda _: reactor.listenUDP(number, Keep(), HOST)
            )
            return third.getHost().port == number

    assert run(main())


def test_stopped_while_it_starts(reactor):
    """A port that is stopped in `startProtocol` ends on the loop's first turn."""

    class Stopping(Keep):
        def startProtocol(self):
            self.transport.stopListening().addCallback(lambda _: reactor.stop())
            self.events.append("started")

    stopping = Stopping()
    reactor.listenUDP(0, stopping, HOST)
    before = list(stopping.events)
    reactor.run()

    assert before == ["started"]
    assert stopping.events == ["started", "stopped"]


def test_stopped_again(run):
    """`stopListening` may be called twice, and on a port that is closed."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            first, second = port.stopListening(), port.loseConnection()
            assert first is second
            await first
            await port.stopListening()
            return keep.events

    assert run(main()) == ["stopped"]


def test_started_again(run):
    """A port that was stopped may be started again, and not before it was."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            port.connect(*closed_address())
            with pytest.raises(RuntimeError, match="listening already"):
                port.startListening()
            await port.stopListening()
            port.startListening()
            port.write(b"again", address(port))
            await keep.next()
            return keep.got[0][0]

    assert run(main()) == b"again"


def test_raising_at_the_end(run):
    """What `stopProtocol` raises fails the Deferred; the port is closed."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            keep.stopProtocol = lambda: 1 / 0
            port = reactor.listenUDP(0, keep, HOST)
            with pytest.raises(ZeroDivisionError):
                await port.stopListening()
            return port.connected

    assert run(main()) is False


@needs_proc
def test_leaves_no_descriptor(run):
    """Ports that end by themselves or with the reactor leave nothing open."""

    async def main():
        async with Reactor() as reactor:
            await reactor.listenUDP(0, Keep(), HOST).stopListening()
            await asyncio.sleep(0.01)
        before = descriptors()
        async with Reactor() as reactor:
            for _ in range(3):
                reactor.listenUDP(0, Keep(), HOST)
                await asyncio.sleep(0)
                await reactor.listenUDP(0, Keep(), HOST).stopListening()
            reactor.listenUDP(0, Keep(), HOST)
        return descriptors() - before

    assert run(main()) == set()


@needs_proc
def test_closed_without_a_loop():
    """A port that no loop ever served is closed at once."""
    before = descriptors()

    Reactor().listenUDP(0, Keep(), HOST).stopListening()

    assert descriptors() == before


def test_refused_while_the_reactor_stops(run):
    """A port that is opened in the end is refused."""

    async def main():
        refused = []

        class Opening(Keep):
            def stopProtocol(self):
                try:
                    reactor.listenUDP(0, Keep(), HOST)
                except error.CannotListenError as exc:
                    refused.append(exc.socketError.errno)

        async with Reactor() as reactor:
            reactor.listenUDP(0, Opening(), HOST)
        return refused

    assert run(main()) == [errno.ECANCELED]


def test_remove_all_closes_ports(run):
    """`removeAll` closes and names datagram ports, as any other."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            port = reactor.listenUDP(0, keep, HOST)
            removed = reactor.removeAll()
            await until(lambda: keep.events)
            return removed == [port], keep.events

    assert run(main()) == (True, ["stopped"])


def test_closed_when_the_host_ends(run):
    """A port in a host's loop is closed when the host ends without a word."""
    keep, late = Keep(), Keep()

    async def main():
        front.listenUDP(0, keep, HOST)
        await asyncio.sleep(0)
        front.listenUDP(0, late, HOST)

    run(main())

    assert (keep.events, late.events) == (["stopped"], ["stopped"])


def test_closed_before_a_bare_loop(loop_factory):
    """`stop()` and one more turn are enough before a host closes its loop."""
    keep = Keep()
    loop = loop_factory()

    async def main():
        front.listenUDP(0, keep, HOST)
        await asyncio.sleep(0.01)
        front.stop()

    loop.run_until_complete(main())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    assert keep.events == ["stopped"]


def test_crash_keeps_ports(reactor):
    """A port lives through `crash()`, and hears on the next `run()`, and in `iterate()`."""
    keep = Keep()
    port = reactor.listenUDP(0, keep, HOST)

    for number, end in enumerate((reactor.crash, reactor.crash, reactor.stop)):
        keep.next().addCallback(lambda _, end=end: end())
        port.write(b"%d" % number, address(port))
        reactor.run()
        if not number:
            port.write(b"turn", address(port))
            while len(keep.got) < 2:
                reactor.iterate(0.01)

    assert [datagram for datagram, _ in keep.got] == [b"0", b"turn", b"1", b"2"]
    assert keep.events == ["stopped"]


# ── adopted descriptors ──────────────────────────────────────────────────────────────────


def test_adopted_port(run):
    """A socket that is bound is received on; closing the port leaves the caller's open."""

    async def main():
        sock = bound()
        async with Reactor() as reactor:
            port = reactor.adoptDatagramPort(sock.fileno(), socket.AF_INET, Echo())
            keep = Keep()
            client = reactor.listenUDP(0, keep, HOST)
            client.write(b"!", sock.getsockname())
            await keep.next()
            assert address(port) == sock.getsockname()
            await port.stopListening()
            with pytest.raises(error.CannotListenError, match="adopted"):
                port.startListening()
        with sock:
            return keep.got, sock.getsockname(), sock.fileno() >= 0

    got, where, is_open = run(main())

    assert got == [(b"!", where)]
    assert is_open


def test_adopted_port_that_is_connected(run):
    """A socket that is connected makes a connected port."""

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            echo = reactor.listenUDP(0, Echo(), HOST)
            with bound() as sock:
                sock.connect(address(echo))
                port = reactor.adoptDatagramPort(sock.fileno(), socket.AF_INET, keep)
            port.write(b"!")
            await keep.next()
            return keep.got[0][0]

    assert run(main()) == b"!"


@needs_proc
def test_what_cannot_be_adopted():
    """Any other family, stream sockets and numbers that are no descriptors are refused."""
    reactor = Reactor()
    before = descriptors()

    with bound() as sock, socket.socket() as stream:
        for number, family, refusal in (
            (sock.fileno(), socket.AF_INET6, error.UnsupportedAddressFamily),
            (sock.fileno(), -1, error.UnsupportedAddressFamily),
            (stream.fileno(), socket.AF_INET, error.UnsupportedSocketType),
            (-1, socket.AF_INET, OSError),
        ):
            with pytest.raises(refusal):
                reactor.adoptDatagramPort(number, family, Keep())

    assert descriptors() == before


# ── multicast ────────────────────────────────────────────────────────────────────────────

GROUP = "225.0.0.250"


async def on_loopback(port, group=GROUP):
    """Have a port exchange what goes to a group by the loopback interface."""
    await port.setOutgoingInterface(HOST)
    await port.joinGroup(group, HOST)


def test_group(run):
    """All ports that joined a group, on one number if asked for, get what is sent to it."""

    async def main():
        async with Reactor() as reactor:
            first, second = Keep(), Keep()
            port = reactor.listenMulticast(0, first, listenMultiple=True)
            number = port.getHost().port
            other = reactor.listenMulticast(number, second, listenMultiple=True)
            await on_loopback(port)
            await on_loopback(other)
            heard = [first.next(), second.next()]
            port.write(b"all", (GROUP, number))
            for each in heard:
                await each
            await other.leaveGroup(GROUP, HOST)
            return first.got[0][0], second.got[0][0]

    assert run(main()) == (b"all", b"all")


@pytest.mark.parametrize(
    ("interface", "everywhere", "loopback"),
    [("", "0.0.0.0", HOST), pytest.param("::", 0, 1, marks=needs_ipv6)],
)
def test_multicast_options(interface, everywhere, loopback):
    """How far datagrams go and by which interface can be asked and set."""
    port = Reactor().listenMulticast(0, Keep(), interface)
    fired = []

    before = port.getTTL(), port.getLoopbackMode(), port.getOutgoingInterface()
    port.setTTL(7)
    port.setLoopbackMode(False)
    port.setOutgoingInterface(loopback).addCallback(fired.append)
    after = port.getTTL(), port.getLoopbackMode(), port.getOutgoingInterface()
    for wrong in (256, -1, "7"):
        with pytest.raises(ValueError, match="0 to 255"):
            port.setTTL(wrong)
    port.stopListening()

    assert before == (1, True, everywhere)
    assert after == (7, False, loopback)
    assert fired == [1]


def test_single_use_of_a_number():
    """Without `listenMultiple`, a number is one port's."""
    reactor = Reactor()
    port = reactor.listenMulticast(0, Keep())

    with pytest.raises(error.CannotListenError):
        reactor.listenMulticast(port.getHost().port, Keep())
    port.stopListening()


@pytest.mark.parametrize(
    ("interface", "group", "on", "failure"),
    [
        ("", "127.0.0.1", "", error.MulticastJoinError),
        ("", GROUP, "::1", error.MulticastJoinError),
        ("", "ff02::1", "", error.MulticastJoinError),
        ("", GROUP, 1, TypeError),
        pytest.param("::", "::1", "", error.MulticastJoinError, marks=needs_ipv6),
        pytest.param("::", GROUP, "", error.MulticastJoinError, marks=needs_ipv6),
        pytest.param("::", "ff02::1", HOST, error.MulticastJoinError, marks=needs_ipv6),
        pytest.param("::", "ff02::1", "::1%nolink", OSError, marks=needs_ipv6),
    ],
)
def test_groups_that_cannot_be_joined(interface, group, on, failure):
    """What can't be joined, or not there, fails the Deferred."""
    port = Reactor().listenMulticast(0, Keep(), interface)
    failures = []

    port.joinGroup(group, on).addErrback(failures.append)
    port.stopListening()

    assert [each.type for each in failures] == [failure]


@needs_ipv6
def test_ipv6_groups():
    """Over IPv6 an interface is a number, or the zone of an address."""
    port = Reactor().listenMulticast(0, Keep(), "::")
    told = []

    port.joinGroup("ff02::1:2", 1).addBoth(told.append)
    port.leaveGroup("ff02::1:2", "fe80::%1").addBoth(told.append)
    port.setOutgoingInterface("lo").addErrback(lambda failure: told.append(failure.type))
    port.stopListening()

    assert told == [None, None, TypeError]


def test_names_are_looked_up(run):
    """Groups and interfaces may be given by name, as far as there is one."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenMulticast(0, Keep())
            await port.joinGroup(GROUP, "localhost")
            await port.setOutgoingInterface("localhost")
            return port.getOutgoingInterface()

    assert run(main()) == HOST


# ── UNIX sockets ─────────────────────────────────────────────────────────────────────────


@needs_unix
def test_unix_datagrams(run, tmp_path):
    """Both ends of a UNIX socket hear each other; only who listens is told who speaks."""
    server_path, client_path = str(tmp_path / "server"), str(tmp_path / "client")

    async def main():
        async with Reactor() as reactor:
            server, client = Keep(), KeepConnected()
            port = reactor.listenUNIXDatagram(server_path, server, mode=0o600)
            peer = reactor.connectUNIXDatagram(server_path, client, bindAddress=client_path)
            names = port.getHost().name, peer.getHost().name, peer.getPeer().name
            peer.write(b"to server")
            await server.next()
            port.writeSequence([b"to ", b"client"], client_path)
            await client.next()
            peer.writeSequence([b"more"])
            await server.next()
            mode = os.stat(server_path).st_mode & 0o777
            return server.got, client.got, names, mode

    server, client, names, mode = run(main())

    assert server == [(b"to server", client_path), (b"more", client_path)]
    assert client == [(b"to client",)]
    assert names == (os.fsencode(server_path), os.fsencode(client_path), os.fsencode(server_path))
    assert mode == 0o600


@needs_unix
def test_unix_peer_without_a_name(run, tmp_path):
    """What comes from a socket without a name has None for address."""
    path = tmp_path / "server"

    async def main():
        async with Reactor() as reactor:
            keep = Keep()
            reactor.listenUNIXDatagram(path, keep)
            peer = reactor.connectUNIXDatagram(path, KeepConnected())
            peer.write(b"who?")
            await keep.next()
            return keep.got

    assert run(main()) == [(b"who?", None)]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' abstract names")
def test_abstract_names(run, tmp_path):
    """Abstract names have no file, and can be answered."""
    name = f"\0reactorlite {os.getpid()}"

    async def main():
        async with Reactor() as reactor:
            keep = KeepConnected()
            reactor.listenUNIXDatagram(str(tmp_path / "server"), Echo())
            peer = reactor.connectUNIXDatagram(str(tmp_path / "server"), keep, bindAddress=name)
            peer.write(b"!")
            await keep.next()
            return keep.got

    assert run(main()) == [(b"!",)]


@needs_unix
def test_unix_peer_that_has_gone(run, tmp_path):
    """A connected socket hears that its peer has gone."""
    path = str(tmp_path / "server")

    async def main():
        async with Reactor() as reactor:
            keep = KeepConnected()
            port = reactor.listenUNIXDatagram(path, Keep())
            peer = reactor.connectUNIXDatagram(path, keep)
            await port.stopListening()
            assert os.path.exists(path)
            peer.write(b"?")
            return keep.events[:1], peer.connected

    assert run(main()) == (["refused"], True)


@needs_unix
@needs_proc
def test_unix_peer_that_is_not_there(tmp_path):
    """`connectionFailed` is told when there is no peer, and nothing is left of the attempt."""
    keep = KeepConnected()
    reactor = Reactor()
    before = descriptors()

    port = reactor.connectUNIXDatagram(
        str(tmp_path / "nobody"), keep, bindAddress=str(tmp_path / "client")
    )

    assert [type(event) for event in keep.events] == [FileNotFoundError]
    assert (port.connected, descriptors(), os.listdir(tmp_path)) == (False, before, [])


@needs_unix
@needs_proc
def test_paths_that_cannot_be_had(tmp_path):
    """`listenUNIXDatagram` says at the call what is wrong with a path; nothing stays open."""
    (tmp_path / "taken").touch()
    before = descriptors()

    for path, refusal in (
        (str(tmp_path / "taken"), error.CannotListenError),
        (str(tmp_path / "none" / "path"), error.CannotListenError),
        (str(tmp_path / ("long" * 50)), error.CannotListenError),
        (3, TypeError),
    ):
        with pytest.raises(refusal):
            Reactor().listenUNIXDatagram(path, Keep())

    assert descriptors() == before


@needs_unix
def test_unix_socket_that_is_full(tmp_path):
    """What finds no room is dropped; what is too large raises; a closed port says it is."""
    path = str(tmp_path / "server")
    reactor = Reactor()
    port = reactor.listenUNIXDatagram(path, Keep())
    peer = reactor.connectUNIXDatagram(path, KeepConnected())

    sent = [peer.write(b"x") for _ in range(2000)]
    for write in (peer.write, lambda data: port.write(data, path)):
        with pytest.raises(error.MessageLengthError):
            write(b"x" * 10**7)
    for each in (port, peer):
        each.stopListening()
        each.finish()
        each._scope.forget(each)

    assert sent[0] == 1
    assert sent[-1] is None
    with pytest.raises(error.NotListeningError):
        port.write(b"", path)
    with pytest.raises(error.NotListeningError):
        peer.write(b"")
