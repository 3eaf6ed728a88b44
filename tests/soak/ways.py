"""The ways in which connections end, each a class that both sides can play.

A way says what a server and its clients do; whatever it leaves out is the ordinary course: the
client writes, the server echoes, the client closes when the echo has come.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

WAYS: dict[str, Way] = {}
GREETING = b"g" * 100
MUCH = b"m" * 100_000
"""More than small buffers of the system take."""


class Boom(Exception):
    """What is raised on purpose."""


class Way:
    """The ordinary course. `api` is the side it is played on."""

    served = 1
    """How many connections the server's protocols see for each client; None if it depends."""
    half_closeable = ""
    """Which sides' protocols provide `IHalfCloseableProtocol`: "", "server", "client", "both"."""
    width = 25
    """How many clients there are at a time."""
    too_much_for_twisted = ""
    """Why Twisted can't play it, if it can't: what it logs says nothing then."""
    number: int = 0
    """The port to connect to."""

    def __init_subclass__(cls) -> None:
        way = cls()
        WAYS[way.name] = way

    @property
    def name(self) -> str:
        """The words of the class's name."""
        return "".join("-" + c.lower() if c.isupper() else c for c in type(self).__name__)[1:]

    # ── the setting

    def prepare(self, api: Any, number: int) -> None:
        """Before the first client: `number` is the server's port."""
        self.api = api
        self.number = number

    def finish(self) -> None:
        """After the last one."""

    def connect(self, factory: Any) -> None:
        """Open one connection."""
        self.api.reactor.connectTCP("127.0.0.1", self.number, factory)

    # ── what the factories do

    def server_build(self, make: Any) -> Any:
        """Make the server's protocol."""
        return make()

    def client_build(self, make: Any) -> Any:
        """Make the client's protocol."""
        return make()

    def started(self, connector: Any) -> None:
        """`startedConnecting` was called."""

    def failed(self, connector: Any) -> None:
        """`clientConnectionFailed` was called."""

    def client_over(self, connector: Any) -> None:
        """`clientConnectionLost` was called."""

    # ── what the protocols do

    def server_made(self, protocol: Any) -> None:
        """A client is there."""

    def server_data(self, protocol: Any, data: bytes) -> None:
        """Echo."""
        protocol.transport.write(data)

    def server_lost(self, protocol: Any, reason: Any) -> None:
        """The server's connection is lost."""

    def server_read_lost(self, protocol: Any) -> None:
        """The client half-closed."""

    def server_write_lost(self, protocol: Any) -> None:
        """The server half-closed."""

    def client_made(self, protocol: Any) -> None:
        """Begin."""
        protocol.transport.write(GREETING)

    def client_data(self, protocol: Any, data: bytes) -> None:
        """End."""
        protocol.transport.loseConnection()

    def client_lost(self, protocol: Any, reason: Any) -> None:
        """The client's connection is lost."""

    def client_read_lost(self, protocol: Any) -> None:
        """The server half-closed."""

    def client_write_lost(self, protocol: Any) -> None:
        """The client half-closed."""


# ── closing in order


class ClientCloses(Way):
    pass


class ServerCloses(Way):
    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.write(data)
        protocol.transport.loseConnection()

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


class BothClose(Way):
    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.write(data)
        protocol.transport.loseConnection()


class ServerClosesAtOnce(Way):
    def server_made(self, protocol: Any) -> None:
        protocol.transport.loseConnection()


class ClientClosesAtOnce(Way):
    def client_made(self, protocol: Any) -> None:
        protocol.transport.loseConnection()


class ClosesLater(Way):
    """From a delayed call, with one that is cancelled at the end."""

    def client_made(self, protocol: Any) -> None:
        protocol.patience = self.api.reactor.callLater(60, protocol.transport.abortConnection)
        self.api.reactor.callLater(0, protocol.transport.write, GREETING)

    def client_data(self, protocol: Any, data: bytes) -> None:
        self.api.reactor.callLater(0.001, protocol.transport.loseConnection)

    def client_lost(self, protocol: Any, reason: Any) -> None:
        protocol.patience.cancel()


