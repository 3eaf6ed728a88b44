"""What a transport tells about itself and its connection."""

from __future__ import annotations

import socket
from typing import Any

from stage import Stage, differs, scenario

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


def _say(api: Stage, words: str) -> Any:
    return lambda protocol, *_: api.log.msg("contract", said=words)


@scenario()
def who_speaks_in_the_log(api: Stage) -> Any:
    """The `system` of what callbacks log is that of their connection, or of its port."""

    def observe(event: Any) -> None:
        if "said" in event:
            # The stage's factories have generated names: what matters is whose they are.
            system = event["system"].split(",", 1)
            whose = "port" if len(system) == 1 and system[0] != "-" else system[1:]
            api.record(event["said"], whose)

    def data(protocol: Any, _: bytes) -> None:
        _say(api, "data")(protocol)
        api.reactor.callLater(0, _say(api, "later"), protocol)
        protocol.transport.loseConnection()

    api.log.addObserver(observe)
    server = api.server(made=_say(api, "made"), data=data, lost=_say(api, "lost"))
    client = api.client(server.number, lost=_say(api, "client lost"))
    yield api.seen("client", "connectionMade")
    client.transport.write(b"?")
    yield api.seen("lost", "")
    yield api.seen("client lost", "")
    yield api.seen("later", "")
    api.log.removeObserver(observe)


@scenario()
def what_is_watched(api: Stage) -> Any:
    """`getReaders` has ports, and transports that aren't paused."""

    def tell(when: str) -> None:
        api.record("reactor", when, server.transport in api.reactor.getReaders())

    server = api.server()
    api.record("reactor", "port", server.port in api.reactor.getReaders())
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    yield api.turn(3)
    tell("open")
    server.transport.pauseProducing()
    tell("paused")
    server.transport.resumeProducing()
    yield api.turn(3)
    tell("resumed")
    peer.close()
    yield api.seen("server", "connectionLost")
    tell("lost")


@scenario(
    differs(
        "first",
        "connectionMade",
        "connectionLost ConnectionDone",
        because="a protocol whose connection is given up hears of its end, as of any other",
    )
)
def handed_over(api: Stage) -> Any:
    """A connection goes on after its descriptor was adopted and its socket closed."""
    first, second = api.server("first"), api.server("second")
    peer = api.peer(first.number)
    yield api.seen("first", "connectionMade")
    transport = first.transport
    api.reactor.removeReader(transport)
    api.reactor.removeWriter(transport)
    number = transport.fileno()
    api.reactor.adoptStreamConnection(number, socket.AF_INET, second.factory)
    transport.socket.close()
    yield api.seen("second", "connectionMade")
    second.protocols[0].transport.write(b"from the second")
    yield peer.received(15)
    api.record("peer", peer.data)
