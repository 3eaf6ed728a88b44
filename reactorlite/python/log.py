"""Messages and errors, to the logger "reactorlite" of the standard logging module."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

from reactorlite.python.failure import Failure

__all__ = ["deferr", "err", "msg"]

_log = logging.getLogger("reactorlite")


def msg(*message: object, **kw: Any) -> None:
    """Log a message at level INFO, or at the one that `logLevel` says.

    Several objects are joined with blanks; `format="%(name)s"` is filled in from the keyword
    arguments instead. These arguments are the record's attribute `event`.
    """
    level = kw.get("logLevel", logging.ERROR if kw.get("isError") else logging.INFO)
    if not _log.isEnabledFor(level):
        return
    text = " ".join(map(str, message))
    if not message and "format" in kw:
        text = kw["format"] % kw
    _log.log(level, "%s", text, stacklevel=2, extra={"event": kw})


def err(_stuff: object = None, _why: str | None = None, **kw: Any) -> None:
    """Log a `Failure`, an exception, or (with no argument) the one being handled, as an error.

    The message is `_why`, and the traceback follows it. Anything else is logged as its `repr`.
    Raises `NoCurrentExceptionError` if there is nothing to log.
    """
    if _stuff is None or (isinstance(_stuff, BaseException) and not isinstance(_stuff, Failure)):
        _stuff = Failure(_stuff)
    if isinstance(_stuff, Failure):
        text = _why or "Unhandled Error"
        _log.error("%s", text, exc_info=_parts(_stuff), stacklevel=2, extra={"event": kw})
    else:
        text = f"{_why}: {_stuff!r}" if _why else repr(_stuff)
        _log.error("%s", text, stacklevel=2, extra={"event": kw})


deferr = err


def _parts(
    failure: Failure,
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """What `logging` takes as an exception. Where a `Failure` holds none, it is one itself."""
    if isinstance(failure.value, BaseException):
        return failure.type, failure.value, failure.getTracebackObject()
    return type(failure), failure, None
