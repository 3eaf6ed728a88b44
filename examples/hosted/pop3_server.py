"""Twisted's POP3 server, with one account and its mail in memory.

    python -m reactorlite run examples/hosted/pop3_server.py [PLACE ...]

The account is `ann`, its password `secret`; it has two messages, one of them large. PLACE is
`tcp:1110` unless given.
"""

import sys
from io import BytesIO

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.mail import pop3
from zope.interface import implementer

SMALL = b"Subject: Rain\n\nTake an umbrella.\n.\n"
LARGE = b"Subject: More rain\n\n" + b"It goes on raining.\n" * 50_000


@implementer(pop3.IMailbox)
class Mailbox:
    def __init__(self):
        self.messages, self.deleted = [SMALL, LARGE], set()

    def listMessages(self, index=None):
        if index is not None:
            return self.listMessages()[index]
        return [0 if i in self.deleted else len(m) for i, m in enumerate(self.messages)]

    def getMessage(self, index):
        return BytesIO(self.messages[index])

    def getUidl(self, index):
        return b"message-%d" % index

    def deleteMessage(self, index):
        self.deleted.add(index)

    def undeleteMessages(self):
        self.deleted.clear()

    def sync(self):
        self.messages = [m for i, m in enumerate(self.messages) if i not in self.deleted]
        self.deleted.clear()


@implementer(IRealm)
class Realm:
    def __init__(self):
        self.mailboxes = {}

    def requestAvatar(self, name, mind, *interfaces):
        return pop3.IMailbox, self.mailboxes.setdefault(name, Mailbox()), lambda: None


class Mail(Factory):
    noisy = False

    def __init__(self, portal):
        self.portal = portal

    def buildProtocol(self, addr):
        server = pop3.POP3()
        server.portal, server.factory = self.portal, self
        return server


async def main(reactor, *places):
    people = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")
    factory = Mail(Portal(Realm(), [people]))
    for place in places or ["tcp:1110"]:
        port = await serverFromString(reactor, place).listen(factory)
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
