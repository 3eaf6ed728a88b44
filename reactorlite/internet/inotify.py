"""Changes of files and directories, as Linux' inotify tells them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reactorlite.internet._constants import CONNECTION_DONE
from reactorlite.internet._inotify import Calls, INotifyError, events
from reactorlite.internet.abstract import FileDescriptor
from reactorlite.python import log
from reactorlite.python.failure import Failure
from reactorlite.python.filepath import FilePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Callback = Callable[[object, Any, int], object]

IN_ACCESS = 0x1
IN_MODIFY = 0x2
IN_ATTRIB = 0x4
IN_CLOSE_WRITE = 0x8
IN_CLOSE_NOWRITE = 0x10
IN_OPEN = 0x20
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
IN_UNMOUNT = 0x2000
IN_Q_OVERFLOW = 0x4000
IN_IGNORED = 0x8000
IN_ONLYDIR = 0x1000000
IN_DONT_FOLLOW = 0x2000000
IN_MASK_ADD = 0x20000000
IN_ISDIR = 0x40000000
IN_ONESHOT = 0x80000000

IN_CLOSE = IN_CLOSE_WRITE | IN_CLOSE_NOWRITE
IN_MOVED = IN_MOVED_FROM | IN_MOVED_TO
IN_CHANGED = IN_MODIFY | IN_ATTRIB
IN_WATCH_MASK = (
    IN_MODIFY
    | IN_ATTRIB
    | IN_CREATE
    | IN_DELETE
    | IN_DELETE_SELF
    | IN_MOVE_SELF
    | IN_UNMOUNT
    | IN_MOVED
)

_FLAG_TO_HUMAN = [
    (IN_ACCESS, "access"),
    (IN_MODIFY, "modify"),
    (IN_ATTRIB, "attrib"),
    (IN_CLOSE_WRITE, "close_write"),
    (IN_CLOSE_NOWRITE, "close_nowrite"),
    (IN_OPEN, "open"),
    (IN_MOVED_FROM, "moved_from"),
    (IN_MOVED_TO, "moved_to"),
    (IN_CREATE, "create"),
    (IN_DELETE, "delete"),
    (IN_DELETE_SELF, "delete_self"),
    (IN_MOVE_SELF, "move_self"),
    (IN_UNMOUNT, "unmount"),
    (IN_Q_OVERFLOW, "queue_overflow"),
    (IN_IGNORED, "ignored"),
    (IN_ONLYDIR, "only_dir"),
    (IN_DONT_FOLLOW, "dont_follow"),
    (IN_MASK_ADD, "mask_add"),
    (IN_ISDIR, "is_dir"),
    (IN_ONESHOT, "one_shot"),
]

__all__ = ["INotify", "INotifyError", "humanReadableMask"]
__all__ += [name for name in list(globals()) if name.startswith("IN_")]

#: Room for hundreds of events.
_PIECE = 65536


def humanReadableMask(mask: int) -> list[str]:
    """The names of the flags in `mask`, such as "create" and "is_dir"."""
    return [name for flag, name in _FLAG_TO_HUMAN if mask & flag]


class INotify(FileDescriptor):
    """Watches files and directories: `startReading`, then `watch` what is of interest.

    It ends by itself, and closes, when the last of what it watches is gone. Raises
    `INotifyError` where the system has no inotify, or too few are left.
    """

    _inotify: Any = Calls()

    def __init__(self, reactor: Any = None) -> None:
        super().__init__(reactor)
        self._watches: dict[int, _Watch] = {}
        self._numbers: dict[bytes, int] = {}
        self._fd: int = self._inotify.init()
        self.connected = 1

    # -- watching

    def watch(
        self,
        path: Any,
        mask: int = IN_WATCH_MASK,
        autoAdd: bool = False,
        callbacks: Iterable[Callback] | None = None,
        recursive: bool = False,
    ) -> int:
        """Call `callbacks` with each event at `path`, or in it if it is a directory.

        `path` is a `FilePath`, text, bytes or `os.PathLike`. A callback gets three arguments: one
        to ignore, the path that the event is about, as a `FilePath` of bytes, and the mask, of
        which `humanReadableMask` gives the names. One that raises is logged, and the others are
        called. With `recursive` the directories in it are watched too, and with `autoAdd` those
        that come; what they have in them by then is told as created. Answers the watch's number;
        what is watched already stays as it was. Raises `INotifyError` for what can't be watched.
        """
        calls = list(callbacks or ())
        root = _bytes_mode(path)
        number = self._add(root, mask, autoAdd, calls)
        if recursive and os.path.isdir(root.path):
            for directory in root.walk(_is_own_directory):
                if directory != root and _is_own_directory(directory):
                    self._add(directory, mask, autoAdd, calls)
        return number

    def ignore(self, path: Any) -> None:
        """Watch `path` no longer; `KeyError` if it isn't watched."""
        name = _bytes_mode(path).path
        if name not in self._numbers:
            raise KeyError(f"{path!r} is not watched")
        number = self._numbers[name]
        self._forget(number)
        self._inotify.remove(self._fd, number)

    def _isWatched(self, path: Any) -> bool:
        return _bytes_mode(path).path in self._numbers

    def _add(self, path: Any, mask: int, autoAdd: bool, callbacks: list[Callback]) -> int:
        known = self._numbers.get(path.path)
        if known is not None:
            return known
        if not self.connected:
            raise INotifyError(f"can't watch {path!r}: this INotify has ended, make another")
        # What is watched for nothing else is still told its end, as on Twisted.
        number: int = self._inotify.add(self._fd, path.path, mask | IN_DELETE_SELF)
        if number in self._watches:  # the same file, by a name that it has got since
            self._forget(number)
        self._watches[number] = _Watch(path, mask, autoAdd, callbacks)
        self._numbers[path.path] = number
        return number

    def _forget(self, number: int) -> None:
        del self._numbers[self._watches.pop(number).path.path]

    # -- events

    def fileno(self) -> int:
        """The descriptor's number; -1 when it has ended."""
        return self._fd

    def doRead(self) -> Exception | None:
        """Read events, and call who asked for them."""
        try:
            data = os.read(self._fd, _PIECE)
        except BlockingIOError:
            return None
        for number, mask, name in events(data):
            if not self.connected:
                break
            if mask & IN_Q_OVERFLOW:
                log.msg("inotify has lost events, of which too many were waiting", isError=True)
            elif number in self._watches:
                self._happened(number, mask, name)
        return None

    def _happened(self, number: int, mask: int, name: bytes) -> None:
        watch = self._watches[number]
        path = watch.path.child(name) if name else watch.path
        watch.tell(path, mask)
        if number not in self._watches:
            return  # a callback has ignored it
        if mask & (IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT):
            self._forget(number)
            if not self._watches:
                self.loseConnection()
        elif watch.auto_add and mask & IN_ISDIR and mask & (IN_CREATE | IN_MOVED_TO):
            self._came(watch, path)

    def _came(self, watch: _Watch, path: Any) -> None:
        """Watch a directory that has come, and tell what came into it before that."""
        try:
            self._add(path, watch.mask, True, watch.callbacks)
            names = sorted(os.listdir(path.path))
        except (INotifyError, FileNotFoundError, NotADirectoryError) as exc:
            if isinstance(exc, INotifyError) and os.path.isdir(path.path):
                log.err(Failure(), f"{path!r} has come and can't be watched")
            return  # it has gone again
        for name in names:
            each = path.child(name)
            is_directory = _is_own_directory(each)
            mask = IN_CREATE | (IN_ISDIR if is_directory else IN_CLOSE_WRITE)
            if mask & watch.mask:
                watch.tell(each, mask)
            if is_directory and self.connected:
                self._came(watch, each)

    # -- ending

    def loseConnection(self, _connDone: Failure | None = None) -> None:
        """Watch nothing any longer, and close, now; to be called more than once is no error."""
        if self.connected:
            self.connectionLost(_connDone or Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        """Called when it ends, by itself or with the reactor: close the descriptor."""
        if not self.connected:
            return
        super().connectionLost(reason)
        self._watches.clear()
        self._numbers.clear()
        descriptor, self._fd = self._fd, -1
        try:
            os.close(descriptor)
        except OSError:
            log.err(Failure(), "Couldn't close an INotify")


class _Watch:
    """What is watched, for what, and who wants to know."""

    def __init__(self, path: Any, mask: int, autoAdd: bool, callbacks: list[Callback]) -> None:
        self.path = path
        self.mask = mask
        self.auto_add = autoAdd
        self.callbacks = callbacks

    def tell(self, path: Any, mask: int) -> None:
        """Call all that want to know; what they raise is logged."""
        for call in self.callbacks:
            try:
                call(self, path, mask)
            except Exception:
                log.err(Failure(), f"Unhandled error in a callback of INotify, for {path!r}")


def _bytes_mode(path: Any) -> Any:
    """The `FilePath` of bytes for what was given; Twisted's, or a subclass's, if it was one."""
    if hasattr(path, "asBytesMode"):
        return path.asBytesMode()
    try:
        return FilePath(os.fsencode(path))
    except TypeError:
        raise TypeError(
            f"INotify watches paths, as FilePath, text or bytes, not {path!r}"
        ) from None


def _is_own_directory(path: Any) -> bool:
    """Whether it is a directory, and not by a link, which may lead anywhere."""
    return os.path.isdir(path.path) and not os.path.islink(path.path)
