"""UNIX sockets: ports and connectors at a path, or by a name of Linux' abstract space."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.accepting import ListeningSocket, listening_on
from reactorlite.bridge.connecting import StreamConnector
from reactorlite.bridge.listening import StreamPort
from reactorlite.bridge.loops import serve_connected
from reactorlite.bridge.passing import UNIXAdapter, UNIXClientAdapter
from reactorlite.bridge.reaching import connected_to
from reactorlite.bridge.unixpaths import FAMILY, checked_path, has_file, remove_file
from reactorlite.internet import error
from reactorlite.internet.address import UNIXAddress
from reactorlite.python import log
from reactorlite.python.failure import Failure
from reactorlite.python.lockfile import FilesystemLock, isLocked

if TYPE_CHECKING:
    import asyncio
    import socket

    from reactorlite.bridge.inbound import ClientAdapter
    from reactorlite.bridge.scope import Scope
    from reactorlite.bridge.unixpaths import Path


class UNIXPort(StreamPort):
    """A UNIX socket that `listenUNIX` opened, at a path or by an abstract name."""

    opened_by = "listenUNIX"
    kind = "UNIX"
    adapter = UNIXAdapter

    def __init__(
        self,
        scope: Scope,
        address: Path,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> None:
        super().__init__(scope, factory, backlog)
        self.port = os.fsencode(checked_path(self.opened_by, address))
        self.mode = self._number("a number for mode", mode)
        self.wantPID = wantPID
        self.lockFile: FilesystemLock | None = None

    def _bound(self) -> ListeningSocket:
        if self.wantPID and has_file(self.port):
            self._lock()
        try:
            listening = listening_on(FAMILY, self._bind, self.backlog, self._refused)
        except BaseException:
            self._unlock()
            raise
        return listening

    def _lock(self) -> None:
        """Take the lock file; a socket whose owner is gone by that is removed."""
        lock = FilesystemLock(os.fsdecode(self.port) + ".lock")
        try:
            free = lock.lock()
        except OSError as exc:
            raise self._refused(exc) from exc
        if not free:
            raise self._refused("Cannot acquire lock")
        self.lockFile = lock
        if not lock.clean:
            with suppress(FileNotFoundError):
                os.unlink(self.port)

    def _unlock(self) -> None:
        lock, self.lockFile = self.lockFile, None
        if lock is not None:
            try:
                lock.unlock()
            except (OSError, ValueError):  # somebody removed it, or took it over
                log.err(Failure(), f"The lock {lock.name!r} could not be given back")

    def _bind(self, listening: socket.socket) -> None:
        if not self.port:  # which Linux takes for any name that is free, and nobody would find
            raise FileNotFoundError(errno.ENOENT, "the path is empty")
        listening.bind(self.port)
        if has_file(self.port):
            try:
                os.chmod(self.port, self.mode)
            except BaseException:
                os.unlink(self.port)
                raise

    def _refused(self, cause: object) -> error.CannotListenError:
        return error.CannotListenError(None, self.port, cause)

    def _named(self, host: UNIXAddress) -> int | str:
        return os.fsdecode(self.port)

    def _leave(self) -> None:
        remove_file(self.port)
        self._unlock()


class UNIXConnector(StreamConnector):
    """A connection that `connectUNIX` makes, to a path or an abstract name."""

    made_by = "connectUNIX"
    adapter = UNIXClientAdapter

    def __init__(
        self,
        scope: Scope,
        address: Path,
        factory: Any,
        timeout: float | None = 30,
        checkPID: bool = False,
    ) -> None:
        self._path = os.fsencode(checked_path(self.made_by, address))
        self.address = address
        self.checkPID = checkPID
        super().__init__(scope, factory, timeout)

    def getDestination(self) -> UNIXAddress:
        """Where the connection goes to, as it was asked for."""
        return UNIXAddress(self._path)

    async def _reach(self, loop: asyncio.AbstractEventLoop, adapter: ClientAdapter) -> None:
        if self.checkPID and has_file(self._path):
            path = os.fsdecode(self._path)
            if not isLocked(path + ".lock"):
                raise error.BadFileError(string=f"no process that is alive has the lock of {path}")
        connected = await connected_to(loop, (FAMILY, self._path), self._opened)
        await serve_connected(loop, adapter, connected)

    def _family(self) -> int:
        return int(FAMILY)

    def _named(self) -> str:
        return repr(os.fsdecode(self._path))
