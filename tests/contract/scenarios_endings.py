"""How connections end: for what reason, in which order, and what the peer sees on the wire."""

from __future__ import annotations

from typing import Any

from stage import Stage, scenario

# ── plain endings ────────────────────────────────────────────────────────────────────────


@scenario()
def peer_closes(api: Stage) -> Any:
    """The peer's FIN is a plain end."""
    server = api.server()
    peer = api.peer(server.number)
    peer.send(b"bye")
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def peer_resets(api: Stage) -> Any:
    """The peer's RST is a lost connection."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.reset()
    yield api.seen("server", "connectionLost")


@scenario()
def peer_resets_client(api: Stage) -> Any:
    """The peer's RST is a lost connection for a client, and its factory is told the same."""
    plain = api.plain_listener()
    api.client(plain.number)
    peer = yield plain.accept()
    yield api.seen("client", "connectionMade")
    peer.reset()
    yield api.seen("client", "clientConnectionLost")


@scenario()
def peer_resets_in_mid_write(api: Stage) -> Any:
    """A reset with much still to be sent is told once."""
    server = api.server(made=lambda p: p.transport.write(b"x" * 20_000_000))
    peer = api.peer(server.number)
    yield peer.received(1000)
    peer.reset()
    yield api.seen("server", "connectionLost")
    server.transport.write(b"more")
    yield api.turn(3)


@scenario()
def peer_closes_with_unread_data(api: Stage) -> Any:
    """A peer that closes without reading what was sent resets the connection."""
    server = api.server(made=lambda p: p.transport.write(b"unread"))
    peer = api.peer(server.number)
    yield api.until(lambda: peer.sock.recv(1, 2) if server.protocols else None)
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def server_loses_connection(api: Stage) -> Any:
    """`loseConnection` sends what was written, then FIN; `connectionLost` comes from outside."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"last words")
        protocol.transport.loseConnection()
        api.record("server", "returned", bool(protocol.transport.disconnecting))

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def lose_connection_idle(api: Stage) -> Any:
    """`loseConnection` with nothing to send, twice, from the loop."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    api.attempt("server", "first", server.transport.loseConnection)
    api.attempt("server", "second", server.transport.loseConnection)
    api.record("server", "returned")
    yield api.seen("server", "connectionLost")
    api.attempt("server", "third", server.transport.loseConnection)
    api.record("peer", (yield peer.ended()))


@scenario()
def lose_connection_in_connection_made(api: Stage) -> Any:
    """`loseConnection` in `connectionMade` ends with FIN, after what was written there."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"sorry")
        protocol.transport.loseConnection()
        api.record("server", "returned")

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def lose_connection_in_clients_connection_made(api: Stage) -> Any:
    """A client may hang up as soon as it is connected."""
    plain = api.plain_listener()
    api.client(plain.number, made=lambda p: p.transport.loseConnection())
    peer = yield plain.accept()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("client", "clientConnectionLost")


@scenario()
def lose_connection_in_connection_lost(api: Stage) -> Any:
    """`loseConnection`, `abortConnection` and `write` in `connectionLost` do nothing."""

    def lost(protocol: Any, _: Any) -> None:
        api.attempt("server", "write", protocol.transport.write, b"late")
        api.attempt("server", "lose", protocol.transport.loseConnection)
        api.attempt("server", "abort", protocol.transport.abortConnection)

    server = api.server(lost=lost)
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    yield api.turn(3)


@scenario()
def lose_connection_while_much_is_unsent(api: Stage) -> Any:
    """Everything written before `loseConnection` arrives, however much it is."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(5)
    api.record("server", "still", bool(server.transport.connected))
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def data_after_lose_connection(api: Stage) -> Any:
    """What the peer sends while we wait to send our last is not received any more."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number, receive_buffer=4096)
    yield api.seen("server", "connectionMade")
    peer.send(b"are you there")
    yield api.sleep(0.05)
    api.record("server", "now")
    peer.reset()
    yield api.seen("server", "connectionLost")


@scenario()
def peer_closes_while_we_close(api: Stage) -> Any:
    """FINs that cross are a plain end, told once."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.close()
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")
    yield api.turn(3)


