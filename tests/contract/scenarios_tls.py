"""TLS: when the protocols hear of it, in which order data comes, and for what it ends."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

from stage import Actor, Difference, Stage, boom, differs, scenario

# Twisted gives pyOpenSSL certificates in a way that pyOpenSSL warns of.
warnings.filterwarnings("ignore", "Passing pyOpenSSL", DeprecationWarning)

NEW = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
NAMED = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
FILES = ["-keyout", "key.pem", "-out", "certificate.pem"]


#: Twisted's TLS needs pyOpenSSL, and the certificates are made by a command.
POSSIBLE = importlib.util.find_spec("OpenSSL") is not None and shutil.which("openssl") is not None


def tls_scenario(*differences: Difference) -> Any:
    """Register a scenario, where it can be played."""
    return scenario(*differences) if POSSIBLE else lambda act: act


@functools.cache
def pem() -> bytes:
    """A key, and a certificate for localhost that is its own authority."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*NEW, *NAMED, *FILES], cwd=folder, check=True, capture_output=True)
        return b"".join((Path(folder) / name).read_bytes() for name in ("key.pem", FILES[-1]))


def ssl_of(api: Stage) -> Any:
    """The side's `internet.ssl`."""
    return importlib.import_module(f"{api.side}.internet.ssl")


def server_options(api: Stage) -> Any:
    """What a server with that certificate is given."""
    return ssl_of(api).PrivateCertificate.loadPEM(pem()).options()


def client_options(api: Stage, host: str = "localhost") -> Any:
    """What a client is given that expects `host`, and trusts that certificate."""
    ssl = ssl_of(api)
    return ssl.optionsForClientTLS(host, trustRoot=ssl.Certificate.loadPEM(pem()))


def listening(api: Stage, actor: Actor) -> None:
    """Have an actor tell when the handshake is done."""

    def secured(protocol: Any) -> None:
        api.record(actor.name, "handshakeCompleted")

    actor.factory.make.handshakeCompleted = secured


def secure_server(api: Stage, **hooks: Any) -> Actor:
    """A recording server that speaks TLS."""
    listener = [api.interfaces.IHandshakeListener]
    actor = api.actor(api.protocol.ServerFactory, "server", hooks, listener)
    listening(api, actor)
    options = server_options(api)
    actor.port = api.reactor.listenSSL(0, actor.factory, options, interface="127.0.0.1")
    api.name(actor.number, "SERVER")
    api.afterwards(actor.port.stopListening)
    api.afterwards(lambda: api._abort(actor))
    return actor


def secure_client(api: Stage, port: int, host: str = "localhost", **hooks: Any) -> Actor:
    """A recording client that speaks TLS."""
    listener = [api.interfaces.IHandshakeListener]
    actor = api.actor(api.protocol.ClientFactory, "client", hooks, listener)
    listening(api, actor)
    api.afterwards(lambda: api._abort(actor))
    options = client_options(api, host)
    actor.connector = api.reactor.connectSSL("127.0.0.1", port, actor.factory, options)
    return actor


def close(protocol: Any, *_: Any) -> None:
    """Close, from this side."""
    protocol.transport.loseConnection()


def says(data: bytes) -> Any:
    """Something to do: write `data`."""
    return lambda protocol, *_: protocol.transport.write(data)


def ended(api: Stage, *parties: str) -> Any:
    """Wait for the connections of both sides to be lost."""
    return api.defer.gatherResults([api.seen(each, "connectionLost") for each in parties])


@tls_scenario()
def tls_client_closes(api: Stage) -> Any:
    """Both are connected before the handshake; the one who closes and the other end in order."""
    server = secure_server(api, data=says(b"answer"))
    secure_client(api, server.number, made=says(b"question"), data=close)
    yield ended(api, "server", "client")
    yield api.seen("client", "clientConnectionLost")


