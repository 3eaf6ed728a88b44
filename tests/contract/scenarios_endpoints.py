"""Endpoints: when their Deferreds fire and with what; descriptions; resolvers; proxies."""

from __future__ import annotations

import importlib
from typing import Any

from stage import Actor, Boom, Stage, differs, scenario


def _endpoints(api: Stage) -> Any:
    return importlib.import_module(f"{api.side}.internet.endpoints")


def _actor(api: Stage, name: str, interfaces: Any = (), **hooks: Any) -> Actor:
    """A recording factory for a client endpoint, whose connections end with the scenario."""
    actor = api.actor(api.protocol.Factory, name, hooks, interfaces)
    api.afterwards(lambda: [p.transport.abortConnection() for p in actor.protocols if p.transport])
    return actor


def _connect(api: Stage, actor: Actor, endpoint: Any) -> Any:
    """Connect, and record when the Deferred fires with what."""
    return api.outcome(actor.name, "connect", endpoint.connect(actor.factory))


class Resolution:
    """A look-up that is over."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing is left to cancel."""


def _resolver(api: Stage, *hosts: str) -> Any:
    """A resolver that finds these IPv4 addresses, at once, and records what it is asked."""

    @api.implementer(api.interfaces.IHostnameResolver)
    class Resolver:
        def resolveHostName(
            self,
            resolutionReceiver: Any,
            hostName: str,
            portNumber: int = 0,
            addressTypes: Any = None,
            transportSemantics: str = "TCP",
        ) -> Any:
            api.record("resolver", hostName, transportSemantics)
            resolution = Resolution(hostName)
            resolutionReceiver.resolutionBegan(resolution)
            for host in hosts:
                address = api.address.IPv4Address("TCP", host, portNumber)
                resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()
            return resolution

    return Resolver()


def _simple(api: Stage, answer: Any) -> Any:
    """A resolver of one address, which gives what `answer()` does."""

    @api.implementer(api.interfaces.IResolverSimple)
    class Resolver:
        def getHostByName(self, name: str, timeout: Any = ()) -> Any:
            api.record("resolver", name, list(timeout))
            return answer()

    return Resolver()


# ── clients ──────────────────────────────────────────────────────────────────────────────


@scenario()
def client_endpoint(api: Stage) -> Any:
    """The Deferred fires when the protocol is connected, after `connectionMade`."""
    plain = api.plain_listener()
    client = _actor(api, "client")
    endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", plain.number)
    _connect(api, client, endpoint)
    api.record("client", "connect returned", client.factory.numPorts)
    peer = yield plain.accept()
    yield api.seen("client", "connect fired")
    peer.send(b"hello")
    yield api.seen("client", "data")
    peer.close()
    yield api.seen("client", "connectionLost")
    yield api.turn(3)
    api.record("client", "users", client.factory.numPorts)


@scenario()
def client_endpoint_refused(api: Stage) -> Any:
    """The Deferred fails as the attempt does."""
    client = _actor(api, "client")
    endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", api.free_port())
    yield _connect(api, client, endpoint)
    yield api.turn(3)
    api.record("client", "users", client.factory.numPorts)


@scenario()
def client_endpoint_in_time(api: Stage) -> Any:
    """An attempt that takes too long."""
    client = _actor(api, "client")
    endpoint = _endpoints(api).TCP4ClientEndpoint(
        api.reactor, "127.0.0.1", api.silent_port(), timeout=0.05
    )
    yield _connect(api, client, endpoint)


@scenario()
def client_endpoint_cancelled(api: Stage) -> Any:
    """To cancel ends the attempt, before the call returns."""
    client = _actor(api, "client")
    endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", api.silent_port())
    going = endpoint.connect(client.factory)
    going.addErrback(lambda reason: api.record("client", reason, reason.value.address.host))
    yield api.turn(2)
    going.cancel()
    api.record("client", "cancelled", client.factory.numPorts)
    yield api.turn(3)


@scenario()
def client_endpoint_half_closed(api: Stage) -> Any:
    """A protocol that can be half-closed is, through the endpoint."""
    plain = api.plain_listener()
    client = _actor(
        api,
        "client",
        [api.interfaces.IHalfCloseableProtocol],
        read_lost=lambda p: p.transport.write(b"still here"),
    )
    _connect(
        api, client, _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", plain.number)
    )
    peer = yield plain.accept()
    yield api.seen("client", "connect fired")
    peer.finish()
    yield peer.received(10)
    api.record("peer", peer.data)
    client.transport.loseConnection()
    yield api.seen("client", "connectionLost")


