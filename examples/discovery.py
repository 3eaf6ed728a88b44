"""Finding services by multicast: one question to the group, an answer from everyone in it.

    python examples/discovery.py [NAME ...]

A service for each NAME (printer and scanner, unless given) joins the group and waits to be found.
A seeker, who knows the group and none of them, asks who is there, prints the answers, and ends
when all have been found. It all stays on this host's loopback interface.
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.protocol import DatagramProtocol

GROUP, LOOPBACK = "225.0.0.250", "127.0.0.1"


class Service(DatagramProtocol):
    """Answers whoever asks the group."""

    def __init__(self, name: str) -> None:
        self.name = name

    def startProtocol(self) -> None:
        self.transport.joinGroup(GROUP, LOOPBACK)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if datagram == b"who is there?":
            self.transport.write(self.name.encode(), addr)


class Seeker(DatagramProtocol):
    """Asks the group, until so many have answered or a second has gone by."""

    def __init__(self, port: int, wanted: int) -> None:
        self.port = port
        self.wanted = wanted
        self.found: set[bytes] = set()

    def startProtocol(self) -> None:
        self.transport.setOutgoingInterface(LOOPBACK)
        self.transport.write(b"who is there?", (GROUP, self.port))
        self.giving_up = reactor.callLater(1, reactor.stop)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.found.add(datagram)
        print("found", datagram.decode())
        if len(self.found) == self.wanted:
            self.giving_up.cancel()
            reactor.stop()


def seek(names: list[str]) -> None:
    """Open a port for each service, all with one number, and the seeker's own."""
    number = 0
    for name in names:
        port = reactor.listenMulticast(number, Service(name), listenMultiple=True)
        number = port.getHost().port
    reactor.listenMulticast(0, Seeker(number, len(names)))


if __name__ == "__main__":
    seek(sys.argv[1:] or ["printer", "scanner"])
    reactor.run()
