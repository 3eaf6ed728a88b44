"""`msg` and `err`: events said without a `Logger`, to the logger "reactorlite" and observers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import time
from typing import Any, Protocol, TypeVar

from reactorlite.python._events import (
    Event,
    LogLevel,
    exc_info,
    globalLogPublisher,
    level_of,
    number_of,
)
from reactorlite.python._speaking import current_system
from reactorlite.python.failure import Failure

__all__ = ["callWithContext", "callWithLogger", "err", "event_of", "msg", "name_of"]

T = TypeVar("T")

_log = logging.getLogger("reactorlite")
_context: ContextVar[Mapping[str, Any]] = ContextVar("reactorlite.log")


class _Prefixed(Protocol):
    def logPrefix(self) -> str: ...


def msg(*message: object, **kw: Any) -> None:
    """Log a message at level INFO, or at the one that `logLevel` says.

    Several objects are joined with blanks; `format="%(name)s"` is filled in from the keyword
    arguments instead. These arguments are in the event, the record's attribute `event`.
    """
    level = kw.get("logLevel", logging.ERROR if kw.get("isError") else logging.INFO)
    if not isinstance(level, int):
        level = number_of(level)
    if globalLogPublisher.observers:
        _say(level, message, kw)
    elif globalLogPublisher.records(_log, level):
        _log.log(level, _text(message, kw), stacklevel=2, extra={"event": kw})


def err(_stuff: object = None, _why: str | None = None, **kw: Any) -> None:
    """Log a `Failure`, an exception, or (with no argument) the one being handled, as an error.

    The message is `_why`, and the traceback follows it. Anything else is logged as its `repr`.
    Raises `NoCurrentExceptionError` if there is nothing to log.
    """
    if _stuff is None or (isinstance(_stuff, BaseException) and not isinstance(_stuff, Failure)):
        _stuff = Failure(_stuff)
    if globalLogPublisher.observers:
        about = {"failure": _stuff} if isinstance(_stuff, Failure) else {}
        message = () if about else (repr(_stuff),)
        _say(logging.ERROR, message, {**about, "why": _why, "isError": 1, **kw})
    elif not globalLogPublisher.records(_log, logging.ERROR):
        return
    elif isinstance(_stuff, Failure):
        text = _why or "Unhandled Error"
        extra = {"event": kw, "failure": _stuff}
        _log.error(text, exc_info=exc_info(_stuff), stacklevel=2, extra=extra)
    else:
        text = f"{_why}: {_stuff!r}" if _why else repr(_stuff)
        _log.error(text, stacklevel=2, extra={"event": kw})


def _say(level: int, message: tuple[object, ...], kw: Event) -> None:
    """Tell the observers, and `logging` just what it would be told without them."""
    event = event_of(message, kw)
    if globalLogPublisher.records(_log, level):
        failure, why = kw.get("failure"), kw.get("why")
        if isinstance(failure, Failure):
            text, parts = why or "Unhandled Error", exc_info(failure)
        else:
            text, parts = _text(message, kw), None
            text = f"{why}: {text}" if why else text
        extra = {"event": event, "failure": failure}
        globalLogPublisher.enter(_log.log, level, text, exc_info=parts, stacklevel=4, extra=extra)
    globalLogPublisher.tell(event, globalLogPublisher.observers)


def _text(message: tuple[object, ...], kw: Event) -> str:
    try:
        if not message and "format" in kw:
            return str(kw["format"] % kw)
        return " ".join(map(str, message))
    except Exception:
        # A program is not to stumble over what it wanted to say.
        from reactorlite.python._logtext import textFromEventDict

        return str(textFromEventDict({"isError": 0, **kw, "message": message}))


def event_of(message: tuple[object, ...], kw: Event) -> Event:
    """Make the event of a message: one that observers of either kind can read."""
    from reactorlite.python._logtext import textFromEventDict

    event: Event = {**_context.get({}), "isError": 0, **kw}
    if "system" not in event:
        event["system"] = current_system() or "-"
    event["message"] = message
    event["time"] = event["log_time"] = time()
    level = event.get("logLevel")
    if isinstance(level, int):
        level = level_of(level)
    elif not isinstance(level, LogLevel):
        level = LogLevel.critical if event["isError"] else LogLevel.info
    event["log_level"] = level
    event["log_namespace"] = "log_legacy"
    event["log_system"] = event["system"]
    # Who says the format as well wants it to be seen: it is what events are told apart by.
    if "log_format" not in event and (text := textFromEventDict(event)) is not None:
        event["log_text"] = text
        event["log_format"] = "{log_text}"
    return event


def callWithContext(ctx: Mapping[str, Any], func: Callable[..., T], *args: Any, **kw: Any) -> T:
    """Return `func(*args, **kw)`; `ctx` is in the event of every message said meanwhile."""
    before = _context.set({**_context.get({}), **ctx})
    try:
        return func(*args, **kw)
    finally:
        _context.reset(before)


def callWithLogger(logger: _Prefixed, func: Callable[..., T], *args: Any, **kw: Any) -> T | None:
    """Return `func(*args, **kw)`, whose messages have `logger.logPrefix()` for their `system`.

    What it raises is logged, and None returned, but for `KeyboardInterrupt`.
    """
    try:
        system = logger.logPrefix()
    except KeyboardInterrupt:
        raise
    except BaseException:
        system = f"(no logPrefix: {type(logger).__name__})"
        err(system=system)
    try:
        return callWithContext({"system": system}, func, *args, **kw)
    except KeyboardInterrupt:
        raise
    except BaseException:
        err(system=system)
        return None


def name_of(func: object) -> str:
    """A name for `func` that a log line can show."""
    return getattr(func, "__qualname__", None) or repr(func)
