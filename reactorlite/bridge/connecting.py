"""Attempts to connect: how they begin and end, and the `Connector` that repeats them."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.inbound import ClientAdapter, checked_factory
from reactorlite.bridge.loops import check_thread
from reactorlite.bridge.reaching import connect_first, literal, opened
from reactorlite.bridge.reporting import log_raised
from reactorlite.internet import error
from reactorlite.internet.address import IPv4Address, IPv6Address
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.bridge.addresses import Address
    from reactorlite.bridge.errands import Errand
    from reactorlite.bridge.outbound import StreamTransport
    from reactorlite.bridge.scope import Scope
    from reactorlite.bridge.unconnected import Unconnected
    from reactorlite.internet._delayed import DelayedCall


@implementer("IConnector")
class StreamConnector:
    """A client's connection to one destination, from the first attempt on.

    `state` is "disconnected", "connecting" or "connected". The factory may call `connect`
    again from `clientConnectionFailed` and `clientConnectionLost`. Where the destination is,
    and how it is reached, a derived class says.
    """

    #: What makes an attempt's adapter, of the connector and the scope.
    adapter: Callable[[StreamConnector, Scope], ClientAdapter] = ClientAdapter
    #: The reactor's method that makes connectors of this class.
    made_by: str
    #: The address to come from: host and port, or a `Binding`.
    bindAddress: Any = None

    def __init__(self, scope: Scope, factory: Any, timeout: float | None) -> None:
        self.factory = checked_factory(self.made_by, factory, "startedConnecting")
        if timeout is not None and not (isinstance(timeout, int | float) and timeout >= 0):
            raise TypeError(
                f"{self.made_by}() takes a timeout in seconds, or None, not {timeout!r}"
            )
        self.timeout = timeout
        self.state = "disconnected"
        self.factoryStarted = False
        self._scope = scope
        self._adapter: ClientAdapter | None = None
        self._attempt: Errand | None = None
        self._timer: DelayedCall | None = None
        # A socket that a program wanted to see before there was a connection.
        self._early: socket.socket | None = None

    # -- what derived classes say

    def getDestination(self) -> Address:
        """Where the connection goes to, as it was asked for."""
        raise NotImplementedError

    async def _reach(self, loop: asyncio.AbstractEventLoop, adapter: ClientAdapter) -> None:
        """Connect `adapter`, in an errand; or raise what `clientConnectionFailed` is to get."""
        raise NotImplementedError

    def _named(self) -> str:
        """What `repr` calls the destination."""
        raise NotImplementedError

    def _family(self) -> int:
        """The family of the socket that is wanted, as far as is known before a look-up."""
        raise NotImplementedError

    # -- what programs call

    def connect(self) -> None:
        """Try to connect. Raises `RuntimeError` unless the state is "disconnected"."""
        if self.state != "disconnected":
            raise RuntimeError(f"{self!r} can't connect: it is {self.state}")
        check_thread(self._scope.loop, f"reactor.{self.made_by}")
        self.state = "connecting"
        if not self.factoryStarted:
            self.factory.doStart()
            self.factoryStarted = True
        self._scope.connectors[self] = None
        if self.timeout is not None:
            self._timer = self.reactor.callLater(self.timeout, self._time_out)
        try:
            self.factory.startedConnecting(self)
        except BaseException:
            self.drop()
            raise
        # A factory that connects again when the reactor stops finds nothing to connect with.
        if not self._scope.closing and self.state == "connecting":
            self._scope.start(self, self._begin)

    def stopConnecting(self) -> None:
        """Give up; the factory's `clientConnectionFailed` gets a `UserError` before this returns.

        Raises `NotConnectingError` unless the state is "connecting".
        """
        if self.state != "connecting":
            raise error.NotConnectingError(f"{self!r} isn't connecting: it is {self.state}")
        self._fail(error.UserError())

    def disconnect(self) -> None:
        """End what there is: give up the attempt, or close the connection as `loseConnection`."""
        if self.state == "connecting":
            self.stopConnecting()
        elif self.transport is not None:
            self.transport.loseConnection()

    @property
    def transport(self) -> StreamTransport | Unconnected | None:
        """The connection's transport, or that of the attempt, which has a socket and no more."""
        if self._adapter is not None and self._adapter.out is not None:
            return self._adapter.out
        if self.state != "connecting":
            return None
        from reactorlite.bridge.unconnected import Unconnected

        return Unconnected(self)

    @property
    def reactor(self) -> Any:
        """The reactor that connects."""
        return self._scope.reactor

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self.state} to {self._named()}>"

    # -- what the attempt's transport calls

    def open_early(self) -> socket.socket:
        """The socket that the attempt is to take, made and bound now."""
        if self._early is None:
            self._early = opened(self._family(), self.bindAddress)
        return self._early

    # -- what the adapter calls

    def expects(self, adapter: ClientAdapter) -> bool:
        """Whether `adapter` is of the present attempt, or the present connection."""
        return self._adapter is adapter

    def buildProtocol(self, address: Any) -> Any:
        """Ask the factory for a protocol: the attempt has succeeded."""
        self._attempt = None
        self.state = "connected"
        self._clear()
        try:
            return self.factory.buildProtocol(address)
        except Exception as exc:
            log_raised(self.factory, "buildProtocol")
            failed = error.ConnectError(string="the factory's buildProtocol raised an error")
            failed.__cause__ = exc
            self._over("clientConnectionFailed", Failure(failed))
            del failed  # whose cause has a traceback that holds this frame
            return None

    def connectionLost(self, reason: Failure) -> None:
        """Tell the factory, after the protocol was told."""
        if self.state == "connected":
            self._over("clientConnectionLost", reason)
        else:  # so early that no protocol was made
            self._fail(error.ConnectError(string="the connection was lost at once"))

    # -- how an attempt goes

    def give_up(self) -> None:
        """End the attempt because the reactor ends; one that never had a loop has not failed."""
        self._scope.forget(self)
        if self._scope.loop is None:
            self.drop()
        elif self.state == "connecting":
            self._fail(error.ConnectError(string="the reactor stopped"))

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.state == "connecting":
            self._attempt = self._scope.spawn(self._try(loop))

    async def _try(self, loop: asyncio.AbstractEventLoop) -> None:
        self._adapter = adapter = self.adapter(self, self._scope)
        try:
            await self._reach(loop, adapter)
        except Exception as exc:
            # Never in the call that asked for the attempt, which a factory may do again
            # and again.
            await asyncio.sleep(0)
            if self.expects(adapter) and self.state == "connecting":
                self._fail(exc)

    def _time_out(self) -> None:
        self._timer = None
        self._fail(error.TimeoutError())

    def _fail(self, exc: Exception) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        self._scope.forget(self)
        self._over("clientConnectionFailed", Failure(exc))

    def drop(self) -> None:
        """Leave nothing under way, and tell nobody but the factory's count of its users."""
        self._clear()
        self.state = "disconnected"
        self._stop_factory()

    def _over(self, event: str, reason: Failure) -> None:
        self._clear()
        self._adapter = None
        self.state = "disconnected"
        try:
            getattr(self.factory, event)(self, reason)
        except Exception:
            log_raised(self.factory, event)
        if self.state == "disconnected":
            self._stop_factory()

    def _stop_factory(self) -> None:
        if self.factoryStarted:
            self.factoryStarted = False
            try:
                self.factory.doStop()
            except Exception:
                log_raised(self.factory, "doStop")

    def _opened(self, family: int) -> socket.socket:
        """A socket to connect with: the one that was looked at, where it is of that family."""
        if self._early is not None:
            early, self._early = self._early, None
            if early.fileno() >= 0 and early.family == family:
                return early
            early.close()
        return opened(family, self.bindAddress)

    def _clear(self) -> None:
        """Let go of what an attempt has, which is over."""
        self._scope.connectors.pop(self, None)
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if self._early is not None:
            self._early.close()
            self._early = None


