"""Ports: what a loop adds, what the system refuses, and what is left afterwards."""

import asyncio
import gc
import os
import select
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from reactorlite import Reactor
from reactorlite.bridge.accepting import Reserve
from reactorlite.internet import error
from reactorlite.internet._reactor_interfaces import _Binding
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.tcp import makeBinding
from tests.waiting import PATIENCE, descriptors, opened_since


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


def echo():
    """A factory of echoes that doesn't log its beginning and end."""
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    return factory


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")


@needs_proc
def test_ports_take_a_descriptor_each(run):
    """One more port is one descriptor more: what is kept in reserve is shared."""

    async def main():
        async with Reactor() as reactor:
            reactor.listenTCP(0, echo(), interface="127.0.0.1")
            await asyncio.sleep(0.01)
            before = descriptors()
            for _ in range(5):
                reactor.listenTCP(0, echo(), interface="127.0.0.1")
            await asyncio.sleep(0.01)
            return descriptors() - before

    assert len(run(main())) == 5


@needs_proc
def test_stopped_port_leaves_no_descriptor(run):
    """Opening and closing ports leaves nothing open, served or not."""

    async def main():
        async with Reactor() as reactor:
            # libuv opens a descriptor for itself with a loop's first port.
            await reactor.listenTCP(0, echo(), interface="127.0.0.1").stopListening()
            await asyncio.sleep(0.01)
            before = descriptors()
            for _ in range(5):
                port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
                await asyncio.sleep(0)
                await port.stopListening()
            return await opened_since(before)

    assert run(main()) == set()


@needs_proc
def test_port_stopped_without_a_loop_leaves_no_descriptor():
    """A port that no loop ever served leaves nothing open."""
    before = descriptors()

    Reactor().listenTCP(0, echo(), interface="127.0.0.1").stopListening()

    assert descriptors() == before


@needs_proc
def test_port_that_could_not_be_had_leaves_no_descriptor():
    """A failed `listenTCP` leaves nothing open."""
    taken = socket.create_server(("127.0.0.1", 0))
    before = descriptors()

    with pytest.raises(error.CannotListenError) as caught:
        Reactor().listenTCP(taken.getsockname()[1], echo(), interface="127.0.0.1")
    left = descriptors() - before
    taken.close()

    assert left == set()
    assert isinstance(caught.value.socketError, OSError)
    assert caught.value.__cause__ is caught.value.socketError


@needs_proc
def test_factory_that_cannot_start_leaves_no_descriptor():
    """If the factory's start raises, so does `listenTCP`, and the port is free."""
    factory = echo()

    def fail():
        raise ValueError("startFactory")

    factory.startFactory = fail
    before = descriptors()
    with pytest.raises(ValueError, match="startFactory"):
        Reactor().listenTCP(0, factory, interface="127.0.0.1")
    gc.collect()

    assert descriptors() == before


@needs_proc
def test_connections_leave_no_descriptor(run):
    """A hundred connections, opened and closed by either side, leave nothing open."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
            address = ("127.0.0.1", port.getHost().port)
            await asyncio.sleep(0)
            before = descriptors()
            for _ in range(100):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"x")
                await reader.readexactly(1)
                writer.close()
                await writer.wait_closed()
            return await opened_since(before)

    assert run(main()) == set()


def test_port_is_served_as_soon_as_the_loop_has_it(run):
    """Clients that connected before the loop are served; the port is the same one."""
    reactor = Reactor()
    port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
    before = port.getHost()
    early = socket.create_connection(("127.0.0.1", before.port))
    early.sendall(b"early")

    async def main():
        async with reactor:
            early.setblocking(False)
            answer = await asyncio.get_running_loop().sock_recv(early, 100)
            return answer, port.getHost()

    answer, after = run(main())
    early.close()

    assert answer == b"early"
    assert after == before


def test_stopping_keeps_connections(run):
    """Connections live on when their port is closed, on every version of Python."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
            reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
            writer.write(b"1")
            await reader.readexactly(1)
            await port.stopListening()
            writer.write(b"2")
            answer = await reader.readexactly(1)
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main()) == b"2"


