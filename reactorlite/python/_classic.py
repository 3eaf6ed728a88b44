"""What `reactorlite.python.log` has for those who look at the log; loaded when it is asked for."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import IO, Any, NoReturn

from reactorlite.logger._logger import Logger as _Logger
from reactorlite.logger._observers import LegacyLogObserverWrapper, STDLibLogObserver
from reactorlite.logger._stdio import LoggingFile, globalLogBeginner
from reactorlite.python._events import Event, LogLevel, globalLogPublisher
from reactorlite.python._events import LogPublisher as _Publisher
from reactorlite.python._logtext import textFromEventDict
from reactorlite.python._saying import event_of, msg

__all__ = [
    "DefaultObserver",
    "FileLogObserver",
    "LogPublisher",
    "Logger",
    "PythonLoggingObserver",
    "StdioOnnaStick",
    "addObserver",
    "defaultObserver",
    "logerr",
    "logfile",
    "removeObserver",
    "showwarning",
    "startLogging",
    "startLoggingWithObserver",
    "textFromEventDict",
    "theLogPublisher",
]

_Observer = Callable[[Event], object]


class Logger:
    """A base for what names itself in the log."""

    def logPrefix(self) -> str:
        """Return the `system` of what is logged on this object's behalf. Made to be overridden."""
        return "-"


class LogPublisher:
    """Tells observers what is said with its `msg`, and nobody else.

    Given a publisher of `reactorlite.logger`, it publishes there, and observes there.
    """

    def __init__(self, publishPublisher: _Publisher | None = None) -> None:
        self._publisher = _Publisher() if publishPublisher is None else publishPublisher
        self._wrapped: list[LegacyLogObserverWrapper] = []

    @property
    def observers(self) -> list[_Observer]:
        """The observers that were added."""
        return [wrapped.legacyObserver for wrapped in self._wrapped]

    def addObserver(self, other: _Observer) -> None:
        """Call an observer with each event from now on, in the order of adding."""
        self._publisher.addObserver(self._wrap(other))

    def _wrap(self, other: _Observer) -> LegacyLogObserverWrapper:
        wrapped = LegacyLogObserverWrapper(other)
        self._wrapped.append(wrapped)
        return wrapped

    def removeObserver(self, other: _Observer) -> None:
        """Call an observer no more; nothing happens if it isn't one."""
        for wrapped in self._wrapped:
            if wrapped.legacyObserver == other:
                self._wrapped.remove(wrapped)
                self._publisher.removeObserver(wrapped)
                break

    def msg(self, *message: object, **kw: Any) -> None:
        """Publish a message, as `log.msg` does for everybody."""
        self._publisher(event_of(message, kw))


class _GlobalPublisher(LogPublisher):
    """Everybody's: what all say, its observers are told."""

    msg = staticmethod(msg)
    showwarning = staticmethod(globalLogBeginner.showwarning)

    def begin(self, other: _Observer, setStdout: object) -> None:
        """Make an observer the program's log."""
        globalLogBeginner.beginLoggingTo([self._wrap(other)], True, bool(setStdout))


theLogPublisher = _GlobalPublisher(globalLogPublisher)
addObserver = theLogPublisher.addObserver
removeObserver = theLogPublisher.removeObserver
showwarning = theLogPublisher.showwarning


class _Startable:
    """An observer that adds and removes itself."""

    emit: _Observer

    def start(self) -> None:
        """Observe what is logged from now on."""
        addObserver(self.emit)

    def stop(self) -> None:
        """Observe no more."""
        removeObserver(self.emit)


