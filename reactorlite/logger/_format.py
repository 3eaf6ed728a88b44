"""Events as text."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reactorlite.python._logtext import shown, text_of, traceback_of

if TYPE_CHECKING:
    from reactorlite.python._events import Event

__all__ = [
    "TimeFormatter",
    "eventAsText",
    "formatEvent",
    "formatEventAsClassicLogText",
    "formatTime",
    "timeFormatRFC3339",
]

TimeFormatter = Callable[[float | None], str]

timeFormatRFC3339 = "%Y-%m-%dT%H:%M:%S%z"

_STEP = re.compile(r"\.(?P<name>[^.\[(]+)|\[(?P<item>[^\]]+)\]|(?P<call>\(\))")


class _Calling(string.Formatter):
    """Fills in fields like `{request.client()[0]!r}`: with calls, which `str.format` hasn't."""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        path = re.split(r"[.\[(]", field_name, maxsplit=1)[0]
        value = self.get_value(path, args, kwargs)
        at = len(path)
        while at < len(field_name):
            step = _STEP.match(field_name, at)
            if step is None:
                raise ValueError(f"{field_name!r} is not understood from {field_name[at:]!r} on")
            value = _stepped(value, step)
            at = step.end()
        return value, path


def _stepped(value: Any, step: re.Match[str]) -> Any:
    if step["call"]:
        return value()
    if step["name"]:
        return getattr(value, step["name"])
    item = step["item"]
    return value[int(item) if item.isdigit() else item]


_calling = _Calling()


def formatEvent(event: Event) -> str:
    """Fill in the event's `log_format` from the event; empty if there is none.

    A field is written as for `str.format`, and may be called: `{x!r}`, `{x.y()}`, `{x()[0]}`.
    Never raises: what can't be filled in is told instead.
    """
    form = event.get("log_format")
    if form is None:
        return ""
    try:
        if isinstance(form, bytes):
            form = form.decode("utf-8")
        elif not isinstance(form, str):
            raise TypeError(f"log_format is text, not {form!r}")
        if "()" in form:
            return _calling.vformat(form, (), event)
        return form.format_map(event)
    except Exception as error:
        return _unfilled(event, error)


def _unfilled(event: Event, error: Exception) -> str:
    try:
        values = repr(event)
    except Exception:
        values = ", ".join(f"{text_of(key)}: {shown(value)}" for key, value in event.items())
    return f"Unable to format event {values}: {text_of(error)}"


def formatTime(
    when: float | None, timeFormat: str | None = timeFormatRFC3339, default: str = "-"
) -> str:
    """Print a time, given in seconds since the epoch, in the local zone.

    `default` stands for a time, or a format, that is None.
    """
    if timeFormat is None or when is None:
        return default
    return datetime.fromtimestamp(when).astimezone().strftime(timeFormat)


def eventAsText(
    event: Event,
    includeTraceback: bool = True,
    includeTimestamp: bool = True,
    includeSystem: bool = True,
    formatTime: TimeFormatter = formatTime,
) -> str:
    """Print an event with time, system and traceback; empty if it has no text and no failure.

    The system is `log_system`, or namespace and level as `[namespace#level]`.
    """
    text = formatEvent(event)
    if includeTraceback and "log_failure" in event:
        text = f"{text}\n{traceback_of(event['log_failure'])}"
    if not text:
        return text
    time = f"{formatTime(event.get('log_time'))} " if includeTimestamp else ""
    system = f"[{_system(event)}] " if includeSystem else ""
    return f"{time}{system}{text}"


def _system(event: Event) -> str:
    system = event.get("log_system")
    if system is not None:
        return text_of(system)
    level = getattr(event.get("log_level"), "name", "-")
    return f"{event.get('log_namespace', '-')}#{level}"


def formatEventAsClassicLogText(event: Event, formatTime: TimeFormatter = formatTime) -> str | None:
    """Print an event as an entry of a log file, further lines indented; None for no text."""
    text = eventAsText(event, formatTime=formatTime)
    return text.replace("\n", "\n\t") + "\n" if text else None
