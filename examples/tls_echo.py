"""An echo server and its client over TLS, with a certificate authority of their own.

    python examples/tls_echo.py

The authority's key signs the server's certificate and is thrown away. The client trusts that
authority and nobody else, and expects the certificate to be for the host it asks for; a second
one asks for another host, and gets nowhere. The command `openssl` makes the certificates.
"""

import subprocess
import tempfile
from pathlib import Path

from reactorlite.internet import defer, endpoints, protocol, reactor, ssl, task
from reactorlite.python.failure import Failure

NEW = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
AUTHORITY = ["-subj", "/CN=our authority", "-keyout", "ca.key", "-out", "ca.pem"]
SERVER = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
SIGNED = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"]
NO_AUTHORITY = ["-addext", "basicConstraints=critical,CA:false"]


class Echo(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Client(protocol.Protocol):
    def __init__(self) -> None:
        self.over: defer.Deferred[str] = defer.Deferred()

    def connectionMade(self) -> None:
        # Written now, sent when the handshake is done.
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        print("the server says:", data.decode())
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.over.callback(reason.getErrorMessage())


def certificates(folder: Path) -> tuple[ssl.Certificate, ssl.PrivateCertificate]:
    """The authority's certificate, and the server's with its key."""
    for arguments in (AUTHORITY, [*SERVER, *SIGNED, *NO_AUTHORITY]):
        subprocess.run([*NEW, *arguments], cwd=folder, check=True, capture_output=True)
    key, certificate = (folder / f"server.{kind}" for kind in ("key", "pem"))
    pair = ssl.PrivateCertificate.loadPEM(key.read_bytes() + certificate.read_bytes())
    return ssl.Certificate.loadPEM((folder / "ca.pem").read_bytes()), pair


async def ask(port: int, hostname: str, authority: ssl.Certificate) -> None:
    """Ask the server for `hostname`, and say how it ended."""
    options = ssl.optionsForClientTLS(hostname, trustRoot=authority)
    endpoint = endpoints.SSL4ClientEndpoint(reactor, "127.0.0.1", port, options)
    client = await endpoints.connectProtocol(endpoint, Client())
    print(f"{hostname}: {await client.over}")


async def main(_: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        authority, pair = certificates(Path(folder))
    factory = protocol.Factory.forProtocol(Echo)
    port = reactor.listenSSL(0, factory, pair.options(), interface="127.0.0.1")
    for hostname in ("localhost", "example.com"):
        await ask(port.getHost().port, hostname, authority)


if __name__ == "__main__":
    task.react(main)
