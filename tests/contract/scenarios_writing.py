"""What may be written, when it is sent, and what a transport tells about itself."""

from __future__ import annotations

import socket
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
    peer.sock.settimeout(3)
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


# ── what a transport tells ───────────────────────────────────────────────────────────────

ATTRIBUTES = ("connected", "disconnecting", "disconnected")


def _tell(api: Stage, party: str, when: str, transport: Any) -> None:
    for name in ATTRIBUTES:
        api.record(party, when, name, bool(getattr(transport, name)))


def _look(api: Stage, party: str, label: str, transport: Any, name: str) -> None:
    missing = object()
    value = getattr(transport, name, missing)
    api.record(party, label, name, "missing" if value is missing else value)


@scenario()
def server_transport_tells(api: Stage) -> Any:
    """State of a server's transport, from its beginning until after its end."""

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.loseConnection()
        _tell(api, "server", "asked", protocol.transport)

    server = api.server(
        made=lambda p: _tell(api, "server", "made", p.transport),
        data=data,
        lost=lambda p, r: _tell(api, "server", "lost", p.transport),
    )
    peer = api.peer(server.number)
    peer.send(b"?")
    yield api.seen("server", "lost disconnected")
    yield api.turn(3)
    _tell(api, "server", "after", server.transport)


@scenario()
def client_transport_tells(api: Stage) -> Any:
    """State of a client's transport, from its beginning until after its end."""
    plain = api.plain_listener()

    client = api.client(
        plain.number,
        made=lambda p: _tell(api, "client", "made", p.transport),
        lost=lambda p, r: _tell(api, "client", "lost", p.transport),
    )
    (yield plain.accept()).close()
    yield api.seen("client", "clientConnectionLost")
    _tell(api, "client", "after", client.transport)


@scenario()
def addresses_while_connected(api: Stage) -> Any:
    """Both ends know both addresses as soon as they are made."""

    def tell(protocol: Any) -> None:
        transport = protocol.transport
        api.record(protocol.party, transport.getPeer(), transport.getHost())

    def made(protocol: Any) -> None:
        protocol.party = "client"
        api.name(protocol.transport.getHost().port, "OURS")
        tell(protocol)

    def made_server(protocol: Any) -> None:
        protocol.party = "server"
        transports.append(protocol.transport)

    transports: list[Any] = []
    server = api.server(made=made_server)
    api.client(server.number, made=made)
    yield api.until(lambda: transports)
    yield api.seen("client", "connectionMade")
    tell(server.protocols[0])


@scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        "getPeer -> IPv4Address(TCP 127.0.0.1 SERVER)",
        "getHost -> IPv4Address(TCP 127.0.0.1 OURS)",
        because="`getPeer` and `getHost` answer as long as the transport is there",
    ),
    differs(
        "server",
        "connectionMade",
        "connectionLost ConnectionDone",
        "getPeer -> IPv4Address(TCP 127.0.0.1 OURS)",
        "getHost -> IPv4Address(TCP 127.0.0.1 SERVER)",
        because="`getPeer` and `getHost` answer as long as the transport is there",
    ),
)
def addresses_after_loss(api: Stage) -> Any:
    """Both addresses when the connection is over."""
    server = api.server()
    client = api.client(server.number)
    yield api.seen("server", "connectionMade")
    yield api.seen("client", "connectionMade")
    api.name(client.transport.getHost().port, "OURS")
    client.transport.loseConnection()
    yield api.seen("server", "connectionLost")
    yield api.seen("client", "clientConnectionLost")
    for actor in (server, client):
        api.attempt(actor.name, "getPeer", actor.transport.getPeer)
        api.attempt(actor.name, "getHost", actor.transport.getHost)


@scenario()
def server_transport_attributes(api: Stage) -> Any:
    """Attributes that old code reads from a server's transport."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    transport, protocol = server.transport, server.protocols[0]
    for label in ("live", "over"):
        for name in ("client", "hostname"):
            _look(api, "server", label, transport, name)
        api.record("server", label, "server", getattr(transport, "server", None) is server.port)
        api.record("server", label, "protocol", getattr(transport, "protocol", None) is protocol)
        api.record("server", label, "reactor", callable(transport.reactor.callLater))
        api.record("server", label, "logstr", transport.logstr.split(",")[0])
        api.attempt("server", "logPrefix", lambda: transport.logPrefix().split(",")[0])
        if label == "live":
            peer.close()
            yield api.seen("server", "connectionLost")


@scenario()
def client_transport_attributes(api: Stage) -> Any:
    """Attributes that old code reads from a client's transport."""
    plain = api.plain_listener()
    client = api.client(plain.number)
    yield api.seen("client", "connectionMade")
    transport, protocol = client.transport, client.protocols[0]
    for label in ("live", "over"):
        for name in ("addr", "logstr"):
            _look(api, "client", label, transport, name)
        connector = getattr(transport, "connector", None)
        api.record("client", label, "connector", connector is client.connector)
        api.record("client", label, "protocol", getattr(transport, "protocol", None) is protocol)
        api.record("client", label, "reactor", callable(transport.reactor.callLater))
        api.attempt("client", "logPrefix", lambda: transport.logPrefix())
        if label == "live":
            (yield plain.accept()).close()
            yield api.seen("client", "connectionLost")


