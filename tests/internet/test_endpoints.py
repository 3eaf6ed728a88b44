"""Endpoints: what each asks of its reactor, and how its Deferred hears of what becomes of it."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import reactorlite
from reactorlite import Reactor
from reactorlite.internet import defer, error
from reactorlite.internet.address import IPv4Address, IPv6Address, _ProcessAddress
from reactorlite.internet.endpoints import (
    AdoptedStreamServerEndpoint,
    ProcessEndpoint,
    SSL4ClientEndpoint,
    SSL4ServerEndpoint,
    StandardErrorBehavior,
    StandardIOEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    connectProtocol,
)
from reactorlite.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.testing import (
    MemoryReactor,
    RaisingMemoryReactor,
    StringTransport,
)
from reactorlite.python import log as tlog
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

SERVERS = {
    "tcp4": lambda reactor: TCP4ServerEndpoint(reactor, 80, 7, "127.0.0.1"),
    "tcp6": lambda reactor: TCP6ServerEndpoint(reactor, 80),
    "ssl": lambda reactor: SSL4ServerEndpoint(reactor, 443, "context", 7, "127.0.0.1"),
    "unix": lambda reactor: UNIXServerEndpoint(reactor, "/nowhere", 7, 0o600, True),
}
CLIENTS = {
    "tcp4": lambda reactor: TCP4ClientEndpoint(reactor, "192.0.2.1", 80, 7, ("127.0.0.1", 0)),
    "tcp6": lambda reactor: TCP6ClientEndpoint(reactor, "::1", 80, 7, ("::1", 0)),
    "ssl": lambda reactor: SSL4ClientEndpoint(reactor, "192.0.2.1", 80, "context", 7, ("::1", 0)),
    "unix": lambda reactor: UNIXClientEndpoint(reactor, "/nowhere", 7, True),
}
ASKED = {
    "tcp4": ("tcpClients", lambda f: ("192.0.2.1", 80, f, 7, ("127.0.0.1", 0))),
    "tcp6": ("tcpClients", lambda f: ("::1", 80, f, 7, ("::1", 0))),
    "ssl": ("sslClients", lambda f: ("192.0.2.1", 80, f, "context", 7, ("::1", 0))),
    "unix": ("unixClients", lambda f: ("/nowhere", f, 7, True)),
}


class Keeping(Protocol):
    """Keeps what it receives in `data`, and the reason of its end in `closed`."""

    data = b""
    closed = None

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):
        self.closed = reason


FACTORY = Factory.forProtocol(Protocol)


def ended(deferred):
    """The result of a Deferred that has one, or the exception that it failed with."""
    results = []
    deferred.addBoth(results.append)
    assert results, "there is no result yet"
    return results[0].value if isinstance(results[0], Failure) else results[0]


def factory_of(reactor, kind):
    """The factory that a client endpoint gave to a `MemoryReactor`."""
    calls = getattr(reactor, ASKED[kind][0])
    return calls[0][1 if kind == "unix" else 2]


# ── servers ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "calls", "arguments"),
    [
        ("tcp4", "tcpServers", (80, FACTORY, 7, "127.0.0.1")),
        ("tcp6", "tcpServers", (80, FACTORY, 50, "::")),
        ("ssl", "sslServers", (443, FACTORY, "context", 7, "127.0.0.1")),
        ("unix", "unixServers", ("/nowhere", FACTORY, 7, 0o600, True)),
    ],
)
def test_server_listens(kind, calls, arguments):
    """A server endpoint listens with all it was given, and its Deferred gives the port."""
    reactor = MemoryReactor()

    port = ended(SERVERS[kind](reactor).listen(FACTORY))

    assert getattr(reactor, calls) == [arguments]
    assert port.getHost() is not None


@pytest.mark.parametrize("kind", SERVERS)
def test_server_that_cannot_listen(kind):
    """The Deferred fails with what the reactor raises."""
    refused = error.CannotListenError("", 80, "in use")

    assert ended(SERVERS[kind](RaisingMemoryReactor(refused)).listen(FACTORY)) is refused


@pytest.mark.parametrize("kind", SERVERS)
def test_server_says_what_it_is(kind):
    """Server endpoints provide `IStreamServerEndpoint`."""
    assert IStreamServerEndpoint.providedBy(SERVERS[kind](MemoryReactor()))


# ── clients ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", CLIENTS)
def test_client_connects(kind):
    """A client endpoint connects with all it was given, and its Deferred gives the protocol."""
    reactor = MemoryReactor()
    going = CLIENTS[kind](reactor).connect(FACTORY)
    factory = factory_of(reactor, kind)
    transport = StringTransport()

    factory.buildProtocol(None).makeConnection(transport)

    protocol = ended(going)
    assert isinstance(protocol, Protocol)
    assert protocol.transport is transport
    assert getattr(reactor, ASKED[kind][0]) == [ASKED[kind][1](factory)]


@pytest.mark.parametrize("kind", CLIENTS)
def test_client_that_fails(kind):
    """The Deferred fails as the attempt does."""
    reactor = MemoryReactor()
    going = CLIENTS[kind](reactor).connect(FACTORY)
    refused = error.ConnectionRefusedError()

    factory_of(reactor, kind).clientConnectionFailed(None, Failure(refused))

    assert ended(going) is refused


@pytest.mark.parametrize("kind", CLIENTS)
def test_client_that_cannot_try(kind):
    """The Deferred fails with what the reactor raises at once."""
    wrong = error.ServiceNameUnknownError(string="nobody's")
    reactor = RaisingMemoryReactor(connectException=wrong)

    assert ended(CLIENTS[kind](reactor).connect(FACTORY)) is wrong


@pytest.mark.parametrize("kind", CLIENTS)
def test_cancelled_client(kind):
    """To cancel gives up the attempt, and the Deferred fails with where it was going."""
    reactor = MemoryReactor()
    going = CLIENTS[kind](reactor).connect(FACTORY)

    going.cancel()

    failed = ended(going)
    assert isinstance(failed, error.ConnectingCancelledError)
    assert failed.address == reactor.connectors[0].getDestination()
    assert reactor.connectors[0].stoppedConnecting


@pytest.mark.parametrize("kind", CLIENTS)
def test_client_says_what_it_is(kind):
    """Client endpoints provide `IStreamClientEndpoint`."""
    assert IStreamClientEndpoint.providedBy(CLIENTS[kind](MemoryReactor()))


def test_factory_that_makes_no_protocol():
    """A factory without a protocol for the address fails the Deferred with `NoProtocol`."""

    class Choosy(Factory):
        def buildProtocol(self, addr):
            return None

    reactor = MemoryReactor()
    going = CLIENTS["tcp4"](reactor).connect(Choosy())

    made = factory_of(reactor, "tcp4").buildProtocol(None)

    assert made is None
    assert isinstance(ended(going), error.NoProtocol)


def test_factory_that_raises():
    """What a factory's `buildProtocol` raises is what the Deferred fails with."""

    class Broken(Factory):
        def buildProtocol(self, addr):
            raise KeyError("broken")

    reactor = MemoryReactor()
    going = CLIENTS["tcp4"](reactor).connect(Broken())

    factory_of(reactor, "tcp4").buildProtocol(None)

    assert isinstance(ended(going), KeyError)


