"""A server that says everything again in capitals, wherever its command line says.

    python examples/anywhere_server.py [DESCRIPTION ...]

    python examples/anywhere_server.py tcp:8020 unix:/tmp/capitals tls:certificates:8021

Each description is an endpoint's, `tcp:8020:interface=127.0.0.1` if there is none. The
directory of `tls:` holds certificates and their keys, `*.pem`. Ctrl-C ends the server.
`anywhere_client.py` is its counterpart.
"""

import sys
from typing import Any

from reactorlite.internet import reactor
from reactorlite.internet.endpoints import serverFromString
from reactorlite.internet.interfaces import IListeningPort
from reactorlite.internet.protocol import Factory
from reactorlite.protocols.basic import LineReceiver
from reactorlite.python.failure import Failure


class Capitals(LineReceiver):
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        self.sendLine(line.upper())


def listening(port: IListeningPort) -> None:
    where: Any = port.getHost()
    print("listening on", f"port {where.port}" if hasattr(where, "port") else where.name.decode())


def not_listening(reason: Failure) -> None:
    print(reason.getErrorMessage())
    reactor.callWhenRunning(reactor.stop)


def main(*descriptions: str) -> None:
    factory: Factory[Capitals] = Factory.forProtocol(Capitals)
    for description in descriptions or ["tcp:8020:interface=127.0.0.1"]:
        port = serverFromString(reactor, description).listen(factory)
        port.addCallbacks(listening, not_listening)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
