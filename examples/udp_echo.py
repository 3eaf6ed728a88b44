"""The echo server in datagrams: each comes back to where it came from.

    python examples/udp_echo.py [PORT]

PORT is 8007 unless given; with 0 a free one is chosen. Ctrl-C ends the server. To talk to it:

    nc -u 127.0.0.1 8007
"""

import sys

from reactorlite.internet import reactor
from reactorlite.internet.protocol import DatagramProtocol


class Echo(DatagramProtocol):
    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.transport.write(datagram, addr)


if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else 8007
    port = reactor.listenUDP(number, Echo(), interface="127.0.0.1")
    print("listening on port", port.getHost().port)
    reactor.run()