def test_factory_counts_its_users():
    """The application's factory is started and stopped with the attempt."""
    reactor = MemoryReactor()
    factory = Factory.forProtocol(Protocol)
    CLIENTS["tcp4"](reactor).connect(factory).addErrback(lambda _: None)
    asked = factory_of(reactor, "tcp4")

    asked.doStart()
    started = factory.numPorts
    asked.doStop()

    assert (started, factory.numPorts) == (1, 0)


def test_class_in_place_of_a_factory():
    """A protocol class in a factory's place fails with what to write."""
    reactor = MemoryReactor()

    failed = ended(CLIENTS["tcp4"](reactor).connect(Protocol))

    assert isinstance(failed, TypeError)
    assert "forProtocol" in str(failed)
    assert reactor.tcpClients == []


@pytest.mark.parametrize("kind", ["tcp4", "unix"])
def test_protocol_in_place_of_a_factory(kind):
    """A protocol in a factory's place fails with the function that takes one."""
    reactor = MemoryReactor()

    failed = ended(CLIENTS[kind](reactor).connect(Protocol()))

    assert isinstance(failed, TypeError)
    assert "connectProtocol(endpoint, protocol)" in str(failed)
    assert reactor.tcpClients == []


@pytest.mark.parametrize(
    "wrong", [Protocol, Factory.forProtocol(Protocol)], ids=["class", "factory"]
)
def test_what_makes_protocols_in_place_of_one(wrong):
    """`connectProtocol` fails with what to write, and doesn't connect, for a class or a factory."""
    reactor = MemoryReactor()

    failed = ended(connectProtocol(CLIENTS["tcp4"](reactor), wrong))

    assert isinstance(failed, TypeError)
    assert "call the class, or give endpoint.connect() a factory" in str(failed)
    assert reactor.tcpClients == []


