"""Twisted's IRC server: channels are made as they are asked for.

    python -m reactorlite run examples/hosted/irc_server.py [PLACE ...]

The people are `ann` and `bob`, and their password is `1234`. PLACE is `tcp:6667` unless given.
"""

import sys

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.words.service import InMemoryWordsRealm, IRCFactory


async def main(reactor, *places):
    realm = InMemoryWordsRealm("irc.example.org")
    realm.createGroupOnRequest = True
    people = InMemoryUsernamePasswordDatabaseDontUse()
    for name in ("ann", "bob"):
        people.addUser(name, "1234")
    factory = IRCFactory(realm, Portal(realm, [people]))
    for place in places or ["tcp:6667"]:
        port = await serverFromString(reactor, place).listen(factory)
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
