"""What applications' own code raises: what is logged, who is told, and who lives on."""

from __future__ import annotations

from typing import Any

from stage import Boom, Stage, boom, differs, scenario


def _still_serves(api: Stage, server: Any) -> Any:
    """Another connection is served as if nothing had been."""
    seen = api.events.get("server", ())
    made = sum(e == "connectionMade" for e in seen)
    lost = sum(e.startswith("connectionLost") for e in seen)
    peer = api.peer(server.number)
    deferred = api.seen("server", "connectionMade", made + 1)
    deferred.addCallback(lambda _: peer.close())
    return deferred.addCallback(lambda _: api.seen("server", "connectionLost", lost + 1))


def _once(action: Any) -> Any:
    """A hook that acts on its first call only."""
    calls: list[None] = []

    def hook(*args: Any) -> None:
        calls.append(None)
        if len(calls) == 1:
            action(*args)

    return hook


@scenario()
def data_received_raises(api: Stage) -> Any:
    """Logged; the reason is the exception; what that call wrote is not sent."""

    def data(protocol: Any, data: bytes) -> None:
        if data == b"bad":
            protocol.transport.write(b"dropped")
            raise Boom
        protocol.transport.write(b"kept")

    server = api.server(data=data)
    other = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer = api.peer(server.number)
    peer.send(b"good")
    yield peer.received(4)
    peer.send(b"bad")
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")
    other.send(b"good")
    yield other.received(4)
    api.record("other", other.data)


@scenario()
def data_received_raises_in_client(api: Stage) -> Any:
    """The same for a client: its factory gets the exception as the reason."""
    plain = api.plain_listener()
    api.client(plain.number, data=boom)
    peer = yield plain.accept()
    peer.send(b"bad")
    yield api.seen("client", "clientConnectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def data_received_raises_with_much_unsent(api: Stage) -> Any:
    """What earlier calls wrote and is not yet sent when `dataReceived` raises."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)

    server = api.server(made=made, data=boom)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(3)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()), len(peer.data) == 5_000_000)


@scenario()
def data_received_raises_after_lose_connection(api: Stage) -> Any:
    """Raising after having asked for the end."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"last")
        protocol.transport.loseConnection()
        raise Boom

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()), peer.data)


@scenario(
    differs("peer", "RST", because="the application asked for an abort, and gets one"),
)
def data_received_raises_after_abort(api: Stage) -> Any:
    """Raising after `abortConnection`."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.abortConnection()
        raise Boom

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def data_received_raises_while_paused(api: Stage) -> Any:
    """Raising after `pauseProducing`."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.pauseProducing()
        raise Boom

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def data_received_raises_with_producer(api: Stage) -> Any:
    """A producer is stopped when `dataReceived` raises."""

    class Producer:
        def pauseProducing(self) -> None:
            api.record("server", "pauseProducing")

        def resumeProducing(self) -> None:
            api.record("server", "resumeProducing")

        def stopProducing(self) -> None:
            api.record("server", "stopProducing")

    server = api.server(made=lambda p: p.transport.registerProducer(Producer(), True), data=boom)
    peer = api.peer(server.number)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def connection_made_raises(api: Stage) -> Any:
    """Logged, and the connection goes on."""
    server = api.server(made=_once(boom))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.send(b"are you there")
    yield api.seen("server", "dataReceived")
    peer.close()
    yield api.seen("server", "connectionLost")
    yield _still_serves(api, server)


@scenario()
def connection_made_raises_after_write(api: Stage) -> Any:
    """What `connectionMade` wrote before it raised."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"hello")
        raise Boom

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.sleep(0.03)
    peer.take()
    api.record("peer", peer.end, peer.data)


@scenario()
def connection_made_raises_in_client(api: Stage) -> Any:
    """The same for a client."""
    plain = api.plain_listener()
    client = api.client(plain.number, made=boom)
    peer = yield plain.accept()
    yield api.seen("client", "connectionMade")
    peer.send(b"are you there")
    yield api.sleep(0.03)
    api.record("client", "state", client.connector.state)
    peer.close()
    yield api.sleep(0.03)


@scenario()
def connection_lost_raises(api: Stage) -> Any:
    """Logged once."""
    server = api.server(lost=_once(boom))
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    yield api.turn(3)
    yield _still_serves(api, server)


@scenario()
def connection_lost_raises_after_lose_connection(api: Stage) -> Any:
    """The same when we closed; the peer sees a plain end."""
    server = api.server(lost=boom)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseConnection()
    api.record("peer", (yield peer.ended()))
    yield api.seen("server", "connectionLost")
    yield api.turn(3)


@scenario()
def connection_lost_raises_after_abort(api: Stage) -> Any:
    """The same when we aborted."""
    server = api.server(lost=boom)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.abortConnection()
    api.record("peer", (yield peer.ended()))
    yield api.seen("server", "connectionLost")
    yield api.turn(3)


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        "state disconnected",
        "users 0",
        because="the count of a factory's users stays right, whatever is raised",
    ),
)
def connection_lost_raises_in_client(api: Stage) -> Any:
    """Whether a client's factory is told when its protocol raised in `connectionLost`."""
    plain = api.plain_listener()
    client = api.client(plain.number, lost=boom)
    (yield plain.accept()).close()
    yield api.seen("client", "connectionLost")
    yield api.sleep(0.03)
    api.record("client", "state", client.connector.state)
    api.record("client", "users", client.factory.numPorts)