def test_protocol_of_more_kinds():
    """What stands before a protocol provides what it does, half-closing and the handshake."""

    @implementer(IHalfCloseableProtocol)
    class Both(Protocol):
        def readConnectionLost(self):
            self.read_lost = True

        def writeConnectionLost(self):
            self.write_lost = True

    reactor = MemoryReactor()
    going = CLIENTS["tcp4"](reactor).connect(Factory.forProtocol(Both))
    outer = factory_of(reactor, "tcp4").buildProtocol(None)
    outer.makeConnection(StringTransport())

    outer.readConnectionLost()
    outer.writeConnectionLost()

    protocol = ended(going)
    assert protocol.read_lost
    assert protocol.write_lost
    assert IHalfCloseableProtocol.providedBy(outer)
    assert not IHandshakeListener.providedBy(outer)


def test_data_and_end_are_passed_on():
    """Over a transport that isn't handed over, data and the end reach the protocol."""
    reactor = MemoryReactor()
    going = CLIENTS["tcp4"](reactor).connect(Factory.forProtocol(Keeping))
    outer = factory_of(reactor, "tcp4").buildProtocol(None)
    outer.makeConnection(StringTransport())

    outer.dataReceived(b"one")
    outer.connectionLost(Failure(error.ConnectionDone()))

    protocol = ended(going)
    assert protocol.data == b"one"
    assert protocol.closed


def test_connect_protocol():
    """`connectProtocol` connects the very protocol that it is given."""
    reactor = MemoryReactor()
    protocol = Protocol()
    going = connectProtocol(CLIENTS["tcp4"](reactor), protocol)

    factory_of(reactor, "tcp4").buildProtocol(None).makeConnection(StringTransport())

    assert ended(going) is protocol


# ── IPv6 by name ─────────────────────────────────────────────────────────────────────────


class Resolver:
    """Finds the addresses given, once it is told to; `cancelled` says if it was to stop."""

    name = "example.invalid"
    cancelled = False

    def __init__(self, *addresses):
        self.addresses = addresses

    def resolveHostName(self, receiver, name, portNumber=0, addressTypes=None):
        self.types = addressTypes
        self.receiver = receiver
        receiver.resolutionBegan(self)
        return self

    def cancel(self):
        self.cancelled = True

    def answer(self):
        for address in self.addresses:
            self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


def by_name(*addresses):
    """An IPv6 client endpoint's reactor, resolver and Deferred, for a name."""
    reactor = MemoryReactor()
    reactor.nameResolver = resolver = Resolver(*addresses)
    going = TCP6ClientEndpoint(reactor, "example.invalid", 80).connect(FACTORY)
    return reactor, resolver, going


def test_ipv6_by_name():
    """A name is looked up for its IPv6 addresses, and the first is connected to."""
    four, six = IPv4Address("TCP", "192.0.2.1", 80), IPv6Address("TCP", "fe80::2", 80, 0, 3)
    reactor, resolver, going = by_name(four, six)

    resolver.answer()

    assert resolver.types == [IPv6Address]
    assert reactor.tcpClients[0][:2] == ("fe80::2%3", 80)
    factory_of(reactor, "tcp4").buildProtocol(None).makeConnection(StringTransport())
    assert isinstance(ended(going), Protocol)


def test_name_without_ipv6():
    """A name without an IPv6 address fails with `DNSLookupError`."""
    _, resolver, going = by_name(IPv4Address("TCP", "192.0.2.1", 80))

    resolver.answer()

    assert isinstance(ended(going), error.DNSLookupError)


