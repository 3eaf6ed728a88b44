"""A lock between processes: a symbolic link that names the process that has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from os import getpid, readlink, symlink
from os import remove as rmlink

__all__ = ["FilesystemLock", "isLocked"]

#: Asks for a process with signal 0; None where that can't be asked, and then all links count.
kill: Callable[[int, int], None] | None
if sys.platform == "win32":
    # There os.kill(pid, 0) is Ctrl-C to a group of processes, and the end of any other.
    kill = None
else:
    from os import kill


class FilesystemLock:
    """A lock that is a symbolic link called `name`, pointing to a process number.

    It can't be taken by two processes, nor twice by one. What a process that is gone left
    behind doesn't count, but on Windows. It needs a file system, and a user, that may make symbolic
    links.
    """

    #: Whether no dead process's link had to be removed when the lock was last taken.
    clean: bool | None = None
    #: Whether this object has the lock.
    locked = False

    def __init__(self, name: str) -> None:
        self.name = name

    def lock(self) -> bool:
        """Take the lock if it is free, and say whether it was.

        Raises `OSError` if links can't be made there, `ValueError` if the link that is
        there names no process.
        """
        clean = True
        while True:
            try:
                symlink(str(getpid()), self.name)
            except FileExistsError:
                pass
            else:
                self.locked, self.clean = True, clean
                return True
            try:
                if _alive(int(readlink(self.name))):
                    return False
                rmlink(self.name)
                clean = False
            except FileNotFoundError:
                # Given back, or cleared away by another process, since we looked.
                continue

    def unlock(self) -> None:
        """Give the lock back. Raises `ValueError` if another process has it."""
        owner = readlink(self.name)
        if int(owner) != getpid():
            raise ValueError(f"{self.name} is the lock of process {owner}, not of this one")
        rmlink(self.name)
        self.locked = False


def isLocked(name: str) -> bool:
    """Whether any process, this one included, has the lock of that name."""
    lock = FilesystemLock(name)
    if not lock.lock():
        return True
    lock.unlock()
    return False


def _alive(pid: int) -> bool:
    if kill is None:
        return True
    try:
        kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's, so there it is.
        return True
    return True
