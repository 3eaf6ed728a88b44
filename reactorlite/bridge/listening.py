"""Ports: bound and listening when the call returns, served when there is a loop."""

from __future__ import annotations

import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.accepting import ListeningSocket, listening_on
from reactorlite.bridge.addresses import name_to_bind
from reactorlite.bridge.inbound import StreamAdapter, checked_factory
from reactorlite.bridge.loops import is_uvloop, serving, set_reuse, watches_descriptors
from reactorlite.bridge.ports import BoundPort
from reactorlite.internet import error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from reactorlite.bridge.scope import Scope


class StreamPort(BoundPort):
    """What listens, and the factory that serves it; what is bound, a derived class says."""

    #: What makes an accepted connection's adapter, of the port and the scope.
    adapter: Callable[[StreamPort, Scope], StreamAdapter] = StreamAdapter
    kind = "TCP"
    over_ip = "TCP"

    _socket: ListeningSocket | None

    def __init__(self, scope: Scope, factory: Any, backlog: int) -> None:
        super().__init__(scope)
        self.factory = checked_factory(self.opened_by, factory)
        self.backlog = self._number("a number for backlog", backlog)
        #: How many connections have come in.
        self.sessionno = 0
        self._server: asyncio.Server | None = None

    # -- what derived classes say

    def _leave(self) -> None:
        """Remove what was beside the socket, which is closed by now. Must not raise."""

    # -- what programs call

    def connectionLost(self, reason: object = None) -> None:
        """Close at once; what the factory's `doStop` raises passes.

        Twisted's reactors end ports by this; for programs there is `stopListening`.
        """
        if self.connected:
            self._scope.forget(self)
            self._stop_accepting()
            self._end()

    @property
    def disconnected(self) -> bool:
        """Whether it doesn't listen: it was stopped, or never started."""
        return not self.connected

    # -- inside

    @property
    def served(self) -> Any:
        """The factory, whichever it is by now."""
        return self.factory

    def buildProtocol(self, address: Any) -> Any:
        """Ask the factory, whichever it is by now, for a protocol."""
        self.sessionno += 1
        return self.factory.buildProtocol(address)

    def _start(self) -> None:
        self.factory.doStart()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._socket is not None
        if not is_uvloop(loop):  # which keeps a reserve of its own
            self._socket.keep_reserve()
        made = partial(self.adapter, self, self._scope)
        self._server = _result_of(serving(loop, made, self._socket, max(1, self.backlog)))

    def _stop(self) -> None:
        self._stop_accepting()
        self._finish_soon()

    def _stop_accepting(self) -> None:
        # The server itself is closed a turn later: for a connection that was accepted in this
        # turn asyncio goes on to ask it, and would drop the connection with an error.
        loop = self._scope.loop
        if loop is not None and self._socket is not None and watches_descriptors(loop):
            loop.remove_reader(self._socket)

    def _close_socket(self) -> None:
        listening, self._socket = self._socket, None
        server, self._server = self._server, None
        if listening is None:
            return
        listening.release_reserve()
        if server is not None and not self._scope.is_closed:
            server.close()
        else:
            listening.close()
        self._leave()


class Port(StreamPort):
    """A TCP port that `listenTCP` opened."""

    opened_by = "listenTCP"

    def __init__(
        self, scope: Scope, port: int, factory: Any, backlog: int = 50, interface: str | bytes = ""
    ) -> None:
        # On Windows the option would let two programs listen on one port.
        self._reuse = (os.name == "posix" and sys.platform != "cygwin", False)
        if hasattr(port, "_reusePort"):  # a Binding
            port, interface = self._from_binding(port, interface)
        self.port = self._number("a port's number", port)
        self.interface = self._interface(interface)
        super().__init__(scope, factory, backlog)

    def _bound(self) -> ListeningSocket:
        family = socket.AF_INET6 if ":" in self.interface else socket.AF_INET
        return listening_on(family, self._bind, self.backlog, self._refused)

    def _bind(self, listening: socket.socket) -> None:
        set_reuse(listening, *self._reuse)
        listening.bind(name_to_bind(listening.family, self.interface, self.port))

    def _from_binding(self, binding: Any, interface: str | bytes) -> tuple[int, str | bytes]:
        self._reuse = (binding._reuseAddress, binding._reusePort)
        address = binding._address or ""
        if interface and interface != address:
            raise ValueError(
                f"{self.opened_by}() got the interface {interface!r}, and {address!r} in"
                f" {binding!r}: give one of them"
            )
        return binding._port, address

    def _refused(self, cause: object) -> error.CannotListenError:
        return error.CannotListenError(self.interface, self.port, cause)


def _result_of(work: Coroutine[Any, Any, asyncio.Server]) -> asyncio.Server:
    """Run `create_server` for a socket that is there, which waits for nothing but a turn.

    Run at once, and not in a task, it leaves no moment in which the port exists and
    can't be stopped.
    """
    try:
        while True:
            waited_for = work.send(None)
            if waited_for is not None:
                work.close()
                raise RuntimeError(
                    f"this loop's create_server() waits for {waited_for!r}, although its"
                    " socket listens: reactorlite can't listen on it"
                )
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a coroutine's result
