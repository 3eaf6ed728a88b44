"""A conversation that begins in plain text and goes on in TLS, as in SMTP, IMAP and FTP.

    python examples/starttls.py

The server answers STARTTLS with a line, and from there on both sides speak TLS on the same
connection. The command `openssl` makes the server's certificate.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from reactorlite.internet import defer, endpoints, protocol, reactor, ssl, task
from reactorlite.internet.interfaces import IHandshakeListener
from reactorlite.protocols.basic import LineOnlyReceiver
from reactorlite.python.components import implementer

NEW = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
NAMED = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
FILES = ["-keyout", "key.pem", "-out", "certificate.pem"]


class Server(LineOnlyReceiver):
    secure = False

    def lineReceived(self, line: bytes) -> None:
        print("server:", line.decode(), "(in TLS)" if self.secure else "(in plain text)")
        if line == b"STARTTLS":
            self.sendLine(b"go ahead")  # the last of the plain text
            self.transport.startTLS(self.factory.options)
            self.secure = True
        else:
            self.sendLine(b"welcome")


@implementer(IHandshakeListener)
class Client(LineOnlyReceiver):
    def __init__(self, options: Any) -> None:
        self.options = options
        self.done: defer.Deferred[None] = defer.Deferred()

    def connectionMade(self) -> None:
        self.sendLine(b"STARTTLS")

    def lineReceived(self, line: bytes) -> None:
        print("client:", line.decode())
        if line == b"go ahead":
            self.transport.startTLS(self.options)
            self.sendLine(b"my password")  # waits for the handshake
        else:
            self.transport.loseConnection()

    def handshakeCompleted(self) -> None:
        print("client: the server is who it says")

    def connectionLost(self, reason: object = None) -> None:
        self.done.callback(None)


def certificate() -> ssl.PrivateCertificate:
    """A certificate for localhost, that is its own authority, with its key."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*NEW, *NAMED, *FILES], cwd=folder, check=True, capture_output=True)
        both = [(Path(folder) / name).read_bytes() for name in ("key.pem", "certificate.pem")]
    return ssl.PrivateCertificate.loadPEM(b"".join(both))


async def main(_: object) -> None:
    pair = certificate()
    factory = protocol.Factory.forProtocol(Server)
    factory.options = pair.options()
    port = await endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    there = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    trusting = ssl.optionsForClientTLS("localhost", trustRoot=pair)
    client = await endpoints.connectProtocol(there, Client(trusting))
    await client.done


if __name__ == "__main__":
    task.react(main)
