"""Ports: bound and listening when the call returns, served when there is a loop."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from functools import partial
from logging import WARNING
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import IP_FAMILIES, address_from, name_to_bind
from reactorlite.bridge.inbound import StreamAdapter, checked_factory
from reactorlite.bridge.loops import is_uvloop, serving, set_reuse, watches_descriptors
from reactorlite.internet import error
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from reactorlite.bridge.addresses import Address
    from reactorlite.bridge.scope import Scope

#: The errors of `accept` that mean "no room for one more", now but perhaps not later.
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Reserve:
    """A descriptor kept to be given up when no other is left; all ports that serve share it.

    Loops of several threads may.
    """

    def __init__(self) -> None:
        self.number = -1
        self._users = 0
        self._turn = threading.Lock()

    def keep(self) -> None:
        """Have the descriptor, for one user more. Logs when there is none to be had."""
        with self._turn:
            self._users += 1
            self._take()

    def release(self) -> None:
        """Be done with it; the last user gives it up."""
        with self._turn:
            self._users -= 1
            if not self._users:
                self._give_up()

    def spend(self, accept: Callable[[], tuple[socket.socket, Any]]) -> bool:
        """Close what `accept` accepts in the place of the descriptor; False if there is none."""
        with self._turn:
            if self.number < 0:
                return False
            self._give_up()
            try:
                accept()[0].close()
            except OSError:
                pass  # it went away, or another thread was quicker: the next call tells
            finally:
                self._take()
        return True

    def renew(self) -> None:
        """Have it again, after another thread took the room that it left."""
        with self._turn:
            if self._users:
                self._take()

    def _take(self) -> None:
        if self.number < 0:
            try:
                self.number = os.open(os.devnull, os.O_RDONLY)
            except OSError as exc:
                log.msg(f"no descriptor is left to keep in reserve: {exc}", logLevel=WARNING)

    def _give_up(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


_reserve = Reserve()


class ListeningSocket(socket.socket):
    """A socket that goes on listening when the process has no descriptor left.

    asyncio would stop accepting for a second and log each attempt. Here a descriptor is
    kept in reserve: it is given up to accept the connection that can't be served, which
    is closed, and taken again. The log says so once, until a connection is accepted.
    (uvloop accepts by itself; it does the same, but tells nobody.)
    """

    def __init__(self, family: int, fileno: int | None = None) -> None:
        # With the protocol named, what is accepted gets TCP_NODELAY from asyncio.
        protocol = socket.IPPROTO_TCP if family in IP_FAMILIES else 0
        super().__init__(family, socket.SOCK_STREAM, protocol, fileno)
        self._has_reserve = False
        self._refusing = False

    def keep_reserve(self) -> None:
        """Have a descriptor that can be given up later."""
        if not self._has_reserve:
            self._has_reserve = True
            _reserve.keep()

    def release_reserve(self) -> None:
        """Need it no longer."""
        if self._has_reserve:
            self._has_reserve = False
            _reserve.release()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, or close it for want of a descriptor and report none."""
        try:
            accepted = super().accept()
        except OSError as exc:
            if exc.errno not in _NO_ROOM or not self._has_reserve or not self._refuse(exc):
                raise
            raise BlockingIOError(exc.errno, "no connection could be taken") from exc
        self._refusing = False
        if _reserve.number < 0:
            _reserve.renew()
        return accepted

    def _refuse(self, exc: OSError) -> bool:
        if not _reserve.spend(super().accept):
            return False
        if not self._refusing:
            self._refusing = True
            log.msg(
                f"{self.getsockname()} refuses connections until descriptors are free: {exc}",
                logLevel=WARNING,
            )
        return True


