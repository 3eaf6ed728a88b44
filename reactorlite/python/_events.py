"""What is logged, and the one stream it goes down: to the observers, and to `logging`.

An event is a dictionary. `globalLogPublisher` is where all of them pass, be they said with
`log.msg`, with `log.err` or with a `reactorlite.logger.Logger`: it tells the observers, and makes
a record of the logger that is named like the event's namespace, with the event as its attribute
`event`. What is logged with the logger "reactorlite" itself comes to the observers as well.
"""

from __future__ import annotations

import enum
import logging
import sys
import threading
from collections.abc import Callable
from time import time
from types import TracebackType
from typing import Any

from reactorlite.python.failure import Failure

__all__ = [
    "Event",
    "InvalidLogLevelError",
    "LogLevel",
    "LogPublisher",
    "Observer",
    "exc_info",
    "globalLogPublisher",
    "level_of",
    "number_of",
    "record",
]

Event = dict[str, Any]
Observer = Callable[[Event], object]

_log = logging.getLogger("reactorlite")
_loggers: dict[object, logging.Logger] = {"log_legacy": _log}
_recording = threading.local()


# ── levels ───────────────────────────────────────────────────────────────────────────────


class InvalidLogLevelError(Exception):
    """Something that is no `LogLevel`, or no name of one, was given for one: `level`."""

    def __init__(self, level: object) -> None:
        super().__init__(str(level))
        self.level = level


class LogLevel(enum.Enum):
    """How much an event matters. Levels can be compared; their values are those of `logging`."""

    debug = logging.DEBUG
    info = logging.INFO
    warn = logging.WARNING
    error = logging.ERROR
    critical = logging.CRITICAL

    @classmethod
    def levelWithName(cls, name: str) -> LogLevel:
        """Return the level of that name; raises `InvalidLogLevelError` if there is none."""
        try:
            return cls[name]
        except KeyError:
            raise InvalidLogLevelError(name) from None

    @classmethod
    def lookupByName(cls, name: str) -> LogLevel:
        """Return the level of that name; raises `ValueError` if there is none."""
        try:
            return cls[name]
        except KeyError:
            raise ValueError(name) from None

    @classmethod
    def iterconstants(cls) -> Any:
        """Iterate over all levels, the least first."""
        return iter(cls)

    def __lt__(self, other: LogLevel) -> bool:
        return self.value < other.value if isinstance(other, LogLevel) else NotImplemented

    def __le__(self, other: LogLevel) -> bool:
        return self.value <= other.value if isinstance(other, LogLevel) else NotImplemented

    def __repr__(self) -> str:
        return f"<LogLevel={self.name}>"

    __str__ = __repr__


# ── publishing ───────────────────────────────────────────────────────────────────────────


class LogPublisher:
    """An observer that tells others, in the order in which they were added.

    What an observer raises is logged with the others; it is told the next event all the same.
    A list in the event's `log_trace` gets a pair of publisher and observer for each call.
    """

    def __init__(self, *observers: Observer) -> None:
        # Replaced and never changed: it may be replaced while it is gone through.
        self.observers: tuple[Observer, ...] = ()
        for observer in observers:
            self.addObserver(observer)

    def addObserver(self, observer: Observer) -> None:
        """Tell an observer what is published from now on; nothing happens if it is told already.

        Raises `TypeError` if it can't be called.
        """
        if not callable(observer):
            raise TypeError(f"Observer is not callable: {observer!r}")
        if observer not in self.observers:
            self.observers = (*self.observers, observer)

    def removeObserver(self, observer: Observer) -> None:
        """Tell an observer nothing more; nothing happens if it wasn't told."""
        self.observers = tuple(o for o in self.observers if o != observer)

    def __call__(self, event: Event) -> None:
        """Publish an event."""
        self.tell(event, self.observers)

    def tell(self, event: Event, observers: tuple[Observer, ...]) -> None:
        """Give an event to some of the observers, and to the rest what these raise."""
        trace = event.get("log_trace")
        broken = []
        for observer in observers:
            if trace is not None:
                trace.append((self, observer))
            try:
                observer(event)
            except Exception:
                broken.append((observer, Failure()))
        for observer, failure in broken:
            self._report(observer, failure, tuple(o for o in observers if o is not observer))

    def _report(self, observer: Observer, failure: Failure, others: tuple[Observer, ...]) -> None:
        self.tell(
            {
                "log_format": "the log observer {observer} raised: {log_failure.value!r}",
                "log_failure": failure,
                "log_level": LogLevel.critical,
                "log_namespace": "reactorlite",
                "log_time": time(),
                "observer": observer,
            },
            others,
        )


