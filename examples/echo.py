"""The echo server: whatever a client sends comes back to it.

    python examples/echo.py [PORT]

PORT is 8007 unless given; with 0 a free one is chosen. Ctrl-C ends the server.
"""

import sys

from reactorlite.internet import protocol, reactor


class Echo(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else 8007
    port = reactor.listenTCP(number, protocol.Factory.forProtocol(Echo))
    print("listening on port", port.getHost().port)
    reactor.run()