@tls_scenario()
def tls_server_closes(api: Stage) -> Any:
    """A server writes in connectionMade and closes in the same breath: all arrives."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 300_000)
        protocol.transport.loseConnection()

    server = secure_server(api, made=made)
    secure_client(api, server.number)
    yield ended(api, "server", "client")


@tls_scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "handshakeCompleted",
        "dataReceived b'answer'",
        "connectionLost ConnectionAborted",
        "clientConnectionLost ConnectionAborted disconnected",
        because="the protocol hears what the factory does, and what it would hear without TLS",
    ),
)
def tls_client_aborts(api: Stage) -> Any:
    """To abort ends it at once, and the other side has lost its connection."""
    server = secure_server(api, data=lambda p, d: p.transport.write(b"answer"))
    secure_client(
        api,
        server.number,
        made=says(b"question"),
        data=lambda p, d: p.transport.abortConnection(),
    )
    yield ended(api, "server", "client")


@tls_scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost VerificationError",
        "clientConnectionLost VerificationError disconnected",
        because="the factory hears the reason that the protocol does",
    ),
)
def tls_wrong_host(api: Stage) -> Any:
    """A certificate for another host ends the client, which has sent nothing to it."""
    heard: list[bytes] = []
    server = secure_server(api, data=lambda protocol, data: heard.append(data))
    secure_client(api, server.number, host="example.com", made=says(b"secret"))
    yield api.seen("client", "clientConnectionLost")
    # At which end of the handshake a server learns of it, the version of TLS says.
    del api.events["server"]
    api.record("server", "heard", heard)


@tls_scenario()
def tls_is_asked_of_a_plain_client(api: Stage) -> Any:
    """Plain text on a port for TLS ends that connection, and no protocol hears the text."""
    server = secure_server(api)
    peer = api.peer(server.number)
    peer.send(b"GET / HTTP/1.0\r\n\r\n" * 20)
    yield api.seen("server", "connectionLost")
    yield peer.ended()
    api.events["server"] = [each.split(" ")[0] for each in api.events["server"]]


@tls_scenario(
    differs(
        "server",
        "connectionMade",
        "handshakeCompleted",
        "dataReceived b'question'",
        "connectionLost Boom",
        because="the exception is the reason, as it is without TLS",
    ),
)
def tls_exception_in_data_received(api: Stage) -> Any:
    """An exception ends the connection and is its reason, as without TLS."""
    server = secure_server(api, data=boom)
    secure_client(api, server.number, made=says(b"question"))
    yield api.seen("server", "connectionLost")
    yield api.seen("client", "connectionLost")
    api.events["client"] = [each.split(" ")[0] for each in api.events["client"]]


@tls_scenario()
def starttls_in_the_middle(api: Stage) -> Any:
    """What is written before comes before, and what is written after comes after, in TLS."""

    def served(protocol: Any, data: bytes) -> None:
        if data == b"STARTTLS":
            protocol.transport.write(b"ready")
            protocol.transport.startTLS(server_options(api))
            protocol.transport.write(b"secret greeting")

    def asked(protocol: Any, data: bytes) -> None:
        if data == b"ready":
            protocol.transport.startTLS(client_options(api))
            protocol.transport.write(b"secret answer")
        else:
            protocol.transport.loseConnection()

    server = api.server(data=served)
    api.client(server.number, made=says(b"STARTTLS"), data=asked)
    yield ended(api, "server", "client")


@tls_scenario()
def starttls_in_connection_made(api: Stage) -> Any:
    """TLS begun by both as soon as they are connected."""
    server = api.server(
        made=lambda p: p.transport.startTLS(server_options(api)), data=says(b"answer")
    )

    def made(protocol: Any) -> None:
        protocol.transport.startTLS(client_options(api))
        protocol.transport.write(b"question")

    api.client(server.number, made=made, data=close)
    yield ended(api, "server", "client")


@tls_scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "handshakeCompleted",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        because="both sides have closed TLS in order, and hear so",
    ),
    differs(
        "server",
        "connectionMade",
        "handshakeCompleted",
        "dataReceived b'question'",
        "connectionLost ConnectionDone",
        because="both sides have closed TLS in order, and hear so",
    ),
)
def tls_half_closing(api: Stage) -> Any:
    """loseWriteConnection over TLS."""
    server = secure_server(api, data=lambda p, d: p.transport.loseWriteConnection())
    secure_client(api, server.number, made=says(b"question"))
    yield api.seen("server", "dataReceived")
    yield api.sleep(0.1)
    server.transport.loseConnection()
    yield ended(api, "server", "client")


@tls_scenario()
def tls_producer(api: Stage) -> Any:
    """A push producer over TLS is paused and resumed, and all it wrote arrives."""
    left = [40]
    noted: list[str] = []

    class Producer:
        def __init__(self, transport: Any) -> None:
            self.transport = transport
            self.paused = False

        def resumeProducing(self) -> None:
            noted.append("resume")
            self.paused = False
            self.produce()

        def produce(self) -> None:
            while left[0] and not self.paused:
                left[0] -= 1
                self.transport.write(b"y" * 65536)
            if not left[0]:
                self.transport.unregisterProducer()
                self.transport.loseConnection()

        def pauseProducing(self) -> None:
            noted.append("pause")
            self.paused = True

        def stopProducing(self) -> None:
            noted.append("stop")

    def made(protocol: Any) -> None:
        producer = Producer(protocol.transport)
        protocol.transport.registerProducer(producer, True)
        producer.produce()

    server = secure_server(api, made=made)
    secure_client(api, server.number)
    yield ended(api, "server", "client")
    api.record("producer", "pause" in noted, "resume" in noted, "stop" in noted, left[0])


@tls_scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost SSLCertVerificationError",
        "clientConnectionLost SSLCertVerificationError disconnected",
        because="errors are ssl's, and the connector is told the same as the protocol",
    ),
    differs(
        "server",
        "connectionMade",
        "connectionLost SSLError",
        because="errors are ssl's, where Twisted's are pyOpenSSL's",
    ),
)
def tls_not_trusted(api: Stage) -> Any:
    """A certificate that nobody vouches for ends both, before anything that was written."""
    server = secure_server(api, made=says(b"hello"))
    actor = api.actor(api.protocol.ClientFactory, "client", {"made": says(b"secret")})
    options = ssl_of(api).optionsForClientTLS("localhost")
    api.reactor.connectSSL("127.0.0.1", server.number, actor.factory, options)
    yield ended(api, "server", "client")


@tls_scenario()
def tls_peer_goes_away_in_the_handshake(api: Stage) -> Any:
    """A peer that ends amid the handshake was lost."""
    server = secure_server(api)
    peer = api.peer(server.number)
    peer.send(b"\x16\x03\x01\x02\x00")
    yield api.seen("server", "connectionMade")
    peer.close()
    yield api.seen("server", "connectionLost")


@tls_scenario(
    differs(
        "server",
        "connectionMade",
        "handshakeCompleted",
        "connectionLost Boom",
        because="what was raised is the reason, as over TCP",
    ),
)
def tls_exception_in_handshake_completed(api: Stage) -> Any:
    """What `handshakeCompleted` raises is logged, and ends the connection."""
    server = secure_server(api)
    server.factory.make.handshakeCompleted = lambda protocol: (
        api.record("server", "handshakeCompleted"),
        boom(protocol),
    )
    secure_client(api, server.number)
    yield api.seen("server", "connectionLost")
    api.events.pop("client")


@tls_scenario(
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "handshakeCompleted",
        "dataReceived <1000004 0a1d9c63>",
        "connectionLost ConnectionDone",
        "clientConnectionLost ConnectionDone disconnected",
        because="what is written in the same breath as the close is sent, as it is over TCP",
    ),
)
def tls_much_data_and_close(api: Stage) -> Any:
    """What was written before `loseConnection`, and before the handshake, arrives."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"m" * 1_000_000)
        protocol.transport.loseConnection()
        protocol.transport.write(b"late")

    server = secure_server(api, made=made)
    secure_client(api, server.number)
    yield ended(api, "server", "client")


