"""Twisted's SSH server: commands, a shell that repeats, and SFTP.

    python -m reactorlite run examples/hosted/ssh_server.py DIRECTORY [PUBLIC_KEY [PLACE ...]]

`ann` may come in with the password `secret`, or with the key whose public half is in the file
PUBLIC_KEY. SFTP is in DIRECTORY. The server's own key is made anew each time. PLACE is
`tcp:2222` unless given.
"""

import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
from twisted.conch.interfaces import ISession, ISFTPServer
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.filetransfer import FileTransferServer
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import SSHSession, wrapProtocol
from twisted.conch.unix import SFTPServerForUnixConchUser
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath
from zope.interface import implementer


class User(ConchUser):
    def __init__(self, reactor, name, directory):
        super().__init__()
        self.reactor, self.name, self.directory = reactor, name, directory
        self.channelLookup[b"session"] = SSHSession
        self.subsystemLookup[b"sftp"] = FileTransferServer

    # What Twisted's SFTP server for Unix wants to know. It works as who runs this program.

    def getHomeDir(self):
        return FilePath(self.directory)

    def getUserGroupId(self):
        return os.getuid(), os.getgid()

    def _runAsUser(self, calls, *args, **kw):
        for function, *rest in [(calls, args, kw)] if callable(calls) else calls:
            args, kw = rest[0] if rest else (), rest[1] if len(rest) > 1 else {}
            result = function(*args, **kw)
        return result


class Repeat(Protocol):
    """Says what it hears, up to its end."""

    def dataReceived(self, data):
        self.transport.write(data)

    def end(self):
        self.transport.processEnded(Failure(ProcessDone(0)))


class Say(Protocol):
    """Says one thing."""

    def __init__(self, said):
        self.said = said

    def connectionMade(self):
        self.transport.write(self.said)
        self.transport.processEnded(Failure(ProcessDone(0)))

    def end(self):
        pass  # it has said it


@implementer(ISession)
class Session:
    def __init__(self, user):
        self.user, self.command = user, None

    def getPty(self, term, size, modes):
        pass

    def windowChanged(self, size):
        pass

    def openShell(self, client):
        self._run(Repeat(), client)

    def execCommand(self, client, line):
        if line == b"cat":
            self._run(Repeat(), client)
        else:
            self._run(Say(b"%s asks for %s\n" % (self.user.name, line)), client)

    def _run(self, command, client):
        self.command = command
        # First the client is told that the command was started.
        self.user.reactor.callLater(0, command.makeConnection, client)
        command.transport = client
        client.makeConnection(wrapProtocol(command))

    def eofReceived(self):
        self.command.end()

    def closed(self):
        pass


registerAdapter(Session, User, ISession)
registerAdapter(SFTPServerForUnixConchUser, User, ISFTPServer)


@implementer(IRealm)
class Realm:
    def __init__(self, reactor, directory):
        self.reactor, self.directory = reactor, directory

    def requestAvatar(self, name, mind, *interfaces):
        return interfaces[0], User(self.reactor, name, self.directory), lambda: None


def factory(reactor, directory, public_key):
    checkers = [InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")]
    if public_key:
        known = {b"ann": [Key.fromString(Path(public_key).read_bytes())]}
        checkers.append(SSHPublicKeyChecker(InMemorySSHKeyDB(known)))
    made = SSHFactory()
    own = Key(Ed25519PrivateKey.generate())
    made.publicKeys, made.privateKeys = {own.sshType(): own.public()}, {own.sshType(): own}
    made.portal = Portal(Realm(reactor, directory), checkers)
    return made


async def main(reactor, directory, public_key="", *places):
    for place in places or ["tcp:2222"]:
        port = await serverFromString(reactor, place).listen(
            factory(reactor, directory, public_key)
        )
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
