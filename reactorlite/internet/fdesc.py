"""Descriptors by their numbers: blocking or not, read and written without waiting."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from reactorlite.internet._constants import CONNECTION_DONE, CONNECTION_LOST

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CONNECTION_DONE",
    "CONNECTION_LOST",
    "readFromFD",
    "setBlocking",
    "setNonBlocking",
    "writeToFD",
]

_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
#: As many bytes as are read at once.
_PIECE = 8192


def setNonBlocking(fd: int) -> None:
    """Let reading and writing fail where they would have to wait.

    The mode is that of the open file: whoever inherited the descriptor, or shares a
    terminal, has it too.
    """
    os.set_blocking(fd, False)


def setBlocking(fd: int) -> None:
    """Let reading and writing wait until they can be done."""
    os.set_blocking(fd, True)


def _setCloseOnExec(fd: int) -> None:
    """Keep a descriptor from the programs that this process becomes or starts."""
    os.set_inheritable(fd, False)


def _unsetCloseOnExec(fd: int) -> None:
    """Let the programs that this process becomes or starts have a descriptor."""
    os.set_inheritable(fd, True)


def readFromFD(fd: int, callback: Callable[[bytes], object]) -> Exception | None:
    """Read once, and call `callback` with the bytes if there are any.

    Answers None, `CONNECTION_DONE` at the end of the data, or `CONNECTION_LOST` when it can't
    be read: what a `doRead` may answer in its turn.
    """
    try:
        data = os.read(fd, _PIECE)
    except OSError as exc:
        return None if exc.errno in _LATER else CONNECTION_LOST
    if not data:
        return CONNECTION_DONE
    callback(data)
    return None


def writeToFD(fd: int, data: bytes) -> int | Exception:
    """Write once; answers how many of the bytes were taken, or `CONNECTION_LOST`.

    What `writeSomeData` of a `FileDescriptor` may answer in its turn.
    """
    try:
        return os.write(fd, data)
    except OSError as exc:
        return 0 if exc.errno in _LATER else CONNECTION_LOST