def test_cancelled_look_up():
    """To cancel while the name is looked up cancels that."""
    reactor, resolver, going = by_name()

    going.cancel()

    assert isinstance(ended(going), error.ConnectingCancelledError)
    assert resolver.cancelled
    assert reactor.tcpClients == []


# ── adopted sockets ──────────────────────────────────────────────────────────────────────


def test_adopted_socket():
    """The reactor is given the socket, non-blocking; then the descriptor is closed."""
    reactor = MemoryReactor()
    listening = socket.create_server(("127.0.0.1", 0))
    descriptor = listening.detach()
    endpoint = AdoptedStreamServerEndpoint(reactor, descriptor, socket.AF_INET)

    ended(endpoint.listen(FACTORY))

    assert reactor.adoptedPorts == [(descriptor, socket.AF_INET, FACTORY)]
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_adopted_socket_listens_once():
    """A second `listen` fails with `AlreadyListened`, whatever has the descriptor's number."""
    reactor = MemoryReactor()
    endpoint = AdoptedStreamServerEndpoint(reactor, os.open(os.devnull, 0), socket.AF_INET)
    ended(endpoint.listen(FACTORY))

    again = ended(endpoint.listen(FACTORY))

    assert isinstance(again, error.AlreadyListened)
    assert len(reactor.adoptedPorts) == 1


def test_descriptor_that_is_none():
    """A number that is no descriptor's fails the Deferred."""
    endpoint = AdoptedStreamServerEndpoint(MemoryReactor(), 9999, socket.AF_INET)

    assert isinstance(ended(endpoint.listen(FACTORY)), OSError)


# ── processes ────────────────────────────────────────────────────────────────────────────


class Process(StringTransport):
    """A process' transport that keeps what is written to its standard input."""

    def writeToChild(self, descriptor, data):
        assert descriptor == 0
        self.write(data)


class Spawning:
    """A reactor that starts no process, but says that it did."""

    def spawnProcess(self, protocol, *arguments):
        self.protocol = protocol
        self.arguments = arguments
        self.process = Process()
        protocol.makeConnection(self.process)
        return self.process


def started(protocol=Keeping, **options):
    """A reactor that was asked for a process, and the protocol that was connected to it."""
    reactor = Spawning()
    endpoint = ProcessEndpoint(reactor, "/bin/it", ["it"], **options)
    return reactor, ended(endpoint.connect(Factory.forProtocol(protocol)))


def test_process_is_started_with_all_arguments():
    """All that `spawnProcess` takes is passed on, in its order."""
    reactor, _ = started(env={"A": "B"}, path="/", uid=1, gid=2, usePTY=True, childFDs={0: "w"})

    assert reactor.arguments == ("/bin/it", ["it"], {"A": "B"}, "/", 1, 2, True, {0: "w"})


def test_process_is_told_by_its_address():
    """The factory is asked for a protocol with the address of a process."""
    asked = []

    class Asked(Factory):
        def buildProtocol(self, addr):
            asked.append(addr)
            return Protocol()

    ProcessEndpoint(Spawning(), "/bin/it").connect(Asked())

    assert isinstance(asked[0], _ProcessAddress)


def test_process_as_a_stream():
    """What the process puts out is received, what is written is its input."""
    reactor, protocol = started()

    reactor.protocol.childDataReceived(1, b"out")
    protocol.transport.write(b"in")
    protocol.transport.writeSequence([b"to", b"it"])

    assert protocol.data == b"out"
    assert reactor.process.value() == b"intoit"


@pytest.mark.parametrize("flag", StandardErrorBehavior)
def test_errors_of_a_process(flag):
    """What a process writes to its standard error is logged, or dropped; never received."""
    events = []
    tlog.addObserver(events.append)
    reactor, protocol = started(errFlag=flag)

    reactor.protocol.childDataReceived(2, b"oh no")

    tlog.removeObserver(events.append)
    logged = [event["data"] for event in events if "data" in event]
    assert logged == ([b"oh no"] if flag is StandardErrorBehavior.LOG else [])
    assert protocol.data == b""


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (error.ProcessDone(0), error.ConnectionDone),
        (error.ProcessTerminated(exitCode=1), error.ConnectionLost),
        (error.ProcessTerminated(signal=9), error.ConnectionLost),
    ],
)
def test_end_of_a_process(how, reason):
    """A process that ends with 0 is done, with anything else lost; the reason is chained."""
    reactor, protocol = started()

    reactor.protocol.processEnded(Failure(how))

    assert protocol.closed.type is reason
    assert protocol.closed.value.__cause__ is how


