"""Connect two protocols to each other, for tests: in memory, or over a real socket.

`loopbackAsync` needs no network and is the usual one; the reactor must run for it to go on when
neither side has sent anything yet.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from typing import IO, Any

from reactorlite.internet import error
from reactorlite.internet._current import current_reactor
from reactorlite.internet._written import bytes_from
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ClientFactory, ServerFactory, connectionDone
from reactorlite.protocols import policies
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

__all__ = [
    "LoopbackClientFactory",
    "LoopbackRelay",
    "collapsingPumpPolicy",
    "identityPumpPolicy",
    "loopbackAsync",
    "loopbackTCP",
    "loopbackUNIX",
]


# ── in memory ────────────────────────────────────────────────────────────────────────────


class _LoopbackQueue:
    """What one side has written and the other has not received: bytes, and None for the end."""

    def __init__(self) -> None:
        self._waiting: deque[bytes | None] = deque()
        self.disconnect = False
        self.woken: Callable[[], object] | None = None

    def put(self, data: bytes | None) -> None:
        """Put data at the end."""
        self._waiting.append(data)
        woken, self.woken = self.woken, None
        if woken is not None:
            woken()

    def get(self) -> bytes | None:
        """Take the first data out; IndexError if there is none."""
        return self._waiting.popleft()

    def __bool__(self) -> bool:
        return bool(self._waiting)


PumpPolicy = Callable[[_LoopbackQueue, Any], object]


@implementer("IAddress")
class _LoopbackAddress:
    """The address of a protocol that is in this process."""


@implementer("ITransport", "IConsumer")
class _LoopbackTransport:
    """Puts what is written in a queue."""

    # And stays so: what the other side has written by then is still received.
    disconnecting = False
    producer: Any = None
    streamingProducer: bool = False

    def __init__(self, queue: _LoopbackQueue) -> None:
        self._queue = queue

    def write(self, data: bytes) -> None:
        """Queue `data`."""
        self._queue.put(bytes_from(data))

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Queue all of `iovec` as one."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """Close once what is queued was received."""
        self._queue.disconnect = True
        self._queue.put(None)

    def abortConnection(self) -> None:
        """Close; in memory there is nothing to be dropped on the way."""
        self.loseConnection()

    def getPeer(self) -> Any:
        """Return an address that says nothing."""
        return _LoopbackAddress()

    def getHost(self) -> Any:
        """Return an address that says nothing."""
        return _LoopbackAddress()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` write; one that is not `streaming` is asked at once."""
        if self.producer is not None:
            raise RuntimeError(f"cannot register {producer!r}: {self.producer!r} is registered")
        self.producer = producer
        self.streamingProducer = streaming
        self.poll()

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self.producer = None

    def poll(self) -> None:
        """Ask a producer that waits to be asked."""
        if self.producer is not None and not self.streamingProducer:
            self.producer.resumeProducing()


class _Way:
    """One way of a connection: from a protocol's transport to the other protocol."""

    def __init__(self) -> None:
        self.queue = _LoopbackQueue()
        self.transport = _LoopbackTransport(self.queue)

    def pump(self, policy: PumpPolicy, target: Any) -> bool:
        """Deliver what is queued; whether there was anything."""
        if not self.queue:
            return False
        policy(self.queue, target)
        if not self.queue:
            self.transport.poll()
        return True


class _Loopback:
    """Two protocols, and the ways between them."""

    def __init__(self, server: Any, client: Any, policy: PumpPolicy) -> None:
        self.server, self.client, self.policy = server, client, policy
        self.to_client, self.to_server = _Way(), _Way()
        self.finished: Deferred[None] = Deferred()

    def connect(self) -> None:
        self.server.makeConnection(self.to_client.transport)
        self.client.makeConnection(self.to_server.transport)
        self.run()

    def run(self) -> None:
        """Deliver as long as there is something, then wait or end."""
        while self._pump_both():
            for way, target in ((self.to_client, self.client), (self.to_server, self.server)):
                if way.queue.disconnect:
                    way.pump(self.policy, target)
                    self._end()
                    return
        self.to_client.queue.woken = self.to_server.queue.woken = self._wake

    def _pump_both(self) -> bool:
        to_client = self.to_client.pump(self.policy, self.client)
        return self.to_server.pump(self.policy, self.server) or to_client

    def _wake(self) -> None:
        self.to_client.queue.woken = self.to_server.queue.woken = None
        # Not from here, where `write` is among the callers.
        current_reactor().callLater(0, self._go_on)

    def _go_on(self) -> None:
        try:
            self.run()
        except Exception:
            self.finished.errback(Failure())

    def _end(self) -> None:
        self.server.connectionLost(Failure(error.ConnectionDone("Connection done")))
        self.client.connectionLost(Failure(error.ConnectionDone("Connection done")))
        self.finished.callback(None)


def identityPumpPolicy(queue: Any, target: Any) -> None:
    """Deliver each piece that was written, as it was written."""
    while queue:
        data = queue.get()
        if data is None:
            break
        target.dataReceived(data)


def collapsingPumpPolicy(queue: Any, target: Any) -> None:
    """Deliver all that was written as one piece."""
    pieces = []
    while queue:
        data = queue.get()
        if data is None:
            break
        pieces.append(data)
    if pieces:
        target.dataReceived(b"".join(pieces))


