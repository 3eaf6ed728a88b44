"""Clients: attempts, how they fail, and the connector that makes them."""

from __future__ import annotations

from typing import Any

from stage import Stage, differs, scenario


def _summary(api: Stage, client: Any) -> None:
    api.record(client.name, "state", client.connector.state, "users", client.factory.numPorts)


@scenario()
def a_clients_life(api: Stage) -> Any:
    """Every event of a client, with the connector's state at each."""
    plain = api.plain_listener()
    states: list[str] = []
    client = api.client(
        plain.number,
        made=lambda p: api.record("client", "made", client.connector.state),
        data=lambda p, d: api.record("client", "data", client.connector.state),
        lost=lambda p, r: api.record("client", "lost", client.connector.state),
    )
    api.record("client", "connectTCP returned", client.connector.state, *states)
    peer = yield plain.accept()
    peer.send(b"hello")
    yield api.seen("client", "data ")
    _summary(api, client)
    peer.close()
    yield api.seen("client", "clientConnectionLost")
    yield api.turn(3)
    _summary(api, client)


@scenario()
def build_protocol_is_told_the_peer(api: Stage) -> Any:
    """A client's `buildProtocol` gets the address connected to."""
    plain = api.plain_listener()

    def build(factory: Any, addr: Any) -> Any:
        api.record("client", "buildProtocol", addr, client.connector.state)
        protocol = factory.make()
        protocol.factory = factory
        client.protocols.append(protocol)
        return protocol

    client = api.client(plain.number, build=build)
    yield api.seen("client", "connectionMade")
    (yield plain.accept()).close()
    yield api.seen("client", "clientConnectionLost")


@scenario()
def refused(api: Stage) -> Any:
    """A refused connection."""
    client = api.client(api.free_port())
    api.record("client", "returned")
    yield api.seen("client", "clientConnectionFailed")
    yield api.turn(3)
    _summary(api, client)


@scenario()
def refused_by_name(api: Stage) -> Any:
    """The same by a host's name."""
    client = api.client(api.free_port(), host="localhost")
    yield api.seen("client", "clientConnectionFailed")
    yield api.turn(3)
    _summary(api, client)


@scenario()
def refused_tells_the_error(api: Stage) -> Any:
    """The reason's error carries the system's number."""

    def failed(connector: Any, reason: Any) -> None:
        error = reason.value
        api.record("client", "osError", error.osError)
        api.record("client", isinstance(error, api.error.ConnectError), str(error)[:22])

    api.client(api.free_port(), failed=failed)
    yield api.seen("client", "osError")
    yield api.turn()


@scenario()
def connected_by_name(api: Stage) -> Any:
    """A client connects to a host by its name."""
    plain = api.plain_listener()
    client = api.client(plain.number, host="localhost")
    yield api.seen("client", "connectionMade")
    api.record("client", client.connector.getDestination(), client.transport.getPeer())


@scenario()
def name_unknown(api: Stage) -> Any:
    """A name that nobody has."""
    client = api.client(80, host="nonexistent.invalid.")
    api.record("client", "returned")
    yield api.seen("client", "clientConnectionFailed")
    yield api.turn(3)
    _summary(api, client)


@scenario()
def name_empty(api: Stage) -> Any:
    """No name is this machine."""
    api.client(api.free_port(), host="")
    yield api.seen("client", "clientConnectionFailed")


@scenario()
def stop_connecting_while_resolving(api: Stage) -> Any:
    """`stopConnecting` before the name is known."""
    client = api.client(80, host="nonexistent.invalid.")
    api.attempt("client", "stop", client.connector.stopConnecting)
    yield api.seen("client", "clientConnectionFailed")
    yield api.sleep(0.05)
    _summary(api, client)


@scenario()
def stop_connecting(api: Stage) -> Any:
    """`stopConnecting` while an attempt is under way, from outside and twice."""
    full = api.silent_port()
    client = api.client(full)
    yield api.sleep(0.02)
    api.attempt("client", "stop", client.connector.stopConnecting)
    _summary(api, client)
    api.attempt("client", "again", client.connector.stopConnecting)
    yield api.seen("client", "clientConnectionFailed")
    yield api.turn(3)
    _summary(api, client)


