"""Ports: binding, refusing to, and coming to an end."""

from __future__ import annotations

import socket
from typing import Any

from stage import Stage, differs, drive, scenario


def _factory(api: Stage, name: str = "server") -> Any:
    factory = api.actor(api.protocol.ServerFactory, name, {}).factory
    factory.startFactory = lambda: api.record(name, "startFactory")
    factory.stopFactory = lambda: api.record(name, "stopFactory")
    return factory


@scenario()
def any_port(api: Stage) -> Any:
    """Port 0 is some free port, known when the call returns."""
    port = api.reactor.listenTCP(0, _factory(api), interface="127.0.0.1")
    api.name(port.getHost().port, "OURS")
    api.record("port", port.getHost(), port.getHost().port > 0)
    with socket.create_connection(("127.0.0.1", port.getHost().port), 3):
        yield api.seen("server", "connectionMade")
    yield api.seen("server", "connectionLost")
    yield port.stopListening()


@scenario()
def interfaces(api: Stage) -> Any:
    """What an interface's name means, and who can connect then."""
    for interface in ("", "127.0.0.1", "::1", "::", "0.0.0.0"):
        port = api.reactor.listenTCP(0, _factory(api, "f"), interface=interface)
        number = port.getHost().port
        api.name(number, "OURS")
        api.record("port", repr(interface), port.getHost())
        for host in ("127.0.0.1", "127.0.0.2", "::1"):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as sock:
                api.record("port", host, sock.connect_ex((host, number)) == 0)
        yield port.stopListening()
    api.events.pop("f")


@scenario()
def names_as_interfaces(api: Stage) -> Any:
    """Interfaces that are names, not ours, or nonsense."""
    for interface in ("localhost", "203.0.113.7", "nonsense.invalid.", "256.1.1.1", "fe80::99"):
        label = repr(interface)
        result = api.attempt(
            "port",
            label,
            lambda interface=interface: api.reactor.listenTCP(
                0, _factory(api, "f"), interface=interface
            ).stopListening(),
        )
        if isinstance(result, api.error.CannotListenError):
            api.record("port", "interface", result.interface == interface, result.port)
            api.record("port", "error", result.socketError)
        yield api.turn(2)


@scenario()
def port_in_use(api: Stage) -> Any:
    """A port that is taken raises `CannotListenError`, which says what, and why."""
    taken = api.plain_listener()
    factory = _factory(api)
    error = api.attempt(
        "port",
        "listen",
        lambda: api.reactor.listenTCP(taken.number, factory, interface="127.0.0.1"),
    )
    api.record("port", error.interface, error.port == taken.number, error.socketError)
    api.record("port", error.socketError.errno, isinstance(error, api.error.BindError))
    api.record("port", "names the port", str(taken.number) in str(error), factory.numPorts)
    yield api.turn(2)


@scenario(
    differs(
        "port",
        "'abc' raises TypeError",
        "'8000' raises TypeError",
        "None raises TypeError",
        "-1 raises OverflowError",
        "65536 raises OverflowError",
        "3.5 raises TypeError",
        because="a mistake in an argument is a `TypeError`, also without assertions",
    ),
)
def bad_port_numbers(api: Stage) -> Any:
    """Which port numbers `listenTCP` refuses, and with what."""
    for number in ("abc", "8000", None, -1, 65536, 3.5):
        result = api.attempt(
            "port",
            repr(number),
            lambda number=number: bool(
                api.reactor.listenTCP(number, _factory(api, "f"), interface="127.0.0.1")
            ),
        )
        if isinstance(result, api.error.CannotListenError):
            api.record("port", "error", result.socketError)
        yield api.turn(1)
    api.events.pop("f", None)


@scenario()
def clients_before_accepting(api: Stage) -> Any:
    """A client that connects as soon as `listenTCP` returned is served."""
    server = api.server()
    peer = api.peer(server.number)
    peer.send(b"early")
    yield api.seen("server", "dataReceived")


