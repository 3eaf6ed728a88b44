"""UNIX sockets: ports and connectors at a path, or by a name of Linux' abstract space."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.connecting import StreamConnector, connected_to
from reactorlite.bridge.listening import ListeningSocket, StreamPort, listening_on
from reactorlite.bridge.loops import serve_connected
from reactorlite.bridge.passing import UNIXAdapter, UNIXClientAdapter
from reactorlite.internet import error
from reactorlite.internet.address import UNIXAddress
from reactorlite.python import log
from reactorlite.python.failure import Failure
from reactorlite.python.lockfile import FilesystemLock, isLocked

if TYPE_CHECKING:
    import asyncio

    from reactorlite.bridge.inbound import ClientAdapter
    from reactorlite.bridge.scope import Scope

_FAMILY: Any = getattr(socket, "AF_UNIX", None)


def path_of(where: str, path: Any) -> bytes:
    """The path of a socket, as the system knows it; `TypeError` for what is none."""
    if _FAMILY is None:
        raise NotImplementedError(f"{where}(): this system's Python has no UNIX sockets")
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{where}() takes the path of a socket as text or bytes, not {path!r}")
    return os.fsencode(path)


def is_abstract(path: bytes) -> bool:
    """Whether a name is one that is in no directory."""
    return path.startswith(b"\0")


def remove_socket(path: bytes | None) -> None:
    """Remove the file of a socket that is closed, if it has one; a failure is logged."""
    if path and not is_abstract(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # removed already, or moved: nothing of it is left here
        except OSError:
            log.err(Failure(), f"The socket {os.fsdecode(path)!r} could not be removed")


class UNIXPort(StreamPort):
    """A UNIX socket that `listenUNIX` opened, at a path or by an abstract name."""

    opened_by = "listenUNIX"
    kind = "UNIX"
    adapter = UNIXAdapter

    def __init__(
        self,
        scope: Scope,
        address: str | bytes | os.PathLike[str],
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> None:
        super().__init__(scope, factory, backlog)
        self.port = path_of(self.opened_by, address)
        self.mode = mode
        self.wantPID = wantPID
        self.lockFile: FilesystemLock | None = None

    def _bound(self) -> ListeningSocket:
        if self.wantPID and not is_abstract(self.port):
            self._lock()
        try:
            listening = listening_on(_FAMILY, self._bind, self.backlog, self._refused)
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
        listening.bind(self.port)
        if not is_abstract(self.port):
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
        remove_socket(self.port)
        self._unlock()


class UNIXConnector(StreamConnector):
    """A connection that `connectUNIX` makes, to a path or an abstract name."""

    made_by = "connectUNIX"
    adapter = UNIXClientAdapter

    def __init__(
        self,
        scope: Scope,
        address: str | bytes | os.PathLike[str],
        factory: Any,
        timeout: float | None = 30,
        checkPID: bool = False,
    ) -> None:
        self._path = path_of(self.made_by, address)
        self.address = address
        self.checkPID = checkPID
        super().__init__(scope, factory, timeout)

    def getDestination(self) -> UNIXAddress:
        """Where the connection goes to, as it was asked for."""
        return UNIXAddress(self._path)

    async def _reach(self, loop: asyncio.AbstractEventLoop, adapter: ClientAdapter) -> None:
        if self.checkPID and not is_abstract(self._path):
            path = os.fsdecode(self._path)
            if not isLocked(path + ".lock"):
                raise error.BadFileError(string=f"no process that is alive has the lock of {path}")
        await serve_connected(loop, adapter, await connected_to(loop, (_FAMILY, self._path)))

    def _named(self) -> str:
        return repr(os.fsdecode(self._path))
