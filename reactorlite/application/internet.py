"""Services that listen, connect, or have something done again and again.

    TCPServer(8007, factory).setServiceParent(application)
    ClientService(clientFromString(reactor, "tcp:127.0.0.1:8007"), factory)

The servers and clients take the arguments of the reactor's method `listenTCP`, `connectSSL` and
so on, and a `reactor`; without one they ask the current reactor when they start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reactorlite.application._clients import ClientService, backoffPolicy
from reactorlite.application.service import Service
from reactorlite.internet._current import current_reactor
from reactorlite.internet.defer import CancelledError, Deferred, succeed
from reactorlite.internet.task import Cooperator, LoopingCall
from reactorlite.python import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

__all__ = [
    "ClientService",
    "CooperatorService",
    "MulticastServer",
    "SSLClient",
    "SSLServer",
    "StreamServerEndpointService",
    "TCPClient",
    "TCPServer",
    "TimerService",
    "UDPServer",
    "UNIXClient",
    "UNIXDatagramClient",
    "UNIXDatagramServer",
    "UNIXServer",
    "backoffPolicy",
]


# ── by a reactor's method ────────────────────────────────────────────────────────────────


class _Opening(Service):
    """A service that has a reactor open something: `method` says what, `args`, `kwargs` how."""

    method = ""
    reactor: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "reactor" in kwargs:
            self.reactor = kwargs.pop("reactor")
        self.args = args
        self.kwargs = kwargs

    def _open(self, how: str) -> Any:
        reactor = current_reactor() if self.reactor is None else self.reactor
        return getattr(reactor, f"{how}{self.method}")(*self.args, **self.kwargs)


class _AbstractServer(_Opening):
    """Listens while it runs; `_port` is what the reactor's method returned."""

    volatile = ["_port"]
    _port: Any = None

    def privilegedStartService(self) -> None:
        """Listen."""
        super().privilegedStartService()
        self._port = self._getPort()

    def startService(self) -> None:
        """Listen, if that was not done before."""
        super().startService()
        if self._port is None:
            self._port = self._getPort()

    def stopService(self) -> Any:
        """Listen no more; the result fires when the port is closed. Connections live on."""
        super().stopService()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()

    def _getPort(self) -> Any:
        return self._open("listen")


class _AbstractClient(_Opening):
    """Is connected, or tries to be, while it runs; `_connection` is the connector."""

    volatile = ["_connection"]
    _connection: Any = None

    def startService(self) -> None:
        """Connect."""
        super().startService()
        self._connection = self._getConnection()

    def stopService(self) -> None:
        """Close the connection, or try no more."""
        super().stopService()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _getConnection(self) -> Any:
        return self._open("connect")


class TCPServer(_AbstractServer):
    """Calls `listenTCP`."""

    method = "TCP"


class UNIXServer(_AbstractServer):
    """Calls `listenUNIX`."""

    method = "UNIX"


class SSLServer(_AbstractServer):
    """Calls `listenSSL`."""

    method = "SSL"


class UDPServer(_AbstractServer):
    """Calls `listenUDP`."""

    method = "UDP"


class MulticastServer(_AbstractServer):
    """Calls `listenMulticast`."""

    method = "Multicast"


class UNIXDatagramServer(_AbstractServer):
    """Calls `listenUNIXDatagram`."""

    method = "UNIXDatagram"


class TCPClient(_AbstractClient):
    """Calls `connectTCP`."""

    method = "TCP"


class UNIXClient(_AbstractClient):
    """Calls `connectUNIX`."""

    method = "UNIX"


class SSLClient(_AbstractClient):
    """Calls `connectSSL`."""

    method = "SSL"


class UNIXDatagramClient(_AbstractClient):
    """Calls `connectUNIXDatagram`; what that returns is closed when this stops."""

    method = "UNIXDatagram"

    def stopService(self) -> Any:
        """Close the port; the result fires when that is done."""
        Service.stopService(self)
        port, self._connection = self._connection, None
        return None if port is None else port.stopListening()


