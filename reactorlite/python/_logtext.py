"""The text of an event as observers of `reactorlite.python.log` read it."""

from __future__ import annotations

from typing import Any

from reactorlite.python.failure import _textOf as text_of

__all__ = ["shown", "textFromEventDict", "text_of", "traceback_of"]


def textFromEventDict(eventDict: dict[str, Any]) -> str | None:
    """Answer an event's text, or None if it has none.

    It is `message`, joined with blanks; else, for an error with a `failure`, what went wrong
    (`why`) and the traceback; else `format` filled in from the event. Never raises for what
    can't be printed: the text says so.
    """
    message = eventDict["message"]
    if message:
        return " ".join(map(text_of, message))
    if eventDict["isError"] and "failure" in eventDict:
        why = eventDict.get("why")
        return f"{text_of(why) if why else 'Unhandled Error'}\n{traceback_of(eventDict['failure'])}"
    return _filled(eventDict["format"], eventDict) if "format" in eventDict else None


def traceback_of(failure: Any) -> str:
    """Answer a failure's traceback, or a note if what is said to be one has none."""
    try:
        return str(failure.getTraceback())
    except Exception as error:
        return f"(no traceback: {text_of(error)})"


def _filled(form: Any, event: dict[str, Any]) -> str:
    try:
        return str(form % event)
    except Exception as error:
        values = ", ".join(f"{key}={shown(value)}" for key, value in event.items())
        return f"unable to fill in {shown(form)}: {text_of(error)}; the event has {values}"


def shown(value: object) -> str:
    """Answer `repr(value)`, or a plain one if that fails."""
    try:
        return repr(value)
    except Exception:
        return object.__repr__(value)