@tls_scenario()
def starttls_keeps_the_transport(api: Stage) -> Any:
    """The transport stays the same object, and provides more."""

    def made(protocol: Any) -> None:
        before = protocol.transport
        secure = api.interfaces.ISSLTransport.providedBy
        api.record("server", "secure", bool(secure(before)), bool(before.TLS))
        before.startTLS(server_options(api))
        after = protocol.transport
        api.record("server", before is after, bool(secure(after)), bool(after.TLS))

    def start(protocol: Any) -> None:
        protocol.transport.startTLS(client_options(api))
        protocol.transport.write(b"x")

    server = api.server(made=made, data=close)
    api.client(server.number, made=start)
    yield ended(api, "server", "client")


@tls_scenario()
def tls_agrees_on_a_protocol(api: Stage) -> Any:
    """What is agreed upon by ALPN, the server's order counting, is known to both."""
    ssl = ssl_of(api)
    own = ssl.PrivateCertificate.loadPEM(pem())
    offered = ssl.CertificateOptions(
        own.privateKey.original, own.original, acceptableProtocols=[b"h2", b"echo/1"]
    )
    wanted = ssl.optionsForClientTLS(
        "localhost", ssl.Certificate.loadPEM(pem()), acceptableProtocols=[b"echo/1", b"h2"]
    )

    def tells(party: str) -> Any:
        return lambda protocol, _: api.record(party, protocol.transport.negotiatedProtocol)

    server = api.actor(api.protocol.ServerFactory, "server", {"data": tells("server")})
    server.port = api.reactor.listenSSL(0, server.factory, offered, interface="127.0.0.1")
    api.afterwards(server.port.stopListening)
    hooks = {"data": tells("client"), "made": says(b"x")}
    client = api.actor(api.protocol.ClientFactory, "client", hooks)
    api.reactor.connectSSL("127.0.0.1", server.number, client.factory, wanted)
    yield api.seen("server", "b'h2'")
    server.transport.write(b"y")
    yield api.seen("client", "b'h2'")
    server.transport.loseConnection()
    yield ended(api, "server", "client")