def test_process_that_cannot_start():
    """The Deferred fails with what `spawnProcess` raises."""

    class Refusing(Spawning):
        def spawnProcess(self, *arguments):
            raise PermissionError("no")

    endpoint = ProcessEndpoint(Refusing(), "/bin/it")

    assert isinstance(ended(endpoint.connect(FACTORY)), PermissionError)


# ── standard input and output ────────────────────────────────────────────────────────────


CAPITALS = """
from reactorlite.internet import reactor
from reactorlite.internet.endpoints import serverFromString
from reactorlite.internet.protocol import Factory
from reactorlite.protocols.basic import LineReceiver

class Capitals(LineReceiver):
    delimiter = b"\\n"

    def connectionMade(self):
        self.sendLine(type(self.transport.getPeer()).__name__.encode())

    def lineReceived(self, line):
        self.sendLine(line.upper())

    def connectionLost(self, reason):
        reactor.stop()

serverFromString(reactor, "stdio:").listen(Factory.forProtocol(Capitals))
reactor.run()
"""


def test_standard_io():
    """A protocol on `stdio:` reads this process' input, and writes to its output."""
    done = subprocess.run(
        [sys.executable, "-c", CAPITALS],
        env={**os.environ, "PYTHONPATH": str(Path(reactorlite.__file__).parents[1])},
        input=b"hello\nworld\n",
        capture_output=True,
        timeout=40,
    )

    assert (done.stdout, done.stderr) == (b"PipeAddress\nHELLO\nWORLD\n", b"")


def test_standard_io_without_a_protocol():
    """A factory that makes no protocol fails the Deferred, and opens nothing."""

    class Choosy(Factory):
        def buildProtocol(self, addr):
            return None

    assert isinstance(ended(StandardIOEndpoint(None).listen(Choosy())), error.NoProtocol)


# ── on the loop ──────────────────────────────────────────────────────────────────────────


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Asking(Keeping):
    """Fires `over` with all that was received, at the end."""

    def connectionMade(self):
        self.over = defer.Deferred()

    def connectionLost(self, reason):
        self.over.callback(self.data)


def on_a_loop(run, main):
    """The result of `main(reactor)` in a loop of the fixture's kind."""

    async def within():
        async with Reactor() as reactor:
            return await asyncio.wait_for(main(reactor), 10)

    return run(within())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_and_its_client(run, host):
    """Two endpoints speak to each other, and the client's transport is handed over."""
    server, client = (
        (TCP6ServerEndpoint, TCP6ClientEndpoint)
        if ":" in host
        else (TCP4ServerEndpoint, TCP4ClientEndpoint)
    )

    async def main(reactor):
        port = await server(reactor, 0, interface=host).listen(Factory.forProtocol(Echo))
        endpoint = client(reactor, host, port.getHost().port)
        asking = await connectProtocol(endpoint, Asking())
        handed_over = asking.transport.protocol is asking
        asking.transport.write(b"hello")
        asking.transport.loseWriteConnection()
        return handed_over, await asking.over

    assert on_a_loop(run, main) == (True, b"hello")


CAPITALS_OF_ITS_INPUT = """
import sys
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no processes here yet")
@pytest.mark.parametrize(("status", "kind"), [(0, error.ConnectionDone), (3, error.ConnectionLost)])
def test_a_real_process(run, status, kind):
    """A process is written to and read from as a stream; its status is in the reason's cause."""

    class Lines(Keeping):
        def connectionMade(self):
            self.transport.write(b"hello\n")

        def dataReceived(self, data):
            super().dataReceived(data)
            self.transport._process.closeStdin()

    async def main(reactor):
        command = [sys.executable, "-c", CAPITALS_OF_ITS_INPUT, str(status)]
        endpoint = ProcessEndpoint(reactor, sys.executable, command, None)
        lines = await endpoint.connect(Factory.forProtocol(Lines))
        while lines.closed is None:
            await asyncio.sleep(0.005)
        return lines.data, lines.closed

    data, reason = on_a_loop(run, main)

    assert data == b"HELLO\n"
    assert reason.type is kind
    assert reason.value.__cause__.exitCode == status


