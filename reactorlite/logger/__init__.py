"""Structured logging, into the standard `logging` module and to observers.

    log = Logger()
    log.info("{user!r} came from {peer.host}", user=user, peer=peer)

An event is a dictionary with what was said, and with `log_time`, `log_level`, `log_namespace`,
`log_source`, `log_format`, `log_logger` and, of a failure, `log_failure`. It becomes a record of
`logging.getLogger(namespace)`, with the same level, the text, and the event as its attribute
`event`: how that is shown is configured there, and an event below the level set there costs
almost nothing. Observers of `globalLogPublisher` are told all events, whatever their level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.logger._format import (
    eventAsText,
    formatEvent,
    formatEventAsClassicLogText,
    formatTime,
    timeFormatRFC3339,
)
from reactorlite.logger._logger import Logger, Operation
from reactorlite.logger._observers import (
    FileLogObserver,
    FilteringLogObserver,
    LegacyLogObserverWrapper,
    LogLevelFilterPredicate,
    PredicateResult,
    STDLibLogObserver,
    capturedLogs,
    textFileLogObserver,
)
from reactorlite.logger._stdio import LoggingFile, globalLogBeginner
from reactorlite.python._events import Event as LogEvent
from reactorlite.python._events import (
    InvalidLogLevelError,
    LogLevel,
    LogPublisher,
    globalLogPublisher,
)

if TYPE_CHECKING:
    from reactorlite.logger._interfaces import ILogFilterPredicate, ILogObserver

__all__ = [
    "FileLogObserver",
    "FilteringLogObserver",
    "ILogFilterPredicate",
    "ILogObserver",
    "InvalidLogLevelError",
    "LegacyLogObserverWrapper",
    "LogEvent",
    "LogLevel",
    "LogLevelFilterPredicate",
    "LogPublisher",
    "Logger",
    "LoggingFile",
    "Operation",
    "PredicateResult",
    "STDLibLogObserver",
    "capturedLogs",
    "eventAsText",
    "formatEvent",
    "formatEventAsClassicLogText",
    "formatTime",
    "globalLogBeginner",
    "globalLogPublisher",
    "textFileLogObserver",
    "timeFormatRFC3339",
]

_JSON = "a FileLogObserver whose formatEvent calls json.dumps writes events as JSON"
_MISSING = {
    "LimitedHistoryLogObserver": "the append method of a collections.deque(maxlen=…) observes",
    "LogBeginner": "there is one, globalLogBeginner",
    "eventAsJSON": _JSON,
    "eventFromJSON": "json.loads reads an event, but what it was said with is no more",
    "eventsFromJSONLogFile": "json.loads reads an event, but what it was said with is no more",
    "extractField": "formatEvent fills in a field, and event[name] is what it was said with",
    "jsonFileLogObserver": _JSON,
}


def __getattr__(name: str) -> Any:
    # To import interfaces is to make them, and a program that only logs needs none.
    if name in ("ILogObserver", "ILogFilterPredicate"):
        from reactorlite.logger import _interfaces

        value = globals()[name] = getattr(_interfaces, name)
        return value
    if name in _MISSING:
        raise AttributeError(f"reactorlite.logger has no {name}: {_MISSING[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
