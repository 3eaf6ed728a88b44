"""Linux' inotify, called in the C library, and its events, as it writes them."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Any

#: How an event begins: the watch, the mask, a cookie that joins two, the size of the name.
_HEAD = struct.Struct("=iIII")

_HINTS = {
    errno.ENOSPC: "raise /proc/sys/fs/inotify/max_user_watches",
    errno.EMFILE: "raise /proc/sys/fs/inotify/max_user_instances, or close what isn't needed",
}


class INotifyError(OSError):
    """The system can't watch, or can't watch that; `errno` and the message say why."""


class Calls:
    """The three calls there are."""

    def __init__(self) -> None:
        self._library: Any = None

    def init(self) -> int:
        """A new descriptor, that doesn't block and isn't inherited."""
        return self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    def add(self, fd: int, path: bytes, mask: int) -> int:
        """Watch a path; answers the watch's number, which is that of the file itself."""
        return self._call(
            "inotify_add_watch", fd, ctypes.c_char_p(path), ctypes.c_uint32(mask), path=path
        )

    def remove(self, fd: int, wd: int) -> int:
        """Watch that no longer."""
        return self._call("inotify_rm_watch", fd, wd)

    def _call(self, name: str, *args: Any, path: bytes | None = None) -> int:
        if self._library is None:
            self._library = ctypes.CDLL(None, use_errno=True)
        call = getattr(self._library, name, None)
        if call is None:
            raise INotifyError(
                errno.ENOSYS, f"this system has no {name}(): inotify is Linux', poll elsewhere"
            )
        answer = int(call(*args))
        if answer == -1:
            raise _error(ctypes.get_errno(), path)
        return answer


def events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The watch, the mask and the name, or b"", of each event in what was read."""
    start = 0
    while start < len(data):
        wd, mask, _, size = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        yield wd, mask, data[start : start + size].rstrip(b"\0")
        start += size


def _error(number: int, path: bytes | None) -> INotifyError:
    words = os.strerror(number)
    if number in _HINTS:
        words = f"{words}: {_HINTS[number]}"
    # With None for a name the error shows none.
    return INotifyError(number, words, path)
