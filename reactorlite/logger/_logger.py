"""`Logger`: says events of one namespace."""

from __future__ import annotations

import sys
from time import time
from typing import TYPE_CHECKING, Any

from reactorlite.python._events import (
    Event,
    InvalidLogLevelError,
    LogLevel,
    Observer,
    globalLogPublisher,
)
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Logger", "Operation"]


class Logger:
    """Says events to an observer: by default to all, and to `logging.getLogger(namespace)`.

    The namespace is the name of the module that makes the logger, if none is given. A logger that
    is an attribute of a class has the namespace `module.Class`, and the events that are said
    through the class or an instance of it have that as their `log_source`.

    Format strings are those of `formatEvent`, filled in from the keyword arguments, which are
    the event's fields.
    """

    __slots__ = ("__weakref__", "namespace", "observer", "source")

    def __init__(
        self,
        namespace: str | None = None,
        source: object = None,
        observer: Observer | None = None,
    ) -> None:
        if namespace is None:
            namespace = sys._getframe(1).f_globals.get("__name__") or "<unknown>"
        self.namespace = namespace
        self.source = source
        self.observer: Observer = globalLogPublisher if observer is None else observer

    def __get__(self, instance: object, owner: type) -> Logger:
        namespace = f"{owner.__module__}.{owner.__name__}"
        source = owner if instance is None else instance
        return self.__class__(namespace, source, self.observer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.namespace!r}>"

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: object) -> None:
        """Say an event. What is no level is logged as a critical failure, in the event's place."""
        if not isinstance(level, LogLevel):
            self.failure(
                "{logger!r} was to say {said!r} at a level that is none: {invalidLevel!r}",
                Failure(InvalidLogLevelError(level)),
                said=format,
                invalidLevel=level,
                logger=self,
            )
            return
        observer = self.observer
        if observer is globalLogPublisher and not globalLogPublisher.wants(
            self.namespace, level.value
        ):
            return
        event: Event = {
            "log_time": time(),
            **kwargs,
            "log_logger": self,
            "log_level": level,
            "log_namespace": self.namespace,
            "log_source": self.source,
            "log_format": format,
        }
        if "log_trace" in event:
            event["log_trace"].append((self, observer))
        observer(event)

    def failure(
        self,
        format: str,
        failure: Failure | None = None,
        level: LogLevel = LogLevel.critical,
        **kwargs: object,
    ) -> None:
        """Say that something failed: as the failure given tells, or the exception being handled.

        Raises `NoCurrentExceptionError` if there is neither.
        """
        if failure is None:
            failure = Failure()
        self.emit(level, format, log_failure=failure, **kwargs)

    def debug(self, format: str | None = None, **kwargs: object) -> None:
        """Say an event of level `debug`."""
        self.emit(LogLevel.debug, format, **kwargs)

    def info(self, format: str | None = None, **kwargs: object) -> None:
        """Say an event of level `info`."""
        self.emit(LogLevel.info, format, **kwargs)

    def warn(self, format: str | None = None, **kwargs: object) -> None:
        """Say an event of level `warn`."""
        self.emit(LogLevel.warn, format, **kwargs)

    def error(self, format: str | None = None, **kwargs: object) -> None:
        """Say an event of level `error`."""
        self.emit(LogLevel.error, format, **kwargs)

    def critical(self, format: str | None = None, **kwargs: object) -> None:
        """Say an event of level `critical`."""
        self.emit(LogLevel.critical, format, **kwargs)

    def failuresHandled(
        self, format: str, level: LogLevel = LogLevel.critical, **kwargs: object
    ) -> _Guard:
        """Return a guard for a `with` block, which logs an exception of the block and ends it.

        It gives the block an `Operation`, which tells afterwards how it went. The end of a
        generator and the cancelling of a task are logged and go on; `KeyboardInterrupt` and
        `SystemExit` end with the block as in Twisted.
        """
        return _Guard(self, format, level, kwargs)

    def failureHandler(self, staticMessage: str, level: LogLevel = LogLevel.critical) -> _Guard:
        """Return the same, to be kept and used again and again; it gives its blocks nothing."""
        return _Guard(self, staticMessage, level, None)


class Operation:
    """How a block went."""

    succeeded = False
    failure: Failure | None = None

    @property
    def failed(self) -> bool:
        """Whether it raised."""
        return self.failure is not None


class _Guard:
    """Logs what a block raises."""

    def __init__(
        self, logger: Logger, format: str, level: LogLevel, fields: dict[str, object] | None
    ) -> None:
        self._logger = logger
        self._format = format
        self._level = level
        self._fields = fields
        self._operation: Operation | None = None

    def __enter__(self) -> Any:
        if self._fields is not None:
            self._operation = Operation()
        return self._operation

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        operation = self._operation
        if error is None:
            if operation is not None:
                operation.succeeded = True
            return False
        failure = Failure(error, kind, tb)
        if operation is not None:
            operation.failure = failure
        self._logger.failure(self._format, failure, self._level, **(self._fields or {}))
        return isinstance(error, Exception | KeyboardInterrupt | SystemExit)
