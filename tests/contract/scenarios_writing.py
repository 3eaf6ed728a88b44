"""What may be written, when it is sent, and what a transport tells about itself."""

from __future__ import annotations

from typing import Any

from stage import Stage, differs, scenario

# ── what may be written ──────────────────────────────────────────────────────────────────


@scenario(
    differs(
        "server",
        "connectionMade",
        "bytes -> None",
        "empty -> None",
        "bytearray -> None",
        "memoryview -> None",
        "str raises TypeError",
        "empty str raises TypeError",
        "None raises TypeError",
        "int raises TypeError",
        "list raises TypeError",
        because="asyncio's transports take every buffer, and nothing is gained by refusing",
    ),
    differs(
        "peer",
        "b'<bytes'",
        "b'<bytearray'",
        "b'<memoryview'",
        "b'.'",
        because="asyncio's transports take every buffer, and nothing is gained by refusing",
    ),
)
def what_may_be_written(api: Stage) -> Any:
    """Bytes, and what else is taken or refused at the call."""

    def made(protocol: Any) -> None:
        transport = protocol.transport
        api.attempt("server", "bytes", transport.write, b"<bytes>")
        api.attempt("server", "empty", transport.write, b"")
        api.attempt("server", "bytearray", transport.write, bytearray(b"<bytearray>"))
        api.attempt("server", "memoryview", transport.write, memoryview(b"<memoryview>"))
        api.attempt("server", "str", transport.write, "str")
        api.attempt("server", "empty str", transport.write, "")
        api.attempt("server", "None", transport.write, None)
        api.attempt("server", "int", transport.write, 5)
        api.attempt("server", "list", transport.write, [b"x"])

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "list")
    yield api.turn(3)
    server.transport.write(b".")
    yield api.until(lambda: peer.take() or peer.data.endswith(b".") or peer.end)
    for piece in peer.data.split(b">"):
        api.record("peer", piece)


@scenario(
    differs(
        "server",
        "connectionMade",
        "list -> None",
        "tuple -> None",
        "empty -> None",
        "generator -> None",
        "strs raises TypeError",
        "mixed raises TypeError",
        "None within raises TypeError",
        "ints raises TypeError",
        "bytes raises TypeError",
        "str raises TypeError",
        "None raises TypeError",
        "bytearrays -> None",
        because="asyncio's transports take every buffer, and nothing is gained by refusing",
    ),
    differs(
        "peer",
        "b'abcdegh.'",
        because="what a generator gives is sent, where Twisted looks at it first and so loses it",
    ),
)
def what_may_be_written_in_sequence(api: Stage) -> Any:
    """`writeSequence` takes any iterable of bytes."""

    def made(protocol: Any) -> None:
        sequence = protocol.transport.writeSequence
        api.attempt("server", "list", sequence, [b"a", b"b"])
        api.attempt("server", "tuple", sequence, (b"c",))
        api.attempt("server", "empty", sequence, [])
        api.attempt("server", "generator", sequence, (x for x in [b"d", b"", b"e"]))
        api.attempt("server", "strs", sequence, ["str"])
        api.attempt("server", "mixed", sequence, [b"f", "str"])
        api.attempt("server", "None within", sequence, [b"f", None])
        api.attempt("server", "ints", sequence, [1, 2])
        api.attempt("server", "bytes", sequence, b"xyz")
        api.attempt("server", "str", sequence, "xyz")
        api.attempt("server", "None", sequence, None)
        api.attempt("server", "bytearrays", sequence, [bytearray(b"g"), memoryview(b"h")])

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "bytearrays")
    yield api.turn(3)
    server.transport.write(b".")
    yield api.until(lambda: peer.take() or peer.data.endswith(b".") or peer.end)
    api.record("peer", peer.data)


@scenario(
    differs(
        "server",
        "connectionMade",
        "write -> None",
        because="asyncio's transports take every buffer, and nothing is gained by refusing",
    ),
    differs("peer", "b'before'", because="what a buffer holds when it is written is sent"),
)
def a_bytearray_changed_after_it_was_written(api: Stage) -> Any:
    """A mutable buffer may be used again as soon as it was written."""

    def made(protocol: Any) -> None:
        buffer = bytearray(b"before")
        api.attempt("server", "write", protocol.transport.write, buffer)
        buffer[:] = b"after."
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.ended()
    api.record("peer", peer.data)
    api.events["server"] = api.events["server"][:2]