@scenario()
def peer_closes_after_lose_connection_unsent(api: Stage) -> Any:
    """A peer that hangs up and does not read while we still send: the reason given."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number, receive_buffer=4096)
    yield api.seen("server", "connectionMade")
    yield api.turn(3)
    peer.close()
    yield api.seen("server", "connectionLost")


# ── abort ────────────────────────────────────────────────────────────────────────────────


@scenario()
def abort_connection(api: Stage) -> Any:
    """`abortConnection` drops what was written and resets; it returns before it is told."""
    server = api.server(made=lambda p: p.transport.write(b"m" * 5_000_000))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(2)
    api.attempt("server", "first", server.transport.abortConnection)
    api.attempt("server", "second", server.transport.abortConnection)
    api.attempt("server", "write", server.transport.write, b"late")
    api.record("server", "returned", bool(server.transport.disconnecting))
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def abort_in_connection_made(api: Stage) -> Any:
    """`abortConnection` in `connectionMade` resets."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"never sent")
        protocol.transport.abortConnection()
        api.record("server", "returned")

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def abort_in_clients_connection_made(api: Stage) -> Any:
    """`abortConnection` in a client's `connectionMade` resets."""
    plain = api.plain_listener()
    api.client(plain.number, made=lambda p: p.transport.abortConnection())
    peer = yield plain.accept()
    api.record("peer", (yield peer.ended()))
    yield api.seen("client", "clientConnectionLost")


@scenario()
def abort_in_data_received(api: Stage) -> Any:
    """`abortConnection` in `dataReceived` drops what that call wrote, and resets."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"never sent")
        protocol.transport.abortConnection()
        protocol.transport.write(b"neither")
        api.record("server", "returned")

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def abort_after_lose_connection(api: Stage) -> Any:
    """`abortConnection` ends a close that waits for its last bytes."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(3)
    server.transport.abortConnection()
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def lose_connection_after_abort(api: Stage) -> Any:
    """`loseConnection` after `abortConnection` takes nothing back."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.abortConnection()
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def abort_after_loss(api: Stage) -> Any:
    """`abortConnection` when all is over does nothing."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    api.attempt("server", "abort", server.transport.abortConnection)
    yield api.turn(3)


@scenario()
def abort_in_read_connection_lost(api: Stage) -> Any:
    """`abortConnection` when the peer half-closes."""
    server = api.server(
        interfaces=[api.interfaces.IHalfCloseableProtocol],
        read_lost=lambda p: p.transport.abortConnection(),
    )
    peer = api.peer(server.number)
    peer.finish()
    api.record("peer", (yield peer.ended()))
    yield api.seen("server", "connectionLost")


@scenario()
def abort_in_write_connection_lost(api: Stage) -> Any:
    """`abortConnection` when our half is closed."""
    server = api.server(
        interfaces=[api.interfaces.IHalfCloseableProtocol],
        made=lambda p: p.transport.loseWriteConnection(),
        write_lost=lambda p: p.transport.abortConnection(),
    )
    peer = api.peer(server.number)
    yield api.seen("server", "connectionLost")
    yield peer.ended()


# ── no data after the end ────────────────────────────────────────────────────────────────


def _calls_after(api: Stage, action: str) -> Any:
    """How many calls of `dataReceived` there are when the first one ends the connection."""
    calls: list[int] = []

    def data(protocol: Any, data: bytes) -> None:
        calls.append(len(data))
        if len(calls) == 1:
            getattr(protocol.transport, action)()

    server = api.server(made=lambda p: p.transport.pauseProducing(), data=data)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.sock.setblocking(True)
    for _ in range(4):
        peer.sock.send(b"x" * 65536)
    peer.sock.setblocking(False)
    server.transport.resumeProducing()
    yield api.seen("server", "connectionLost")
    yield api.turn(3)
    api.record("server", "calls", len(calls))
    api.events["server"] = [e for e in api.events["server"] if not e.startswith("dataReceived")]


@scenario()
def no_data_after_abort(api: Stage) -> Any:
    """Nothing more is delivered after `abortConnection`, though there is more to read."""
    yield from _calls_after(api, "abortConnection")


@scenario()
def no_data_after_lose_connection(api: Stage) -> Any:
    """What is delivered after `loseConnection`, when there is more to read."""
    yield from _calls_after(api, "loseConnection")