@scenario()
def client_endpoint_without_protocol(api: Stage) -> Any:
    """A factory that makes no protocol, and one that raises."""
    plain = api.plain_listener()

    def raising(factory: Any, addr: Any) -> Any:
        raise Boom

    for name, build in (("none", lambda factory, addr: None), ("raises", raising)):
        client = _actor(api, name, build=build)
        endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", plain.number)
        _connect(api, client, endpoint)
        peer = yield plain.accept()
        api.record(name, "peer sees", (yield peer.ended()))
        yield api.turn(3)
        api.record(name, "users", client.factory.numPorts)


@scenario(
    differs(
        "client",
        "connectionMade",
        "connect fired Boom",
        "connectionLost Boom",
        because="whoever awaits the Deferred would wait for ever",
    )
)
def client_endpoint_whose_protocol_raises(api: Stage) -> Any:
    """`connectionMade` raises."""
    plain = api.plain_listener()

    def made(protocol: Any) -> None:
        raise Boom

    client = _actor(api, "client", made=made)
    endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", plain.number)
    _connect(api, client, endpoint)
    yield plain.accept()
    yield api.seen("client", "connectionLost")
    yield api.turn(3)


@scenario()
def connect_one_protocol(api: Stage) -> Any:
    """`connectProtocol` connects what is there already."""
    plain = api.plain_listener()
    client = _actor(api, "client")
    protocol = client.factory.make()
    client.protocols.append(protocol)
    endpoint = _endpoints(api).TCP4ClientEndpoint(api.reactor, "127.0.0.1", plain.number)
    going = _endpoints(api).connectProtocol(endpoint, protocol)
    going.addCallback(lambda result: api.record("client", "the same", result is protocol))
    yield going


# ── hosts by name ────────────────────────────────────────────────────────────────────────


@scenario()
def hostname_endpoint(api: Stage) -> Any:
    """A host by name, through the reactor's own resolver."""
    server = api.server()
    client = _actor(api, "client")
    yield _connect(
        api, client, _endpoints(api).HostnameEndpoint(api.reactor, "localhost", server.number)
    )
    api.record("client", client.transport.getPeer())
    yield api.seen("server", "connectionMade")


@scenario()
def hostname_endpoint_unknown(api: Stage) -> Any:
    """Names that nobody has, and that nobody can have."""
    for host in ("nonexistent.invalid.", "a..b", "", "[::1]"):
        client = _actor(api, "client")
        yield _connect(api, client, _endpoints(api).HostnameEndpoint(api.reactor, host, 80))


@scenario()
def hostname_endpoint_by_a_resolver(api: Stage) -> Any:
    """An installed resolver is asked; an address that refuses is followed by the next."""
    server = api.server(interface="127.0.0.2")
    client = _actor(api, "client")
    own = api.reactor.installNameResolver(_resolver(api, "127.0.0.1", "127.0.0.2"))
    endpoint = _endpoints(api).HostnameEndpoint(
        api.reactor, b"example.com", server.number, attemptDelay=0.01
    )
    yield _connect(api, client, endpoint)
    api.record("client", client.transport.getPeer())
    api.reactor.installNameResolver(own)
    yield api.seen("server", "connectionMade")


@scenario()
def hostname_endpoint_refused(api: Stage) -> Any:
    """All addresses refuse, or there is none."""
    port = api.free_port()
    for hosts in (("127.0.0.1", "127.0.0.2"), ()):
        client = _actor(api, "client")
        own = api.reactor.installNameResolver(_resolver(api, *hosts))
        endpoint = _endpoints(api).HostnameEndpoint(
            api.reactor, "example.com", port, attemptDelay=0.01
        )
        yield _connect(api, client, endpoint)
        api.reactor.installNameResolver(own)


@scenario()
def hostname_endpoint_cancelled(api: Stage) -> Any:
    """To cancel ends all attempts."""
    client = _actor(api, "client")
    port = api.silent_port()
    endpoint = _endpoints(api).HostnameEndpoint(api.reactor, "127.0.0.1", port)
    going = endpoint.connect(client.factory)
    api.outcome("client", "connect", going)
    yield api.sleep(0.05)
    going.cancel()
    yield api.turn(3)
    api.record("client", "users", client.factory.numPorts)


