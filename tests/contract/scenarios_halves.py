"""Connections of which one half ends before the other."""

from __future__ import annotations

from typing import Any

from stage import Stage, boom, differs, scenario

_BOTH = "both halves are closed, and nothing would ever end it but the garbage collector"


@scenario(
    differs(
        "peer",
        "FIN True",
        because="what was written is delivered: asyncio goes on sending, where Twisted drops it",
    ),
)
def peer_half_closes(api: Stage) -> Any:
    """A peer's FIN ends the connection; what was written before is delivered."""
    server = api.server(data=lambda p, d: p.transport.write(b"a" * 3_000_000))
    peer = api.peer(server.number)
    peer.send(b"?")
    yield api.seen("server", "dataReceived")
    peer.finish()
    api.record("peer", (yield peer.ended()), len(peer.data) == 3_000_000)
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "peer",
        "FIN b'answer'",
        because="what was written is delivered: asyncio goes on sending, where Twisted drops it",
    ),
)
def peer_half_closes_with_its_request(api: Stage) -> Any:
    """A request with the FIN right behind it is answered."""
    server = api.server(data=lambda p, d: p.transport.write(b"answer"))
    peer = api.peer(server.number)
    peer.send(b"?")
    peer.finish()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def peer_half_closes_half_closeable(api: Stage) -> Any:
    """A half-closeable protocol is told, and goes on writing until it closes."""
    server = api.server(interfaces=[api.interfaces.IHalfCloseableProtocol])
    peer = api.peer(server.number)
    peer.send(b"?")
    peer.finish()
    yield api.seen("server", "readConnectionLost")
    yield api.turn(5)
    api.record("server", "still", bool(server.transport.connected))
    server.transport.write(b"answer")
    yield peer.received(6)
    server.transport.loseConnection()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def peer_half_closes_then_resets(api: Stage) -> Any:
    """After a half-close the peer's RST is noticed when something is written."""
    server = api.server(interfaces=[api.interfaces.IHalfCloseableProtocol])
    peer = api.peer(server.number)
    peer.finish()
    yield api.seen("server", "readConnectionLost")
    peer.reset()
    yield api.sleep(0.02)
    server.transport.write(b"a")
    yield api.sleep(0.02)
    server.transport.write(b"b")
    yield api.seen("server", "connectionLost")


@scenario()
def lose_write_connection(api: Stage) -> Any:
    """`loseWriteConnection` sends what is pending, then FIN; later writes vanish."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 2_000_000)
        api.attempt("server", "half", protocol.transport.loseWriteConnection)
        api.attempt("server", "write", protocol.transport.write, b"late")
        api.attempt("server", "again", protocol.transport.loseWriteConnection)

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    api.attempt("server", "write", server.transport.write, b"later")
    peer.send(b"we still talk")
    yield api.seen("server", "dataReceived")
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "returned",
        "writeConnectionLost",
        "dataReceived b'we still talk'",
        "readConnectionLost",
        "connectionLost ConnectionDone",
        "connected False",
        because=_BOTH,
    )
)
def lose_write_connection_half_closeable(api: Stage) -> Any:
    """A half-closeable protocol is told when its half is closed, and still receives."""
    server = api.server(
        interfaces=[api.interfaces.IHalfCloseableProtocol],
        made=lambda p: (p.transport.loseWriteConnection(), api.record("server", "returned")),
    )
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "writeConnectionLost")
    peer.send(b"we still talk")
    yield api.seen("server", "dataReceived")
    peer.close()
    yield api.seen("server", "readConnectionLost")
    yield api.turn(3)
    api.record("server", "connected", bool(server.transport.connected))
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "writeConnectionLost",
        "readConnectionLost",
        "in read lost",
        "connectionLost ConnectionDone",
        "connected False",
        because=_BOTH,
    )
)
def both_halves_close(api: Stage) -> Any:
    """Our half first, then the peer's."""
    server = api.server(
        interfaces=[api.interfaces.IHalfCloseableProtocol],
        read_lost=lambda p: api.record("server", "in read lost"),
    )
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseWriteConnection()
    yield api.seen("server", "writeConnectionLost")
    peer.finish()
    yield api.seen("server", "readConnectionLost")
    yield api.turn(3)
    api.record("server", "connected", bool(server.transport.connected))
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "readConnectionLost",
        "writeConnectionLost",
        "connectionLost ConnectionDone",
        "connected False",
        because=_BOTH,
    )
)
def both_halves_close_the_other_way(api: Stage) -> Any:
    """The peer's half first, then ours."""
    server = api.server(interfaces=[api.interfaces.IHalfCloseableProtocol])
    peer = api.peer(server.number)
    peer.finish()
    yield api.seen("server", "readConnectionLost")
    server.transport.loseWriteConnection()
    yield api.seen("server", "writeConnectionLost")
    yield api.sleep(0.05)
    api.record("server", "connected", bool(server.transport.connected))
    api.record("peer", peer.end or (yield peer.ended()))
    server.transport.loseConnection()
    yield api.seen("server", "connectionLost")


