"""Datagrams: what ports hear, what writing answers and raises, and how they end."""

from __future__ import annotations

import os
import socket
import tempfile
from typing import Any

from stage import Stage, differs, nothing, scenario

HOST = "127.0.0.1"


def _protocol(api: Stage, name: str = "port", base: Any = None, **hooks: Any) -> Any:
    """A recording datagram protocol; `hooks` are called after what they are named for."""

    class Recording(base or api.protocol.DatagramProtocol):  # type: ignore[misc]
        noisy = False

        def startProtocol(self) -> None:
            api.record(name, "startProtocol", self.transport is not None, self.numPorts)
            hooks.get("started", nothing)(self)

        def stopProtocol(self) -> None:
            api.record(name, "stopProtocol", self.transport, self.numPorts)
            hooks.get("stopped", nothing)(self)

        def datagramReceived(self, datagram: bytes, *addr: Any) -> None:
            api.record(name, "datagramReceived", datagram, *addr)
            hooks.get("got", nothing)(self, datagram, *addr)

        def connectionRefused(self) -> None:
            api.record(name, "connectionRefused")
            hooks.get("refused", nothing)(self)

        def connectionFailed(self, failure: Any) -> None:
            api.record(name, "connectionFailed", failure)

    return Recording()


def _port(api: Stage, name: str = "port", interface: str = HOST, **more: Any) -> Any:
    """Such a protocol's port, which is stopped when the scenario is over."""
    size = more.pop("maxPacketSize", 8192)
    port = api.reactor.listenUDP(0, _protocol(api, name, **more), interface, size)
    api.name(port.getHost().port, name.upper())
    api.afterwards(lambda: port.connected and port.stopListening())
    return port


def _at(port: Any) -> tuple[str, int]:
    return port.getHost().host, port.getHost().port


def _plain(api: Stage, name: str = "PEER") -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    api.name(sock.getsockname()[1], name)
    api.afterwards(sock.close)
    return sock


def _nobody(api: Stage) -> tuple[str, int]:
    sock = _plain(api, "NOBODY")
    address: tuple[str, int] = sock.getsockname()
    sock.close()
    return address


@scenario()
def a_datagram_each_way(api: Stage) -> Any:
    """A port hears a plain socket, and is heard by it."""
    port, peer = _port(api), _plain(api)
    api.record("port", port.getHost(), bool(port.connected))
    peer.sendto(b"hello", _at(port))
    yield api.seen("port", "datagramReceived")
    api.attempt("port", "write", port.write, b"answer", peer.getsockname())
    api.record("peer", *peer.recvfrom(100))
    yield api.outcome("port", "stopped", port.stopListening())


@scenario()
def written_in_start_protocol(api: Stage) -> Any:
    """A protocol may write, and be connected, as soon as it starts."""
    peer = _plain(api)
    one = _port(api, "one", started=lambda p: p.transport.write(b"1", peer.getsockname()))
    two = _port(api, "two", started=lambda p: p.transport.connect(*peer.getsockname()))
    two.write(b"2")
    yield api.turn(2)
    api.record("peer", *peer.recvfrom(100))
    api.record("peer", *peer.recvfrom(100))
    peer.sendto(b"back", _at(two))
    yield api.seen("two", "datagramReceived")
    yield one.stopListening()


@scenario()
def empty_and_long_datagrams(api: Stage) -> Any:
    """Empty datagrams arrive; what is longer than `maxPacketSize` is cut."""
    port = _port(api, maxPacketSize=4)
    for datagram in (b"", b"1234", b"12345", b"123"):
        port.write(datagram, _at(port))
    yield api.seen("port", "datagramReceived", 4)


@scenario()
def pieces(api: Stage) -> Any:
    """`writeSequence` makes one datagram."""
    port = _port(api)
    api.attempt("port", "writeSequence", lambda: port.writeSequence([b"a", b"b"], _at(port)) and 0)
    yield api.seen("port", "datagramReceived")
    api.events["port"] = [e for e in api.events["port"] if "->" not in e]


_NO_ASSERTION = "a mistake in an argument is told as one, also without assertions"