@scenario()
def stop_connecting_at_once(api: Stage) -> Any:
    """`stopConnecting` right after `connectTCP`."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    api.attempt("client", "stop", client.connector.stopConnecting)
    yield api.seen("client", "clientConnectionFailed")
    yield api.sleep(0.02)
    _summary(api, client)


@scenario()
def stop_connecting_in_started_connecting(api: Stage) -> Any:
    """`stopConnecting` in `startedConnecting`."""
    plain = api.plain_listener()
    client = api.client(
        plain.number,
        started=lambda c: api.attempt("client", "stop", c.stopConnecting),
    )
    yield api.seen("client", "clientConnectionFailed")
    yield api.sleep(0.02)
    _summary(api, client)


@scenario()
def stop_connecting_when_connected(api: Stage) -> Any:
    """`stopConnecting` is an error when there is no attempt to stop."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    yield api.seen("client", "connectionMade")
    api.attempt("client", "connected", client.connector.stopConnecting)
    (yield plain.accept()).close()
    yield api.seen("client", "clientConnectionLost")
    api.attempt("client", "over", client.connector.stopConnecting)


@scenario()
def stop_connecting_in_connection_made(api: Stage) -> Any:
    """`stopConnecting` in `connectionMade`."""
    plain = api.plain_listener()
    client = api.client(
        plain.number,
        made=lambda p: api.attempt("client", "stop", client.connector.stopConnecting),
    )
    yield api.seen("client", "stop")
    _summary(api, client)


@scenario()
def disconnect(api: Stage) -> Any:
    """`disconnect` loses a connection, and is nothing when there is none."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    yield api.seen("client", "connectionMade")
    client.transport.write(b"sent")
    api.attempt("client", "disconnect", client.connector.disconnect)
    api.record("client", "returned", client.connector.state)
    peer = yield plain.accept()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("client", "clientConnectionLost")
    api.attempt("client", "again", client.connector.disconnect)
    _summary(api, client)


@scenario()
def disconnect_while_connecting(api: Stage) -> Any:
    """`disconnect` while an attempt is under way stops it."""
    client = api.client(api.silent_port())
    yield api.sleep(0.02)
    api.attempt("client", "disconnect", client.connector.disconnect)
    yield api.seen("client", "clientConnectionFailed")
    _summary(api, client)


@scenario()
def connect_while_connecting(api: Stage) -> Any:
    """`connect` is refused while there is an attempt or a connection."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    api.attempt("client", "connecting", client.connector.connect)
    yield api.seen("client", "connectionMade")
    api.attempt("client", "connected", client.connector.connect)


@scenario()
def reconnect_when_lost(api: Stage) -> Any:
    """`connector.connect()` in `clientConnectionLost` connects again, with a new protocol."""
    plain = api.plain_listener()
    left = [2]

    def again(connector: Any, reason: Any) -> None:
        if left[0]:
            left[0] -= 1
            api.attempt("client", "connect", connector.connect)
            api.record("client", "state", connector.state)

    client = api.client(plain.number, client_lost=again)
    for _ in range(3):
        (yield plain.accept()).close()
    yield api.seen("client", "clientConnectionLost", 3)
    yield api.turn(3)
    _summary(api, client)
    api.record("client", len(client.protocols), len(set(map(id, client.protocols))))


@scenario()
def reconnect_when_failed(api: Stage) -> Any:
    """`connector.connect()` in `clientConnectionFailed` tries again."""
    left = [2]

    def again(connector: Any, reason: Any) -> None:
        if left[0]:
            left[0] -= 1
            api.attempt("client", "connect", connector.connect)
            api.record("client", "state", connector.state)

    client = api.client(api.free_port(), failed=again)
    yield api.seen("client", "clientConnectionFailed", 3)
    yield api.turn(3)
    _summary(api, client)