@scenario(
    differs(
        "client",
        "resolution cancelled",
        "connect fired ConnectingCancelledError",
        because="who cancels an attempt to connect is to be told the same at each of its stages",
    )
)
def hostname_endpoint_cancelled_while_looked_up(api: Stage) -> Any:
    """To cancel while the name is looked up cancels that."""

    class Endless(Resolution):
        def cancel(self) -> None:
            api.record("client", "resolution cancelled")

    @api.implementer(api.interfaces.IHostnameResolver)
    class Silent:
        def resolveHostName(self, resolutionReceiver: Any, hostName: str, **_: Any) -> Any:
            resolutionReceiver.resolutionBegan(Endless(hostName))
            return Endless(hostName)

    client = _actor(api, "client")
    own = api.reactor.installNameResolver(Silent())
    going = _endpoints(api).HostnameEndpoint(api.reactor, "example.com", 80).connect(client.factory)
    api.outcome("client", "connect", going)
    going.cancel()
    api.reactor.installNameResolver(own)
    yield api.turn()


# ── resolvers ────────────────────────────────────────────────────────────────────────────


@scenario()
def connecting_by_installed_resolvers(api: Stage) -> Any:
    """`connectTCP` and `resolve` ask what was installed; an address is asked of nobody."""
    server = api.server()
    own = api.reactor.installNameResolver(_resolver(api, "127.0.0.1"))
    for host in ("example.com", "127.0.0.1"):
        api.client(server.number, host, host=host)
        yield api.seen(host, "connectionMade")
    yield api.outcome("resolve", "example.com", api.reactor.resolve("example.com"))
    api.reactor.installNameResolver(own)
    simple = _simple(api, lambda: api.defer.succeed("127.0.0.1"))
    previous = api.reactor.installResolver(simple)
    api.record("reactor", api.interfaces.IResolverSimple.providedBy(previous))
    api.client(server.number, "by simple", host="example.org")
    yield api.seen("by simple", "connectionMade")
    yield api.seen("server", "connectionMade", 3)
    yield api.outcome("resolve", "example.net", api.reactor.resolve("example.net", (1, 2)))
    api.record("reactor", "the same", api.reactor.installResolver(previous) is simple)
    yield api.outcome("resolve", "localhost", api.reactor.resolve("localhost"))
    # Twisted goes on through the adapter that stood for it.
    api.reactor.installNameResolver(own)


@scenario()
def resolvers_that_fail(api: Stage) -> Any:
    """What a resolver fails with is what the factory is told."""
    own = api.reactor.nameResolver
    failures = {"lookup": api.error.DNSLookupError("unknown"), "boom": Boom()}
    for name, failure in failures.items():

        def fail(failure: Exception = failure) -> Any:
            return api.defer.fail(failure)

        previous = api.reactor.installResolver(_simple(api, fail))
        api.client(80, name, host="example.com")
        yield api.seen(name, "clientConnectionFailed")
        api.reactor.installResolver(previous)
    api.reactor.installNameResolver(own)


@scenario()
def looking_names_up(api: Stage) -> Any:
    """The reactor's `nameResolver` reports to a receiver."""

    class Receiver:
        def __init__(self, party: str) -> None:
            self.party = party

        def resolutionBegan(self, resolution: Any) -> None:
            api.record(self.party, "began", resolution.name)

        def addressResolved(self, address: Any) -> None:
            api.record(self.party, address)

        def resolutionComplete(self) -> None:
            api.record(self.party, "complete")

    four, six = api.address.IPv4Address, api.address.IPv6Address
    asked = [
        ("localhost", 0, [four]),
        ("127.0.0.1", 0, None),
        ("::1", 0, None),
        ("127.0.0.1", 0, [six]),
        ("localhost", 0, [four], "UDP"),
        ("nonexistent.invalid.", 0, None),
        ("", 0, None),
    ]
    for number, arguments in enumerate(asked):
        party = f"receiver {number}"
        api.reactor.nameResolver.resolveHostName(Receiver(party), *arguments)
        yield api.seen(party, "complete")


# ── servers ──────────────────────────────────────────────────────────────────────────────


@scenario()
def server_endpoint(api: Stage) -> Any:
    """A server listens when `listen` returns, and its Deferred has fired."""
    server = _actor(api, "server")
    endpoint = _endpoints(api).TCP4ServerEndpoint(api.reactor, 0, interface="127.0.0.1")
    ports: list[Any] = []
    endpoint.listen(server.factory).addCallback(ports.append)
    api.record("server", "listening", len(ports), server.factory.numPorts)
    number = ports[0].getHost().port
    again = _endpoints(api).TCP4ServerEndpoint(api.reactor, number, interface="127.0.0.1")
    yield api.outcome("server", "again", again.listen(server.factory))
    peer = api.peer(number)
    yield api.seen("server", "connectionMade")
    peer.close()
    yield api.seen("server", "connectionLost")
    yield ports[0].stopListening()


