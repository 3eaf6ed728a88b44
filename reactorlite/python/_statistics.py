"""What the system knows about a path, asked once and remembered."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from reactorlite.python._permissions import Permissions


class Known:
    """A path's status, which is remembered from the first question until `changed` or `restat`."""

    path: Any
    _statinfo: os.stat_result | None = None

    def restat(self, reraise: bool = True) -> None:
        """Ask the system now. With `reraise` an `OSError` passes, else nothing is known then."""
        try:
            self._statinfo = os.stat(self.path)
        except OSError:
            self._statinfo = None
            if reraise:
                raise

    def changed(self) -> None:
        """Forget what is known, to be asked again when it is wanted."""
        self._statinfo = None

    def _status(self) -> os.stat_result:
        if self._statinfo is None:
            self.restat()
        assert self._statinfo is not None
        return self._statinfo

    def _is(self, kind: Callable[[int], bool]) -> bool:
        if self._statinfo is None:
            self.restat(False)
        return self._statinfo is not None and kind(self._statinfo.st_mode)

    def exists(self) -> bool:
        """Whether there is something; a link to nothing is not."""
        return self._is(lambda _: True)

    def isdir(self) -> bool:
        """Whether it is a directory, or a link to one."""
        return self._is(stat.S_ISDIR)

    def isfile(self) -> bool:
        """Whether it is a regular file, or a link to one."""
        return self._is(stat.S_ISREG)

    def isBlockDevice(self) -> bool:
        """Whether it is a block device."""
        return self._is(stat.S_ISBLK)

    def isSocket(self) -> bool:
        """Whether it is a UNIX socket."""
        return self._is(stat.S_ISSOCK)

    def islink(self) -> bool:
        """Whether it is a symbolic link; asked each time."""
        return os.path.islink(self.path)

    def getsize(self) -> int:
        """The size in bytes. This and what follows raise `OSError` if there is nothing."""
        return self._status().st_size

    def getModificationTime(self) -> float:
        """When the content changed last, in seconds since the epoch."""
        return self._status().st_mtime

    def getStatusChangeTime(self) -> float:
        """When the status changed last, in seconds since the epoch."""
        return self._status().st_ctime

    def getAccessTime(self) -> float:
        """When it was last read, in seconds since the epoch."""
        return self._status().st_atime

    def getmtime(self) -> int:
        """`getModificationTime`, in whole seconds."""
        return int(self.getModificationTime())

    def getctime(self) -> int:
        """`getStatusChangeTime`, in whole seconds."""
        return int(self.getStatusChangeTime())

    def getatime(self) -> int:
        """`getAccessTime`, in whole seconds."""
        return int(self.getAccessTime())

    def getInodeNumber(self) -> int:
        """The number of the inode."""
        return self._status().st_ino

    def getDevice(self) -> int:
        """The number of the device it is on."""
        return self._status().st_dev

    def getNumberOfHardLinks(self) -> int:
        """How many names the file has."""
        return self._status().st_nlink

    def getUserID(self) -> int:
        """The number of the user it belongs to."""
        return self._status().st_uid

    def getGroupID(self) -> int:
        """The number of the group it belongs to."""
        return self._status().st_gid

    def getPermissions(self) -> Permissions:
        """Who may do what with it."""
        return Permissions(self._status().st_mode)
