"""The way of our log's events into an installed Twisted's, while we are hosted beside it."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

__all__ = ["republish"]


def republish() -> None:
    """Let Twisted's observers, and them alone, get what the logger "reactorlite" gets.

    Its own observers may pass on to `logging` what they get: it must not come there twice.
    """
    log = logging.getLogger("reactorlite")
    log.addHandler(_ToTwisted())
    log.setLevel(logging.DEBUG)
    log.propagate = False


#: Twisted's own of these are two events: observers, and tests of programs, may count them.
_UNHANDLED = "Unhandled error in Deferred"

#: What Twisted's log puts into each event by itself.
_TOLD_ANEW = {"failure", "format", "isError", "message", "system", "time", "why"}


class _ToTwisted(logging.Handler):
    """Publishes a record as `twisted.python.log` would have had it first-hand."""

    def emit(self, record: logging.LogRecord) -> None:
        # Not before there is an event: a program that logs nothing doesn't pay for the import.
        log = import_module("twisted.python.log")
        text, about = record.getMessage(), _about(record)
        failure = _failure_of(record)
        if failure is None:
            is_error = int(record.levelno >= logging.ERROR)
            log.msg(text, **{"logLevel": record.levelno, **about, "isError": is_error})
        elif text.startswith(_UNHANDLED):
            _publish_unhandled(failure, text.removeprefix(_UNHANDLED).lstrip("\n"))
        else:
            log.err(failure, text, **about)


def _publish_unhandled(failure: object, stacks: str) -> None:
    logger = import_module("twisted.logger").Logger("twisted.internet.defer")
    logger.critical(f"{_UNHANDLED}:", isError=True)
    logger.failure("(debug: {debugInfo})" if stacks else "", failure, debugInfo=stacks)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """What was said beside the message."""
    event = getattr(record, "event", {})
    about = {k: v for k, v in event.items() if k not in _TOLD_ANEW and not k.startswith("log_")}
    if event.get("log_format", "{log_text}") != "{log_text}":
        about["log_format"] = event["log_format"]
    return about


def _failure_of(record: logging.LogRecord) -> object:
    """The `Failure` that was logged, if there was one, or one of the exception that was."""
    failure_type = import_module("reactorlite.python.failure").Failure
    given = getattr(record, "failure", None)
    if isinstance(given, failure_type) or not record.exc_info:
        return given
    kind, value, tb = record.exc_info
    if value is None or isinstance(value, failure_type):
        return value
    return failure_type(value, kind, tb)