@scenario()
def transport_provides(api: Stage) -> Any:
    """The interfaces that transports, ports and connectors say they keep."""
    server = api.server()
    client = api.client(server.number)
    yield api.seen("client", "connectionMade")
    yield api.seen("server", "connectionMade")
    interfaces = api.interfaces
    for name in (
        "ITransport",
        "ITCPTransport",
        "IConsumer",
        "IPushProducer",
        "IPullProducer",
        "ILoggingContext",
        "ISystemHandle",
        "ISSLTransport",
    ):
        kept = getattr(interfaces, name)
        api.record("server", name, kept.providedBy(server.transport))
        api.record("client", name, kept.providedBy(client.transport))
    api.record("port", interfaces.IListeningPort.providedBy(server.port))
    api.record("connector", interfaces.IConnector.providedBy(client.connector))


@scenario(
    differs("server", "connectionMade", "False", because="asyncio's transports, not ours, poll"),
)
def a_transport_is_no_descriptor(api: Stage) -> Any:
    """What a reactor calls on a descriptor that it polls is not part of a transport."""
    server = api.server()
    api.peer(server.number)
    yield api.seen("server", "connectionMade")
    api.record("server", api.interfaces.IHalfCloseableDescriptor.providedBy(server.transport))


@scenario()
def the_handle(api: Stage) -> Any:
    """`getHandle` is the socket, and speaks like one."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    handle = server.transport.getHandle()
    api.record("server", handle.getpeername(), handle.family == socket.AF_INET)
    api.record("server", "kind", handle.type == socket.SOCK_STREAM)
    api.record("server", "fileno", handle.fileno() == server.transport.fileno())
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    api.record("server", "keep alive", bool(server.transport.getTcpKeepAlive()))
    peer.close()
    yield api.seen("server", "connectionLost")
    api.attempt("server", "fileno afterwards", server.transport.fileno)


@scenario()
def socket_options(api: Stage) -> Any:
    """TCP_NODELAY and keep-alive can be read and set."""
    server = api.server()
    api.peer(server.number)
    yield api.seen("server", "connectionMade")
    transport = server.transport
    for on in (True, False, 1, 0):
        api.attempt("server", f"delay {on}", transport.setTcpNoDelay, on)
        api.record("server", bool(transport.getTcpNoDelay()))
        api.attempt("server", f"alive {on}", transport.setTcpKeepAlive, on)
        api.record("server", bool(transport.getTcpKeepAlive()))


@scenario(
    differs(
        "server",
        "connectionMade",
        "no delay True",
        "keep alive False",
        because="TCP_NODELAY is on, as asyncio has it: what one turn writes is gathered anyway",
    ),
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "no delay True",
        "keep alive False",
        because="TCP_NODELAY is on, as asyncio has it: what one turn writes is gathered anyway",
    ),
)
def no_delay_at_first(api: Stage) -> Any:
    """Whether TCP_NODELAY and keep-alive are on when nobody asked."""
    server = api.server()
    client = api.client(server.number)
    yield api.seen("server", "connectionMade")
    yield api.seen("client", "connectionMade")
    for actor in (server, client):
        api.record(actor.name, "no delay", bool(actor.transport.getTcpNoDelay()))
        api.record(actor.name, "keep alive", bool(actor.transport.getTcpKeepAlive()))


@scenario()
def socket_options_after_loss(api: Stage) -> Any:
    """What the options say when the socket is gone."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    transport = server.transport
    for call, *args in (
        (transport.getTcpNoDelay,),
        (transport.setTcpNoDelay, True),
        (transport.getTcpKeepAlive,),
        (transport.setTcpKeepAlive, True),
    ):
        try:
            call(*args)
        except (AttributeError, OSError):
            api.record("server", call.__name__, "raises")
        else:
            api.record("server", call.__name__, "returns")


@scenario()
def transports_are_told_apart(api: Stage) -> Any:
    """Transports are hashable, equal to themselves only, and print without failing."""
    server = api.server()
    api.peer(server.number)
    yield api.seen("server", "connectionMade")
    api.peer(server.number)
    yield api.seen("server", "connectionMade", 2)
    one, two = (p.transport for p in server.protocols)
    api.record("server", one == one, one == two, len({one, two}))
    api.record("server", "repr", repr(one).startswith("<"))
    one.note = "kept"
    api.record("server", "attribute", one.note)


@scenario()
def server_over_ipv6(api: Stage) -> Any:
    """Addresses of a connection over IPv6, and what `client` holds."""
    server = api.server(interface="::1")
    peer = api.peer(server.number, host="::1")
    yield api.seen("server", "connectionMade")
    transport = server.transport
    api.record("server", transport.getPeer(), transport.getHost(), server.port.getHost())
    api.record("server", "client", len(transport.client), transport.client[:2])
    peer.send(b"six")
    yield api.seen("server", "dataReceived")
    peer.close()
    yield api.seen("server", "connectionLost")
