"""Twisted's IMAP server, with two accounts and their mail in memory.

    python -m reactorlite run examples/hosted/imap_server.py [PLACE ...]

The accounts are `ann` and `bob`, the password is `secret`. PLACE is `tcp:1143` unless given.
"""

import email
import sys
from io import BytesIO

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.mail import imap4
from twisted.python.compat import nativeString
from zope.interface import implementer


@implementer(imap4.IMessage)
class Message:
    def __init__(self, uid, text, flags, date):
        self.uid, self.text, self.flags, self.date = uid, text, set(flags), date
        self.parsed = email.message_from_bytes(text)

    def getUID(self):
        return self.uid

    def getFlags(self):
        return self.flags

    def getInternalDate(self):
        return self.date

    def getHeaders(self, negate, *names):
        wanted = {nativeString(name).lower() for name in names}
        return {
            name.lower(): value
            for name, value in self.parsed.items()
            if (name.lower() in wanted) != negate
        }

    def getBodyFile(self):
        return BytesIO(self.text.partition(b"\r\n\r\n")[2])

    def getSize(self):
        return len(self.text)

    def isMultipart(self):
        return False


@implementer(imap4.IMailbox)
class Mailbox:
    def __init__(self):
        self.messages, self.listeners, self.next_uid = [], [], 1

    def getHierarchicalDelimiter(self):
        return "/"

    def getFlags(self):
        return ["\\Seen", "\\Deleted", "\\Flagged"]

    getPermanentFlags = getFlags

    def getUIDValidity(self):
        return 1

    def getUIDNext(self):
        return self.next_uid

    def getUID(self, number):
        return self.messages[number - 1].uid

    def getMessageCount(self):
        return len(self.messages)

    def getRecentCount(self):
        return 0

    def getUnseenCount(self):
        return sum("\\Seen" not in each.flags for each in self.messages)

    def isWriteable(self):
        return True

    def requestStatus(self, names):
        return imap4.statusRequestHelper(self, names)

    def addListener(self, listener):
        self.listeners.append(listener)

    def removeListener(self, listener):
        self.listeners.remove(listener)

    def addMessage(self, file, flags=(), date=None):
        self.messages.append(Message(self.next_uid, file.read(), flags, date or "now"))
        self.next_uid += 1
        for listener in self.listeners:
            listener.newMessages(len(self.messages), None)
        return succeed(self.next_uid - 1)

    def expunge(self):
        gone = [each.uid for each in self.messages if "\\Deleted" in each.flags]
        self.messages = [each for each in self.messages if "\\Deleted" not in each.flags]
        return gone

    def fetch(self, messages, uid):
        messages.last = self.messages[-1].uid if uid and self.messages else len(self.messages)
        return [
            (number, message)
            for number, message in enumerate(self.messages, 1)
            if (message.uid if uid else number) in messages
        ]

    def store(self, messages, flags, mode, uid):
        changed = {}
        for number, message in self.fetch(messages, uid):
            if mode == 0:
                message.flags = set(flags)
            elif mode > 0:
                message.flags |= set(flags)
            else:
                message.flags -= set(flags)
            changed[number] = message.flags
        return changed

    def destroy(self):
        self.messages = []


class Account(imap4.MemoryAccount):
    def _emptyMailbox(self, name, id):
        return Mailbox()


@implementer(IRealm)
class Realm:
    def __init__(self):
        self.accounts = {}

    def requestAvatar(self, name, mind, *interfaces):
        if name not in self.accounts:
            self.accounts[name] = Account(name)
            self.accounts[name].create("INBOX")
        return imap4.IAccount, self.accounts[name], lambda: None


class Mail(Factory):
    noisy = False

    def __init__(self, portal):
        self.portal = portal

    def buildProtocol(self, addr):
        server = imap4.IMAP4Server()
        server.portal, server.factory = self.portal, self
        return server


async def main(reactor, *places):
    people = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret", bob=b"secret")
    factory = Mail(Portal(Realm(), [people]))
    for place in places or ["tcp:1143"]:
        port = await serverFromString(reactor, place).listen(factory)
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
