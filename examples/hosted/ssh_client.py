"""Twisted's SSH client: runs a command at a server and prints what it says.

    python -m reactorlite run examples/hosted/ssh_client.py HOST PORT NAME KEY COMMAND

KEY is the file of a private key. Whichever key the server has is trusted: don't do that, but
give KnownHostsFile of `twisted.conch.client.knownhosts` the keys of the servers you know.
"""

import os
import sys
from pathlib import Path

from twisted.conch.client.knownhosts import KnownHostsFile
from twisted.conch.endpoints import SSHCommandClientEndpoint
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.python.filepath import FilePath


class Listening(Protocol):
    def __init__(self):
        self.said, self.done = b"", Deferred()

    def dataReceived(self, data):
        self.said += data

    def connectionLost(self, reason):
        self.done.callback(self.said)


class TrustAll(KnownHostsFile):
    def verifyHostKey(self, ui, hostname, ip, key):
        return succeed(True)


async def main(reactor, host, port, name, key, command):
    place = SSHCommandClientEndpoint.newConnection(
        reactor,
        command.encode(),
        name.encode(),
        host,
        int(port),
        keys=[Key.fromString(Path(key).read_bytes())],
        agentEndpoint=None,
        knownHosts=TrustAll(FilePath(os.devnull)),
        ui=None,
    )
    listening = await connectProtocol(place, Listening())
    print("said:", (await listening.done).decode().strip(), flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
