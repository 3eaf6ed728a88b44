"""Values that go with what is being done, not with where: Twisted's names for `contextvars`.

A delayed call, a thread's job, a coroutine and a generator have the values of the code that
started them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from reactorlite.python._speaking import current_system

__all__ = ["call", "defaultContextDict", "get", "setDefault"]

P = ParamSpec("P")
T = TypeVar("T")

_NOTHING: Mapping[Any, Any] = MappingProxyType({})
_values: ContextVar[Mapping[Any, Any]] = ContextVar("reactorlite.context", default=_NOTHING)

#: Under a key of this name has an installed Twisted's log, which stays Twisted's, what goes with
#: its messages. No callback pays for entering a context: it is found out for whom is spoken.
_OF_TWISTEDS_LOG = "ILogContext"

#: What `get` answers for a key that nobody set around it.
defaultContextDict: dict[Any, Any] = {}


def call(ctx: Mapping[Any, Any], func: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """Call `func` with these values set, on top of those that are set already."""
    token = _values.set({**_values.get(), **ctx})
    try:
        return func(*args, **kw)
    finally:
        _values.reset(token)


def get(key: object, default: Any = None) -> Any:
    """The value that is set for `key` where this is called, else `setDefault`'s, else `default`."""
    values = _values.get()
    if key in values:
        return values[key]
    value = defaultContextDict.get(key, default)
    if getattr(key, "__name__", "") == _OF_TWISTEDS_LOG and (system := current_system()):
        return {**value, "system": system}
    return value


def setDefault(key: object, value: Any) -> None:
    """Let `get` answer `value` for `key` wherever nothing is set."""
    defaultContextDict[key] = value
