"""Log files that are put aside in time: when they are long, or when the day is over.

    log.startLogging(DailyLogFile("program.log", "/var/log"))

What is written is on the disk when `write` returns. A file that can't be put aside, as nobody may
write to its directory, is gone on with: nothing that is written is lost. Where Twisted is
installed its own module answers to the name in `twisted`.
"""

from __future__ import annotations

import glob
import os
import stat
import threading
import time
from contextlib import suppress
from typing import IO, Any

__all__ = ["BaseLogFile", "DailyLogFile", "LogFile", "LogReader"]


class BaseLogFile:
    """A file that is added to; subclasses say when it is put aside, and where.

    `defaultMode` is the file's mode, as for `chmod`; by default that of the file which is there
    already, and new files have what the system gives them. Any thread may write.
    """

    _file: IO[bytes]

    def __init__(self, name: str, directory: str, defaultMode: int | None = None) -> None:
        self.directory = directory
        self.name = name
        self.path = os.path.join(directory, name)
        self.defaultMode = defaultMode
        self.closed = False
        self._lock = threading.RLock()
        if defaultMode is None and os.path.exists(self.path):
            self.defaultMode = stat.S_IMODE(os.stat(self.path).st_mode)
        self._openFile()

    @classmethod
    def fromFullPath(cls, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Make one of a whole path, with the arguments of the class behind the directory."""
        path = os.path.abspath(filename)
        return cls(os.path.basename(path), os.path.dirname(path), *args, **kwargs)

    def shouldRotate(self) -> Any:
        """Whether the file is to be put aside now; subclasses say so."""
        raise NotImplementedError(f"{type(self).__qualname__} has no shouldRotate")

    def rotate(self) -> None:
        """Put the file aside, and begin a new one; subclasses do so."""
        raise NotImplementedError(f"{type(self).__qualname__} has no rotate")

    def _openFile(self) -> None:
        self._file = open(self.path, "ab+", 0, opener=self._opened)  # noqa: SIM115  # it stays open
        if self.defaultMode is not None:
            # A device, or somebody else's file, has the mode that it has.
            with suppress(OSError):
                os.chmod(self.path, self.defaultMode)

    def _opened(self, path: str, flags: int) -> int:
        # Never readable for others than it should be, not even for a moment.
        return os.open(path, flags, 0o666 if self.defaultMode is None else self.defaultMode)

    def _put_aside(self, path: str) -> None:
        """Rename the file and begin a new one; go on with the old one if that can't be."""
        try:
            if self.defaultMode is None:
                self.defaultMode = stat.S_IMODE(os.stat(self.path).st_mode)
            os.rename(self.path, path)
        except FileNotFoundError:
            pass  # somebody took it away: a new one is begun all the same
        except OSError:
            return
        self.reopen()

    def write(self, data: str | bytes) -> None:
        """Add to the file, or to a new one if it is time for that; text becomes UTF-8."""
        with self._lock:
            if self.closed:
                raise ValueError(f"{self.path} is closed, and nothing can be written to it")
            if self.shouldRotate():
                self.rotate()
            self._file.write(data.encode("utf-8") if isinstance(data, str) else data)

    def flush(self) -> None:
        """See that all is written, which it is."""
        self._file.flush()

    def close(self) -> None:
        """Close the file; nothing can be written any more."""
        self.closed = True
        self._file.close()

    def reopen(self) -> None:
        """Open the file anew, as after somebody else put it aside."""
        with self._lock:
            self.close()
            self.closed = False
            self._openFile()

    def getCurrentLog(self) -> LogReader:
        """Return a reader of the file that is written to."""
        return LogReader(self.path)


class LogFile(BaseLogFile):
    """A file that is put aside when it is `rotateLength` bytes long; never if that is None or 0.

    `size` is how long it is.
    The last one that was put aside has `.1` behind its name, the one before it `.2`. No more than
    `maxRotatedFiles` are kept, if a number is given.
    """

    def __init__(
        self,
        name: str,
        directory: str,
        rotateLength: int | None = 1_000_000,
        defaultMode: int | None = None,
        maxRotatedFiles: int | None = None,
    ) -> None:
        super().__init__(name, directory, defaultMode)
        self.rotateLength = rotateLength
        self.maxRotatedFiles = maxRotatedFiles

    def _openFile(self) -> None:
        super()._openFile()
        self.size = os.fstat(self._file.fileno()).st_size

    def shouldRotate(self) -> bool:
        """Whether the file is long enough."""
        return bool(self.rotateLength and self.size >= self.rotateLength)

    def write(self, data: str | bytes) -> None:
        """Add to the file, or to a new one if it is long enough; text becomes UTF-8."""
        encoded = data.encode("utf-8") if isinstance(data, str) else data
        with self._lock:
            super().write(encoded)
            self.size += len(encoded)

    def rotate(self) -> None:
        """Put the file aside, and begin a new one; the oldest ones that are too many go."""
        with self._lock:
            for number in reversed(self.listLogs()):
                with suppress(OSError):  # then it is lost, or gone on with
                    if self.maxRotatedFiles is not None and number >= self.maxRotatedFiles:
                        os.remove(f"{self.path}.{number}")
                    else:
                        os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
            self._put_aside(f"{self.path}.1")

    def listLogs(self) -> list[int]:
        """Return the numbers of the files that were put aside, the latest one's first."""
        behind = len(self.path) + 1
        endings = [path[behind:] for path in glob.glob(f"{glob.escape(self.path)}.*")]
        return sorted(int(each) for each in endings if each.isdecimal() and int(each) > 0)

    def getLog(self, identifier: int) -> LogReader:
        """Return a reader of the file with that number; raises `ValueError` if there is none."""
        return _reader(f"{self.path}.{identifier}")


class DailyLogFile(BaseLogFile):
    """A file that is put aside when its day is over, with the date behind its name."""

    lastDate: tuple[int, ...]

    def _openFile(self) -> None:
        super()._openFile()
        self.lastDate = self.toDate(os.fstat(self._file.fileno()).st_mtime)

    def shouldRotate(self) -> bool:
        """Whether it is another day than when something was written last."""
        return self.toDate() > self.lastDate

    def toDate(self, *args: float) -> tuple[int, ...]:
        """Return year, month and day of a time in seconds since the epoch, or of now."""
        return time.localtime(*args)[:3]

    def suffix(self, tupledate: tuple[int, ...] | float) -> str:
        """Return what a file of that date, or time, has behind its name."""
        date = tupledate if isinstance(tupledate, tuple) else self.toDate(tupledate)
        return "_".join(map(str, date))

    def getLog(self, identifier: float) -> LogReader:
        """Return a reader of the file of the day of a time, in seconds since the epoch.

        Raises `ValueError` if there is none.
        """
        if self.toDate(identifier) == self.lastDate:
            return self.getCurrentLog()
        return _reader(f"{self.path}.{self.suffix(identifier)}")

    def write(self, data: str | bytes) -> None:
        """Add to the file, or to a new one on a new day; text becomes UTF-8."""
        with self._lock:
            super().write(data)
            self.lastDate = max(self.lastDate, self.toDate())

    def rotate(self) -> None:
        """Put the file aside, and begin a new one; not if there is one of that day."""
        with self._lock:
            path = f"{self.path}.{self.suffix(self.lastDate)}"
            if not os.path.exists(path):
                self._put_aside(path)


class LogReader:
    """Reads a log file from its beginning, some lines at a time."""

    def __init__(self, name: str) -> None:
        self._file = open(name, encoding="utf-8", errors="replace")  # noqa: SIM115  # stays open

    def readLines(self, lines: int = 10) -> list[str]:
        """Return the next lines with their ends, so many at most; none at the end."""
        found = (self._file.readline() for _ in range(lines))
        return [line for line in found if line]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _reader(path: str) -> LogReader:
    if not os.path.exists(path):
        raise ValueError(f"no such logfile exists: {path}")
    return LogReader(path)
