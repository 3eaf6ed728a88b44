"""Twisted's DNS server, for the zone example.org, by UDP and TCP.

    python -m reactorlite run examples/hosted/dns_server.py [PORT]

PORT is 10053 unless given. `any-name.example.org` has the address 192.0.2.N, where N is the
length of the name; `long.example.org` has a text that is too long for one datagram.
"""

import sys

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import react
from twisted.names import dns, error, server
from twisted.names.common import ResolverBase


class Lengths(ResolverBase):
    def _lookup(self, name, cls, type, timeout):
        if not name.endswith(b"example.org"):
            return fail(error.DomainError(name))
        if type == dns.A:
            payload = dns.Record_A(f"192.0.2.{len(name)}", ttl=60)
        elif type == dns.TXT and name.startswith(b"long."):
            payload = dns.Record_TXT(*[b"x" * 200] * 10, ttl=60)
        else:
            return succeed(([], [], []))
        return succeed(([dns.RRHeader(name, type, dns.IN, 60, payload, auth=True)], [], []))


async def main(reactor, port=10053):
    factory = server.DNSServerFactory(clients=[Lengths()])
    factory.noisy = False
    streams = reactor.listenTCP(int(port), factory, interface="127.0.0.1")
    number = streams.getHost().port
    reactor.listenUDP(number, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
    print("port", number, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