@scenario(
    differs(
        "port",
        "startProtocol True 0",
        "good -> 1",
        "bytearray -> 1",
        "memoryview -> 1",
        "host in bytes -> 1",
        "name raises InvalidAddressError",
        "empty name raises InvalidAddressError",
        "IPv6 raises InvalidAddressError",
        "text raises TypeError",
        "number in text raises TypeError",
        "list raises TypeError",
        "no address raises TypeError",
        "number 65536 raises OverflowError",
        "too large raises MessageLengthError",
        "broadcast raises builtins.PermissionError",
        because=_NO_ASSERTION,
    ),
)
def what_write_takes(api: Stage) -> Any:
    """What `write` takes and refuses."""
    port, peer = _port(api), _plain(api)
    host, number = peer.getsockname()
    for label, datagram, *addr in (
        ("good", b"1", (host, number)),
        ("bytearray", bytearray(b"1"), (host, number)),
        ("memoryview", memoryview(b"1"), (host, number)),
        ("host in bytes", b"1", (host.encode(), number)),
        ("name", b"1", ("localhost", number)),
        ("empty name", b"1", ("", number)),
        ("IPv6", b"1", ("::1", number)),
        ("text", "1", (host, number)),
        ("number in text", b"1", (host, str(number))),
        ("list", b"1", [host, number]),
        ("no address", b"1"),
        ("number 65536", b"1", (host, 65536)),
        ("too large", b"1" * 65536, (host, number)),
        ("broadcast", b"1", ("<broadcast>", number)),
    ):
        api.attempt("port", label, port.write, datagram, *addr)
    yield api.turn()


@scenario()
def broadcast_permission(api: Stage) -> Any:
    """Whether a port may write to broadcast addresses can be asked and set."""
    port = _port(api)
    api.attempt("port", "get", port.getBroadcastAllowed)
    api.attempt("port", "set", port.setBroadcastAllowed, True)
    api.attempt("port", "get", port.getBroadcastAllowed)
    api.attempt("port", "set", port.setBroadcastAllowed, 0)
    api.attempt("port", "get", port.getBroadcastAllowed)
    yield api.turn()


@scenario()
def ipv6_datagrams(api: Stage) -> Any:
    """Over IPv6 an address is a pair too; families don't mix."""
    port = _port(api, interface="::1")
    api.record("port", port.getHost())
    api.attempt("port", "write", port.write, b"six", ("::1", port.getHost().port))
    api.attempt("port", "IPv4", port.write, b"", (HOST, 9))
    api.attempt("port", "name", port.write, b"", ("localhost", 9))
    yield api.seen("port", "datagramReceived")


@scenario(
    differs(
        "port",
        "startProtocol True 0",
        "name raises InvalidAddressError",
        "connect -> None",
        "again raises RuntimeError",
        "write -> 1",
        "its address -> 1",
        "None -> 1",
        "other address raises ValueError",
        because=_NO_ASSERTION,
    ),
)
def connected_port(api: Stage) -> Any:
    """A connected port writes to its peer, named or not, and to nobody else."""
    port, peer = _port(api), _plain(api)
    api.attempt("port", "name", port.connect, "localhost", 9)
    api.attempt("port", "connect", port.connect, *peer.getsockname())
    api.attempt("port", "again", port.connect, *peer.getsockname())
    api.attempt("port", "write", port.write, b"1")
    api.attempt("port", "its address", port.write, b"2", peer.getsockname())
    api.attempt("port", "None", port.write, b"3", None)
    api.attempt("port", "other address", port.write, b"4", (HOST, 9))
    yield api.turn()
    for _ in range(3):
        api.record("peer", *peer.recvfrom(100))


_EPOLL = "Twisted closes a port that is refused on epoll, its default, and on no other reactor"


@scenario(
    differs(
        "port",
        "startProtocol True 0",
        "write -> 1",
        "connectionRefused",
        "still connected True",
        because=_EPOLL,
    ),
)
def refused_when_connected(api: Stage) -> Any:
    """A connected port hears that nobody listens, and lives on."""
    port = _port(api)
    port.connect(*_nobody(api))
    api.attempt("port", "write", port.write, b"?")
    yield api.sleep(0.02)
    api.record("port", "still connected", bool(port.connected))


