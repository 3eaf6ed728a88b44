"""Objects by their names, and names of objects."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import isfunction, ismodule
from types import ModuleType
from typing import Any

__all__ = [
    "InvalidName",
    "ModuleNotFound",
    "ObjectNotFound",
    "accumulateClassList",
    "fullyQualifiedName",
    "namedAny",
    "namedModule",
    "prefixedMethodNames",
    "prefixedMethods",
    "qual",
    "requireModule",
    "safe_repr",
    "safe_str",
]


class InvalidName(ValueError):
    """Text that can't be the name of an object."""


class ModuleNotFound(InvalidName):
    """There is no module of that name."""


class ObjectNotFound(InvalidName):
    """Not even the first part of a name is a module."""


# ── from a name ──────────────────────────────────────────────────────────────────────────


def namedModule(name: str) -> ModuleType:
    """Import a module, and return it; raises what the import does."""
    return import_module(name)


def namedAny(name: str) -> Any:
    """Return what a name with dots in it stands for: a package, a module, or something in one.

    As many of the parts are imported as are modules; the rest are attributes. Raises
    `InvalidName` for what can't be a name, `ModuleNotFound` or `ObjectNotFound` if there is no
    such module, and `AttributeError` if the module has nothing of that name. What a module
    raises that is there passes through.
    """
    _check(name)
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = _module_if_there(".".join(parts[:count]))
        if module is not None:
            found: Any = module
            for part in parts[count:]:
                found = getattr(found, part)
            return found
    if len(parts) == 1:
        raise ModuleNotFound(f"No module named {name!r}")
    raise ObjectNotFound(f"{name!r} does not name an object: there is no module {parts[0]!r}")


def _check(name: str) -> None:
    if not name:
        raise InvalidName("no name is given")
    if not all(name.split(".")):
        raise InvalidName(f"a name is identifiers with dots between them, which {name!r} is not")


def requireModule(name: str, default: Any = None) -> Any:
    """Return a module, or `default` if it, or something that it imports, is not there."""
    try:
        return namedModule(name)
    except ImportError:
        return default


def _module_if_there(name: str) -> ModuleType | None:
    """Import a module; None if there is none, but not if it fails to import another."""
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        # `missing` names the first part of the name that is no module, or the other one.
        if missing.name is not None and f"{name}.".startswith(f"{missing.name}."):
            return None
        raise


# ── to a name ────────────────────────────────────────────────────────────────────────────


def qual(clazz: Any) -> str:
    """Return the name of a class after that of its module, without what it is nested in."""
    return f"{clazz.__module__}.{clazz.__name__}"


def fullyQualifiedName(obj: Any) -> str:
    """Return by what name a module, a class, a function or a method can be found."""
    if ismodule(obj):
        return obj.__name__
    name = getattr(obj, "__qualname__", None) or obj.__name__
    # A built-in function's module is left out; a built-in class says that it is in `builtins`.
    if not isinstance(obj, type) and getattr(obj, "__module__", None) in (None, "builtins"):
        return str(name)
    return f"{obj.__module__}.{name}"


# ── of a class ───────────────────────────────────────────────────────────────────────────


def prefixedMethodNames(classObj: type, prefix: str) -> list[str]:
    """Return what follows the prefix in the names of methods of a class and its bases."""
    names = (
        name for cls in _bases_first(classObj) for name, f in vars(cls).items() if isfunction(f)
    )
    found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return list(dict.fromkeys(filter(None, found)))


def prefixedMethods(obj: object, prefix: str = "") -> list[Any]:
    """Return an object's methods whose names begin so."""
    return [getattr(obj, prefix + name) for name in prefixedMethodNames(type(obj), prefix)]


def accumulateClassList(
    classObj: type, attr: str, listObj: list[Any], baseClass: type | None = None
) -> None:
    """Add to a list what lists of that name hold in a class and in its bases, bases' first.

    With `baseClass`, what is in the class itself counts only if it extends that one directly.
    """
    for cls in _bases_first(classObj):
        if cls is not classObj or baseClass in (None, *cls.__bases__):
            listObj.extend(vars(cls).get(attr, []))


def _bases_first(cls: type) -> Iterator[type]:
    for base in cls.__bases__:
        yield from _bases_first(base)
    yield cls


# ── to text ──────────────────────────────────────────────────────────────────────────────


def safe_repr(o: object) -> str:
    """Return `repr(o)`; if that raises, text that says so, and how."""
    return _safely(repr, o)


def safe_str(o: object) -> str:
    """Return `str(o)`; for bytes the text in them if it is UTF-8.

    If that raises, text that says so, and how.
    """
    if isinstance(o, bytes):
        try:
            return o.decode("utf-8")
        except UnicodeDecodeError:
            return repr(o)
    return _safely(str, o)


def _safely(text_of: Callable[[object], str], o: object) -> str:
    try:
        return text_of(o)
    except Exception:
        how = "".join(traceback.format_exception(*sys.exc_info()))
        # A metaclass may have a `__name__` of its own, which may raise too.
        name = type.__dict__["__name__"].__get__(type(o))
        return f"<{name} instance at {id(o):#x} with {text_of.__name__} error:\n {how}>"
