"""aioftp and Twisted-style code in one loop and in one coroutine.

    python examples/with_aioftp.py

A Twisted-style server takes lines and, when its client goes, stores them by aioftp's client at
aioftp's server, which keeps its files in memory. Needs `aioftp`.
"""

import aioftp

from reactorlite.internet.defer import Deferred, inlineCallbacks
from reactorlite.internet.protocol import ClientCreator, Factory, Protocol, connectionDone
from reactorlite.internet.task import react
from reactorlite.protocols.basic import LineReceiver


class Notes(LineReceiver):
    delimiter = b"\n"
    factory: "Notebook"

    def connectionMade(self) -> None:
        self.lines = []

    def lineReceived(self, line: bytes) -> None:
        self.lines.append(line)

    def connectionLost(self, reason=connectionDone) -> None:
        self.factory.keep(self.lines)


class Notebook(Factory):
    protocol = Notes

    def __init__(self, ftp: aioftp.Client) -> None:
        self.ftp, self.kept = ftp, Deferred()

    @inlineCallbacks
    def keep(self, lines):
        # A generator of Twisted's waits for asyncio's coroutines, made Deferreds.
        text = b"".join(line + b"\n" for line in lines)
        yield Deferred.fromCoroutine(self.store("notes.txt", text))
        self.kept.callback(len(lines))

    async def store(self, name: str, text: bytes) -> None:
        async with self.ftp.upload_stream(name) as stream:
            await stream.write(text)


async def main(reactor) -> None:
    person = aioftp.User("ann", "secret")
    server = aioftp.Server([person], path_io_factory=aioftp.MemoryPathIO)
    await server.start("127.0.0.1", 0)
    async with aioftp.Client.context("127.0.0.1", server.server_port, "ann", "secret") as ftp:
        notebook = Notebook(ftp)
        port = reactor.listenTCP(0, notebook, interface="127.0.0.1")
        writer = await ClientCreator(reactor, Protocol).connectTCP("127.0.0.1", port.getHost().port)
        writer.transport.write(b"it rains\ntake an umbrella\n")
        writer.transport.loseConnection()
        print("kept", await notebook.kept, "lines")
        async with ftp.download_stream("notes.txt") as stream:
            print((await stream.read()).decode(), end="")
        await port.stopListening()
    await server.close()


if __name__ == "__main__":
    react(main)