@scenario()
def stop_listening(api: Stage) -> Any:
    """`stopListening` fires on a later turn; connections live on."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.factory.stopFactory = lambda: api.record("server", "stopFactory")
    number = server.number
    deferred = api.attempt("server", "stop", server.port.stopListening)
    api.record("server", "called", deferred.called, "users", server.factory.numPorts)
    yield api.outcome("server", "d", deferred)
    api.record("server", "users", server.factory.numPorts)
    with socket.socket() as sock:
        api.record("server", "refused", sock.connect_ex(("127.0.0.1", number)) != 0)
    peer.send(b"still there")
    yield api.seen("server", "dataReceived")
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "first -> Deferred",
        "second -> Deferred",
        "d2 fired None",
        "d1 fired None",
        "third -> Deferred",
        "d3 fired None",
        "users 0",
        because="stopping what is stopped succeeds, where Twisted stumbles or returns None",
    ),
)
def stop_listening_twice(api: Stage) -> Any:
    """A second `stopListening`, before and after the first has fired."""
    server = api.server()
    first = api.attempt("server", "first", server.port.stopListening)
    second = api.attempt("server", "second", server.port.stopListening)
    if second is not None:
        api.outcome("server", "d2", second)
    yield api.outcome("server", "d1", first)
    third = api.attempt("server", "third", server.port.stopListening)
    if third is not None:
        api.outcome("server", "d3", third)
    yield api.turn(3)
    api.record("server", "users", server.factory.numPorts)


@scenario()
def start_listening_again(api: Stage) -> Any:
    """`startListening` binds a stopped port again, to the number it was made with."""
    number = api.free_port()
    server = api.actor(api.protocol.ServerFactory, "server", {})
    server.port = api.reactor.listenTCP(number, server.factory, interface="127.0.0.1")
    api.afterwards(lambda: server.port.stopListening())
    factory = server.factory
    factory.startFactory = lambda: api.record("server", "startFactory")
    factory.stopFactory = lambda: api.record("server", "stopFactory")
    yield server.port.stopListening()
    api.attempt("server", "start", server.port.startListening)
    api.record("server", "same number", server.number == number, factory.numPorts)
    api.peer(number)
    yield api.seen("server", "connectionMade")


@scenario()
def lose_connection_of_a_port(api: Stage) -> Any:
    """`loseConnection` of a port is `stopListening`."""
    server = api.server()
    number = server.number
    deferred = api.attempt("server", "lose", server.port.loseConnection)
    if deferred is not None:
        yield api.outcome("server", "d", deferred)
    yield api.turn(3)
    with socket.socket() as sock:
        api.record("server", "refused", sock.connect_ex(("127.0.0.1", number)) != 0)


@scenario()
def stop_listening_in_build_protocol(api: Stage) -> Any:
    """A port may be stopped from `buildProtocol`; that connection is served."""

    def build(factory: Any, addr: Any) -> Any:
        server.port.stopListening()
        protocol = factory.make()
        server.protocols.append(protocol)
        return protocol

    server = api.server(build=build)
    peer = api.peer(server.number)
    peer.send(b"the last")
    yield api.seen("server", "dataReceived")


@scenario()
def a_ports_attributes(api: Stage) -> Any:
    """Attributes that old code reads from a port."""
    server = api.server()
    port = server.port
    for label in ("listening", "stopped"):
        api.record("port", label, "connected", bool(port.connected))
        api.record("port", "factory", port.factory is server.factory, port.backlog)
        api.record("port", "interface", port.interface, "port", port.port)
        api.record("port", "repr", type(server.factory).__name__ in repr(port))
        if label == "listening":
            yield port.stopListening()


@scenario(
    differs("port", "getHost raises NotListeningError", because="the error says what is wrong"),
)
def get_host_when_stopped(api: Stage) -> Any:
    """`getHost` of a port that was stopped."""
    server = api.server()
    yield server.port.stopListening()
    api.attempt("port", "getHost", lambda: type(server.port.getHost()).__name__)


@scenario()
def one_factory_two_ports(api: Stage) -> Any:
    """A factory on two ports starts once, and stops when both are stopped."""
    factory = _factory(api)
    ports = [api.reactor.listenTCP(0, factory, interface="127.0.0.1") for _ in range(2)]
    api.record("server", "users", factory.numPorts)
    yield ports[0].stopListening()
    api.record("server", "users", factory.numPorts)
    yield ports[1].stopListening()
    api.record("server", "users", factory.numPorts)


@scenario()
def stop_listening_with_clients_waiting(api: Stage) -> Any:
    """Clients not yet accepted when a port stops are not served by it."""
    server = api.server()
    peers = [api.peer(server.number) for _ in range(3)]
    yield server.port.stopListening()
    yield api.turn(3)
    made = len(server.protocols)
    api.record("server", "all or none", made in (0, 3))
    for peer in peers[made:]:
        api.record("peer", (yield peer.ended()))
    api.events["server"] = ["all or none True"] if made in (0, 3) else []


@scenario()
def many_clients_at_once(api: Stage) -> Any:
    """A crowd in the queue is served to the last."""
    server = api.server(data=lambda p, d: p.transport.write(d))
    peers = [api.peer(server.number) for _ in range(40)]
    for peer in peers:
        peer.send(b"me")
    for peer in peers:
        yield peer.received(2)
    api.record("peers", sum(peer.data == b"me" for peer in peers))
    api.events.pop("server")


@scenario()
def peer_gone_before_accept(api: Stage) -> Any:
    """A client that has reset its connection before it is accepted."""
    server = api.server()
    api.peer(server.number).reset()
    yield api.sleep(0.03)
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost ConnectionDone")
    api.events["server"] = api.events["server"][-2:]


@scenario()
def backlog(api: Stage) -> Any:
    """`backlog` is taken by position and by name."""
    one = api.reactor.listenTCP(0, _factory(api, "f"), 7, "127.0.0.1")
    two = api.reactor.listenTCP(0, _factory(api, "f"), interface="127.0.0.1", backlog=3)
    api.record("port", one.backlog, two.backlog)
    yield one.stopListening()
    yield two.stopListening()


@scenario(alone=True)
def too_many_open_files(api: Stage) -> None:
    """With no descriptors left, other connections go on, and clients are served again later."""
    import os
    import resource

    hoard: list[int] = []
    peers: list[Any] = []

    def steps() -> Any:
        server = api.server(data=lambda p, d: p.transport.write(d))
        first = api.peer(server.number)
        yield api.seen("server", "connectionMade")
        peers.extend(socket.socket() for _ in range(3))
        _use_up(hoard)
        for sock in peers:
            sock.connect(("127.0.0.1", server.number))
        yield api.sleep(0.05)
        first.send(b"still there")
        yield first.received(11)
        api.record("first", first.data)
        api.record("log", "said something", bool(api.events.get("log")))
        while hoard:
            os.close(hoard.pop())
        for sock in peers:
            sock.close()
        yield api.sleep(1.2)
        last = api.peer(server.number)
        last.send(b"served")
        yield last.received(6)
        api.record("last", last.data)

    def done() -> None:
        api.events.pop("server", None)
        # How often it is said, and in which words, is the system's and the reactor's.
        api.events.pop("log", None)
        api.strike()
        api.reactor.stop()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    api.reactor.callWhenRunning(drive, api, steps(), done)
    api.reactor.run()


def _use_up(hoard: list[int]) -> None:
    import os

    while True:
        try:
            hoard.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return
