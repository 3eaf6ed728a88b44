"""Twisted's FTP server.

    python -m reactorlite run examples/hosted/ftp_server.py DIRECTORY [PLACE ...]

Anonymous may read what is in DIRECTORY, and `ann`, with the password `secret`, may write in
the directory `ann` in it. PLACE is `tcp:2121` unless given.
"""

import sys

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.protocols.ftp import FTPFactory, FTPRealm


async def main(reactor, directory, *places):
    people = InMemoryUsernamePasswordDatabaseDontUse()
    people.addUser("ann", "secret")
    portal = Portal(FTPRealm(directory, directory), [AllowAnonymousAccess(), people])
    for place in places or ["tcp:2121"]:
        port = await serverFromString(reactor, place).listen(FTPFactory(portal))
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
