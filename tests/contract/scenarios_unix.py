"""UNIX sockets, descriptors sent over them, and sockets that something else has opened."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from stage import Stage, differs, scenario


def _directory(api: Stage) -> Path:
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made)  # once all ports have removed what is theirs
    return made


def _server(api: Stage, path: Any, interfaces: Any = (), how: Any = None, **hooks: Any) -> Any:
    server = api.actor(api.protocol.ServerFactory, "server", hooks, interfaces)
    server.port = api.reactor.listenUNIX(path, server.factory, **(how or {}))
    api.afterwards(lambda: server.port.stopListening())
    return server


def _client(api: Stage, path: Any, how: Any = None, **hooks: Any) -> Any:
    client = api.actor(api.protocol.ClientFactory, "client", hooks)
    client.connector = api.reactor.connectUNIX(path, client.factory, **(how or {}))
    return client


def _names(directory: Path) -> str:
    return " ".join(sorted(each.name for each in directory.iterdir())) or "nothing"


@scenario()
def a_unix_connection(api: Stage) -> Any:
    """The events of both ends, and what their addresses are."""
    path = str(_directory(api) / "s")
    server = _server(api, path, data=lambda p, d: p.transport.write(d))
    client = _client(
        api,
        path,
        made=lambda p: p.transport.write(b"hello"),
        data=lambda p, d: p.transport.loseConnection(),
    )
    expected = api.address.UNIXAddress(path)
    api.record("client", "destination", client.connector.getDestination() == expected)
    yield api.seen("client", "clientConnectionLost")
    yield api.seen("server", "connectionLost")
    api.record("server", "port", server.port.getHost() == expected)


@scenario()
def who_a_unix_transport_talks_to(api: Stage) -> Any:
    """`getHost` and `getPeer` of both ends, while they are connected."""
    path = str(_directory(api) / "s")
    expected = api.address.UNIXAddress(path)
    nobody = api.address.UNIXAddress(None)
    server = _server(api, path)
    client = _client(api, path)
    yield api.seen("server", "connectionMade")
    yield api.seen("client", "connectionMade")
    for actor in (server, client):
        transport = actor.transport
        api.record(actor.name, transport.getHost() == expected, transport.getPeer() == expected)
        api.record(actor.name, transport.getHost() == nobody, transport.getPeer() == nobody)
        api.record(actor.name, api.interfaces.IUNIXTransport.providedBy(transport))
        api.record(actor.name, transport.getTcpNoDelay(), transport.getTcpKeepAlive())
    client.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario()
def abstract_names(api: Stage) -> Any:
    """A name that begins with NUL has no file."""
    path = f"\0contract of {api.side} {os.getpid()}"
    server = _server(api, path)
    client = _client(api, path)
    yield api.seen("server", "connectionMade")
    yield api.seen("client", "connectionMade")
    api.record("port", server.port.getHost() == api.address.UNIXAddress(path))
    api.record("port", client.transport.getPeer() == api.address.UNIXAddress(path))
    client.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario()
def what_lies_at_the_path(api: Stage) -> Any:
    """The file, its permissions and the lock, while a port listens and when it was stopped."""
    directory = _directory(api)
    for how in ({}, {"mode": 0o600}, {"wantPID": True}):
        port = _server(api, str(directory / "s"), how=how).port
        mode = stat.S_IMODE((directory / "s").stat().st_mode)
        api.record("port", _names(directory), oct(mode))
        yield port.stopListening()
        api.record("port", _names(directory))


@scenario(
    differs(
        *("port", "in use raises CannotListenError", "in use, locked raises CannotListenError"),
        "no directory raises CannotListenError",
        "no directory, locked raises CannotListenError",
        "too long raises CannotListenError",
        "a file raises CannotListenError",
        "left file s",
        because="a lock that can't be made is the same error as a path that can't be had, and a"
        " lock of a port that didn't come about is given back",
    )
)
def paths_that_cannot_be_had(api: Stage) -> Any:
    """What `listenUNIX` raises, and what it leaves."""
    directory = _directory(api)
    (directory / "file").touch()
    port = _server(api, str(directory / "s")).port

    def attempt(label: str, name: str, **how: Any) -> None:
        factory = api.actor(api.protocol.ServerFactory, "none", {}).factory
        api.attempt(
            "port", label, lambda: api.reactor.listenUNIX(str(directory / name), factory, **how)
        )

    attempt("in use", "s")
    attempt("in use, locked", "s", wantPID=True)
    attempt("no directory", "none/s")
    attempt("no directory, locked", "none/s", wantPID=True)
    attempt("too long", "s" * 200)
    attempt("a file", "file")
    api.record("port", "left", _names(directory))
    yield port.stopListening()


@scenario()
def stale_sockets(api: Stage) -> Any:
    """A socket whose process is gone is replaced by a port that wants a lock, and by no other."""
    directory = _directory(api)
    path = str(directory / "s")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    os.symlink("999999999", path + ".lock")
    factory = api.actor(api.protocol.ServerFactory, "none", {}).factory
    api.attempt("port", "without", lambda: api.reactor.listenUNIX(path, factory))
    port = _server(api, path, how={"wantPID": True}).port
    api.record("port", _names(directory), os.readlink(path + ".lock") == str(os.getpid()))
    yield port.stopListening()
    api.record("port", _names(directory))


@scenario()
def nothing_to_connect_to(api: Stage) -> Any:
    """What a client hears of a path where nothing listens."""
    directory = _directory(api)
    (directory / "file").touch()
    for name in ("none", "file", "."):
        _client(api, str(directory / name))
        yield api.seen("client", "clientConnectionFailed")
        api.events["client " + name] = api.events.pop("client")


@scenario()
def lock_of_the_server(api: Stage) -> Any:
    """With `checkPID` the lock of a live process must be there."""
    directory = _directory(api)
    _server(api, str(directory / "plain"))
    _client(api, str(directory / "plain"), how={"checkPID": True})
    yield api.seen("client", "clientConnectionFailed")
    _server(api, str(directory / "locked"), how={"wantPID": True})
    client = _client(api, str(directory / "locked"), how={"checkPID": True})
    yield api.seen("client", "connectionMade")
    yield api.seen("server", "connectionMade")
    client.transport.loseConnection()
    yield api.seen("client", "clientConnectionLost")
    api.events.pop("server")


@scenario(
    differs(
        *("client", "startedConnecting connecting"),
        "clientConnectionFailed TimeoutError disconnected",
        because="Twisted's reactor on epoll takes a full queue for the end of the connection; its"
        " reactor on asyncio waits as we do",
    )
)
def unix_connection_refused_in_time(api: Stage) -> Any:
    """A server whose queue is full is waited for until the time-out."""
    path = str(_directory(api) / "s")
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as first:
        full.bind(path)
        full.listen(0)
        first.connect(path)
        _client(api, path, how={"timeout": 0.1})
        yield api.seen("client", "clientConnectionFailed")


def _receiving(api: Stage, server: Any) -> None:
    """Have protocols record descriptors by what they are of."""

    def received(self: Any, descriptor: int) -> None:
        api.record("server", "fileDescriptorReceived", os.read(descriptor, 10))
        os.close(descriptor)

    server.factory.make.fileDescriptorReceived = received


def _pipe(content: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


@scenario(
    differs(
        *("server", "closed at once"),
        because="uvloop reads a connection before anything can look for descriptors: it is closed,"
        " and the log says why",
        loops=("uvloop",),
    ),
    differs(
        *("log", "error NotImplementedError"),
        because="this is what the log says",
        loops=("uvloop",),
    ),
)
def descriptors_come_before_their_byte(api: Stage) -> Any:
    """A receiver gets each descriptor before the byte that was written after it."""
    path = str(_directory(api) / "s")
    server = _server(api, path, [api.interfaces.IFileDescriptorReceiver])
    _receiving(api, server)
    numbers = [_pipe(b"one"), _pipe(b"two")]
    client = _client(api, path)
    yield api.seen("client", "connectionMade")
    for each in numbers:
        client.transport.sendFileDescriptor(each)
        client.transport.write(b"x")
        yield api.sleep(0.02)
    client.transport.loseConnection()
    yield api.seen("client", "clientConnectionLost")
    yield api.sleep(0.02)
    for each in numbers:
        os.close(each)
    api.events.setdefault("server", ["closed at once"])
    api.events.pop("client")


@scenario()
def descriptors_for_nobody(api: Stage) -> Any:
    """What is sent to a protocol that takes no descriptors is closed, and bytes still come.

    Twisted says so in its log; here the system closes it, and says nothing.
    """
    path = str(_directory(api) / "s")
    _server(api, path)
    client = _client(api, path)
    yield api.seen("client", "connectionMade")
    kept, sent = socket.socketpair()
    client.transport.sendFileDescriptor(sent.fileno())
    client.transport.write(b"x")
    yield api.seen("server", "dataReceived")
    sent.close()
    kept.settimeout(30)
    api.record("server", "closed" if kept.recv(1) == b"" else "open")
    kept.close()
    client.transport.loseConnection()
    yield api.seen("server", "connectionLost")
    api.events.pop("client")
    api.events.pop("log", None)


@scenario()
def adopted_ports(api: Stage) -> Any:
    """A socket that listens is served by a factory; the caller's own descriptor is free."""
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_INET6, ("::1", 0)),
        (socket.AF_UNIX, str(_directory(api) / "s")),
    ):
        theirs = socket.socket(family)
        theirs.bind(address)
        theirs.listen()
        theirs.setblocking(False)
        name = theirs.getsockname()
        server = api.actor(api.protocol.ServerFactory, "server", {})
        port = api.reactor.adoptStreamPort(theirs.fileno(), family, server.factory)
        theirs.close()
        api.record("server", type(port.getHost()).__name__, server.factory.numPorts)
        peer = socket.socket(family)
        peer.setblocking(False)
        peer.connect_ex(name)
        yield api.seen("server", "connectionMade")
        yield port.stopListening()
        peer.send(b"on")
        yield api.seen("server", "dataReceived")
        peer.close()
        yield api.seen("server", "connectionLost")
        api.record("server", server.factory.numPorts)
        api.events[f"server {family.name}"] = api.events.pop("server")


@scenario()
def adopted_connections(api: Stage) -> Any:
    """A connected socket is served; the factory isn't started."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    server = api.actor(api.protocol.ServerFactory, "server", {})
    api.reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, server.factory)
    ours.close()
    theirs.send(b"hello")
    yield api.seen("server", "dataReceived")
    api.record("server", server.factory.numPorts)
    theirs.close()
    yield api.seen("server", "connectionLost")


@scenario()
def not_to_be_adopted(api: Stage) -> Any:
    """What is raised for what can't be adopted."""
    factory = api.actor(api.protocol.ServerFactory, "none", {}).factory
    with socket.socket() as fresh:
        for adopt in ("adoptStreamPort", "adoptStreamConnection"):
            for label, number, family in (
                ("closed", 9999, socket.AF_INET),
                ("no number of a descriptor", -1, socket.AF_INET),
                ("no family", fresh.fileno(), 999),
            ):
                call = getattr(api.reactor, adopt)
                api.attempt(adopt, label, call, number, family, factory)
        api.attempt(
            *("adoptStreamConnection", "not connected", api.reactor.adoptStreamConnection),
            *(fresh.fileno(), socket.AF_INET, factory),
        )
    yield api.turn()
