"""What all ports have in common: bound when the call returns, and closed a turn after the wish."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any, Literal

from reactorlite.bridge.addresses import address_from
from reactorlite.bridge.loops import check_thread
from reactorlite.bridge.reporting import kind_of
from reactorlite.internet import error
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio

    from reactorlite.bridge.addresses import Address
    from reactorlite.bridge.scope import Scope


@implementer("IListeningPort", "ISystemHandle", "ILoggingContext")
class BoundPort:
    """A socket that is bound, and what it is there for; a derived class says what these are.

    All that is open is closed by `stopListening`, or with the reactor.
    """

    #: The reactor's method that opens ports of this class.
    opened_by: str
    #: What the log calls ports of this class.
    kind: str
    #: What runs over IP, for the addresses.
    over_ip: Literal["TCP", "UDP"]

    def __init__(self, scope: Scope) -> None:
        self.connected = False
        self.disconnecting = False
        self._scope = scope
        self._socket: socket.socket | None = None
        self._host: Address | None = None
        self._closed: Deferred[None] | None = None

    # -- what derived classes say

    @property
    def served(self) -> Any:
        """The factory, or protocol, that is told of what comes in."""
        raise NotImplementedError

    def _bound(self) -> socket.socket:
        """A socket that is bound, and doesn't block; or an error, and nothing stays open."""
        raise NotImplementedError

    def _refused(self, cause: object) -> Exception:
        """What to raise when the address can't be had."""
        raise NotImplementedError

    def _named(self, host: Any) -> int | str:
        """What log lines call the address `host`."""
        return int(host.port)

    def _caption(self) -> str:
        """What the log line about the start calls what is served."""
        return self._prefix()

    def _start(self) -> None:
        """Tell what is served that the port is bound; what that raises closes the port."""
        raise NotImplementedError

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve, now that there is a loop."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Serve no more, and see to it that `finish` is called, but not in this call."""
        raise NotImplementedError

    # -- what programs call

    def startListening(self) -> None:
        """Bind, and start what is served, which hears of the world once the reactor has a loop.

        Raises `CannotListenError` when the address can't be had. A port that was stopped may be
        started again, with the address it was asked for.
        """
        self._check_that_it_may_start()
        self._start_on(self._bound())

    def stopListening(self) -> Deferred[None]:
        """Serve no more; connections that are there live on.

        The Deferred fires when the port is closed and `doStop` was called of what it served,
        which is on the next turn; before the loop runs, on its first.
        """
        if not self.connected:
            return succeed(None)
        check_thread(self._scope.loop, "port.stopListening")
        if self._closed is None:
            self._closed = closed = Deferred[None]()
            self.disconnecting = True
            self._scope.forget(self)
            self._stop()
            return closed
        return self._closed

    def loseConnection(self, connDone: object = None) -> Deferred[None]:
        """Another name of `stopListening`."""
        return self.stopListening()

    def getHost(self) -> Address:
        """The address that is bound; with port 0, the number that was chosen."""
        if self._host is None:
            raise self._not_listening()
        return self._host

    def getHandle(self) -> socket.socket | None:
        """The socket, to look at; None while not listening."""
        return self._socket

    def fileno(self) -> int:
        """The descriptor, or -1 while not listening."""
        return self._socket.fileno() if self._socket is not None else -1

    @property
    def reactor(self) -> Any:
        """The reactor that the port is open on."""
        return self._scope.reactor

    def logPrefix(self) -> str:
        """What log lines call this port."""
        return self._prefix()

    def __repr__(self) -> str:
        where = "(not listening)" if self._host is None else f"on {self._named(self._host)!r}"
        return f"<{type(self).__qualname__} of {self._prefix()} {where}>"

    # -- inside

    # Arguments are looked at before anything is bound: what fails after that may leave a file.
    def _number(self, what: str, given: object) -> int:
        if not isinstance(given, int):
            raise TypeError(f"{self.opened_by}() takes {what}, not {given!r}")
        return given

    def _interface(self, given: object) -> str:
        if isinstance(given, bytes):
            return given.decode("ascii")
        if not isinstance(given, str):
            raise TypeError(
                f"{self.opened_by}() takes an interface's address as text, not {given!r}"
            )
        return given

    def close_for_good(self) -> None:
        """Close because the reactor ends."""
        self.stopListening()

    def finish(self) -> None:
        """Called when nothing is served any more: tell what was, and who waits for the end."""
        closed, self._closed = self._closed, None
        assert closed is not None
        try:
            if self.connected:
                self._end()
        except Exception:
            closed.errback(Failure())
        else:
            closed.callback(None)

    def _check_that_it_may_start(self) -> None:
        check_thread(self._scope.loop, f"reactor.{self.opened_by}")
        if self.connected:
            raise RuntimeError(f"{self!r} is listening already")
        if self._scope.closing:
            raise self._refused(OSError(errno.ECANCELED, "the reactor is stopping"))

    def _start_on(self, bound: socket.socket) -> None:
        self._socket = bound
        self._host = address_from(bound.getsockname(), self.over_ip)
        self.connected = True
        try:
            log.msg(f"{self._caption()} starting on {self._named(self._host)!r}")
            self._start()
        except BaseException:
            self._let_go()
            raise
        self._scope.ports[self] = None
        if not self.disconnecting:
            self._scope.start(self, self._begin)

    def _finish_soon(self) -> None:
        scope = self._scope
        if scope.loop is None and not scope.closing:
            # Not now: what is served may be just about to start.
            self._close_socket()
            scope.start(self._closed, lambda _: self.finish())
        else:
            scope.soon(self.finish)

    def _end(self) -> None:
        name = self._named(self._host)
        self._let_go()
        self._scope.ports.pop(self, None)
        log.msg(f"({self.kind} Port {name} Closed)")
        self.served.doStop()

    def _let_go(self) -> None:
        self._close_socket()
        self._host = None
        self.connected = self.disconnecting = False

    def _close_socket(self) -> None:
        bound, self._socket = self._socket, None
        if bound is not None:
            bound.close()

    def _prefix(self) -> str:
        prefix = getattr(self.served, "logPrefix", None)
        return str(prefix()) if prefix is not None else kind_of(self.served)

    def _not_listening(self) -> Exception:
        return error.NotListeningError(f"{self!r} is not listening")

    # Last, for it hides the module.
    socket = property(getHandle)