class Connector(StreamConnector):
    """A connection over TCP that `connectTCP` makes."""

    made_by = "connectTCP"

    def __init__(
        self,
        scope: Scope,
        host: str | bytes,
        port: int | str,
        factory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> None:
        self.host = self._text(host)
        self.port = self._number(port)
        self.bindAddress = self._pair(bindAddress)
        super().__init__(scope, factory, timeout)

    def getDestination(self) -> IPv4Address | IPv6Address:
        """Where the connection goes to, as it was asked for."""
        if ":" in self.host:
            return IPv6Address("TCP", self.host, self.port)
        return IPv4Address("TCP", self.host, self.port)

    async def _reach(self, loop: asyncio.AbstractEventLoop, adapter: ClientAdapter) -> None:
        look_up = self._scope.look_up
        await connect_first(loop, adapter, self.host, self.port, self._opened, look_up)

    def _family(self) -> int:
        known = literal(self.host or "0.0.0.0", self.port)
        return socket.AF_INET if known is None else known[0]

    def _named(self) -> str:
        return f"{self.host}:{self.port}"

    def _text(self, host: str | bytes) -> str:
        if isinstance(host, str):
            return host
        if isinstance(host, bytes):
            return host.decode("ascii")
        raise TypeError(f"{self.made_by}() takes a host's name or address as text, not {host!r}")

    def _number(self, port: int | str) -> int:
        if isinstance(port, int):
            return port
        if not isinstance(port, str):
            raise TypeError(f"{self.made_by}() takes a port's number, or its name, not {port!r}")
        try:
            return socket.getservbyname(port, "tcp")
        except OSError as exc:
            raise error.ServiceNameUnknownError(string=f"{exc} ({port!r})") from exc

    def _pair(self, bind_address: Any) -> tuple[str, int] | None:
        if bind_address is None or (isinstance(bind_address, tuple) and len(bind_address) == 2):
            return bind_address
        if hasattr(bind_address, "_reusePort"):
            return bind_address  # type: ignore[no-any-return]  # a Binding
        raise TypeError(f"{self.made_by}() takes a bindAddress (host, port), not {bind_address!r}")