class _Stream(LogPublisher):
    """The publisher that feeds `logging` too.

    Not if one of the observers does: everything would be there twice. And not, once observers
    were begun to be logged to, when no handler is set up: then they are the log, and what
    `logging` would print to the standard error is in it.
    """

    begun = False
    _relieved = False  # an observer feeds `logging`

    def addObserver(self, observer: Observer) -> None:
        """Tell an observer of all that is logged from now on."""
        super().addObserver(observer)
        self._look()

    def removeObserver(self, observer: Observer) -> None:
        """Tell an observer nothing more."""
        super().removeObserver(observer)
        self._look()

    def _look(self) -> None:
        self._relieved = any(getattr(o, "feedsLogging", False) for o in self.observers)
        if self.observers:
            _log.addFilter(self._overhear)
        else:
            _log.removeFilter(self._overhear)

    def __call__(self, event: Event) -> None:
        """Publish an event to the observers and to `logging`."""
        logger = _logger_of(event.get("log_namespace"))
        if self.records(logger, number_of(event.get("log_level"))):
            self.enter(record, logger, event)
        self.tell(event, self.observers)

    def _report(self, observer: Observer, failure: Failure, others: tuple[Observer, ...]) -> None:
        super()._report(observer, failure, others)
        if self.records(_log, logging.CRITICAL):
            text = f"the log observer {observer!r} raised"
            self.enter(_log.critical, text, exc_info=exc_info(failure), extra={"event": {}})

    def wants(self, namespace: str, level: int) -> bool:
        """Whether anybody takes events of a namespace at that level."""
        return bool(self.observers) or self.records(_logger_of(namespace), level)

    def records(self, logger: logging.Logger, level: int) -> bool:
        """Whether a record is to be made."""
        if not logger.isEnabledFor(level):
            return False
        if not self.observers and not self.begun:
            return True
        # What a handler prints may come here again, through a standard output that is logged.
        if self._relieved or hasattr(_recording, "now"):
            return False
        return not self.begun or logger.hasHandlers()

    def enter(self, log: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Call what makes a record; while there are observers, make no other within that call."""
        _recording.now = True
        try:
            log(*args, **kwargs)
        finally:
            # Without observers there may have been a call within, which took it away.
            _recording.__dict__.pop("now", None)

    def _overhear(self, told: logging.LogRecord) -> bool:
        """Tell the observers what is logged with our logger and isn't an event of ours."""
        if hasattr(told, "event"):
            return True
        event: Event = {
            "log_format": "{log_text}",
            "log_text": told.getMessage(),
            "log_level": level_of(told.levelno),
            "log_namespace": told.name,
            "log_time": told.created,
        }
        if told.exc_info and told.exc_info[1] is not None:
            event["log_failure"] = Failure(told.exc_info[1], exc_tb=told.exc_info[2])
        goes_on = self.records(_log, told.levelno)
        self.tell(event, self.observers)
        return goes_on


globalLogPublisher = _Stream()


# ── onto logging ─────────────────────────────────────────────────────────────────────────


def record(logger: logging.Logger, event: Event) -> None:
    """Log an event as a record that names who said it and has the failure's traceback."""
    failure = event.get("log_failure")
    if failure is None and event.get("log_namespace") == "log_legacy":
        failure = event.get("failure")
        text = str(event.get("why") or "Unhandled Error")
    if not isinstance(failure, Failure):
        failure = None
    if failure is None or event.get("log_format") != "{log_text}":
        from reactorlite.logger._format import formatEvent

        text = formatEvent(event)
    logger.log(
        number_of(event.get("log_level")),
        text,
        exc_info=None if failure is None else exc_info(failure),
        stacklevel=_distance(),
        extra={"event": event},
    )


def _logger_of(namespace: object) -> logging.Logger:
    logger = _loggers.get(namespace)
    if logger is None:
        name = namespace if isinstance(namespace, str) and namespace else "reactorlite"
        logger = _loggers[namespace] = logging.getLogger(name)
    return logger


def number_of(level: object) -> int:
    """The number that `logging` has for a level; of what is none, that of `info`."""
    return level.value if isinstance(level, LogLevel) else logging.INFO


def level_of(number: int) -> LogLevel:
    """The highest level that is not above a number of `logging`'s."""
    return LogLevel(max(10, min(number // 10 * 10, 50)))


def _distance() -> int:
    """How many calls away from `record` that code is which had something to say."""
    frame = sys._getframe(1)
    distance = 1
    while frame.f_back and _is_ours(frame.f_globals.get("__name__")):
        frame = frame.f_back
        distance += 1
    return distance


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.startswith(
        ("reactorlite.python._", "reactorlite.python.log", "reactorlite.logger.")
    )


def exc_info(
    failure: Failure,
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """What `logging` takes as an exception. Where a `Failure` holds none, it is one itself."""
    if isinstance(failure.value, BaseException):
        return failure.type, failure.value, failure.getTracebackObject()
    return type(failure), failure, None