@scenario()
def descriptions(api: Stage) -> Any:
    """Which texts describe an endpoint, and what kind of error others raise."""
    endpoints = _endpoints(api)
    for text in (
        "tcp:80",
        "tcp:80:interface=127.0.0.1:backlog=7",
        "tcp:port=80",
        "tcp6:80",
        r"tcp6:80:interface=\:\:1",
        "unix:/a",
        r"unix:/a\:b:mode=600:lockfile=0",
        "stdio:",
        "haproxy:tcp:80",
        "80",
        "tcp",
        "tcp:",
        "tcp:x",
        "tcp:80:foo=1",
        "tcp:80:port=81",
        "unix:/a:mode=9",
        "systemd",
        "systemd:domain=INET",
        "systemd:domain=INET:index=0",
        "systemd:domain=INET:name=a",
        "nope:1",
        "",
    ):
        _described(api, "server", text, endpoints.serverFromString)
    for text in (
        "tcp:h:80",
        "tcp:host=h:port=80:timeout=7:bindAddress=127.0.0.1",
        "tcp:host=h:80",
        "unix:/a",
        "unix:path=/a:timeout=7:lockfile=1",
        "tcp:h",
        "tcp:h:x",
        "tcp:h:80:foo=1",
        "stdio:",
    ):
        _described(api, "client", text, endpoints.clientFromString)
    yield api.turn()


_STATE = "host port timeout bindAddress interface backlog path address mode wantPID checkPID"


def _described(api: Stage, party: str, text: str, read: Any) -> None:
    try:
        endpoint = read(api.reactor, text)
    except Exception as error:
        api.record(party, repr(text), "raises", error)
        return
    state = [str(getattr(endpoint, f"_{name}", "-")) for name in _STATE.split()]
    state[-2:] = [str(bool(getattr(endpoint, f"_{name}", 0))) for name in _STATE.split()[-2:]]
    api.record(party, repr(text), type(endpoint).__name__, *state)


# ── proxies ──────────────────────────────────────────────────────────────────────────────


def _behind_a_proxy(api: Stage) -> Any:
    """A server behind a proxy, and the Deferred of its port."""
    server = _actor(api, "server", data=lambda p, d: _ends(api, p), made=lambda p: _ends(api, p))
    endpoint = _endpoints(api).serverFromString(api.reactor, "haproxy:tcp:0:interface=127.0.0.1")
    listening = endpoint.listen(server.factory)

    def heard(port: Any) -> Any:
        api.name(port.getHost().port, "SERVER")
        api.afterwards(port.stopListening)
        return port.getHost().port

    return listening.addCallback(heard)


def _ends(api: Stage, protocol: Any) -> None:
    api.record("server", protocol.transport.getPeer(), protocol.transport.getHost())


@scenario()
def proxied(api: Stage) -> Any:
    """Headers of both versions, and the addresses before and after them."""
    number = yield _behind_a_proxy(api)
    binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(
        [192, 168, 0, 1, 192, 168, 0, 11, 220, 4, 1, 187]
    )
    headers = (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", binary)
    for count, header in enumerate(headers, 1):
        peer = api.peer(number)
        peer.send(header + b"hello")
        yield api.seen("server", "dataReceived", count)
        peer.close()
        yield api.seen("server", "connectionLost", count)


@scenario()
def not_proxied(api: Stage) -> Any:
    """A connection that begins with no header is closed."""
    number = yield _behind_a_proxy(api)
    peer = api.peer(number)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    api.record("peer", (yield peer.ended()))
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "IPv4Address(TCP 127.0.0.1 PEER) IPv4Address(TCP 127.0.0.1 SERVER)",
        "dataReceived b'hello'",
        "IPv4Address(TCP 192.168.0.1 PORT) IPv4Address(TCP 192.168.0.11 PORT)",
        because="the specification has receivers wait for the rest of a header",
    )
)
def proxied_in_pieces(api: Stage) -> Any:
    """A header that comes in pieces."""
    number = yield _behind_a_proxy(api)
    peer = api.peer(number)
    for piece in (b"PROXY", b" TCP4 192.168.0.1 192.168.0.11 56324 443\r", b"\nhello"):
        peer.take()
        if not peer.end:
            peer.send(piece)
        yield api.sleep(0.01)
    yield api.turn(3)
