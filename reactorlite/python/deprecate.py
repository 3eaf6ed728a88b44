"""Saying of functions that they will go. Twisted's own answers to the name in `twisted`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from reactorlite.python.reflect import fullyQualifiedName
from reactorlite.python.versions import Version, getVersionString

__all__ = ["deprecated"]

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(
    version: Version, replacement: str | Callable[..., Any] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function or a method, so that every call of it warns its caller.

    The `DeprecationWarning` says since which version of which package, and by what it is
    replaced, which may be given itself or by its name. So does the docstring.
    """
    since = f"deprecated in {getVersionString(version)}"
    if replacement is not None:
        named = replacement if isinstance(replacement, str) else fullyQualifiedName(replacement)
        since += f"; please use {named} instead"

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        text = f"{fullyQualifiedName(function)} was {since}"

        @wraps(function)
        def warning(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(text, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        paragraphs = (inspect.getdoc(function), f"{since[0].upper()}{since[1:]}.")
        warning.__doc__ = "\n\n".join(filter(None, paragraphs))
        vars(warning)["deprecatedVersion"] = version
        return warning

    return decorate