@implementer("IListeningPort")
class StreamPort:
    """What listens, and the factory that serves it; what is bound, a derived class says."""

    #: What makes an accepted connection's adapter, of the port and the scope.
    adapter: Callable[[StreamPort, Scope], StreamAdapter] = StreamAdapter
    #: The reactor's method that opens ports of this class.
    opened_by: str
    #: What log lines call ports of this class.
    kind = "TCP"

    def __init__(self, scope: Scope, factory: Any, backlog: int) -> None:
        self.factory = checked_factory(self.opened_by, factory)
        self.backlog = backlog
        self.connected = False
        self.disconnecting = False
        #: How many connections have come in.
        self.sessionno = 0
        self._scope = scope
        self._socket: ListeningSocket | None = None
        self._server: asyncio.Server | None = None
        self._host: Address | None = None
        self._closed: Deferred[None] | None = None

    # -- what derived classes say

    def _bound(self) -> ListeningSocket:
        """A socket that listens, and doesn't block; or an error, and nothing stays open."""
        raise NotImplementedError

    def _refused(self, cause: object) -> error.CannotListenError:
        """What to raise when the address can't be had."""
        raise NotImplementedError

    def _named(self, host: Any) -> int | str:
        """What log lines call the address `host`."""
        return int(host.port)

    def _caption(self) -> str:
        """What the log line about the start calls what is served."""
        return _name_of(self.factory)

    def _leave(self) -> None:
        """Remove what was beside the socket, which is closed by now. Must not raise."""

    # -- what programs call

    def startListening(self) -> None:
        """Bind and listen; connections are served once the reactor has a loop.

        Raises `CannotListenError` when the address can't be had. A port that was stopped
        may be started again, with the number it was asked for.
        """
        if self.connected:
            raise RuntimeError(f"{self!r} is listening already")
        if self._scope.closing:
            raise self._refused(OSError(errno.ECANCELED, "the reactor is stopping"))
        listening = self._bound()
        host = address_from(listening.getsockname())
        try:
            log.msg(f"{self._caption()} starting on {self._named(host)!r}")
            self.factory.doStart()
        except BaseException:
            listening.close()
            self._leave()
            raise
        self._socket, self._host = listening, host
        self.connected = True
        self.disconnecting = False
        self._scope.ports[self] = None
        self._scope.start(self, self._serve)

    def stopListening(self) -> Deferred[None]:
        """Accept no more; connections live on.

        The Deferred fires when the port is closed and the factory's `doStop` was called,
        which is on the next turn.
        """
        if not self.connected:
            return succeed(None)
        if self._closed is None:
            self._closed = Deferred()
            closed = self._closed
            self._scope.forget(self)
            self._stop_accepting()
            self.disconnecting = True
            self._scope.soon(self._finish)
            return closed
        return self._closed

    def loseConnection(self, connDone: object = None) -> Deferred[None]:
        """Another name of `stopListening`."""
        return self.stopListening()

    def connectionLost(self, reason: object = None) -> None:
        """Close at once; what the factory's `doStop` raises passes.

        Twisted's reactors end ports by this; for programs there is `stopListening`.
        """
        if self.connected:
            self._scope.forget(self)
            self._stop_accepting()
            self._end()

    def getHost(self) -> Address:
        """The address that is listened on; with port 0, the number that was chosen."""
        if self._host is None:
            raise error.NotListeningError(f"{self!r} is not listening")
        return self._host

    def getHandle(self) -> socket.socket | None:
        """The listening socket, to look at; None while not listening."""
        return self._socket

    socket = property(getHandle)

    def fileno(self) -> int:
        """The descriptor, or -1 while not listening."""
        return self._socket.fileno() if self._socket is not None else -1

    @property
    def reactor(self) -> Any:
        """The reactor that listens."""
        return self._scope.reactor

    @property
    def disconnected(self) -> bool:
        """Whether it doesn't listen: it was stopped, or never started."""
        return not self.connected

    def logPrefix(self) -> str:
        """What log lines call this port."""
        return _name_of(self.factory)

    def __repr__(self) -> str:
        where = "(not listening)" if self._host is None else f"on {self._named(self._host)!r}"
        return f"<{type(self).__qualname__} of {_name_of(self.factory)} {where}>"

    # -- inside

    def buildProtocol(self, address: Any) -> Any:
        """Ask the factory, whichever it is by now, for a protocol."""
        self.sessionno += 1
        return self.factory.buildProtocol(address)

    def close_for_good(self) -> None:
        """Close because the reactor ends."""
        self._scope.forget(self)
        self.stopListening()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._socket is not None
        if not is_uvloop(loop):  # which keeps a reserve of its own
            self._socket.keep_reserve()
        made = partial(self.adapter, self, self._scope)
        self._server = _result_of(serving(loop, made, self._socket, max(1, self.backlog)))

    def _stop_accepting(self) -> None:
        # The server itself is closed a turn later: for a connection that was accepted in this
        # turn asyncio goes on to ask it, and would drop the connection with an error.
        loop = self._scope.loop
        if loop is not None and self._socket is not None and watches_descriptors(loop):
            loop.remove_reader(self._socket)

    def _close_socket(self) -> None:
        listening, self._socket = self._socket, None
        server, self._server = self._server, None
        assert listening is not None
        listening.release_reserve()
        if server is not None and not self._scope.is_closed:
            server.close()
        else:
            listening.close()

    def _finish(self) -> None:
        closed, self._closed = self._closed, None
        assert closed is not None
        try:
            if self.connected:
                self._end()
        except Exception:
            closed.errback(Failure())
        else:
            closed.callback(None)

    def _end(self) -> None:
        self._close_socket()
        self._leave()
        self.connected = self.disconnecting = False
        self._scope.ports.pop(self, None)
        log.msg(f"({self.kind} Port {self._named(self._host)} Closed)")
        self._host = None
        self.factory.doStop()


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
        if not isinstance(port, int):
            raise TypeError(f"{self.opened_by}() takes a port's number, not {port!r}")
        if isinstance(interface, bytes):
            interface = interface.decode("ascii")
        elif not isinstance(interface, str):
            raise TypeError(
                f"{self.opened_by}() takes an interface's address as text, not {interface!r}"
            )
        super().__init__(scope, factory, backlog)
        self.port = port
        self.interface = interface

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


def listening_on(
    family: int,
    bind: Callable[[socket.socket], object],
    backlog: int,
    refused: Callable[[OSError], Exception],
) -> ListeningSocket:
    """A socket that `bind` bound and that listens; of an `OSError` `refused` makes another."""
    listening: ListeningSocket | None = None
    try:
        listening = ListeningSocket(family)
        listening.setblocking(False)
        bind(listening)
        listening.listen(backlog)
    except BaseException as exc:
        if listening is not None:
            listening.close()
        if isinstance(exc, OSError):
            raise refused(exc) from exc
        raise
    return listening


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


def _name_of(factory: Any) -> str:
    prefix = getattr(factory, "logPrefix", None)
    return str(prefix()) if prefix is not None else type(factory).__qualname__
