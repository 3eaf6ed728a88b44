"""A connection that is made again whenever it is lost, for as long as a service runs."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reactorlite.application.service import Service
from reactorlite.internet._attempts import _WrappingProtocol
from reactorlite.internet._current import current_reactor
from reactorlite.internet.defer import CancelledError, Deferred, fail, maybeDeferred, succeed
from reactorlite.internet.protocol import connectionDone
from reactorlite.logger import Logger
from reactorlite.python.components import backing, directlyProvides

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

__all__ = ["ClientService", "backoffPolicy"]

_log = Logger("reactorlite.application.internet.ClientService")


def backoffPolicy(
    initialDelay: float = 1.0,
    maxDelay: float = 60.0,
    factor: float = 1.5,
    jitter: Callable[[], float] = random.random,
) -> Callable[[int], float]:
    """Make a retry policy: each further attempt is after `factor` times the delay of the last.

    The first is after `initialDelay * factor` seconds, none after more than `maxDelay`; what
    `jitter()` returns is added to each. Such a policy answers how many seconds to wait when so
    many attempts have failed.
    """

    def delay_after(attempt: int) -> float:
        try:
            delay = min(initialDelay * factor**attempt, maxDelay)
        except OverflowError:
            delay = maxDelay
        return delay + jitter()

    return delay_after


class ClientService(Service):
    """Keeps one connection to an endpoint while it runs.

    When it is lost, or can't be made, it is tried again after as many seconds as
    `retryPolicy(attempts)` says: by how many attempts failed since the last connection, of which
    its loss is the first; without one, as `backoffPolicy()` does. `prepareConnection` is called
    with each new protocol before those that wait for it get it; when that raises, or its
    `Deferred` fails, the connection is closed, and has failed. `clock` is the current reactor
    unless one is given.
    """

    def __init__(
        self,
        endpoint: interfaces.IStreamClientEndpoint,
        factory: Any,
        retryPolicy: Callable[[int], float] | None = None,
        clock: Any = None,
        prepareConnection: Callable[[Any], object] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._delay_after = backoffPolicy() if retryPolicy is None else retryPolicy
        self._clock = clock
        self._prepare = prepareConnection
        self._connection: _Connection | None = None
        self._retry: Any = None
        self._failures = 0
        self._was_stopped = False
        self._waiting: list[tuple[Deferred[Any], int | None]] = []
        self._stopping: list[Deferred[None]] = []

    # -- for programs

    def whenConnected(self, failAfterFailures: int | None = None) -> Deferred[Any]:
        """Give the protocol: now if it is connected, else as soon as it is.

        The `Deferred` fails when so many further attempts have failed, if a number is given, with
        the reason of the last; and with `CancelledError` when the service was stopped.
        """
        if self._connection is not None and self._connection.phase is _Phase.READY:
            return succeed(self._connection.protocol)
        if self._was_stopped:
            return fail(CancelledError())
        waiting: Deferred[Any] = Deferred()
        self._waiting.append((waiting, failAfterFailures))
        return waiting

    def startService(self) -> None:
        """Connect; while the last connection is being closed, when that is done."""
        if self.running:
            _log.warn("{service} was started, and runs already", service=self)
            return
        super().startService()
        self._was_stopped = False
        if self._connection is None:
            self._connect()

    def stopService(self) -> Deferred[None]:
        """Close the connection, or try no more; the `Deferred` fires when that is done."""
        super().stopService()
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        retry, self._retry = self._retry, None
        if retry is not None and retry.active():  # a reactor that ends has cancelled it before
            retry.cancel()
        if self._connection is None:
            self._end()
        else:
            self._connection.close()
        return stopped

    # -- for its connections

    def _connect(self) -> None:
        self._retry = None
        self._connection = _Connection(self)
        self._connection.attempt(self._endpoint, self._factory, self._prepare)

    def _connected(self, protocol: Any) -> None:
        self._failures = 0
        waiting, self._waiting = self._waiting, []
        for each, _ in waiting:
            each.callback(protocol)

    def _lost(self, reason: Failure, was_asked_to: bool) -> None:
        """Note that there is no connection, or none came of an attempt."""
        self._connection = None
        if not self.running:
            self._end()
        elif was_asked_to:
            self._connect()
            self._tell_stopped()
        else:
            self._try_again(reason)

    def _try_again(self, reason: Failure) -> None:
        self._failures += 1
        delay = self._delay_after(self._failures)
        _log.info(
            "No connection to {endpoint}, {reason!r}: attempt {failures} follows in {delay:.1f} s",
            endpoint=self._endpoint,
            reason=reason.value,
            failures=self._failures,
            delay=delay,
        )
        clock = current_reactor() if self._clock is None else self._clock
        self._retry = clock.callLater(delay, self._connect)
        waiting, self._waiting = self._waiting, []
        for each, failures in waiting:
            if failures is not None and failures <= 1:
                each.errback(reason)
            else:
                self._waiting.append((each, None if failures is None else failures - 1))

    def _end(self) -> None:
        self._was_stopped = True
        waiting, self._waiting = self._waiting, []
        for each, _ in waiting:
            each.errback(CancelledError())
        self._tell_stopped()

    def _tell_stopped(self) -> None:
        stopping, self._stopping = self._stopping, []
        for each in stopping:
            each.callback(None)


class _Phase(enum.Enum):
    """How far a connection is."""

    COMING = enum.auto()
    READY = enum.auto()
    CLOSING = enum.auto()  # as the service asked
    OVER = enum.auto()  # lost, never made, or of no use


class _Connection:
    """One attempt, and the connection that comes of it: the service hears of its end, once."""

    def __init__(self, service: ClientService) -> None:
        self.phase = _Phase.COMING
        self.protocol: Any = None
        self._service = service
        self._transport: Any = None
        self._coming: Deferred[Any] = Deferred()

    def attempt(
        self,
        endpoint: interfaces.IStreamClientEndpoint,
        factory: Any,
        prepare: Callable[[Any], object] | None,
    ) -> None:
        """Connect, then have the protocol prepared."""
        self._coming = maybeDeferred(endpoint.connect, _WatchingFactory(factory))
        self._coming.addCallback(self._made, prepare)
        self._coming.addCallbacks(self._ready, self._failed)

    def close(self) -> None:
        """Give the attempt up, or close the connection, and say when that is done."""
        self.phase = _Phase.CLOSING
        if self._transport is not None:
            self._transport.loseConnection()
        self._coming.cancel()

    def _made(self, watched: _WatchedProtocol, prepare: Callable[[Any], object] | None) -> Any:
        self.protocol = watched._wrappedProtocol
        self._transport = watched.transport
        watched.lost.addCallback(self._lost)
        if self.phase is _Phase.COMING and prepare is not None:
            return maybeDeferred(prepare, self.protocol)
        return None

    def _ready(self, _: object) -> None:
        if self.phase is _Phase.COMING:
            self.phase = _Phase.READY
            self._service._connected(self.protocol)
        elif self.phase is _Phase.CLOSING:
            self._transport.loseConnection()  # it was made all the same

    def _failed(self, failure: Failure) -> None:
        if self._transport is None:
            self._over(failure)
        elif self.phase is _Phase.COMING:
            self._over(failure)
            self._transport.loseConnection()

    def _lost(self, watched: _WatchedProtocol) -> None:
        phase = self.phase
        if phase is not _Phase.OVER:
            self._over(watched.reason)
        if phase is _Phase.COMING:
            self._coming.cancel()  # nobody wants it prepared any more

    def _over(self, reason: Failure) -> None:
        phase, self.phase = self.phase, _Phase.OVER
        self._service._lost(reason, phase is _Phase.CLOSING)


class _WatchingFactory:
    """Stands before a factory, and makes protocols that say when their connection is lost."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory
        # It may negotiate a protocol, or have a name in the log.
        directlyProvides(self, *backing().providedBy(factory))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._factory, name)

    def buildProtocol(self, addr: Any) -> Any:
        """Return what the factory does, with somebody before it; or None."""
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else _WatchedProtocol(Deferred(), protocol)


class _WatchedProtocol(_WrappingProtocol):
    """Stands before a protocol; `lost` fires with it when its connection is lost, for `reason`."""

    reason: Failure

    def __init__(self, lost: Deferred[Any], wrappedProtocol: Any) -> None:
        super().__init__(lost, wrappedProtocol)
        self.lost = lost

    def connectionMade(self) -> None:
        """Connect the protocol."""
        self._wrappedProtocol.makeConnection(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass the end on, and say so."""
        try:
            super().connectionLost(reason)
        finally:
            self.reason = reason
            self.lost.callback(self)
