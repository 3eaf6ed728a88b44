"""Policies around protocols: time-outs, limits, throttling, logs of the traffic.

A wrapping factory stands between a factory and the reactor. Each protocol it makes stands
between a transport and a protocol of the inner factory: to the transport it is the protocol, to
the inner protocol it is the transport. Whatever it has no method for, the transport is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

from reactorlite.internet._current import current_reactor
from reactorlite.internet.protocol import ServerFactory
from reactorlite.protocols._throttling import ThrottlingFactory, ThrottlingProtocol
from reactorlite.protocols._wrapping import ProtocolWrapper, WrappingFactory, cancel
from reactorlite.python import log

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure

__all__ = [
    "LimitConnectionsByPeer",
    "LimitTotalConnectionsFactory",
    "ProtocolWrapper",
    "SpewingFactory",
    "SpewingProtocol",
    "ThrottlingFactory",
    "ThrottlingProtocol",
    "TimeoutFactory",
    "TimeoutMixin",
    "TimeoutProtocol",
    "TrafficLoggingFactory",
    "TrafficLoggingProtocol",
    "WrappingFactory",
]


# ── limits ───────────────────────────────────────────────────────────────────────────────


class LimitConnectionsByPeer(WrappingFactory[ProtocolWrapper]):
    """Makes at most `maxConnectionsPerPeer` connections with each host.

    `peerConnections` counts them by host, from `startFactory` on.
    """

    maxConnectionsPerPeer: int = 5

    def startFactory(self) -> None:
        """Begin with no connections counted."""
        self.peerConnections: dict[Any, int] = {}

    def buildProtocol(self, addr: Any) -> ProtocolWrapper | None:
        """Return a protocol, or None when this peer has connections enough."""
        host = _host_of(addr)
        count = self.peerConnections.get(host, 0)
        if count >= self.maxConnectionsPerPeer:
            return None
        protocol = super().buildProtocol(addr)
        if protocol is not None:
            self.peerConnections[host] = count + 1
        return protocol

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """Count a connection less for the peer's host."""
        super().unregisterProtocol(p)
        host = _host_of(p.getPeer())
        self.peerConnections[host] -= 1
        if self.peerConnections[host] == 0:
            del self.peerConnections[host]


def _host_of(address: Any) -> Any:
    """The host of an address, or of a tuple as old programs have it: with the kind in front."""
    if isinstance(address, tuple):
        return address[1] if len(address) > 2 and address[0] in ("tcp", "TCP") else address[0]
    return getattr(address, "host", None) or getattr(address, "name", None)


class LimitTotalConnectionsFactory(ServerFactory[Any]):
    """Makes at most `connectionLimit` connections, of `protocol`; `None` is no limit.

    Further ones get an `overflowProtocol`, to say so and close, or are closed where that is
    `None`. `connectionCount` counts both kinds.
    """

    connectionCount: int = 0
    connectionLimit: int | None = None
    overflowProtocol: Callable[[], Any] | None = None

    def buildProtocol(self, addr: interfaces.IAddress | None) -> ProtocolWrapper | None:
        """Return a protocol, or the one for overflow, in a wrapping that is counted."""
        build = self.protocol
        if self.connectionLimit is not None and self.connectionCount >= self.connectionLimit:
            build = self.overflowProtocol
            if build is None:
                return None
        assert build is not None, "set LimitTotalConnectionsFactory.protocol"
        inner = build()
        inner.factory = self
        self.connectionCount += 1
        return ProtocolWrapper(self, inner)

    def registerProtocol(self, p: ProtocolWrapper) -> None:
        """Do nothing: `p` was counted when it was made."""

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        """Count a connection less."""
        self.connectionCount -= 1


# ── time-outs ────────────────────────────────────────────────────────────────────────────


class TimeoutProtocol(ProtocolWrapper):
    """Closes its connection when nothing was received or sent for a while."""

    def __init__(self, factory: Any, wrappedProtocol: Any, timeoutPeriod: float | None) -> None:
        super().__init__(factory, wrappedProtocol)
        self.timeoutCall: interfaces.IDelayedCall | None = None
        self.timeoutPeriod: float | None = None
        self.setTimeout(timeoutPeriod)

    def setTimeout(self, timeoutPeriod: float | None = None) -> None:
        """Wait for `timeoutPeriod` seconds from now on; `None`: for ever."""
        self.cancelTimeout()
        self.timeoutPeriod = timeoutPeriod
        if timeoutPeriod is not None:
            self.timeoutCall = self.factory.callLater(timeoutPeriod, self.timeoutFunc)

    def cancelTimeout(self) -> None:
        """Wait for ever, until `setTimeout`."""
        call, self.timeoutCall = self.timeoutCall, None
        cancel(call)

    def resetTimeout(self) -> None:
        """Begin to wait anew."""
        if self.timeoutCall is not None and self.timeoutPeriod is not None:
            self.timeoutCall.reset(self.timeoutPeriod)

    def write(self, data: bytes) -> None:
        """Send `data`; the waiting begins anew."""
        self.resetTimeout()
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send all of `data`; the waiting begins anew."""
        self.resetTimeout()
        super().writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        """Give `data` to the inner protocol; the waiting begins anew."""
        self.resetTimeout()
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Wait no longer, and tell the inner protocol."""
        self.cancelTimeout()
        super().connectionLost(reason)

    def timeoutFunc(self) -> None:
        """Called when the time is over: close the connection. Override to do something else."""
        self.timeoutCall = None
        self.loseConnection()


