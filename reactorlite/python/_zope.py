"""Interfaces over zope.interface: the half of `components` for where that is installed."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from zope.interface import (
    Attribute,
    Interface,
    directlyProvides,
    implementedBy,
    implementer,
    providedBy,
)
from zope.interface.adapter import AdapterRegistry
from zope.interface.interface import InterfaceClass, adapter_hooks, fromMethod

__all__ = [
    "Attribute",
    "CannotAdapt",
    "Interface",
    "Shape",
    "consult",
    "directlyProvides",
    "factory_for",
    "ignore",
    "implementer",
    "is_interface",
    "providedBy",
    "register",
    "registry",
]

CannotAdapt = TypeError

registry = AdapterRegistry()


class _Shaping(InterfaceClass):  # type: ignore[misc]  # zope.interface has no types
    """Makes a zope interface of a class body that a checker reads as a `typing.Protocol`.

    Methods there have a `self`, which zope's descriptions leave out; a property is how a
    protocol asks for an attribute that need not be writable.
    """

    def __new__(
        cls, name: str, bases: tuple[Any, ...] = (), attrs: dict[str, Any] | None = None
    ) -> Any:
        """Answer a plain zope interface, never a `_Shaping` but for `Shape` itself."""
        if attrs is None:
            return super().__new__(cls, name)
        body = {n: _described(v) for n, v in attrs.items() if _belongs(n, v)}
        parents = tuple(b for b in bases if not isinstance(b, _Shaping)) or (Interface,)
        return InterfaceClass(name, parents, body)


def _belongs(name: str, value: Any) -> bool:
    return name in ("__doc__", "__module__") or isinstance(value, (FunctionType, property))


def _described(value: Any) -> Any:
    if isinstance(value, FunctionType):
        return fromMethod(value)
    # zope fills in the name of an attribute that has none.
    return Attribute("", value.__doc__) if isinstance(value, property) else value


Shape = _Shaping("Shape")


def is_interface(value: object) -> bool:
    """Whether a value is an interface, and not the root of all."""
    return isinstance(value, InterfaceClass) and value not in (Interface, Shape)


def register(
    into: Any,
    factory: Callable[[Any], Any],
    source: Any,
    targets: tuple[Any, ...],
    replace: bool,
) -> None:
    """Put an adapter factory in a registry for each target, or for none of them."""
    required = _specification(source)
    for target in targets:
        found = into.registered([required], target)
        if found is not None and not replace:
            raise ValueError(f"an adapter ({found}) was already registered.")
    for target in targets:
        into.register([required], target, "", factory)


def factory_for(among: Any, source: Any, target: Any, default: Any) -> Any:
    """Find the factory that a registry has for the nearest of what the source is."""
    found = among.lookup1(_specification(source), target)
    return default if found is None else found


def _specification(source: Any) -> Any:
    return source if isinstance(source, InterfaceClass) else implementedBy(source)


def consult(registry: Any) -> Callable[[Any, object], Any]:
    """Adapt by what is in a registry too, until what this returned is given to `ignore`."""

    def adapt(interface: Any, obj: object) -> Any:
        factory = registry.lookup1(providedBy(obj), interface)
        return None if factory is None else factory(obj)

    adapter_hooks.append(adapt)
    return adapt


def ignore(consulted: Callable[[Any, object], Any]) -> None:
    """Adapt no more by a registry; raises `ValueError` if that was said before."""
    adapter_hooks.remove(consulted)


consult(registry)
