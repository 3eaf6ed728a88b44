"""A client hands an open file to a server over a UNIX socket, and the server counts its lines.

    python examples/passing_files.py

The file itself travels, as a descriptor, not what is in it: the server may well be a program that
couldn't open it. Descriptors arrive before the byte that was written after them. (On stock asyncio:
uvloop's connections can send descriptors, and not receive them.)
"""

import os
import tempfile

from reactorlite.internet import reactor
from reactorlite.internet.interfaces import IFileDescriptorReceiver
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.python.components import implementer


@implementer(IFileDescriptorReceiver)
class Counter(Protocol):
    """The server's end: answers every file with the number of its lines."""

    def fileDescriptorReceived(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as file:  # ours from here on, to be closed by us
            self.count = sum(1 for _ in file)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"%d lines" % self.count)


class Sender(Protocol):
    """The client's end: sends this very program."""

    def connectionMade(self) -> None:
        with open(__file__) as file:
            self.transport.sendFileDescriptor(file.fileno())
        self.transport.write(b"?")

    def dataReceived(self, data: bytes) -> None:
        print(f"{os.path.basename(__file__)} has {data.decode()}")
        self.transport.loseConnection()

    def connectionLost(self, reason: object) -> None:
        reactor.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "counter")
        reactor.listenUNIX(path, Factory.forProtocol(Counter), mode=0o600)
        reactor.connectUNIX(path, ClientFactory.forProtocol(Sender))
        reactor.run()