@scenario()
def writes_keep_their_order(api: Stage) -> Any:
    """Writes of every size from every place arrive in the order they were made."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"a")
        protocol.transport.write(b"b" * 300_000)
        protocol.transport.writeSequence([b"c", b"d" * 70_000])
        api.reactor.callLater(0, protocol.transport.write, b"e")
        protocol.transport.write(b"f")

    def data(protocol: Any, _: bytes) -> None:
        for piece in range(10):
            protocol.transport.write(b"%d" % piece)
        protocol.transport.loseConnection()

    server = api.server(made=made, data=data)
    peer = api.peer(server.number)
    yield peer.received(370_004)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data[:1], peer.data[-12:], peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def write_after_lose_connection_same_turn(api: Stage) -> Any:
    """What is written after `loseConnection` with data pending."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"one ")
        protocol.transport.loseConnection()
        protocol.transport.write(b"two ")
        protocol.transport.writeSequence([b"three"])

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def write_after_lose_connection_with_nothing_pending(api: Stage) -> Any:
    """What is written right after `loseConnection`, when nothing was to be sent."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.loseConnection()
        protocol.transport.write(b"late")

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def write_after_lose_connection_from_the_loop(api: Stage) -> Any:
    """The same as a delayed call does it: nothing pending, and something pending."""
    server = api.server()
    first = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseConnection()
    server.transport.write(b"late")
    api.record("first", (yield first.ended()), first.data)
    second = api.peer(server.number)
    yield api.seen("server", "connectionMade", 2)
    server.transport.write(b"one ")
    server.transport.loseConnection()
    server.transport.write(b"two")
    api.record("second", (yield second.ended()), second.data)


@scenario(
    differs(
        "peer",
        "FIN 5000000 b'mmmmmm'",
        because="by then asyncio has been told to close, and takes nothing more",
    ),
)
def write_after_lose_connection_later_turn(api: Stage) -> Any:
    """What is written turns later, while the first data is still being sent."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 5_000_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(5)
    api.attempt("server", "write", server.transport.write, b"later")
    yield api.turn(2)
    api.record("peer", (yield peer.ended()), len(peer.data), peer.data[-6:])
    yield api.seen("server", "connectionLost")


@scenario()
def write_after_loss(api: Stage) -> Any:
    """Writing when all is over does nothing, however often, but must still be bytes."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    transport = server.transport
    for _ in range(8):
        api.attempt("server", "write", transport.write, b"late")
    api.attempt("server", "sequence", transport.writeSequence, [b"late"])
    api.attempt("server", "str", transport.write, "late")
    api.attempt("server", "None", transport.write, None)
    api.attempt("server", "str sequence", transport.writeSequence, ["late"])
    yield api.turn(3)


@scenario()
def empty_write_after_loss_of_interest(api: Stage) -> Any:
    """An empty write sends nothing and holds nothing up."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"")
        protocol.transport.writeSequence([])
        protocol.transport.writeSequence([b"", b""])
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def nested_writing(api: Stage) -> Any:
    """A server writing into one connection from another's `dataReceived`."""

    def data(protocol: Any, data: bytes) -> None:
        for other in server.protocols:
            other.transport.write(data)

    server = api.server(data=data)
    one = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    two = api.peer(server.number)
    yield api.seen("server", "connectionMade", 2)
    one.send(b"hello")
    yield one.received(5)
    yield two.received(5)
    api.record("one", one.data)
    api.record("two", two.data)


@scenario()
def chunks_are_at_most_64_kib(api: Stage) -> Any:
    """However much the peer sends at once, `dataReceived` gets at most 64 KiB."""
    sizes: list[int] = []
    server = api.server(data=lambda p, d: sizes.append(len(d)), made=_pause)
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    sent = 0
    for _ in range(200):
        try:
            sent += peer.sock.send(b"x" * 65536)
        except BlockingIOError:
            yield api.turn()
    server.transport.resumeProducing()
    yield api.until(lambda: sum(sizes) == sent)
    api.record("server", "largest", max(sizes), "types", type(server.protocols[0].got).__name__)
    api.events["server"] = [e for e in api.events["server"] if not e.startswith("dataReceived")]


def _pause(protocol: Any) -> None:
    protocol.transport.pauseProducing()


@scenario()
def data_is_bytes(api: Stage) -> Any:
    """`dataReceived` gets an immutable `bytes` of its own."""
    kinds: list[str] = []
    server = api.server(data=lambda p, d: kinds.append(type(d).__name__))
    peer = api.peer(server.number)
    peer.send(b"small")
    yield api.seen("server", "dataReceived")
    peer.sock.setblocking(True)
    peer.sock.settimeout(30)
    peer.sock.send(b"x" * 100_000)
    yield api.until(lambda: len(kinds) >= 2)
    api.record("server", "kinds", *sorted(set(kinds)))
    api.events["server"] = [e for e in api.events["server"] if not e.startswith("dataReceived <")]


@scenario()
def many_small_writes_in_one_turn(api: Stage) -> Any:
    """A thousand small writes in one turn arrive as one stream."""

    def data(protocol: Any, _: bytes) -> None:
        for number in range(1000):
            protocol.transport.write(b"%03d" % number)
        protocol.transport.loseConnection()

    server = api.server(data=data)
    peer = api.peer(server.number)
    peer.send(b"?")
    api.record("peer", (yield peer.ended()), peer.data)
