"""The way of our log's events into an installed Twisted's, while we are hosted beside it."""

from __future__ import annotations

import logging
from importlib import import_module

__all__ = ["republish"]


def republish() -> None:
    """Let Twisted's observers, and them alone, get what the logger "reactorlite" gets.

    Its own observers may pass on to `logging` what they get: it must not come there twice.
    """
    log = logging.getLogger("reactorlite")
    log.addHandler(_ToTwisted())
    log.setLevel(logging.DEBUG)
    log.propagate = False


class _ToTwisted(logging.Handler):
    """Publishes a record as `twisted.python.log` would have had it first-hand."""

    def emit(self, record: logging.LogRecord) -> None:
        # Not before there is an event: a program that logs nothing doesn't pay for the import.
        twisted_log = import_module("twisted.python.log")
        event = dict(getattr(record, "event", ()))
        if record.exc_info and record.exc_info[1] is not None:
            twisted_log.err(_failure_of(record), record.getMessage(), **event)
            return
        event.pop("format", None)
        if record.levelno >= logging.ERROR:
            event["isError"] = 1
        event.setdefault("logLevel", record.levelno)
        twisted_log.msg(record.getMessage(), **event)


def _failure_of(record: logging.LogRecord) -> object:
    """The `Failure` that was logged, if there was one, else one of the record's exception."""
    failure_type = import_module("reactorlite.python.failure").Failure
    assert record.exc_info
    kind, value, tb = record.exc_info
    given = getattr(record, "failure", value)
    return given if isinstance(given, failure_type) else failure_type(value, kind, tb)