def test_started_again_with_its_number(run):
    """A port that was stopped listens again, and is served."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
            await port.stopListening()
            port.startListening()
            with pytest.raises(RuntimeError, match="listening already"):
                port.startListening()
            reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
            writer.write(b"again")
            answer = await reader.readexactly(5)
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main()) == b"again"


def test_stopped_and_started_in_one_turn(run):
    """Started again before the stop was done, a port is refused; after it, it isn't."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
            stopped = port.stopListening()
            with pytest.raises(RuntimeError):
                port.startListening()
            await stopped
            port.startListening()
            return port.connected

    assert run(main())


def test_factory_changed_while_listening(run):
    """The port asks whichever factory it has at the time."""

    class Other(Protocol):
        def connectionMade(self):
            self.transport.write(b"other")
            self.transport.loseConnection()

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, echo(), interface="127.0.0.1")
            port.factory = Factory.forProtocol(Other)
            reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run(main()) == b"other"


@pytest.mark.parametrize("wrong", [Echo, Echo(), None], ids=["class", "protocol", "None"])
def test_what_is_no_factory_is_refused(wrong):
    """`listenTCP` says at the call that it wants a factory."""
    with pytest.raises(TypeError, match=r"Factory\.forProtocol"):
        Reactor().listenTCP(0, wrong)


def test_loop_that_cannot_serve_at_once_says_so(log):
    """A loop whose `create_server` waits for something can't serve a port; the error says it."""

    class Slow(asyncio.SelectorEventLoop):
        async def create_server(self, *args, **kw):
            await asyncio.get_running_loop().create_future()

    async def main():
        async with Reactor() as reactor:
            with pytest.raises(RuntimeError, match=r"create_server\(\) waits"):
                reactor.listenTCP(0, echo(), interface="127.0.0.1")

    with asyncio.Runner(loop_factory=Slow) as runner:
        runner.run(main())


# ── no descriptor left ───────────────────────────────────────────────────────────────────

SERVER = """
    import asyncio, resource, sys
    from reactorlite.internet.asyncioreactor import Reactor
    from reactorlite.internet.protocol import Factory, Protocol

    class Echo(Protocol):
        def dataReceived(self, data):
            self.transport.write(data)

    if sys.argv[1] == "uvloop":
        import uvloop
        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    reactor = Reactor(loop)
    port = reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, hard))
    reactor.callWhenRunning(print, port.getHost().port, flush=True)
    reactor.run()
    loop.close()
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def poor_server(request):
    """A server in a process that may have 24 descriptors: its address, and the process."""
    pytest.importorskip("resource")
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(SERVER), request.param],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.loop = request.param
    yield ("127.0.0.1", int(process.stdout.readline())), process
    process.kill()
    process.communicate()


def echoed(sock, data=b"?"):
    """What comes back: the data, or b"" if the connection is no more."""
    try:
        sock.sendall(data)
        sock.settimeout(PATIENCE)
        return sock.recv(100)
    except ConnectionError:
        return b""
    except TimeoutError:
        return b"nothing"


def crowd(address, number=40):
    """So many connections, some of which the server can't take."""
    return [socket.create_connection(address, PATIENCE) for _ in range(number)]


def ended(sock):
    """Whether the peer closes."""
    sock.settimeout(PATIENCE)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_connections_in_service_go_on_without_descriptors(poor_server):
    """When no descriptor is left, the connections that are there are served on."""
    address, _ = poor_server
    first = socket.create_connection(address, PATIENCE)
    assert echoed(first) == b"?"
    others = crowd(address)

    answers = [echoed(first, b"%d" % number) for number in range(20)]

    assert answers == [b"%d" % number for number in range(20)]
    for sock in (first, *others):
        sock.close()


def test_connections_too_many_are_closed(poor_server):
    """A connection that can't be taken is closed soon, and not left hanging."""
    address, _ = poor_server
    socks = crowd(address)
    readable = set()
    limit = time.monotonic() + PATIENCE
    while len(readable) < 20 and time.monotonic() < limit:
        readable.update(select.select(socks, [], [], 0.1)[0])

    assert len(readable) >= 20
    assert all(ended(sock) for sock in readable)
    for sock in socks:
        sock.close()