class TimeoutFactory(WrappingFactory[TimeoutProtocol]):
    """Closes connections on which nothing happened for `timeoutPeriod` seconds."""

    protocol = TimeoutProtocol

    def __init__(self, wrappedFactory: Any, timeoutPeriod: float | None = 30 * 60) -> None:
        self.timeoutPeriod = timeoutPeriod
        super().__init__(wrappedFactory)

    def _around(self, inner: Any) -> TimeoutProtocol:
        return self.protocol(self, inner, timeoutPeriod=self.timeoutPeriod)

    def callLater(self, period: float, func: Callable[[], object]) -> Any:
        """Call `func` in `period` seconds; override to have another clock than the reactor's."""
        return current_reactor().callLater(period, func)


class TimeoutMixin:
    """Gives a protocol a time-out of its own: `setTimeout`, then `resetTimeout` at each sign.

    End it with `setTimeout(None)` in `connectionLost`, or it goes off after that. `timeOut` has
    its seconds.
    """

    timeOut: float | None = None
    transport: Any

    _timeout_call: interfaces.IDelayedCall | None = None

    def callLater(self, period: float, func: Callable[[], object]) -> Any:
        """Call `func` in `period` seconds; override to have another clock than the reactor's."""
        return current_reactor().callLater(period, func)

    def resetTimeout(self) -> None:
        """Begin to wait anew, if there is a time-out."""
        if self._timeout_call is not None and self.timeOut is not None:
            self._timeout_call.reset(self.timeOut)

    def setTimeout(self, period: float | None) -> float | None:
        """Wait for `period` seconds from now on, or no longer; return what it was before."""
        before, self.timeOut = self.timeOut, period
        call = self._timeout_call
        if period is None:
            self._timeout_call = None
            cancel(call)
        elif call is not None:
            call.reset(period)
        else:
            self._timeout_call = self.callLater(period, self._timed_out)
        return before

    def _timed_out(self) -> None:
        self._timeout_call = None
        self.timeoutConnection()

    def timeoutConnection(self) -> None:
        """Called when the time is over: close the connection. Override to do something else."""
        self.transport.loseConnection()


# ── logs ─────────────────────────────────────────────────────────────────────────────────


class SpewingProtocol(ProtocolWrapper):
    """Logs all that is received and sent."""

    def dataReceived(self, data: bytes) -> None:
        """Log `data`, and give it to the inner protocol."""
        log.msg(f"Received: {data!r}")
        super().dataReceived(data)

    def write(self, data: bytes) -> None:
        """Log `data`, and send it."""
        log.msg(f"Sending: {data!r}")
        super().write(data)


class SpewingFactory(WrappingFactory[SpewingProtocol]):
    """Logs all that its connections receive and send."""

    protocol = SpewingProtocol


class TrafficLoggingProtocol(ProtocolWrapper):
    """Writes down what goes over its connection, in `logfile`, which stays open.

    Lines begin with `C` for what came and `S` for what was sent (`SV` for a sequence), then
    `number`. Of data longer than `lengthLimit` bytes the end is left out.
    """

    _elided = b"<... elided>"

    def __init__(
        self,
        factory: Any,
        wrappedProtocol: Any,
        logfile: IO[str],
        lengthLimit: int | None = None,
        number: int = 0,
    ) -> None:
        super().__init__(factory, wrappedProtocol)
        self.logfile = logfile
        self.lengthLimit = lengthLimit
        self._number = number

    def _log(self, line: str) -> None:
        self.logfile.write(line + "\n")
        self.logfile.flush()

    def _shown(self, data: bytes) -> bytes:
        limit = self.lengthLimit
        if limit is None or len(data) <= limit:
            return data
        return data[: max(0, limit - len(self._elided))] + self._elided

    def connectionMade(self) -> None:
        """Write a line for the beginning."""
        self._log("*")

    def dataReceived(self, data: bytes) -> None:
        """Write `data` down, and give it to the inner protocol."""
        self._log(f"C {self._number}: {self._shown(data)!r}")
        super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Write the reason down, and tell the inner protocol."""
        self._log(f"C {self._number}: {reason!r}")
        super().connectionLost(reason)

    def write(self, data: bytes) -> None:
        """Write `data` down, and send it."""
        self._log(f"S {self._number}: {self._shown(data)!r}")
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write `data` down, and send all of it."""
        data = list(data)
        self._log(f"SV {self._number}: {[self._shown(piece) for piece in data]!r}")
        super().writeSequence(data)

    def loseConnection(self) -> None:
        """Write a line for this, and close."""
        self._log(f"S {self._number}: *")
        super().loseConnection()


class TrafficLoggingFactory(WrappingFactory[TrafficLoggingProtocol]):
    """Writes down what goes over its connections, each in a file of its own.

    The files are `logfilePrefix` with `-1`, `-2` and so on behind it.
    """

    protocol = TrafficLoggingProtocol

    _counter = 0

    def __init__(
        self, wrappedFactory: Any, logfilePrefix: str, lengthLimit: int | None = None
    ) -> None:
        self.logfilePrefix = logfilePrefix
        self.lengthLimit = lengthLimit
        super().__init__(wrappedFactory)

    def open(self, name: str) -> IO[str]:
        """Open a file for writing; an override sees to it itself that its files are closed."""
        return open(name, "w")

    def _around(self, inner: Any) -> TrafficLoggingProtocol:
        self._counter += 1
        logfile = self.open(f"{self.logfilePrefix}-{self._counter}")
        return self.protocol(self, inner, logfile, self.lengthLimit, self._counter)

    def unregisterProtocol(self, p: TrafficLoggingProtocol) -> None:
        """Count a connection less, and close its file if it was opened here."""
        super().unregisterProtocol(p)
        if type(self).open is TrafficLoggingFactory.open:
            p.logfile.close()

    def resetCounter(self) -> None:
        """Number the next connection 1 again, and write over its file."""
        self._counter = 0
