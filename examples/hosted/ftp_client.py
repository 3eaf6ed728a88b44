"""Twisted's FTP client: lists a directory, reads a file and stores another.

    python -m reactorlite run examples/hosted/ftp_client.py PLACE NAME PASSWORD FILE [active]

PLACE is an endpoint, such as `tcp:localhost:2121`; FILE is read, and stored as FILE.copy.
"""

import sys

from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.protocols.ftp import FTPClient, FTPFileListProtocol


class Collecting(Protocol):
    def __init__(self):
        self.data = b""

    def dataReceived(self, data):
        self.data += data


async def main(reactor, place, name, password, path, mode="passive"):
    client = FTPClient(name, password, passive=mode == "passive")
    await connectProtocol(clientFromString(reactor, place), client)
    listing = FTPFileListProtocol()
    await client.list(".", listing)
    print("there are:", *sorted(each["filename"] for each in listing.files), flush=True)
    copy = Collecting()
    await client.retrieveFile(path, copy)
    print("read:", len(copy.data), flush=True)
    consumer, stored = client.storeFile(f"{path}.copy")
    sink = await consumer
    sink.transport.write(copy.data)
    sink.finish()
    await stored
    await client.quit()
    print("stored", flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
