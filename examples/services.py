"""Services: a port, a timer and a client, started together, and stopped together.

    python examples/services.py [COUNT]

A timer counts, and tells each number to whoever is connected; a client, which would connect again
if it were hung up, hears COUNT of them, 3 unless given. Then the reactor stops, and with it all
that runs. A file that makes a `service.Application` in the place of `main`, and ends in `.tac`, is
run by `python -m reactorlite run`.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from reactorlite.application.internet import (
    ClientService,
    StreamServerEndpointService,
    TimerService,
)
from reactorlite.application.service import MultiService
from reactorlite.internet import reactor
from reactorlite.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from reactorlite.internet.protocol import Factory, Protocol, connectionDone
from reactorlite.protocols.basic import LineOnlyReceiver
from reactorlite.python.failure import Failure


class Listener(Protocol):
    """One who is told the numbers."""

    factory: "Counter"

    def connectionMade(self) -> None:
        self.factory.listeners.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.listeners.remove(self)


class Counter(Factory[Listener]):
    """Counts, and tells everybody."""

    protocol = Listener
    noisy = False

    def __init__(self) -> None:
        self.number = 0
        self.listeners: set[Listener] = set()

    def count(self) -> None:
        self.number += bool(self.listeners)
        for listener in self.listeners:
            listener.transport.write(b"%d\r\n" % self.number)


class Hearer(LineOnlyReceiver):
    """Hears numbers up to the last."""

    last = 3

    def connectionMade(self) -> None:
        print("connected")

    def lineReceived(self, line: bytes) -> None:
        print("heard", line.decode())
        if int(line) == self.last:
            reactor.stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        print("hung up:", reason.getErrorMessage())


def services(path: str) -> MultiService:
    """All of it, at a UNIX socket."""
    counter = Counter()
    made: list[Any] = [
        StreamServerEndpointService(UNIXServerEndpoint(reactor, path), counter),
        TimerService(0.05, counter.count),
        ClientService(UNIXClientEndpoint(reactor, path), Factory.forProtocol(Hearer)),
    ]
    together = MultiService()
    for service in made:
        service.setServiceParent(together)
    return together


def main(count: str = "3") -> None:
    Hearer.last = int(count)
    with tempfile.TemporaryDirectory() as folder:
        together = services(str(Path(folder) / "counter"))
        reactor.addSystemEventTrigger("before", "shutdown", together.stopService)
        together.startService()
        reactor.run()
    print("all is stopped:", not together.running)


if __name__ == "__main__":
    main(*sys.argv[1:])
