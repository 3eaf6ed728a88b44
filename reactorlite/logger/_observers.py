"""Observers: to files, to `logging`, to observers of the old kind, and filters before them."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

from reactorlite.logger._format import (
    formatEvent,
    formatEventAsClassicLogText,
    formatTime,
    timeFormatRFC3339,
)
from reactorlite.python._events import (
    Event,
    InvalidLogLevelError,
    LogLevel,
    Observer,
    globalLogPublisher,
    record,
)

__all__ = [
    "FileLogObserver",
    "FilteringLogObserver",
    "LegacyLogObserverWrapper",
    "LogLevelFilterPredicate",
    "PredicateResult",
    "STDLibLogObserver",
    "capturedLogs",
    "textFileLogObserver",
]


# ── to files ─────────────────────────────────────────────────────────────────────────────


class FileLogObserver:
    """Writes `formatEvent(event)` to a file, and flushes it; nothing for an event without text.

    A file of bytes is written UTF-8.
    """

    def __init__(self, outFile: IO[Any], formatEvent: Callable[[Event], str | None]) -> None:
        self._file = outFile
        self._encodes = False
        self.formatEvent = formatEvent

    def __call__(self, event: Event) -> None:
        """Write an event."""
        text = self.formatEvent(event)
        if text:
            self._write(text)
            self._file.flush()

    def _write(self, text: str) -> None:
        if not self._encodes:
            try:
                self._file.write(text)
                return
            except TypeError:
                # This is how a file says that it takes bytes.
                self._encodes = True
        self._file.write(text.encode("utf-8"))


def textFileLogObserver(
    outFile: IO[Any], timeFormat: str | None = timeFormatRFC3339
) -> FileLogObserver:
    """Return an observer that writes events as `formatEventAsClassicLogText` prints them."""
    form = partial(formatTime, timeFormat=timeFormat)
    return FileLogObserver(outFile, partial(formatEventAsClassicLogText, formatTime=form))


# ── filters ──────────────────────────────────────────────────────────────────────────────


class PredicateResult(enum.Enum):
    """What a predicate says of an event: let it pass, don't, or ask the next one."""

    yes = "yes"
    no = "no"
    maybe = "maybe"

    def __repr__(self) -> str:
        return f"<PredicateResult={self.name}>"

    __str__ = __repr__


class FilteringLogObserver:
    """Tells an observer what the predicates let pass, and another one the rest.

    An event on which no predicate decides passes. `TypeError` for an answer that is no
    `PredicateResult`.
    """

    def __init__(
        self,
        observer: Observer,
        predicates: Iterable[Callable[[Event], Any]],
        negativeObserver: Observer = lambda event: None,
    ) -> None:
        self._passed = observer
        self._stopped = negativeObserver
        self._predicates = list(predicates)

    @property
    def feedsLogging(self) -> bool:
        """Whether one of the observers behind it feeds `logging`."""
        return any(getattr(o, "feedsLogging", False) for o in (self._passed, self._stopped))

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        observer = self._passed if self._lets_pass(event) else self._stopped
        if "log_trace" in event:
            event["log_trace"].append((self, observer))
        observer(event)

    def _lets_pass(self, event: Event) -> bool:
        for predicate in self._predicates:
            result = predicate(event)
            if result is PredicateResult.no:
                return False
            if result is PredicateResult.yes:
                return True
            if result is not PredicateResult.maybe:
                raise TypeError(f"a predicate answers a PredicateResult, not {result!r}")
        return True


class LogLevelFilterPredicate:
    """Stops events below their namespace's level, and those without namespace or level.

    A namespace has the level that was set for it, else that of the longest dotted beginning
    of its name that has one, else the default.
    """

    def __init__(self, defaultLogLevel: LogLevel = LogLevel.info) -> None:
        self.defaultLogLevel = defaultLogLevel
        self._levels: dict[str, LogLevel] = {}

    def logLevelForNamespace(self, namespace: str | None) -> LogLevel:
        """Return the level from which on events of a namespace pass; of the rest for none."""
        name = namespace or ""
        while name:
            if name in self._levels:
                return self._levels[name]
            name = name.rpartition(".")[0]
        return self._levels.get("", self.defaultLogLevel)

    def setLogLevelForNamespace(self, namespace: str | None, level: LogLevel) -> None:
        """Set the level of a namespace and all below; of the rest, if the namespace is empty.

        Raises `InvalidLogLevelError` for what is no level.
        """
        if not isinstance(level, LogLevel):
            raise InvalidLogLevelError(level)
        self._levels[namespace or ""] = level

    def clearLogLevels(self) -> None:
        """Forget all levels that were set."""
        self._levels.clear()

    def __call__(self, event: Event) -> PredicateResult:
        """Answer "no" for an event that is stopped, else "maybe"."""
        level, namespace = event.get("log_level"), event.get("log_namespace")
        if level is None or not namespace or level < self.logLevelForNamespace(namespace):
            return PredicateResult.no
        return PredicateResult.maybe


# ── to elsewhere ─────────────────────────────────────────────────────────────────────────


class STDLibLogObserver:
    """Logs events with the logger of one name, whatever their namespace.

    While it observes what all loggers say, these events don't come to `logging` on their own.
    Records name who said the event, whatever `stackDepth` is.
    """

    feedsLogging = True
    defaultStackDepth = 4

    def __init__(self, name: str = "twisted", stackDepth: int = defaultStackDepth) -> None:
        self.logger = logging.getLogger(name)
        self.stackDepth = stackDepth

    def __call__(self, event: Event) -> None:
        """Log an event."""
        record(self.logger, event)


class LegacyLogObserverWrapper:
    """Tells an observer for `reactorlite.python.log` of an event, with the keys it expects."""

    def __init__(self, legacyObserver: Callable[[Event], object]) -> None:
        self.legacyObserver = legacyObserver

    @property
    def feedsLogging(self) -> bool:
        """Whether the observer, or the object whose method it is, feeds `logging`."""
        owner = getattr(self.legacyObserver, "__self__", self.legacyObserver)
        return bool(getattr(owner, "feedsLogging", False))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.legacyObserver!r})"

    def __call__(self, event: Event) -> None:
        """Pass the event on; one of the new kind as a copy, with the keys of the old kind."""
        if event.get("log_namespace") != "log_legacy":
            event = self._translated(dict(event))
        self.legacyObserver(event)

    def _translated(self, event: Event) -> Event:
        form = partial(formatEvent, event.copy())
        # A field of that name is in the text; here the name means the parts of a message.
        if not isinstance(event.get("message"), tuple):
            event["message"] = ()
        event.setdefault("time", event.get("log_time"))
        event.setdefault("system", event.get("log_system", "-"))
        if "format" not in event and event.get("log_format") is not None:
            event["format"] = "%(log_legacy)s"
            event["log_legacy"] = _Text(form)
        if isinstance(event.get("log_failure"), BaseException):
            event.setdefault("failure", event["log_failure"])
            event.setdefault("isError", 1)
            event.setdefault("why", form())
        level = event.get("log_level")
        event.setdefault("isError", int(isinstance(level, LogLevel) and level >= LogLevel.error))
        return event


class _Text:
    """A text that is made when somebody asks for it."""

    def __init__(self, form: Callable[[], str]) -> None:
        self._form = form

    def __str__(self) -> str:
        return self._form()

    __repr__ = __str__


@contextmanager
def capturedLogs() -> Iterator[Sequence[Event]]:
    """Collect, in the list given to the `with` block, the events that are said within it."""
    events: list[Event] = []
    observer = events.append
    globalLogPublisher.addObserver(observer)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(observer)