def test_serves_again_when_descriptors_are_free(poor_server):
    """When descriptors come back, new connections are served, at once."""
    address, _ = poor_server
    for sock in crowd(address):
        sock.close()
    answers = []
    for _ in range(200):
        with socket.create_connection(address, PATIENCE) as late:
            answers.append(echoed(late))
        if answers[-1] == b"?":
            break
        time.sleep(0.005)

    assert answers[-1] == b"?"


def test_lack_of_descriptors_is_logged_once(poor_server):
    """The log says once that connections are refused, not for each of them.

    uvloop refuses them by itself, and tells nobody.
    """
    address, process = poor_server
    socks = crowd(address)
    refused = [sock for sock in socks[30:] if ended(sock)]
    for sock in socks:
        sock.close()
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE)

    assert refused
    assert err.count("refuse") == (0 if process.loop == "uvloop" else 1), err
    assert "Traceback" not in err


def test_binding_says_what_may_be_shared():
    """A `Binding` in the place of a number says which options the socket is to have."""
    found = []
    for address, number in [(False, False), (True, False), (True, True)]:
        binding = _Binding("127.0.0.1", 0, address, number)
        port = Reactor().listenTCP(binding, echo())
        options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT)
        found += [bool(port.socket.getsockopt(socket.SOL_SOCKET, each)) for each in options]
        found.append(port.interface)
        port.stopListening()

    one = "127.0.0.1"
    assert found == [False, False, one, True, False, one, True, True, one]


def test_binding_and_another_interface():
    """A `Binding` and an interface that isn't its own can't be had together."""
    binding = _Binding("127.0.0.1", 0)

    with pytest.raises(ValueError, match="give one of them"):
        Reactor().listenTCP(binding, echo(), interface="::1")


def test_connections_of_a_port_are_numbered(run):
    """A server's connections are numbered, and called, in the order in which they came."""

    async def main():
        called = []

        class Named(Protocol):
            def connectionMade(self):
                transport = self.transport
                called.append((transport.sessionno, repr(transport), transport.logstr))

        factory = Factory.forProtocol(Named)
        factory.noisy = False
        async with Reactor() as reactor:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
            number = port.getHost().port
            clients = [socket.create_connection(("127.0.0.1", number)) for _ in range(2)]
            while len(called) < 2:
                await asyncio.sleep(0.001)
            for each in clients:
                each.close()
            return called, number

    called, number = run(main())

    assert called == [
        (0, f"<Named #0 on {number}>", "Named,0,127.0.0.1"),
        (1, f"<Named #1 on {number}>", "Named,1,127.0.0.1"),
    ]


def test_reserve_is_had_again():
    """A reserve that was lost is taken again by the next that needs it."""
    reserve = Reserve()
    reserve.keep()

    reserve._give_up()  # as if another thread had been quicker to take what was given up
    lost = reserve.number
    reserve.renew()
    again = reserve.number
    reserve.release()

    assert lost == -1
    assert again >= 0
    assert reserve.number == -1


def test_connection_lost_ends_a_port_at_once(run):
    """`connectionLost` closes the port in the call, and what `doStop` raises passes."""

    async def main():
        async with Reactor() as reactor:
            factory = echo()
            factory.stopFactory = lambda: 1 / 0
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
            number = port.getHost().port
            await asyncio.sleep(0)
            with pytest.raises(ZeroDivisionError):
                port.connectionLost(None)
            await asyncio.sleep(0)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", number)
            return port.connected, port.fileno(), await port.stopListening()

    assert run(main()) == (False, -1, None)


def test_connection_lost_while_stopping(run):
    """A port that was asked to stop, and is ended before it did, ends once."""

    async def main():
        async with Reactor() as reactor:
            factory = echo()
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
            stopped = port.stopListening()
            port.connectionLost(None)
            users = factory.numPorts
            await stopped
            return users, factory.numPorts

    assert run(main()) == (0, 0)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="the system has no such option")
def test_ports_that_share_a_number(run):
    """Two ports made with `reusePort` listen on one number."""

    async def main():
        async with Reactor() as reactor:
            first = reactor.listenTCP(makeBinding("127.0.0.1", 0, reusePort=True), echo())
            number = first.getHost().port
            second = reactor.listenTCP(makeBinding("127.0.0.1", number, reusePort=True), echo())
            with pytest.raises(error.CannotListenError):
                reactor.listenTCP(number, echo(), interface="127.0.0.1")
            return second.getHost().port == number

    assert run(main())
