"""Streams on sockets that something else has opened: ports that listen, and connections."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.accepting import ListeningSocket
from reactorlite.bridge.addresses import IP_FAMILIES
from reactorlite.bridge.adopting import duplicated
from reactorlite.bridge.inbound import StreamAdapter, checked_factory
from reactorlite.bridge.listening import StreamPort
from reactorlite.bridge.loops import check_thread, serve_connected
from reactorlite.internet import error
from reactorlite.internet.address import UNIXAddress

if TYPE_CHECKING:
    import asyncio

    from reactorlite.bridge.scope import Scope


class AdoptedPort(StreamPort):
    """A port on a socket that was bound elsewhere, which `adoptStreamPort` took over."""

    opened_by = "adoptStreamPort"

    def __init__(self, scope: Scope, descriptor: int, family: int, factory: Any) -> None:
        # asyncio listens again: the queue is not to become shorter by that.
        super().__init__(scope, factory, socket.SOMAXCONN)
        self.adapter = _adapter_for(family)
        self.kind = "TCP" if family in IP_FAMILIES else "UNIX"
        self._descriptor: int | None = descriptor
        self._family = family

    def _bound(self) -> ListeningSocket:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:  # which may be somebody else's by now
            raise self._refused(OSError(errno.EBADF, "a port that was adopted can't start again"))
        found = duplicated(descriptor, self._family, socket.SOCK_STREAM)
        listening = ListeningSocket(self._family, found.detach())
        try:
            listening.setblocking(False)
            listening.listen(self.backlog)  # an error for a socket that is connected
        except BaseException:
            listening.close()
            raise
        return listening

    def _refused(self, cause: object) -> error.CannotListenError:
        return error.CannotListenError(None, self._descriptor, cause)

    def _named(self, host: Any) -> int | str:
        if isinstance(host, UNIXAddress):
            return os.fsdecode(host.name or b"")
        return super()._named(host)

    def _leave(self) -> None:
        if isinstance(self._host, UNIXAddress):
            from reactorlite.bridge.unixpaths import remove_file

            remove_file(self._host.name)


class AdoptedConnection:
    """A connected socket that `adoptStreamConnection` took over, until the loop has it."""

    def __init__(self, scope: Scope, descriptor: int, family: int, factory: Any) -> None:
        check_thread(scope.loop, "reactor.adoptStreamConnection")
        adapter = _adapter_for(family)
        self._adapter = adapter(checked_factory("adoptStreamConnection", factory), scope)
        self._scope = scope
        self._socket = duplicated(descriptor, family, socket.SOCK_STREAM)
        try:
            self._socket.getpeername()  # an error for a socket that isn't connected
        except BaseException:
            self._socket.close()
            raise

    def start(self) -> None:
        """Hand the socket to the loop, once there is one."""
        if self._scope.closing:
            self._socket.close()
            raise error.ConnectError(string="the reactor is stopping")
        self._scope.held[self] = None
        self._scope.start(self, self._begin)

    def close_for_good(self) -> None:
        """Close because the reactor ends before the loop had the socket."""
        self._scope.forget(self)
        self._scope.held.pop(self, None)
        self._socket.close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scope.held.pop(self, None)
        self._scope.spawn(serve_connected(loop, self._adapter, self._socket))

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} on {self._socket!r}>"


def _adapter_for(family: int) -> type[StreamAdapter]:
    if family in IP_FAMILIES:
        return StreamAdapter
    if family != getattr(socket, "AF_UNIX", None):
        raise error.UnsupportedAddressFamily(family)
    from reactorlite.bridge.passing import UNIXAdapter

    return UNIXAdapter