class FileLogObserver(_Startable):
    """Writes events to a file: time, system in brackets, text; further lines are indented.

    The time is printed as `timeFormat` says, for `strftime`; None stands for date, time and zone.
    """

    timeFormat: str | None = None

    def __init__(self, f: IO[str]) -> None:
        self.write = f.write
        self.flush = f.flush

    def getTimezoneOffset(self, when: float) -> float:
        """Return by how many seconds local time is behind UTC at a time in epoch seconds."""
        offset = datetime.fromtimestamp(when).astimezone().utcoffset() or timedelta()
        return -int(offset.total_seconds())

    def formatTime(self, when: float) -> str:
        """Print a time, in seconds since the epoch, in the local zone."""
        zone = timezone(timedelta(seconds=-self.getTimezoneOffset(when)))
        local = datetime.fromtimestamp(when, zone)
        return local.strftime(self.timeFormat or "%Y-%m-%d %H:%M:%S%z")

    def emit(self, eventDict: Event) -> None:
        """Write an event; nothing for one without text."""
        text = textFromEventDict(eventDict)
        if text is None:
            return
        indented = text.replace("\n", "\n\t")
        time = self.formatTime(eventDict["time"])
        self.write(f"{time} [{eventDict['system']}] {indented}\n")
        self.flush()


class PythonLoggingObserver(_Startable):
    """Logs events with the logger of one name of the standard `logging` module.

    Without it they are logged too, with the logger "reactorlite" or the one named like their
    namespace.
    """

    feedsLogging = True

    def __init__(self, loggerName: str = "twisted") -> None:
        self._observer = STDLibLogObserver(loggerName)

    def emit(self, eventDict: Event) -> None:
        """Log an event, at the level that its `logLevel` or `log_level` says."""
        if eventDict.get("log_format") is not None:
            self._observer(eventDict)


class DefaultObserver(_Startable):
    """Writes errors to the standard error, and nothing else."""

    def __init__(self) -> None:
        self.stderr = sys.stderr

    def emit(self, eventDict: Event) -> None:
        """Write an event if it is an error."""
        if eventDict["isError"]:
            self.stderr.write(textFromEventDict(eventDict) or "")
            self.stderr.flush()


class StdioOnnaStick:
    """A file whose lines are logged, as errors if `isError`."""

    closed = 0
    softspace = 0
    mode = "wb"
    name = "<stdio (log)>"

    def __init__(self, isError: int = 0, encoding: str | None = None) -> None:
        self.isError = isError
        self.encoding = encoding or sys.getdefaultencoding()
        self.buf = ""

    def write(self, data: str) -> None:
        """Log the lines that are complete now."""
        *lines, self.buf = (self.buf + data).split("\n")
        self.writelines(lines)

    def writelines(self, lines: Iterable[str]) -> None:
        """Log each as a line of its own."""
        for line in lines:
            msg(line, printed=1, isError=self.isError)

    def flush(self) -> None:
        """Do nothing: complete lines don't wait."""

    def close(self) -> None:
        """Do nothing: the log stays open."""

    def fileno(self) -> NoReturn:
        """Raise `io.UnsupportedOperation`."""
        raise io.UnsupportedOperation("a log has no file descriptor")

    def _refuse(self, *args: object) -> NoReturn:
        """Raise `OSError`."""
        raise OSError("can't read from the log!")

    read = readline = readlines = seek = tell = _refuse


def startLogging(file: Any, setStdout: object = 1) -> FileLogObserver | None:
    """Write what is logged from now on to a file, and what is printed if `setStdout`.

    Returns the observer that does it; None, and nothing happens, if the file is the log itself.
    """
    if isinstance(file, LoggingFile):
        return None
    observer = FileLogObserver(file)
    startLoggingWithObserver(observer.emit, setStdout)
    return observer


def startLoggingWithObserver(observer: _Observer, setStdout: object = 1) -> None:
    """Call an observer with what is logged from now on, and what is printed if `setStdout`."""
    theLogPublisher.begin(observer, setStdout)
    msg("Log opened.")


logfile = LoggingFile(_Logger("reactorlite"), LogLevel.info)
logerr = LoggingFile(_Logger("reactorlite"), LogLevel.error)
defaultObserver = DefaultObserver()