@scenario()
def half_close_then_lose_connection(api: Stage) -> Any:
    """`loseConnection` after `loseWriteConnection` closes both halves."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseWriteConnection()
    server.transport.loseConnection()
    api.record("peer", (yield peer.ended()))
    yield api.seen("server", "connectionLost")


@scenario()
def half_close_after_lose_connection(api: Stage) -> Any:
    """`loseWriteConnection` after `loseConnection` does not hinder it."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 2_000_000)
        protocol.transport.loseConnection()
        api.attempt("server", "half", protocol.transport.loseWriteConnection)

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "connectionLost ConnectionDone",
        "half -> None",
        because="Twisted stumbles over its closed socket; that is no promise",
    ),
)
def half_close_after_loss(api: Stage) -> Any:
    """`loseWriteConnection` when all is over does nothing."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    api.attempt("server", "half", server.transport.loseWriteConnection)
    yield api.turn(3)


@scenario(
    differs(
        "server",
        "connectionMade",
        "connectionLost ConnectionDone",
        "half -> None",
        because="Twisted stumbles over its closed socket; that is no promise",
    ),
)
def half_close_in_connection_lost(api: Stage) -> Any:
    """`loseWriteConnection` in `connectionLost` does nothing."""
    server = api.server(
        lost=lambda p, r: api.attempt("server", "half", p.transport.loseWriteConnection)
    )
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    yield api.turn(3)


@scenario()
def lose_connection_in_read_connection_lost(api: Stage) -> Any:
    """A half-closeable protocol that closes when the peer is done."""

    def read_lost(protocol: Any) -> None:
        protocol.transport.write(b"you too")
        protocol.transport.loseConnection()

    server = api.server(interfaces=[api.interfaces.IHalfCloseableProtocol], read_lost=read_lost)
    peer = api.peer(server.number)
    peer.finish()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def half_closeable_raises_in_read_connection_lost(api: Stage) -> Any:
    """What `readConnectionLost` raises is logged, and is the reason."""
    server = api.server(interfaces=[api.interfaces.IHalfCloseableProtocol], read_lost=boom)
    peer = api.peer(server.number)
    peer.finish()
    yield api.seen("server", "connectionLost")


@scenario()
def half_closeable_raises_in_write_connection_lost(api: Stage) -> Any:
    """What `writeConnectionLost` raises is logged, and is the reason."""
    server = api.server(
        interfaces=[api.interfaces.IHalfCloseableProtocol],
        made=lambda p: p.transport.loseWriteConnection(),
        write_lost=boom,
    )
    api.peer(server.number)
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "dataReceived b'answer to question'",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        because="what was written is delivered: asyncio goes on sending, where Twisted drops it",
    ),
)
def client_half_closes_server_answers(api: Stage) -> Any:
    """Two of ours: the client's half-close is the server's end, and the answer arrives."""
    server = api.server(data=lambda p, d: p.transport.write(b"answer to " + d))

    def made(protocol: Any) -> None:
        protocol.transport.write(b"question")
        protocol.transport.loseWriteConnection()

    api.client(server.number, made=made)
    yield api.seen("client", "clientConnectionLost")
    yield api.seen("server", "connectionLost")


@scenario()
def pauses_then_peer_closes(api: Stage) -> Any:
    """A peer's FIN behind data that is held back comes after that data."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.pauseProducing()
        api.record("server", "paused")

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"one")
    yield api.seen("server", "paused")
    peer.send(b"two")
    peer.close()
    yield api.sleep(0.03)
    api.record("server", "resume")
    server.transport.resumeProducing()
    yield api.seen("server", "paused", 2)
    server.transport.resumeProducing()
    yield api.seen("server", "connectionLost")