class ConnectorDisconnects(Way):
    def started(self, connector: Any) -> None:
        connector.factory.connector = connector

    def client_data(self, protocol: Any, data: bytes) -> None:
        protocol.factory.connector.disconnect()

    def client_over(self, connector: Any) -> None:
        del connector.factory.connector


class ClosesAgainWhenLost(Way):
    def client_lost(self, protocol: Any, reason: Any) -> None:
        protocol.transport.loseConnection()
        protocol.transport.abortConnection()
        protocol.transport.write(b"late")

    server_lost = client_lost


class PausedThenClosed(Way):
    """The server pauses reading, then closes."""

    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.pauseProducing()
        protocol.transport.write(data)
        self.api.reactor.callLater(0, protocol.transport.loseConnection)

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


# ── resets


class ClientAborts(Way):
    def client_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.abortConnection()


class ServerAborts(Way):
    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.abortConnection()


class ServerAbortsAtOnce(Way):
    def server_made(self, protocol: Any) -> None:
        protocol.transport.abortConnection()


class ClientAbortsAtOnce(Way):
    served = None  # uvloop can't tell who the peer was, and serves nobody

    def client_made(self, protocol: Any) -> None:
        protocol.transport.abortConnection()


class AbortsWhileClosing(Way):
    """The server closes with much unsent, and aborts when that takes too long."""

    def client_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.pauseProducing()
        protocol.transport.write(GREETING)

    def server_data(self, protocol: Any, data: bytes) -> None:
        _narrow(protocol)
        protocol.transport.write(MUCH)
        protocol.transport.loseConnection()
        self.api.reactor.callLater(0.001, protocol.transport.abortConnection)
        self.api.reactor.callLater(0.002, self.resume)

    def prepare(self, api: Any, number: int) -> None:
        super().prepare(api, number)
        self.paused: list[Any] = []

    def client_build(self, make: Any) -> Any:
        protocol = make()
        self.paused.append(protocol)
        return protocol

    def resume(self) -> None:
        """Let the clients notice."""
        while self.paused:
            transport = self.paused.pop().transport
            if transport is not None:
                transport.resumeProducing()

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


class PeerResetsBeforeAccepted(Way):
    """A plain socket that is gone before the server looks; then an ordinary client."""

    served = None
    width = 10

    def connect(self, factory: Any) -> None:
        with socket.socket() as peer:
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", self.number))  # of one's own machine it is there at once
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        super().connect(factory)


# ── half-closing


class ClientHalfCloses(Way):
    """The client ends its half, the server answers the whole, then closes."""

    half_closeable = "both"

    def client_made(self, protocol: Any) -> None:
        protocol.transport.write(GREETING)
        protocol.transport.loseWriteConnection()

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass

    def server_read_lost(self, protocol: Any) -> None:
        protocol.transport.write(b"bye")
        protocol.transport.loseConnection()

    def client_read_lost(self, protocol: Any) -> None:
        protocol.transport.loseConnection()


class BothHalfClose(Way):
    """Each side ends its half; both close then."""

    half_closeable = "both"

    def client_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.loseWriteConnection()

    def server_read_lost(self, protocol: Any) -> None:
        protocol.transport.loseWriteConnection()
        self.api.reactor.callLater(0.001, protocol.transport.loseConnection)

    def client_read_lost(self, protocol: Any) -> None:
        protocol.transport.loseConnection()


class ServerHalfCloses(Way):
    """Towards a client that knows nothing of halves."""

    half_closeable = "server"

    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.write(data)
        protocol.transport.loseWriteConnection()

    def server_read_lost(self, protocol: Any) -> None:
        protocol.transport.loseConnection()

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