def test_a_program_that_does_not_exist(run):
    """A process whose program isn't there fails the Deferred."""

    async def main(reactor):
        endpoint = ProcessEndpoint(reactor, "/nowhere/at/all", ["all"])
        with pytest.raises(FileNotFoundError):
            await endpoint.connect(Factory.forProtocol(Keeping))

    on_a_loop(run, main)


@pytest.mark.skipif(not hasattr(Reactor, "listenUNIX"), reason="there are no UNIX sockets yet")
def test_a_unix_socket(run, tmp_path):
    """Two endpoints speak to each other at a path."""
    path = str(tmp_path / "socket")

    async def main(reactor):
        await UNIXServerEndpoint(reactor, path).listen(Factory.forProtocol(Echo))
        asking = await connectProtocol(UNIXClientEndpoint(reactor, path), Asking())
        asking.transport.write(b"hello")
        asking.transport.loseWriteConnection()
        return await asking.over

    assert on_a_loop(run, main) == b"hello"


@pytest.mark.skipif(not hasattr(Reactor, "adoptStreamPort"), reason="no port is adopted yet")
def test_a_socket_that_listens_already(run):
    """A socket that somebody else has bound is served."""

    async def main(reactor):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            number, descriptor = listening.getsockname()[1], os.dup(listening.fileno())
        endpoint = AdoptedStreamServerEndpoint(reactor, descriptor, socket.AF_INET)
        await endpoint.listen(Factory.forProtocol(Echo))
        client = TCP4ClientEndpoint(reactor, "127.0.0.1", number)
        asking = await connectProtocol(client, Asking())
        asking.transport.write(b"hello")
        asking.transport.loseWriteConnection()
        return await asking.over

    assert on_a_loop(run, main) == b"hello"


def test_port_in_use(run):
    """A port that is taken fails the Deferred with `CannotListenError`."""

    async def main(reactor):
        port = await TCP4ServerEndpoint(reactor, 0).listen(FACTORY)
        with pytest.raises(error.CannotListenError):
            await TCP4ServerEndpoint(reactor, port.getHost().port).listen(FACTORY)

    on_a_loop(run, main)


def test_refused(run):
    """A port where nobody listens fails the Deferred with `ConnectionRefusedError`."""

    async def main(reactor):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", taken.getsockname()[1])
            with pytest.raises(error.ConnectionRefusedError):
                await endpoint.connect(FACTORY)

    on_a_loop(run, main)


def test_cancelled_on_the_way(run):
    """An attempt that is cancelled leaves nothing open, and its factory stops."""
    factory = Factory.forProtocol(Protocol)

    async def main(reactor):
        going = TCP4ClientEndpoint(reactor, "192.0.2.1", 9).connect(factory)
        await asyncio.sleep(0)
        going.cancel()
        with pytest.raises(error.ConnectingCancelledError):
            await going
        return reactor.removeAll(), factory.numPorts

    assert on_a_loop(run, main) == ([], 0)
    gc.collect()


def test_cancelled_while_it_is_connected(run):
    """To cancel in `connectionMade` closes the connection, and the Deferred fails."""
    protocol = Keeping()

    async def main(reactor):
        port = await TCP4ServerEndpoint(reactor, 0).listen(Factory.forProtocol(Keeping))
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        going = connectProtocol(endpoint, protocol)
        protocol.connectionMade = going.cancel
        with pytest.raises(error.ConnectingCancelledError):
            await going
        while protocol.closed is None:
            await asyncio.sleep(0.001)

    on_a_loop(run, main)

    assert protocol.closed.check(error.ConnectionDone)


def test_protocol_that_raises_when_connected(run, log):
    """What `connectionMade` raises ends the connection, and the Deferred fails with it."""

    class Broken(Protocol):
        def connectionMade(self):
            raise KeyError("broken")

    async def main(reactor):
        port = await TCP4ServerEndpoint(reactor, 0).listen(Factory.forProtocol(Asking))
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        with pytest.raises(KeyError, match="broken"):
            await endpoint.connect(Factory.forProtocol(Broken))

    on_a_loop(run, main)

    assert "broken" in log.take()[0]