@scenario()
def data_received_and_connection_lost_raise(api: Stage) -> Any:
    """Both are logged."""
    server = api.server(data=boom, lost=boom)
    peer = api.peer(server.number)
    peer.send(b"bad")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def build_protocol_raises(api: Stage) -> Any:
    """Logged, and the peer sees an end; the next one is served."""
    calls: list[None] = []

    def build(factory: Any, addr: Any) -> Any:
        calls.append(None)
        if len(calls) == 1:
            raise Boom
        api.record("server", "building for", type(addr).__name__)
        return factory.make()

    server = api.server(build=build)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()))
    yield _still_serves(api, server)


@scenario()
def build_protocol_raises_in_client(api: Stage) -> Any:
    """What a client's factory is told when it raised in `buildProtocol`."""
    plain = api.plain_listener()
    client = api.client(plain.number, build=boom)
    peer = yield plain.accept()
    yield api.sleep(0.05)
    peer.take()
    api.record("peer", peer.end)
    api.record("client", "state", client.connector.state, "users", client.factory.numPorts)


@scenario()
def build_protocol_returns_none(api: Stage) -> Any:
    """The connection is closed plainly, with or without the peer having said something."""
    server = api.server(build=lambda factory, addr: api.record("server", "asked", addr))
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()))
    api.record("server", "users", server.factory.numPorts)


@scenario()
def build_protocol_returns_none_in_client(api: Stage) -> Any:
    """What a client's factory is told when it wants no protocol."""
    plain = api.plain_listener()
    client = api.client(plain.number, build=lambda factory, addr: None)
    peer = yield plain.accept()
    api.record("peer", (yield peer.ended()))
    yield api.sleep(0.03)
    api.record("client", "state", client.connector.state, "users", client.factory.numPorts)


@scenario()
def make_connection_raises(api: Stage) -> Any:
    """A protocol whose `makeConnection` raises before it has a transport."""

    class Bad(api.protocol.Protocol):  # type: ignore[misc,name-defined]
        def makeConnection(self, transport: Any) -> None:
            api.record("server", "makeConnection")
            raise Boom

        def connectionLost(self, reason: Any) -> None:
            api.record("server", "connectionLost", reason)

    server = api.server(build=lambda factory, addr: Bad())
    peer = api.peer(server.number)
    yield api.seen("server", "makeConnection")
    yield api.sleep(0.03)
    peer.close()
    yield api.sleep(0.03)


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        because="the caller has no connector, so nothing is left under way",
    ),
)
def started_connecting_raises(api: Stage) -> Any:
    """What `startedConnecting` raises comes out of `connectTCP`, or does not."""
    plain = api.plain_listener()
    api.attempt("call", "connectTCP", lambda: bool(api.client(plain.number, started=boom)))
    yield api.sleep(0.05)
    api.afterwards(lambda: None)


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "clientConnectionFailed ConnectionRefusedError disconnected",
        "state disconnected users 0",
        because="the count of a factory's users stays right, whatever is raised",
    ),
    differs("log", "error Boom", because="it is called once"),
)
def client_connection_failed_raises(api: Stage) -> Any:
    """Logged."""
    client = api.client(api.free_port(), failed=boom)
    yield api.seen("client", "clientConnectionFailed")
    yield api.turn(3)
    api.record("client", "state", client.connector.state, "users", client.factory.numPorts)


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        "state disconnected users 0",
        because="the count of a factory's users stays right, whatever is raised",
    ),
)
def client_connection_lost_raises(api: Stage) -> Any:
    """Logged."""
    plain = api.plain_listener()
    client = api.client(plain.number, client_lost=boom)
    (yield plain.accept()).close()
    yield api.seen("client", "clientConnectionLost")
    yield api.turn(3)
    api.record("client", "state", client.connector.state, "users", client.factory.numPorts)


@scenario()
def start_factory_raises(api: Stage) -> Any:
    """What `startFactory` raises comes out of `listenTCP`, and the port is not left open."""
    actor = api.actor(api.protocol.ServerFactory, "server", {})
    actor.factory.startFactory = boom
    number = api.free_port()
    api.attempt("call", "listenTCP", lambda: bool(api.reactor.listenTCP(number, actor.factory)))
    api.record("server", "users", actor.factory.numPorts)
    yield api.turn(3)


@scenario()
def stop_factory_raises(api: Stage) -> Any:
    """What `stopFactory` raises is the result of `stopListening`, or is logged."""
    server = api.server()
    server.factory.stopFactory = boom
    deferred = api.attempt("server", "stopListening", server.port.stopListening)
    if deferred is not None:
        api.outcome("server", "stopped", deferred)
    yield api.sleep(0.02)
    api.record("server", "users", server.factory.numPorts)
    server.factory.stopFactory = lambda: None


@scenario()
def data_received_replaced(api: Stage) -> Any:
    """A protocol may replace its `dataReceived` while connected."""

    def second(data: bytes) -> None:
        api.record("server", "second", data)

    def first(protocol: Any, _: bytes) -> None:
        protocol.dataReceived = second

    server = api.server(data=first)
    peer = api.peer(server.number)
    peer.send(b"one")
    yield api.seen("server", "dataReceived")
    peer.send(b"two")
    yield api.seen("server", "second")
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def protocol_replaced(api: Stage) -> Any:
    """`transport.protocol` may be replaced while connected: the new one is told everything."""

    def second() -> Any:
        protocol = api.actor(api.protocol.ServerFactory, "second", {}).factory.buildProtocol(None)
        return protocol

    def first(protocol: Any, _: bytes) -> None:
        replacement = second()
        protocol.transport.protocol = replacement
        replacement.makeConnection(protocol.transport)

    server = api.server(data=first)
    peer = api.peer(server.number)
    peer.send(b"one")
    yield api.seen("second", "connectionMade")
    peer.send(b"two")
    yield api.seen("second", "dataReceived")
    peer.close()
    yield api.seen("second", "connectionLost")
    yield api.turn(3)