def loopbackAsync(
    server: Any, client: Any, pumpPolicy: PumpPolicy = identityPumpPolicy
) -> Deferred[None]:
    """Connect two protocols in memory; the Deferred fires when the connection is closed.

    `pumpPolicy(queue, protocol)` delivers what was written: while `queue` is true, `queue.get()`
    gives the next piece, or None where the writer closed. What a protocol raises before the first
    pause is raised from here, and fails the Deferred after that.
    """
    loopback = _Loopback(server, client, pumpPolicy)
    loopback.connect()
    return loopback.finished


@implementer("ITransport", "IConsumer")
class LoopbackRelay:
    """A transport that keeps what is written until `clearBuffer` gives it to `target`."""

    buffer: bytes = b""
    shouldLose: int = 0
    disconnecting: int = 0
    producer: Any = None
    streamingProducer: bool = False

    def __init__(self, target: Any, logFile: IO[str] | None = None) -> None:
        self.target = target
        self.logFile = logFile

    def write(self, data: bytes) -> None:
        """Keep `data`."""
        self.buffer += data
        self._log("writing", data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Keep all of `iovec`."""
        self.write(b"".join(iovec))

    def _log(self, what: str, data: bytes) -> None:
        if self.logFile:
            self.logFile.write(f"loopback {what} {data!r}\n")

    def clearBuffer(self) -> None:
        """Ask the producer, deliver what is kept, and tell the target of the end if it is one."""
        if self.shouldLose == -1:
            return
        if self.producer is not None:
            self.producer.resumeProducing()
        data, self.buffer = self.buffer, b""
        if data:
            self._log("receiving", data)
            self.target.dataReceived(data)
        if self.shouldLose == 1:
            self.shouldLose = -1
            self.target.connectionLost(connectionDone)

    def loseConnection(self) -> None:
        """Close with the next `clearBuffer`."""
        if self.shouldLose != -1:
            self.shouldLose = 1

    def getHost(self) -> Any:
        """Return a fixed word: there is no address."""
        return "loopback"

    def getPeer(self) -> Any:
        """Return a fixed word: there is no address."""
        return "loopback"

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Ask `producer` to go on with each `clearBuffer`."""
        self.producer = producer
        self.streamingProducer = streaming

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self.producer = None

    def logPrefix(self) -> str:
        """Return what log lines begin with."""
        return f"Loopback({type(self.target).__name__!r})"


# ── over sockets ─────────────────────────────────────────────────────────────────────────


class _FireOnClose(policies.ProtocolWrapper):
    """Tells its factory that the connection is over, after the protocol."""

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        super().connectionLost(reason)
        self.factory.deferred.callback(None)


class _OneServer(ServerFactory[Any]):
    """Makes a wrapping of the one protocol there is."""

    def __init__(self, protocol: Any, noisy: bool) -> None:
        self.inner = protocol
        self.noisy = noisy
        self.deferred: Deferred[None] = Deferred()
        self.protocols: set[Any] = set()

    def buildProtocol(self, addr: object) -> Any:
        """Return the protocol, in a wrapping."""
        return _FireOnClose(self, self.inner)

    def registerProtocol(self, p: Any) -> None:
        """Do nothing: there is one."""

    def unregisterProtocol(self, p: Any) -> None:
        """Do nothing: there is one."""


class LoopbackClientFactory(ClientFactory[Any]):
    """Makes a client's connection for the one `protocol`; `deferred` fires when it is over."""

    def __init__(self, protocol: Any) -> None:
        self.disconnected = 0
        self.deferred: Deferred[None] = Deferred()
        self.protocol = protocol

    def buildProtocol(self, addr: object) -> Any:
        """Return the protocol itself."""
        return self.protocol

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        """Fire the Deferred."""
        self.disconnected = 1
        self.deferred.callback(None)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Fail the Deferred."""
        self.deferred.errback(reason)


def _finish(port: Any, server: _OneServer, client: LoopbackClientFactory) -> Deferred[None]:
    """Wait for both ends, then close the port; what went wrong is passed on."""

    def stop(result: Any) -> Any:
        return _passing(port.stopListening(), result)

    client.deferred.addCallback(lambda _: server.deferred)
    client.deferred.addBoth(stop)
    return client.deferred


def _passing(stopped: Any, result: Any) -> Any:
    return result if stopped is None else stopped.addCallback(lambda _: result)


def loopbackTCP(server: Any, client: Any, port: int = 0, noisy: bool = True) -> Deferred[None]:
    """Connect two protocols over TCP; the Deferred fires when both ends are closed."""
    reactor = current_reactor()
    serving, connecting = _OneServer(server, noisy), LoopbackClientFactory(client)
    connecting.noisy = noisy
    listening = reactor.listenTCP(port, serving, interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", listening.getHost().port, connecting)
    return _finish(listening, serving, connecting)


def loopbackUNIX(server: Any, client: Any, noisy: bool = True) -> Deferred[None]:
    """Connect two protocols over a UNIX socket; the Deferred fires when both are closed."""
    reactor = current_reactor()
    serving, connecting = _OneServer(server, noisy), LoopbackClientFactory(client)
    connecting.noisy = noisy
    folder = tempfile.TemporaryDirectory()
    path = f"{folder.name}/socket"

    def clean(result: Any) -> Any:
        folder.cleanup()
        return result

    try:
        listening = reactor.listenUNIX(path, serving)
        reactor.connectUNIX(path, connecting)
    except BaseException:
        folder.cleanup()
        raise
    return _finish(listening, serving, connecting).addBoth(clean)