@scenario()
def not_refused_unless_connected(api: Stage) -> Any:
    """A port that is not connected never hears of it."""
    port = _port(api)
    nobody = _nobody(api)
    for _ in range(3):
        api.attempt("port", "write", port.write, b"?", nobody)
        yield api.sleep(0.005)


@scenario()
def raising_in_datagram_received(api: Stage) -> Any:
    """What `datagramReceived` raises is logged; the port hears on."""

    def raising(*_: Any) -> None:
        raise ValueError("on purpose")

    port = _port(api, got=raising)
    for number in (b"1", b"2"):
        port.write(number, _at(port))
    yield api.seen("port", "datagramReceived", 2)
    api.record("port", bool(port.connected))


@scenario(
    differs(
        "port",
        "startProtocol True 0",
        "datagramReceived b'0' (127.0.0.1, PORT)",
        "stopProtocol None 0",
        "stopped",
        because="after stopListening nothing more is heard; Twisted goes on with what is there",
    ),
)
def stopped_in_datagram_received(api: Stage) -> Any:
    """A port that is stopped when it hears something."""

    def stop(protocol: Any, *_: Any) -> None:
        stopped = protocol.transport.stopListening()
        stopped.addCallback(lambda _: api.record("port", "stopped"))

    port = _port(api, got=stop)
    for number in range(3):
        port.write(b"%d" % number, _at(port))
    yield api.sleep(0.02)
    api.events.pop("log", None)


@scenario()
def stop_a_datagram_port(api: Stage) -> Any:
    """`stopListening` fires on a later turn; then the number is free."""
    port = _port(api)
    number = port.getHost().port
    deferred = api.attempt("port", "stop", port.stopListening)
    api.record("port", "called", deferred.called, "connected", bool(port.connected))

    def again(_: Any) -> Any:
        fresh = api.reactor.listenUDP(number, _protocol(api, "again"), HOST)
        return fresh.stopListening()

    yield api.outcome("port", "stopped", deferred.addCallback(again))
    api.record("port", "connected", bool(port.connected), port.fileno())


@scenario()
def stopped_in_start_protocol(api: Stage) -> Any:
    """A port may be stopped as it starts; its protocol stops later."""
    _port(api, started=lambda p: p.transport.stopListening() and None)
    api.record("port", "listenUDP returned")
    yield api.seen("port", "stopProtocol")


@scenario(
    differs(
        "port",
        "startProtocol True 0",
        "stopProtocol None 0",
        "startProtocol True 0",
        "start -> None",
        "datagramReceived b'again' (127.0.0.1, PORT)",
        because="on Twisted such a port is deaf",
    ),
    differs("scenario", because="there it waits in vain"),
)
def start_a_datagram_port_again(api: Stage) -> Any:
    """A port that was stopped may be started again."""
    port = _port(api)
    yield port.stopListening()
    api.attempt("port", "start", port.startListening)
    api.name(port.getHost().port, "PORT")
    port.write(b"again", _at(port))
    yield api.seen("port", "datagramReceived")


@scenario()
def bad_datagram_ports(api: Stage) -> Any:
    """Which numbers and interfaces `listenUDP` refuses, and with what."""
    taken = _plain(api).getsockname()[1]
    for number, interface in (
        ("abc", HOST),
        (None, HOST),
        (-1, HOST),
        (65536, HOST),
        (0, "localhost"),
        (0, "203.0.113.7"),
        (taken, HOST),
    ):
        label = f"{number!r:.5} {interface}" if number != taken else "in use"
        api.attempt("port", label, api.reactor.listenUDP, number, _protocol(api), interface)
    yield api.turn()
    api.events.pop("log", None)


@scenario()
def adopted_datagram_port(api: Stage) -> Any:
    """A bound socket is adopted; the caller's descriptor stays open."""
    sock = _plain(api, "ADOPTED")
    port = api.reactor.adoptDatagramPort(sock.fileno(), socket.AF_INET, _protocol(api))
    api.record("port", port.getHost(), port.fileno() != sock.fileno())
    port.write(b"self", _at(port))
    yield api.seen("port", "datagramReceived")
    yield port.stopListening()
    api.record("socket", sock.getsockname())
    api.attempt(
        "port",
        "AF_UNIX",
        lambda: api.reactor.adoptDatagramPort(sock.fileno(), socket.AF_UNIX, _protocol(api)),
    )
    api.attempt(
        "port",
        "no descriptor",
        lambda: api.reactor.adoptDatagramPort(-1, socket.AF_INET, _protocol(api)),
    )


