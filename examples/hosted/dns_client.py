"""Twisted's DNS client: asks for an address, and for a text that may take a TCP connection.

    python -m reactorlite run examples/hosted/dns_client.py HOST PORT NAME

HOST is the address of a server; a real one is at port 53.
"""

import sys

from twisted.internet.task import react
from twisted.names.client import Resolver


async def main(reactor, host, port, name):
    resolver = Resolver(servers=[(host, int(port))], reactor=reactor)
    answers, _, _ = await resolver.lookupAddress(name)
    print("address:", *[each.payload.dottedQuad() for each in answers], flush=True)
    answers, _, _ = await resolver.lookupText(name)
    print("text:", sum(len(text) for each in answers for text in each.payload.data), flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
