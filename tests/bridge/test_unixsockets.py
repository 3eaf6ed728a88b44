"""UNIX sockets: what lies at a path while a port has it, what refuses, and what is left."""

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys

import pytest

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet.address import UNIXAddress
from reactorlite.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol
from reactorlite.python.lockfile import FilesystemLock

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the abstract space")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Web(Protocol):
    """Answers every request with the same page."""

    def dataReceived(self, data):
        self.transport.write(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
        self.transport.loseConnection()


class Client(ClientFactory):
    """Says "hello", and keeps what it hears of."""

    noisy = False

    def __init__(self):
        self.over = asyncio.get_running_loop().create_future()
        self.got = b""
        self.peer = None

    def buildProtocol(self, address):
        self.peer = address
        factory = self

        class Hello(Protocol):
            def connectionMade(self):
                self.transport.write(b"hello")

            def dataReceived(self, data):
                factory.got += data
                self.transport.loseConnection()

        return Hello()

    def clientConnectionFailed(self, connector, reason):
        self.over.set_result(reason)

    def clientConnectionLost(self, connector, reason):
        self.over.set_result(reason)


def quiet(protocol=Echo):
    """A factory that doesn't log its beginning and end."""
    factory = Factory.forProtocol(protocol)
    factory.noisy = False
    return factory


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """An empty directory, which is the current one: paths of sockets are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stale(path):
    """Leave the socket of a process that is gone, and its lock."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    os.symlink(str(gone.pid), path + ".lock")


def told(run, path, **how):
    """What a client hears that connects to `path`, with nothing of ours there."""

    async def main():
        async with Reactor() as reactor:
            client = Client()
            reactor.connectUNIX(path, client, **how)
            return (await asyncio.wait_for(client.over, 5)).value

    return run(main())


@needs_linux
@pytest.mark.parametrize("path", ["s", b"s", "\0reactorlite of {}"])
def test_echo(path, directory, run):
    """Client and server talk at a path, as text or bytes, and by an abstract name."""
    path = path.format(os.getpid()) if isinstance(path, str) else path

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenUNIX(path, quiet())
            client = Client()
            connector = reactor.connectUNIX(path, client)
            reason = await asyncio.wait_for(client.over, 5)
            return port.getHost(), connector.getDestination(), client.peer, client.got, reason

    host, destination, peer, got, reason = run(main())

    assert host == destination == peer == UNIXAddress(path)
    assert got == b"hello"
    assert reason.check(error.ConnectionDone)
    assert list(directory.iterdir()) == []


def test_addresses_of_a_connection(directory, run):
    """The server's end has the path for its host; the client's end has no name."""

    async def main():
        async with Reactor() as reactor:
            made = asyncio.get_running_loop().create_future()

            class Server(Protocol):
                def connectionMade(self):
                    made.set_result((self.transport.getHost(), self.transport.getPeer()))

            reactor.listenUNIX("s", quiet(Server))
            client = Client()
            reactor.connectUNIX("s", client)
            return await asyncio.wait_for(made, 5)

    assert run(main()) == (UNIXAddress("s"), UNIXAddress(None))


def test_no_delay_is_for_tcp(directory, run):
    """What programs ask of any connection, as HTTP servers do, is without effect here."""

    async def main():
        async with Reactor() as reactor:
            made = asyncio.get_running_loop().create_future()

            class Server(Protocol):
                def connectionMade(self):
                    self.transport.setTcpNoDelay(True)
                    made.set_result(self.transport.getTcpNoDelay())

            reactor.listenUNIX("s", quiet(Server))
            reactor.connectUNIX("s", Client())
            return await asyncio.wait_for(made, 5)

    assert run(main()) is False


@needs_curl
def test_curl(directory, run):
    """curl fetches a page through a socket at a path."""

    async def main():
        async with Reactor() as reactor:
            reactor.listenUNIX("s", quiet(Web))
            curl = await asyncio.create_subprocess_exec(
                *("curl", "-s", "--max-time", "10", "--unix-socket", "s", "http://anywhere/"),
                stdout=subprocess.PIPE,
            )
            return (await curl.communicate())[0]

    assert run(main()) == b"hello\n"


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_mode(mode, directory):
    """The file has the permissions asked for, whatever the umask."""
    reactor = Reactor()

    port = reactor.listenUNIX("s", quiet(), mode=mode)
    found = stat.S_IMODE(os.stat("s").st_mode)
    port.stopListening()

    assert found == mode


@pytest.mark.parametrize(
    ("listen", "served"),
    [("listenUNIX", quiet()), ("listenUNIXDatagram", DatagramProtocol())],
    ids=["stream", "datagrams"],
)
def test_mode_that_is_no_number_leaves_no_file(listen, served, directory):
    """Text for a mode is refused before there is a file that nobody would remove."""
    reactor = Reactor()

    with pytest.raises(TypeError, match=rf"{listen}\(\) takes a number for mode, not '660'"):
        getattr(reactor, listen)("s", served, mode="660")

    assert os.listdir() == []


def test_backlog_that_is_no_number_leaves_no_file(directory):
    """A backlog that the system can't take is refused before there is a file."""
    reactor = Reactor()

    with pytest.raises(TypeError, match=r"listenUNIX\(\) takes a number for backlog, not None"):
        reactor.listenUNIX("s", quiet(), backlog=None)

    assert os.listdir() == []


def test_file_and_lock_go_with_the_port(directory):
    """What a port made at its path is gone when the Deferred fires."""
    port = Reactor().listenUNIX("s", quiet(), wantPID=True)
    during = sorted(each.name for each in directory.iterdir())

    port.stopListening()

    assert during == ["s", "s.lock"]
    assert list(directory.iterdir()) == []


def test_file_goes_with_the_reactor(directory, run):
    """What a port made at its path is gone when its reactor has ended."""

    async def main():
        async with Reactor() as reactor:
            reactor.listenUNIX("s", quiet(), wantPID=True)
            await asyncio.sleep(0)

    run(main())

    assert list(directory.iterdir()) == []


def test_what_is_gone_already_is_not_missed(directory, run, log):
    """A port whose file somebody removed stops; that its lock is gone is logged."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenUNIX("s", quiet(), wantPID=True)
            os.unlink("s")
            os.unlink("s.lock")
            return await port.stopListening()

    assert run(main()) is None
    assert len(log.take()) == 1


def test_empty_path_is_refused(directory):
    """An empty path is told as an address that can't be had, and not taken for any name."""
    with pytest.raises(error.CannotListenError, match="the path is empty"):
        Reactor().listenUNIX("", quiet())


def test_port_starts_again(directory, run):
    """A port that was stopped binds its path again."""

    async def main():
        async with Reactor() as reactor:
            port = reactor.listenUNIX("s", quiet())
            await port.stopListening()
            port.startListening()
            return os.path.exists("s")

    assert run(main())


def test_path_is_free_as_soon_as_its_port_is_stopped(directory):
    """A port that no loop serves yet gives up its path at once, and takes no successor's."""
    reactor = Reactor()
    first = reactor.listenUNIX("s", quiet())
    first.stopListening()
    second = reactor.listenUNIX("s", quiet())

    first.finish()
    there = os.path.exists("s")
    second.stopListening()

    assert there


def test_stale_socket_is_replaced(directory):
    """With `wantPID` the socket of a process that is gone is no obstacle."""
    stale("s")

    port = Reactor().listenUNIX("s", quiet(), wantPID=True)
    owner = os.readlink("s.lock")
    port.stopListening()

    assert owner == str(os.getpid())


REFUSED = {
    "in use": ("s", {}),
    "in use, with a lock": ("s", {"wantPID": True}),
    "stale, and no lock wanted": ("stale", {}),
    "locked": ("locked", {"wantPID": True}),
    "a file": ("file", {}),
    "no directory": ("none/s", {}),
    "no directory for the lock": ("none/s", {"wantPID": True}),
    "too long": ("s" * 200, {}),
    "too long, with a lock": ("s" * 200, {"wantPID": True}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, directory):
    """A path that can't be had is one error, which names it, and leaves all as it was."""
    path, how = REFUSED[name]
    (directory / "file").touch()
    stale("stale")
    lock = FilesystemLock("locked.lock")
    lock.lock()
    reactor = Reactor()
    port = reactor.listenUNIX("s", quiet())
    before = sorted(directory.iterdir()), len(os.listdir("/proc/self/fd"))

    with pytest.raises(error.CannotListenError, match=path):
        reactor.listenUNIX(path, quiet(), **how)
    after = sorted(directory.iterdir()), len(os.listdir("/proc/self/fd"))
    port.stopListening()
    lock.unlock()

    assert after == before


@pytest.mark.parametrize("path", [None, 7, ["s"]])
def test_no_path(path):
    """What is no path is refused at the call."""
    with pytest.raises(TypeError, match=r"listenUNIX\(\) takes the path"):
        Reactor().listenUNIX(path, quiet())
    with pytest.raises(TypeError, match=r"connectUNIX\(\) takes the path"):
        Reactor().connectUNIX(path, ClientFactory())


@pytest.mark.parametrize("path", ["none", "s" * 200, "", "."])
def test_nothing_to_connect_to(path, directory, run):
    """A path where nothing listens fails the attempt with a `ConnectError`."""
    assert isinstance(told(run, path), error.ConnectError)


def test_check_of_the_lock(directory, run):
    """`checkPID` fails where nobody alive has the lock, and names the file."""
    stale("s")

    failed = told(run, "s", checkPID=True)

    assert isinstance(failed, error.BadFileError)
    assert "s.lock" in str(failed) or "lock of s" in str(failed)


def test_lock_of_a_live_process(directory, run):
    """`checkPID` connects to a port that has its lock."""

    async def main():
        async with Reactor() as reactor:
            reactor.listenUNIX("s", quiet(), wantPID=True)
            client = Client()
            reactor.connectUNIX("s", client, checkPID=True)
            await asyncio.wait_for(client.over, 5)
            return client.got

    assert run(main()) == b"hello"


@needs_linux
def test_full_queue_is_waited_for(directory, run):
    """A client of a server that has no room for it connects when there is."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("s")
    listening.listen(0)
    first = socket.socket(socket.AF_UNIX)
    first.connect("s")

    async def main():
        async with Reactor() as reactor:
            client = Client()
            reactor.connectUNIX("s", client)
            await asyncio.sleep(0.01)
            waiting = client.peer is None
            served = [listening.accept()[0]]
            served += [await asyncio.to_thread(lambda: listening.accept()[0])]
            data = await asyncio.to_thread(served[1].recv, 10)
            for each in served:
                each.close()
            await client.over
            return waiting, data

    waiting, data = run(main())
    first.close()
    listening.close()

    assert waiting
    assert data == b"hello"


@needs_linux
def test_full_queue_times_out(directory, run):
    """A server that never has room is given up after `timeout`."""
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind("s")
        listening.listen(0)
        first.connect("s")

        assert isinstance(told(run, "s", timeout=0.05), error.TimeoutError)