# ── by an endpoint ───────────────────────────────────────────────────────────────────────


class StreamServerEndpointService(Service):
    """Listens at an endpoint while it runs.

    That it can't listen is logged, as an endpoint may say so late.
    """

    volatile = ["_waitingForPort"]
    _waitingForPort: Deferred[Any] | None = None

    #: Whether what the endpoint fails with at once is raised; else it is logged.
    _raiseSynchronously = False

    def __init__(self, endpoint: interfaces.IStreamServerEndpoint, factory: Any) -> None:
        self.endpoint = endpoint
        self.factory = factory

    def privilegedStartService(self) -> None:
        """Listen."""
        super().privilegedStartService()
        self._listen()

    def startService(self) -> None:
        """Listen, if that was not done before."""
        super().startService()
        if self._waitingForPort is None:
            self._listen()

    def _listen(self) -> None:
        at_once: list[Failure] = []
        raising = self._raiseSynchronously

        def failed(failure: Failure) -> None:
            if raising:
                at_once.append(failure)
            elif not failure.check(CancelledError):
                log.err(failure)

        self._waitingForPort = self.endpoint.listen(self.factory).addErrback(failed)
        raising = False
        if at_once:
            self._waitingForPort = None
            at_once[0].raiseException()

    def stopService(self) -> Deferred[None]:
        """Listen no more; the `Deferred` fires when the port is closed. Connections live on."""
        waiting, self._waitingForPort = self._waitingForPort, None
        super().stopService()
        if waiting is None:
            waiting = succeed(None)
        waiting.cancel()
        return waiting.addCallback(_close)


def _close(port: Any) -> Any:
    return None if port is None else port.stopListening()


# ── again and again ──────────────────────────────────────────────────────────────────────


class TimerService(Service):
    """Calls `callable(*args, **kwargs)` when it starts, and every `step` seconds from then on.

    `clock` is the current reactor unless it is set. A call that raises is logged, and the last.
    """

    volatile = ["_loop", "_loopFinished"]
    _loop: LoopingCall | None = None
    _loopFinished: Any = None

    def __init__(
        self, step: float, callable: Callable[..., object], *args: Any, **kwargs: Any
    ) -> None:
        self.step = step
        self.call = (callable, args, kwargs)
        self.clock: Any = None

    def startService(self) -> None:
        """Make the first call."""
        super().startService()
        callable, args, kwargs = self.call
        loop = self._loop = LoopingCall(callable, *args, **kwargs)
        loop.clock = self.clock
        finished: Deferred[Any] = loop.start(self.step)
        self._loopFinished = finished.addCallbacks(lambda _: None, self._failed)

    def _failed(self, why: Failure) -> None:
        log.err(why)

    def stopService(self) -> Any:
        """Make no more calls; the result fires when one that is under way has ended."""
        if self._loop is None:
            return super().stopService()
        if self._loop.running:
            self._loop.stop()
        stop = super().stopService
        return self._loopFinished.addCallback(lambda _: stop())


class CooperatorService(Service):
    """Goes through iterators, a step of each at a time, while it runs."""

    def __init__(self) -> None:
        self.coop = Cooperator(started=False)

    def coiterate(self, iterator: Iterator[Any]) -> Deferred[Any]:
        """Go through an iterator; the `Deferred` fires with it at its end.

        It fails with `SchedulerStopped` if the service is stopped before.
        """
        return self.coop.coiterate(iterator)

    def startService(self) -> None:
        """Take steps."""
        super().startService()
        self.coop.start()

    def stopService(self) -> None:
        """Take no more steps: what is not at its end fails."""
        super().stopService()
        self.coop.stop()


for _name in ("ClientService", "backoffPolicy"):
    # The private module they are written in would show in tracebacks, pickles and logs.
    globals()[_name].__module__ = __name__
