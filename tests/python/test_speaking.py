"""The `system` of what is logged: the port or connection on whose behalf the program was called."""

import asyncio

import pytest

from reactorlite import Reactor
from reactorlite.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol
from reactorlite.python import log as logging
from reactorlite.python._speaking import current_system, speaks_for


@pytest.fixture
def systems():
    """The systems of the messages that were logged, by message."""
    found = {}

    def observe(event):
        found["".join(map(str, event["message"]))] = event["system"]

    logging.addObserver(observe)
    yield found
    logging.removeObserver(observe)


class Server(Protocol):
    def connectionMade(self):
        logging.msg("made")

    def dataReceived(self, data):
        logging.msg("data")
        self.factory.reactor.callLater(0, logging.msg, "later")
        self.transport.loseConnection()

    def connectionLost(self, reason):
        logging.msg("lost")


class Client(Protocol):
    def connectionMade(self):
        logging.msg("client made")
        self.transport.write(b"!")

    def connectionLost(self, reason):
        logging.msg("client lost")


class ServerFactory(Factory):
    protocol = Server
    noisy = False

    def buildProtocol(self, addr):
        logging.msg("built")
        return super().buildProtocol(addr)


class Clients(ClientFactory):
    protocol = Client
    noisy = False

    def __init__(self):
        self.over = asyncio.get_running_loop().create_future()

    def clientConnectionLost(self, connector, reason):
        logging.msg("told the factory")
        self.over.set_result(None)


def test_of_a_connection(run, systems):
    """What a connection's callbacks log is the connection's, or the port's that accepts it."""

    async def main():
        async with Reactor() as reactor:
            server, client = ServerFactory(), Clients()
            server.reactor = reactor
            port = reactor.listenTCP(0, server, interface="127.0.0.1")
            reactor.connectTCP("127.0.0.1", port.getHost().port, client)
            await client.over
            while "lost" not in systems or "later" not in systems:
                await asyncio.sleep(0)

    run(main())

    assert systems["built"] == systems["made"] == "ServerFactory"
    assert systems["data"] == systems["lost"] == "Server,0,127.0.0.1"
    assert systems["client made"] == systems["client lost"] == "Client,client"
    assert systems["told the factory"] == "Client,client"
    assert systems["later"] == "-"


class Named(DatagramProtocol):
    def __init__(self):
        self.came = asyncio.get_running_loop().create_future()

    def logPrefix(self):
        return "my datagrams"

    def datagramReceived(self, data, addr):
        logging.msg("datagram")
        self.came.set_result(None)


def test_of_a_datagram_port(run, systems):
    """What is logged for a datagram is the port's, which is called as its protocol says."""

    async def main():
        async with Reactor() as reactor:
            protocol = Named()
            port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
            port.write(b"!", ("127.0.0.1", port.getHost().port))
            await protocol.came

    run(main())

    assert systems["datagram"] == "my datagrams (UDP)"


def test_what_is_said_with_a_context_is_not_looked_for(systems):
    """`callWithContext` says it itself."""
    logging.callWithContext({"system": "mine"}, logging.msg, "there")

    assert systems["there"] == "mine"


def test_nobody_speaks_outside_of_callbacks(systems):
    """What no callback of a connection's says has no system."""
    logging.msg("alone")

    assert systems["alone"] == "-"


class Broken:
    def logPrefix(self):
        raise ValueError("no name")


@pytest.mark.parametrize(
    ("speaker", "system"),
    [(None, None), (Broken(), "(no logPrefix: Broken)")],
    ids=["nobody", "raises"],
)
def test_speakers_without_a_name(speaker, system):
    """A speaker that has no name to give is called so, and None is nobody."""

    @speaks_for("who")
    def called(who):
        return current_system()

    assert called(speaker) == system


def test_speakers_that_are_not_there_yet():
    """A variable that isn't set yet is nobody."""

    @speaks_for("who")
    def called():
        found = current_system()
        who = object()
        return found, who

    assert called()[0] is None