class HalfCloseThenAbort(Way):
    half_closeable = "both"

    def client_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.loseWriteConnection()

    def server_read_lost(self, protocol: Any) -> None:
        protocol.transport.abortConnection()


class EndWithUnsentData(Way):
    """The client half-closes while the server has much to send, and reads it all later."""

    def client_made(self, protocol: Any) -> None:
        protocol.transport.pauseProducing()
        protocol.transport.write(GREETING)
        protocol.transport.loseWriteConnection()
        self.api.reactor.callLater(0.002, protocol.transport.resumeProducing)

    def server_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.write(MUCH)

    def server_data(self, protocol: Any, data: bytes) -> None:
        pass

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


class ClosedWithUnsentData(Way):
    """The client closes and never reads what the server has to send."""

    def client_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.pauseProducing()
        protocol.transport.write(GREETING)
        self.api.reactor.callLater(0.002, protocol.transport.loseConnection)

    def server_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.write(MUCH)

    def server_data(self, protocol: Any, data: bytes) -> None:
        pass


class BothCloseWithUnsentData(Way):
    """Both write much, read nothing and close, which would last for ever: one gives up."""

    def client_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.write(MUCH)
        protocol.transport.loseConnection()

    def server_made(self, protocol: Any) -> None:
        self.client_made(protocol)
        self.api.reactor.callLater(0.002, protocol.transport.abortConnection)


# ── producers


class Producer:
    """Writes once when asked, and forgets its consumer at the end."""

    def __init__(self, transport: Any, size: int) -> None:
        self.transport = transport
        self.size = size
        self.paused = False

    def resumeProducing(self) -> None:
        self.paused = False
        self.transport.write(b"p" * self.size)

    def pauseProducing(self) -> None:
        self.paused = True

    def stopProducing(self) -> None:
        del self.transport


class PushProducerAtLoss(Way):
    """The client closes on a server whose push producer is paused."""

    def server_made(self, protocol: Any) -> None:
        _narrow(protocol)
        protocol.transport.registerProducer(Producer(protocol.transport, 1), True)
        protocol.transport.write(MUCH)

    def client_made(self, protocol: Any) -> None:
        _narrow(protocol)


class PullProducerAtLoss(Way):
    """The server's pull producer never ends; the client does."""

    def server_made(self, protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(protocol.transport, 5000), False)


class ProducerAtAbort(Way):
    def server_made(self, protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(protocol.transport, 1), True)

    def server_data(self, protocol: Any, data: bytes) -> None:
        protocol.transport.write(MUCH)
        protocol.transport.abortConnection()


class ProducerRefersToItsProtocol(Way):
    """The connection is its own producer, as an echo with back-pressure has it."""

    def server_made(self, protocol: Any) -> None:
        protocol.transport.registerProducer(protocol.transport, True)


# ── what raises


def _raise(self: Way, *args: Any) -> Any:
    raise Boom("on purpose")


class ServerDataRaises(Way):
    server_data = _raise


class ClientDataRaises(Way):
    client_data = _raise


class ServerMadeRaises(Way):
    server_made = _raise


class ClientMadeRaises(Way):
    client_made = _raise


class ServerLostRaises(Way):
    server_lost = _raise


class ClientLostRaises(Way):
    too_much_for_twisted = "the factory doesn't hear of the end"

    client_lost = _raise


class ServerReadLostRaises(ClientHalfCloses):
    server_read_lost = _raise


class ClientWriteLostRaises(ClientHalfCloses):
    client_write_lost = _raise


class StopProducingRaises(Way):
    too_much_for_twisted = "the protocol doesn't hear of the end, and the socket stays open"

    def server_made(self, protocol: Any) -> None:
        producer = Producer(protocol.transport, 1)
        del producer.transport  # which `stopProducing` does for the second time
        protocol.transport.registerProducer(producer, True)


