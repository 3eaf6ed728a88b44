"""Twisted's IMAP client: puts a message into the inbox, looks for what is new and reads it.

    python -m reactorlite run examples/hosted/imap_client.py PLACE [NAME PASSWORD]

PLACE is an endpoint, such as `tcp:localhost:1143`.
"""

import sys
from io import BytesIO

from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.task import react
from twisted.mail.imap4 import IMAP4Client, MessageSet, Query

MESSAGE = b"From: bob@example.org\r\nSubject: Rain\r\n\r\nTake an umbrella.\r\n"


async def main(reactor, place, name="ann", password="secret"):
    client = await connectProtocol(clientFromString(reactor, place), IMAP4Client())
    await client.login(name.encode(), password.encode())
    await client.append("INBOX", BytesIO(MESSAGE))
    state = await client.select("INBOX")
    print("messages:", state["EXISTS"], flush=True)
    found = await client.search(Query(unseen=True))
    print("found:", *found, flush=True)
    bodies = await client.fetchBody(MessageSet(found[-1]))
    print("body:", next(iter(bodies.values()))["RFC822.TEXT"].strip(), flush=True)
    await client.logout()


if __name__ == "__main__":
    react(main, sys.argv[1:])