@scenario()
def multicast_group(api: Stage) -> Any:
    """A port hears what is sent to the groups it joined; its options can be asked and set."""
    group = "225.0.0.250"
    port = api.reactor.listenMulticast(0, _protocol(api, "member"), listenMultiple=True)
    api.name(port.getHost().port, "GROUP")
    other = api.reactor.listenMulticast(
        port.getHost().port, _protocol(api, "other"), listenMultiple=True
    )
    for each in (port, other):
        api.afterwards(each.stopListening)
    api.record("member", port.getTTL(), port.getLoopbackMode(), port.getOutgoingInterface())
    api.attempt("member", "setTTL", port.setTTL, 3)
    api.attempt("member", "setLoopbackMode", port.setLoopbackMode, 1)
    yield api.outcome("member", "interface", port.setOutgoingInterface(HOST))
    api.record("member", port.getTTL(), port.getLoopbackMode(), port.getOutgoingInterface())
    yield api.outcome("member", "join", port.joinGroup(group, HOST))
    yield api.outcome("other", "join", other.joinGroup(group, HOST))
    port.write(b"all", (group, port.getHost().port))
    yield api.seen("member", "datagramReceived")
    yield api.seen("other", "datagramReceived")
    yield api.outcome("member", "leave", port.leaveGroup(group, HOST))
    yield api.outcome("member", "leave again", port.leaveGroup(group, HOST))
    yield api.outcome("member", "no group", port.joinGroup(HOST))
    yield api.outcome("member", "IPv6 interface", port.joinGroup(group, "::1"))


def _folder(api: Stage) -> str:
    folder = tempfile.TemporaryDirectory()
    api.afterwards(folder.cleanup)
    return folder.name


def _renamed(api: Stage, party: str, folder: str) -> None:
    api.events[party] = [event.replace(folder, "FOLDER") for event in api.events[party]]


@scenario()
def unix_datagrams(api: Stage) -> Any:
    """A listening socket and one that is connected to it hear each other; files stay."""
    folder = _folder(api)
    here, there = f"{folder}/here", f"{folder}/there"
    connected = api.protocol.ConnectedDatagramProtocol
    port = api.reactor.listenUNIXDatagram(here, _protocol(api, "here"), mode=0o600)
    peer = api.reactor.connectUNIXDatagram(
        here, _protocol(api, "there", connected), bindAddress=there
    )
    api.record("here", oct(os.stat(here).st_mode), str(port.getHost()))
    api.record("there", str(peer.getHost()), str(peer.getPeer()))
    api.attempt("there", "write", peer.write, b"to here")
    yield api.seen("here", "datagramReceived")
    api.attempt("here", "write", port.write, b"to there", there)
    yield api.seen("there", "datagramReceived")
    nameless = api.reactor.connectUNIXDatagram(here, _protocol(api, "nameless", connected))
    nameless.write(b"from nobody")
    yield api.seen("here", "datagramReceived", 2)
    api.attempt("here", "nowhere", port.write, b"", f"{folder}/nowhere")
    api.attempt("here", "text", port.write, "", there)
    api.attempt("here", "taken", api.reactor.listenUNIXDatagram, here, _protocol(api, "x"))
    yield api.outcome("here", "stopped", port.stopListening())
    api.record("here", os.path.exists(here))
    api.attempt("there", "write", peer.write, b"anybody?")
    yield peer.stopListening()
    yield nameless.stopListening()
    for party in ("here", "there"):
        _renamed(api, party, folder)


@scenario()
def unix_peer_that_is_missing(api: Stage) -> Any:
    """`connectionFailed` is called before `connectUNIXDatagram` returns."""
    protocol = _protocol(api, "there", api.protocol.ConnectedDatagramProtocol)
    api.reactor.connectUNIXDatagram(f"{_folder(api)}/nobody", protocol)
    api.record("there", "returned")
    yield api.turn(2)