@scenario()
def reconnect_later(api: Stage) -> Any:
    """`connector.connect()` when all is over: the factory starts a second time."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    factory = client.factory
    factory.startFactory = lambda: api.record("client", "startFactory")
    factory.stopFactory = lambda: api.record("client", "stopFactory")
    (yield plain.accept()).close()
    yield api.seen("client", "stopFactory")
    client.connector.connect()
    (yield plain.accept()).close()
    yield api.seen("client", "stopFactory", 2)
    _summary(api, client)


@scenario()
def factory_starts_before_and_stops_after(api: Stage) -> Any:
    """`startFactory` comes before `startedConnecting`, `stopFactory` after `clientConnection*`."""
    for number, event in (
        (api.free_port(), "clientConnectionFailed"),
        (api.plain_listener().number, "clientConnectionLost"),
    ):
        actor = api.actor(
            api.protocol.ClientFactory, "client", {"made": lambda p: p.transport.loseConnection()}
        )
        actor.factory.startFactory = lambda: api.record("client", "startFactory")
        actor.factory.stopFactory = lambda: api.record("client", "stopFactory")
        api.reactor.connectTCP("127.0.0.1", number, actor.factory)
        yield api.seen("client", event)
        yield api.turn(3)


@scenario()
def one_factory_many_connectors(api: Stage) -> Any:
    """A factory shared by connectors and a port starts once, and stops after the last."""
    plain = api.plain_listener()
    actor = api.actor(api.protocol.ClientFactory, "client", {})
    factory = actor.factory
    factory.startFactory = lambda: api.record("client", "startFactory")
    factory.stopFactory = lambda: api.record("client", "stopFactory")
    port = api.reactor.listenTCP(0, factory, interface="127.0.0.1")
    api.record("client", "users", factory.numPorts)
    for _ in range(2):
        api.reactor.connectTCP("127.0.0.1", plain.number, factory)
        api.record("client", "users", factory.numPorts)
    one = yield plain.accept()
    two = yield plain.accept()
    yield api.seen("client", "connectionMade", 2)
    yield port.stopListening()
    api.record("client", "users", factory.numPorts)
    one.close()
    yield api.seen("client", "clientConnectionLost")
    yield api.turn(3)
    api.record("client", "users", factory.numPorts)
    two.close()
    yield api.seen("client", "clientConnectionLost", 2)
    yield api.turn(3)
    api.record("client", "users", factory.numPorts)


# ── time-out, addresses ──────────────────────────────────────────────────────────────────


@scenario()
def time_out(api: Stage) -> Any:
    """An attempt that gets no answer fails after the time-out, and not before."""
    began = api.reactor.seconds()
    client = api.client(api.silent_port(), timeout=0.2)
    yield api.seen("client", "clientConnectionFailed")
    took = api.reactor.seconds() - began
    api.record("client", "in time", 0.2 <= took < 1.0)
    yield api.turn(3)
    _summary(api, client)


@scenario()
def time_out_attribute(api: Stage) -> Any:
    """What a connector tells of itself."""
    plain = api.plain_listener()
    client = api.client(plain.number, timeout=7)
    connector = client.connector
    api.record("client", connector.timeout, connector.host, connector.port == plain.number)
    api.record("client", connector.bindAddress, connector.factory is client.factory)
    api.record("client", connector.getDestination(), callable(connector.reactor.callLater))
    yield api.seen("client", "connectionMade")
    api.record("client", connector.transport is client.transport, connector.getDestination())
    api.record("client", "repr", repr(connector).startswith("<"))


@scenario()
def bind_address(api: Stage) -> Any:
    """`bindAddress` chooses our own end."""
    plain = api.plain_listener()
    free = api.free_port()
    client = api.client(plain.number, bindAddress=("127.0.0.1", free))
    yield api.seen("client", "connectionMade")
    api.record("client", client.transport.getHost(), client.connector.bindAddress)
    peer = yield plain.accept()
    api.record("peer", peer.sock.getpeername())


@scenario()
def bind_address_with_any_port(api: Stage) -> Any:
    """`bindAddress` with port 0 chooses the address only."""
    plain = api.plain_listener()
    client = api.client(plain.number, bindAddress=("127.0.0.2", 0))
    yield api.seen("client", "connectionMade")
    api.record("client", client.transport.getHost())


@scenario()
def bind_address_in_use(api: Stage) -> Any:
    """`bindAddress` that is taken fails the attempt, and not the call."""
    plain = api.plain_listener()
    taken = api.plain_listener()
    made = api.attempt(
        "call",
        "connectTCP",
        lambda: bool(api.client(plain.number, bindAddress=("127.0.0.1", taken.number))),
    )
    if made is True:
        yield api.seen("client", "clientConnectionFailed")


@scenario()
def bind_address_of_others(api: Stage) -> Any:
    """`bindAddress` that is not ours."""
    plain = api.plain_listener()
    made = api.attempt(
        "call",
        "connectTCP",
        lambda: bool(api.client(plain.number, bindAddress=("203.0.113.7", 0))),
    )
    if made is True:
        yield api.seen("client", "clientConnectionFailed")


@scenario(
    differs(
        "call",
        "'abc' raises ServiceNameUnknownError",
        "'http' -> True",
        "None raises TypeError",
        "-1 -> True",
        "65536 -> True",
        "70000 -> True",
        "3.5 raises TypeError",
        "b'80' raises TypeError",
        because="what can never be a port is refused at the call, where the mistake is",
    ),
    differs(
        "None", because="what can never be a port is refused at the call, where the mistake is"
    ),
    differs("3.5", because="what can never be a port is refused at the call, where the mistake is"),
    differs(
        "b'80'", because="what can never be a port is refused at the call, where the mistake is"
    ),
)
def bad_ports(api: Stage) -> Any:
    """Which ports are refused by `connectTCP` itself, and which fail the attempt."""
    for port in ("abc", "http", None, -1, 65536, 70000, 3.5, b"80"):
        label = repr(port)
        made = api.attempt("call", label, lambda port=port: bool(api.client(port, repr(port))))
        if made is True:
            yield api.seen(label, "clientConnectionFailed")


@scenario()
def host_as_bytes(api: Stage) -> Any:
    """A host given as bytes."""
    plain = api.plain_listener()
    for host in (b"127.0.0.1",):
        label = repr(host)
        made = api.attempt(
            "call", label, lambda host=host: bool(api.client(plain.number, repr(host), host))
        )
        if made is True:
            yield api.until(
                lambda label=label: any(
                    e.startswith(("clientConnectionFailed", "connectionMade"))
                    for e in api.events.get(label, ())
                ),
                label,
            )


@scenario()
def over_ipv6(api: Stage) -> Any:
    """An IPv6 literal is connected to as it is."""
    server = api.server(interface="::1")
    client = api.client(server.number, host="::1")
    yield api.seen("client", "connectionMade")
    yield api.seen("server", "connectionMade")
    api.record("client", client.transport.getPeer(), client.connector.getDestination())
    api.name(client.transport.getHost().port, "OURS")
    api.record("client", client.transport.getHost())


@scenario()
def unreachable(api: Stage) -> Any:
    """An address that no route leads to."""
    api.client(80, host="255.255.255.255")
    yield api.seen("client", "clientConnectionFailed")


@scenario()
def connect_to_port_zero(api: Stage) -> Any:
    """Nobody listens on port 0."""
    api.client(0)
    yield api.seen("client", "clientConnectionFailed")


# ── the classes built on it ──────────────────────────────────────────────────────────────


@scenario()
def client_creator(api: Stage) -> Any:
    """A `ClientCreator` fires with the connected protocol."""
    plain = api.plain_listener()
    made = api.actor(api.protocol.ClientFactory, "client", {}).factory.make
    creator = api.protocol.ClientCreator(api.reactor, made)
    protocol = yield creator.connectTCP("127.0.0.1", plain.number)
    api.record("client", "fired", bool(protocol.transport.connected))
    protocol.transport.loseConnection()
    yield api.seen("client", "connectionLost")


@scenario()
def client_creator_refused(api: Stage) -> Any:
    """A `ClientCreator` fires with the failure."""
    made = api.actor(api.protocol.ClientFactory, "client", {}).factory.make
    creator = api.protocol.ClientCreator(api.reactor, made)
    yield api.outcome("client", "d", creator.connectTCP("127.0.0.1", api.free_port()))


@scenario()
def client_creator_cancelled(api: Stage) -> Any:
    """Cancelling ends the attempt."""
    plain = api.plain_listener()
    made = api.actor(api.protocol.ClientFactory, "client", {}).factory.make
    for number in (plain.number, api.silent_port()):
        creator = api.protocol.ClientCreator(api.reactor, made)
        deferred = creator.connectTCP("127.0.0.1", number)
        api.outcome("client", "d", deferred)
        deferred.cancel()
        yield api.sleep(0.02)


@scenario()
def reconnecting_client(api: Stage) -> Any:
    """A `ReconnectingClientFactory` connects again by itself, until told to stop."""
    plain = api.plain_listener()
    actor = api.actor(
        api.protocol.ReconnectingClientFactory,
        "client",
        {"made": lambda p: p.factory.resetDelay()},
    )
    factory = actor.factory
    # The stage's recording of these two stands before the base class's.
    base = api.protocol.ReconnectingClientFactory
    factory.clientConnectionLost = lambda c, r: base.clientConnectionLost(factory, c, r)
    factory.clientConnectionFailed = lambda c, r: base.clientConnectionFailed(factory, c, r)
    factory.initialDelay = factory.delay = 0.001
    connector = api.reactor.connectTCP("127.0.0.1", plain.number, factory)
    for _ in range(3):
        (yield plain.accept()).close()
    peer = yield plain.accept()
    yield api.seen("client", "connectionMade", 4)
    factory.stopTrying()
    peer.close()
    yield api.seen("client", "connectionLost", 4)
    yield api.sleep(0.03)
    api.record("client", connector.state, "users", factory.numPorts)
