"""On whose behalf something is logged: found out by who asks, so that a callback pays nothing.

What calls a program back is marked with `speaks_for`. When a message is made, the calls that lead
to it are gone through, from the innermost out, for one that is marked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

__all__ = ["current_system", "speaks_for"]

F = TypeVar("F", bound=Callable[..., Any])

#: The functions that are marked, and which of their variables has the `logPrefix`.
_marked: dict[CodeType, str] = {}


def speaks_for(variable: str) -> Callable[[F], F]:
    """Mark a function: what is logged below it is logged for what its `variable` holds.

    That has a `logPrefix()`. None, there or in the variable, and a variable that isn't set yet
    stand for nothing.
    """

    def mark(function: F) -> F:
        _marked[function.__code__] = variable
        return function

    return mark


def current_system() -> str | None:
    """The `system` of a message that is logged here; None where nothing is said for anybody."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        variable = _marked.get(frame.f_code)
        if variable is not None:
            speaker = frame.f_locals.get(variable)
            return None if speaker is None else _prefix_of(speaker)
        frame = frame.f_back
    return None


def _prefix_of(speaker: Any) -> str | None:
    try:
        return speaker.logPrefix()  # type: ignore[no-any-return]  # a program's, maybe
    except Exception:
        return f"(no logPrefix: {type(speaker).__name__})"
