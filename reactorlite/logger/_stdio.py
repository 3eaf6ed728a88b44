"""Standard output and warnings, into the log: what it takes to begin logging."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterable
from typing import Any, NoReturn

from reactorlite.logger._logger import Logger
from reactorlite.python._events import LogLevel, Observer, globalLogPublisher

__all__ = ["LogBeginner", "LoggingFile", "globalLogBeginner"]


class LoggingFile:
    """A text file, open for writing, each line of which becomes an event with a `log_io`.

    What follows the last line's end waits for the rest of its line. To read, or to ask for a
    descriptor, raises `io.UnsupportedOperation`.
    """

    mode = "w"
    newlines = None
    errors = "strict"
    softspace = 0

    def __init__(
        self, logger: Logger, level: LogLevel = LogLevel.info, encoding: str | None = None
    ) -> None:
        self.log = logger
        self.level = level
        self.encoding = encoding or sys.getdefaultencoding()
        self.closed = False
        self._begun = ""

    @property
    def name(self) -> str:
        """The logger's namespace and the level."""
        return f"<{type(self).__name__} {self.log.namespace}#{self.level.name}>"

    def write(self, string: str | bytes) -> int:
        """Say each line that is complete now. Raises `ValueError` on a closed file."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        text = string.decode(self.encoding) if isinstance(string, bytes) else string
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self.log.emit(self.level, "{log_io}", log_io=line)
        return len(string)

    def writelines(self, lines: Iterable[str | bytes]) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def close(self) -> None:
        """Refuse to be written to from now on."""
        self.closed = True

    def flush(self) -> None:
        """Do nothing: complete lines don't wait."""

    def isatty(self) -> bool:
        """Answer False: nobody sits in front of a log."""
        return False

    def readable(self) -> bool:
        """Answer False."""
        return False

    def writable(self) -> bool:
        """Answer True."""
        return True

    def seekable(self) -> bool:
        """Answer False."""
        return False

    def fileno(self) -> NoReturn:
        """Raise `io.UnsupportedOperation`."""
        raise io.UnsupportedOperation("a log has no file descriptor")

    def _refuse(self, *args: object) -> NoReturn:
        """Raise `io.UnsupportedOperation`."""
        raise io.UnsupportedOperation("a log can only be written to")

    read = readline = readlines = seek = tell = truncate = __iter__ = __next__ = _refuse


_log = Logger("reactorlite")


class LogBeginner:
    """Makes observers the program's log."""

    def __init__(self, stdio: Any = sys, warningsModule: Any = warnings) -> None:
        self._stdio = stdio
        self._warnings = warningsModule
        self._showwarning = warningsModule.showwarning

    def beginLoggingTo(
        self,
        observers: Iterable[Observer],
        discardBuffer: bool = False,
        redirectStandardIO: bool = True,
    ) -> None:
        """Tell observers what is logged from now on; log Python's warnings too.

        With `redirectStandardIO` what is printed is logged as well: `sys.stdout` and `sys.stderr`
        become files of the log. Handlers set up with `logging` go on getting every event; where
        there are none, errors are no longer printed to the standard error.

        What was said before is not said again, whatever `discardBuffer` is: it went to
        `logging`. To begin a second time adds observers, and logs a warning.
        """
        again = globalLogPublisher.begun
        for observer in observers:
            globalLogPublisher.addObserver(observer)
        globalLogPublisher.begun = True
        if again:
            _log.warn("logging was begun before: the log has further observers now")
            return
        self._showwarning = self._warnings.showwarning
        self._warnings.showwarning = self.showwarning
        if redirectStandardIO:
            for name, level in (("stdout", LogLevel.info), ("stderr", LogLevel.error)):
                encoding = getattr(getattr(self._stdio, name), "encoding", None)
                setattr(self._stdio, name, LoggingFile(Logger(name), level, encoding))

    def showwarning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        """Log a warning; one that is meant for a file is written to it."""
        if file is not None:
            self._showwarning(message, category, filename, lineno, file, line)
            return
        _log.warn(
            "{filename}:{lineno}: {category}: {warning}",
            warning=message,
            category=f"{category.__module__}.{category.__qualname__}",
            filename=filename,
            lineno=lineno,
        )


globalLogBeginner = LogBeginner()
