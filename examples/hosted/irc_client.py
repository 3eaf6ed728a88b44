"""Twisted's IRC client: joins a channel, and says back what is said to it, until told `bye`.

    python -m reactorlite run examples/hosted/irc_client.py PLACE [CHANNEL]

PLACE is an endpoint, such as `tcp:localhost:6667`.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.task import react
from twisted.words.protocols.irc import IRCClient


class Parrot(IRCClient):
    nickname = "parrot"

    def __init__(self, channel):
        self.channel, self.gone = channel, Deferred()

    def signedOn(self):
        self.join(self.channel)

    def joined(self, channel):
        print("joined", channel, flush=True)

    def privmsg(self, user, channel, message):
        name = user.partition("!")[0]
        print(f"{name}: {message}", flush=True)
        if message == "bye":
            self.quit("so long")
        else:
            self.msg(channel, f"{name} says {message}")

    def connectionLost(self, reason=None):
        super().connectionLost(reason)
        self.gone.callback(None)


async def main(reactor, place, channel="#parrots"):
    parrot = await connectProtocol(clientFromString(reactor, place), Parrot(channel))
    await parrot.gone


if __name__ == "__main__":
    react(main, sys.argv[1:])
