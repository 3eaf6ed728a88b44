"""A socket that goes on accepting when the process has no descriptor left."""

from __future__ import annotations

import errno
import os
import socket
import threading
from logging import WARNING
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import IP_FAMILIES
from reactorlite.python import log

if TYPE_CHECKING:
    from collections.abc import Callable

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
