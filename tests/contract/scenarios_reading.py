"""Reading that is paused, and resumed."""

from __future__ import annotations

from typing import Any

from stage import Stage, differs, scenario


@scenario()
def pause_in_connection_made(api: Stage) -> Any:
    """`pauseProducing` in `connectionMade` holds everything back."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    peer.send(b"held back")
    yield api.seen("server", "connectionMade")
    yield api.sleep(0.03)
    api.record("server", "resume")
    server.transport.resumeProducing()
    yield api.seen("server", "dataReceived")


@scenario()
def pause_in_clients_connection_made(api: Stage) -> Any:
    """The same for a client."""
    plain = api.plain_listener()
    client = api.client(plain.number, made=lambda p: p.transport.pauseProducing())
    peer = yield plain.accept()
    peer.send(b"held back")
    yield api.sleep(0.03)
    api.record("client", "resume")
    client.transport.resumeProducing()
    yield api.seen("client", "dataReceived")


@scenario()
def pause_in_data_received(api: Stage) -> Any:
    """Nothing is delivered after `pauseProducing` in `dataReceived`, until resumed."""

    def data(protocol: Any, data: bytes) -> None:
        sizes.append(len(data))
        protocol.transport.pauseProducing()

    sizes: list[int] = []
    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.sock.setblocking(True)
    peer.sock.settimeout(30)
    for _ in range(4):
        peer.sock.send(b"x" * 65536)
    peer.sock.setblocking(False)
    while sum(sizes) < 4 * 65536:
        before = len(sizes)
        yield api.until(lambda before=before: len(sizes) > before)
        yield api.sleep(0.01)
        api.record("sizes", "one call", len(sizes) == before + 1)
        server.transport.resumeProducing()
    api.events["sizes"] = sorted(set(api.events["sizes"]))


@scenario()
def pause_and_resume_at_once(api: Stage) -> Any:
    """Pausing and resuming in one call is as nothing; so are two of either."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.pauseProducing()
        protocol.transport.pauseProducing()
        protocol.transport.resumeProducing()
        protocol.transport.resumeProducing()
        api.record("server", "resumed")

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"one")
    yield api.seen("server", "resumed")
    peer.send(b"two")
    yield api.seen("server", "resumed", 2)
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def peer_closes_while_paused(api: Stage) -> Any:
    """A FIN while paused is not told before reading is resumed."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.close()
    yield api.sleep(0.05)
    api.record("server", "resume")
    server.transport.resumeProducing()
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "connectionLost ConnectionLost",
        "resume False",
        because="uvloop watches a connection that it doesn't read, and tells at once",
        loops=("uvloop",),
    )
)
def peer_resets_while_paused(api: Stage) -> Any:
    """Whether an RST while paused is told before reading is resumed."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.reset()
    yield api.sleep(0.05)
    api.record("server", "resume", bool(server.transport.connected))
    server.transport.resumeProducing()
    yield api.seen("server", "connectionLost")


@scenario()
def pause_resume_pause(api: Stage) -> Any:
    """What was asked last counts, when reading is paused and resumed in one breath."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.pauseProducing()
    server.transport.resumeProducing()
    server.transport.resumeProducing()
    server.transport.pauseProducing()
    peer.send(b"later")
    yield api.sleep(0.05)
    api.record("server", "paused")
    server.transport.resumeProducing()
    yield api.seen("server", "dataReceived")
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario()
def lose_connection_while_paused(api: Stage) -> Any:
    """`loseConnection` while paused closes, and delivers nothing."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    peer.send(b"never seen")
    yield api.seen("server", "connectionMade")
    yield api.sleep(0.01)
    server.transport.write(b"bye")
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")
    yield peer.received(3)
    api.record("peer", peer.data)


@scenario()
def abort_while_paused(api: Stage) -> Any:
    """`abortConnection` while paused."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.abortConnection()
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def write_while_paused(api: Stage) -> Any:
    """Pausing holds back reading only."""
    server = api.server(made=lambda p: p.transport.pauseProducing())
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.write(b"written")
    yield peer.received(7)
    api.record("peer", peer.data)


@scenario()
def pause_resume_after_loss(api: Stage) -> Any:
    """`pauseProducing`, `resumeProducing` and `stopProducing` when all is over do nothing."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    transport = server.transport
    api.attempt("server", "pause", transport.pauseProducing)
    api.attempt("server", "resume", transport.resumeProducing)
    api.attempt("server", "stop", transport.stopProducing)
    yield api.turn(3)


@scenario()
def resume_in_connection_lost(api: Stage) -> Any:
    """`resumeProducing` in `connectionLost` does nothing."""
    server = api.server(
        lost=lambda p, r: api.attempt("server", "resume", p.transport.resumeProducing)
    )
    api.peer(server.number).close()
    yield api.seen("server", "resume")
    yield api.turn(3)


@scenario()
def resume_after_lose_connection(api: Stage) -> Any:
    """`resumeProducing` while closing does not bring data back."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 3_000_000)
        protocol.transport.loseConnection()
        protocol.transport.resumeProducing()

    server = api.server(made=made)
    peer = api.peer(server.number)
    peer.send(b"heard?")
    yield api.sleep(0.03)
    api.record("peer", (yield peer.ended()) in ("FIN", "RST"))
    yield api.seen("server", "connectionLost")


@scenario()
def stop_producing_of_a_transport(api: Stage) -> Any:
    """`stopProducing` of a transport is `loseConnection`."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.write(b"before")
    server.transport.stopProducing()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def connections_feed_each_other(api: Stage) -> Any:
    """Two connections joined as producers for each other keep all, whatever the peers' speed."""
    transports: list[Any] = []

    def made(protocol: Any) -> None:
        transports.append(protocol.transport)
        if len(transports) == 2:
            one, two = transports
            one.registerProducer(two, True)
            two.registerProducer(one, True)

    def data(protocol: Any, data: bytes) -> None:
        one, two = transports
        (two if protocol.transport is one else one).write(data)

    server = api.server(made=made, data=data)
    sender = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    receiver = api.peer(server.number)
    yield api.seen("server", "connectionMade", 2)
    sent = 0
    while sent < 8_000_000:
        try:
            sent += sender.sock.send(b"y" * min(100_000, 8_000_000 - sent))
        except BlockingIOError:
            receiver.take()
            yield api.turn()
    yield receiver.received(8_000_000)
    api.record("receiver", receiver.data)
    api.events["server"] = ["connectionMade", "connectionMade"]


@scenario()
def call_before_the_first_data(api: Stage) -> Any:
    """A call that `connectionMade` asks for comes before the data that is there already."""

    def made(protocol: Any) -> None:
        api.reactor.callLater(0, api.record, "server", "called")

    server = api.server(made=made)
    peer = api.peer(server.number)
    peer.send(b"at once")
    yield api.seen("server", "dataReceived")


@scenario()
def call_before_a_clients_first_data(api: Stage) -> Any:
    """The same for a client, whose server speaks first."""

    def made(protocol: Any) -> None:
        api.reactor.callLater(0, api.record, "client", "called")

    server = api.server(made=lambda p: p.transport.write(b"at once"))
    api.client(server.number, made=made)
    yield api.seen("client", "dataReceived")