class ResumeProducingRaises(Way):
    too_much_for_twisted = "the protocol doesn't hear of the end, and the socket stays open"

    def server_made(self, protocol: Any) -> None:
        producer = Producer(protocol.transport, 1)
        del producer.transport
        protocol.transport.registerProducer(producer, True)
        protocol.transport.write(MUCH)

    def client_made(self, protocol: Any) -> None:
        pass

    def client_data(self, protocol: Any, data: bytes) -> None:
        pass


class ServerBuildsNothing(Way):
    served = 0

    def server_build(self, make: Any) -> Any:
        return None


class ServerBuildRaises(Way):
    too_much_for_twisted = "the socket stays open until it is collected"

    served = 0
    server_build = _raise


class ClientBuildsNothing(Way):
    def client_build(self, make: Any) -> Any:
        return None


class ClientBuildRaises(Way):
    client_build = _raise


class ClientOverRaises(Way):
    client_over = _raise


# ── attempts that come to nothing


class Refused(Way):
    served = 0

    def prepare(self, api: Any, number: int) -> None:
        self.bound = socket.socket()
        self.bound.bind(("127.0.0.1", 0))  # and not listening
        super().prepare(api, self.bound.getsockname()[1])

    def finish(self) -> None:
        self.bound.close()


class FailedRaises(Refused):
    too_much_for_twisted = "the factory is told twice"

    failed = _raise


class RefusedThrice(Refused):
    """The factory tries again."""

    def failed(self, connector: Any) -> None:
        connector.factory.tries = getattr(connector.factory, "tries", 0) + 1
        if connector.factory.tries < 3:
            connector.connect()


class TimedOut(Way):
    served = 0

    def prepare(self, api: Any, number: int) -> None:
        self.silent = socket.socket()
        self.silent.bind(("127.0.0.1", 0))
        self.silent.listen(0)
        super().prepare(api, self.silent.getsockname()[1])
        self.waiting = [socket.socket() for _ in range(3)]
        for sock in self.waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.number))

    def connect(self, factory: Any) -> None:
        self.api.reactor.connectTCP("127.0.0.1", self.number, factory, timeout=0.002)

    def finish(self) -> None:
        for sock in (self.silent, *self.waiting):
            sock.close()


class StopConnecting(TimedOut):
    def connect(self, factory: Any) -> None:
        connector = self.api.reactor.connectTCP("127.0.0.1", self.number, factory)
        self.api.reactor.callLater(0, connector.stopConnecting)


class StopConnectingAtOnce(TimedOut):
    def connect(self, factory: Any) -> None:
        self.api.reactor.connectTCP("127.0.0.1", self.number, factory).stopConnecting()


class DisconnectWhileConnecting(TimedOut):
    def connect(self, factory: Any) -> None:
        connector = self.api.reactor.connectTCP("127.0.0.1", self.number, factory)
        self.api.reactor.callLater(0, connector.disconnect)


class StopWhenStarted(TimedOut):
    def started(self, connector: Any) -> None:
        connector.stopConnecting()


class AddressInUse(Way):
    """`bindAddress` names a port that is taken."""

    too_much_for_twisted = "the socket stays open until it is collected"

    served = 0

    def prepare(self, api: Any, number: int) -> None:
        super().prepare(api, number)
        self.taken = socket.socket()
        self.taken.bind(("127.0.0.1", 0))
        self.taken.listen()

    def connect(self, factory: Any) -> None:
        address = self.taken.getsockname()
        self.api.reactor.connectTCP("127.0.0.1", self.number, factory, bindAddress=address)

    def finish(self) -> None:
        self.taken.close()


class ByName(Way):
    """The name is looked up, in a thread."""

    def connect(self, factory: Any) -> None:
        self.api.reactor.connectTCP("localhost", self.number, factory)


def _narrow(protocol: Any) -> None:
    """Have the system take little at a time."""
    sock = protocol.transport.getHandle()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
