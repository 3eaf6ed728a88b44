"""Twisted's POP3 client: lists the messages, reads the first one and deletes it.

    python -m reactorlite run examples/hosted/pop3_client.py PLACE [NAME PASSWORD]

PLACE is an endpoint, such as `tcp:localhost:1110`.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.task import react
from twisted.mail.pop3 import AdvancedPOP3Client


class Client(AdvancedPOP3Client):
    allowInsecureLogin = True

    def __init__(self):
        self.greeted = Deferred()

    def serverGreeting(self, greeting):
        self.greeted.callback(greeting)


async def main(reactor, place, name="ann", password="secret"):
    client = await connectProtocol(clientFromString(reactor, place), Client())
    await client.greeted
    await client.login(name.encode(), password.encode())
    print("sizes:", *await client.listSize(), flush=True)
    print("first:", *await client.retrieve(0), flush=True)
    await client.delete(0)
    await client.quit()


if __name__ == "__main__":
    react(main, sys.argv[1:])
