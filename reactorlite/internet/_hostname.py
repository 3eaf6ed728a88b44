"""`HostnameEndpoint`: whichever of a host's addresses answers first."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet._naming import as_name, cancelled, looked_up, warn_without_resolver
from reactorlite.internet._resolving import host_of
from reactorlite.internet._streamendpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from reactorlite.internet.address import HostnameAddress, IPv4Address, IPv6Address
from reactorlite.internet.defer import Deferred, fail
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reactorlite.internet import interfaces
    from reactorlite.python.failure import Failure


@implementer("IStreamClientEndpoint")
class HostnameEndpoint:
    """A TCP port of the host of that name, by whichever of its addresses answers first.

    The addresses are tried in the order in which the reactor's `nameResolver` gives them: the
    next one `attemptDelay` seconds (0.3) after the last, or as soon as none is left that might
    still answer. `timeout` is how many seconds each may take, `bindAddress` the local address
    to come from: a host, or `(host, port)`. A host in bytes is ASCII; text may be beyond it,
    and goes out by IDNA.
    """

    _DEFAULT_ATTEMPT_DELAY = 0.3

    def __init__(
        self,
        reactor: Any,
        host: str | bytes,
        port: int,
        timeout: float = 30,
        bindAddress: Any = None,
        attemptDelay: float | None = None,
    ) -> None:
        if getattr(reactor, "nameResolver", None) is None:
            warn_without_resolver(reactor, stacklevel=2)
        self._reactor = reactor
        self._hostBytes, self._hostText, good = as_name(host)
        self._badHostname = not good
        self._port = port
        self._timeout = timeout
        self._bindAddress = _as_pair(bindAddress)
        if attemptDelay is None:
            attemptDelay = self._DEFAULT_ATTEMPT_DELAY
        self._attemptDelay = attemptDelay

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the protocol, and to cancel it gives up all attempts.

        It fails with `ValueError` for what can't be a host's name, with `DNSLookupError` for a
        name without an address, and as the last attempt did when none succeeds.
        """
        if self._badHostname:
            return fail(ValueError(f"invalid hostname: {self._hostText}"))
        going = looked_up(self._reactor, self._hostText, self._port)
        going.addErrback(cancelled, self._address())
        return going.addCallback(self._race, protocolFactory)

    def _race(self, found: list[Any], factory: Any) -> Deferred[Any]:
        attempts = [self._attempt(address, factory) for address in found if _is_ip(address)]
        if not attempts:
            raise error.DNSLookupError(f"no results for hostname lookup: {self._hostText}")
        return _Race(self._reactor, attempts, self._attemptDelay, self._address()).winner

    def _attempt(self, address: Any, factory: Any) -> Callable[[], Deferred[Any]]:
        kind = TCP6ClientEndpoint if isinstance(address, IPv6Address) else TCP4ClientEndpoint
        endpoint = kind(
            self._reactor, host_of(address), address.port, self._timeout, self._bindAddress
        )
        return lambda: endpoint.connect(factory)

    def _address(self) -> HostnameAddress:
        return HostnameAddress(self._hostBytes, self._port)

    def __repr__(self) -> str:
        host = self._hostText if self._badHostname else self._hostBytes.decode("ascii")
        shown = f"[{host}]" if ":" in host and not self._badHostname else host
        return f"<HostnameEndpoint {shown}:{self._port}>"


class _Race:
    """Attempts that begin one after the other, of which one is to win.

    `winner` gives its result, or fails as the last to fail did.
    """

    def __init__(
        self,
        clock: Any,
        attempts: Iterable[Callable[[], Deferred[Any]]],
        delay: float,
        address: HostnameAddress,
    ) -> None:
        self._clock = clock
        self._waiting = deque(attempts)
        self._running: dict[Deferred[Any], None] = {}
        self._delay = delay
        self._address = address
        self._timer: Any = None
        self.winner: Deferred[Any] = Deferred(self._give_up)
        self._start_next()

    def _start_next(self) -> None:
        self._stop_timer()
        start = self._waiting.popleft()
        if self._waiting:
            self._timer = self._clock.callLater(self._delay, self._start_next)
        attempt = start()
        self._running[attempt] = None
        attempt.addCallbacks(self._won, self._lost, callbackArgs=(attempt,), errbackArgs=(attempt,))

    def _won(self, result: Any, attempt: Deferred[Any]) -> None:
        self._running.pop(attempt)
        self._end()
        self.winner.callback(result)

    def _lost(self, reason: Failure, attempt: Deferred[Any]) -> None:
        if attempt not in self._running:
            return  # given up
        del self._running[attempt]
        if self._running:
            return
        if self._waiting:
            self._start_next()
        else:
            self.winner.errback(reason)

    def _give_up(self, _: object) -> None:
        self.winner.errback(error.ConnectingCancelledError(self._address))
        self._end()

    def _end(self) -> None:
        self._stop_timer()
        self._waiting.clear()
        given_up, self._running = self._running, {}
        for attempt in given_up:
            attempt.cancel()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


def _is_ip(address: object) -> bool:
    return isinstance(address, IPv4Address | IPv6Address)


def _as_pair(bind: Any) -> Any:
    """The local address as `connectTCP` takes it."""
    if isinstance(bind, str | bytes):
        bind = (bind, 0)
    if isinstance(bind, tuple) and isinstance(bind[0], bytes):
        return (bind[0].decode("ascii"), *bind[1:])
    return bind
