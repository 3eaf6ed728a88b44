"""Interfaces without zope.interface: the half of `components` for where that is missing.

Serves declaring (`implementer`, `directlyProvides`), asking (`providedBy`, `implementedBy`,
`extends`, `names`) and adapting (`IFoo(obj, default)`). An interface here is a class that has
no instances; to call it is to adapt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_implemented: WeakKeyDictionary[type, tuple[type, ...]] = WeakKeyDictionary()
Registry = dict[tuple[type, type], Callable[[Any], Any]]
registry: Registry = {}
_consulted: list[Registry] = [registry]
_REQUIRED: Any = object()

CannotAdapt = TypeError


class Attribute:
    """An attribute that an interface asks for, and its documentation."""

    def __init__(self, __name__: str, __doc__: str = "") -> None:
        # One text with a space in it is the documentation: the class body gives the name.
        if not __doc__ and " " in __name__:
            __name__, __doc__ = "", __name__
        self.__name__ = __name__
        self.__doc__ = __doc__


class InterfaceClass(type):
    """What an interface can be asked, and how it adapts."""

    def providedBy(cls, obj: object) -> bool:
        """Whether an object, or its class, declares this interface or one that extends it."""
        return any(issubclass(i, cls) for i in providedBy(obj))

    def implementedBy(cls, implementation: type) -> bool:
        """Whether a class, or one it inherits from, declares it for its instances."""
        return any(issubclass(i, cls) for i in _declared(implementation))

    def extends(cls, other: type, strict: bool = True) -> bool:
        """Whether this interface asks for all that another does; strictly: and is not it."""
        return issubclass(cls, other) and not (strict and cls is other)

    def names(cls, all: bool = False) -> list[str]:
        """List what the interface asks for; with `all`, what it inherits too."""
        bodies = cls.__mro__[:-1] if all else (cls,)
        return list({n: None for body in bodies for n in vars(body) if not n.startswith("__")})

    def __call__(cls, obj: Any, alternate: Any = _REQUIRED) -> Any:
        """Adapt an object: itself if it provides this, else an adapter, else the alternate."""
        conform = getattr(obj, "__conform__", None)
        # A class has a __conform__ too, but it is its instances'.
        answer = None if conform is None or isinstance(obj, type) else conform(cls)
        if answer is None:
            answer = cls.__adapt__(obj)
        if answer is not None:
            return answer
        if alternate is _REQUIRED:
            raise CannotAdapt("Could not adapt", obj, cls)
        return alternate

    def __adapt__(cls, obj: Any) -> Any:
        """Adapt an object without asking it; None if that can't be."""
        if cls.providedBy(obj):
            return obj
        for among in _consulted:
            factory = _nearest(among, _kinds(_direct(obj), type(obj)), cls)
            adapter = None if factory is None else factory(obj)
            if adapter is not None:
                return adapter
        return None


class Interface(metaclass=InterfaceClass):
    """What every interface extends."""


#: Stands for `typing.Protocol` in a class body that checkers read as one; adds nothing here.
Shape = InterfaceClass("Shape", (), {})


def is_interface(value: object) -> bool:
    """Whether a value is an interface, and not the root of all."""
    return isinstance(value, InterfaceClass) and value not in (Interface, Shape)


def implementer(*interfaces: type) -> Callable[[type[T]], type[T]]:
    """Declare interfaces for a class's instances, beside those it declared before."""

    def declare(cls: type[T]) -> type[T]:
        _implemented[cls] = (*_implemented.get(cls, ()), *interfaces)
        setattr(cls, "__providedBy__", _Provided())  # noqa: B010  # no checker knows the name
        return cls

    return declare


class _Provided:
    """What a class's instances provide, as an attribute, so that proxies pass it on."""

    def __get__(self, instance: object, owner: type) -> tuple[type, ...]:
        return () if instance is None else tuple(_declared(owner))


def directlyProvides(obj: Any, *interfaces: type) -> None:
    """Declare interfaces of one object, in place of those declared so before."""
    obj._directly_provided = interfaces


def providedBy(obj: Any) -> Iterator[type]:
    """List the interfaces declared of an object and of its class, the nearest first."""
    yield from _direct(obj)
    found = getattr(obj, "__providedBy__", ())
    # An object may answer to any name.
    yield from found if isinstance(found, tuple) else ()


def _direct(obj: Any) -> tuple[type, ...]:
    # Read from the object's own namespace: a subclass does not provide what its parent,
    # as an object, does, and an instance does not provide what its class does.
    found: tuple[type, ...] = getattr(obj, "__dict__", {}).get("_directly_provided", ())
    return found


def _declared(cls: type) -> Iterator[type]:
    for parent in cls.__mro__:
        yield from _implemented.get(parent, ())


def _kinds(direct: Iterable[type], cls: type) -> Iterator[type]:
    """Everything an object can be adapted as, the nearest first."""
    for interface in direct:
        yield from interface.__mro__[:-1]
    for parent in cls.__mro__:
        yield parent
        for interface in _implemented.get(parent, ()):
            yield from interface.__mro__[:-1]
    yield Interface


def _nearest(among: Registry, kinds: Iterator[type], target: type) -> Callable[[Any], Any] | None:
    for kind in kinds:
        for (source, offered), factory in among.items():
            if source is kind and issubclass(offered, target):
                return factory
    return None


def register(
    into: Registry,
    factory: Callable[[Any], Any],
    source: type,
    targets: tuple[type, ...],
    replace: bool,
) -> None:
    """Put an adapter factory in a registry for each target, or for none of them."""
    for target in targets:
        found = into.get((source, target))
        if found is not None and not replace:
            raise ValueError(f"an adapter ({found}) was already registered.")
    for target in targets:
        into[source, target] = factory


def factory_for(among: Registry, source: type, target: type, default: Any) -> Any:
    """Find the factory that a registry has for the nearest of what the source is."""
    kinds = _kinds([source], object) if is_interface(source) else _kinds((), source)
    found = _nearest(among, kinds, target)
    return default if found is None else found


def consult(registry: Registry) -> Registry:
    """Adapt by what is in a registry too, until what this returned is given to `ignore`."""
    _consulted.append(registry)
    return registry


def ignore(consulted: Registry) -> None:
    """Adapt no more by a registry; raises `ValueError` if that was said before."""
    for index, registry in enumerate(_consulted):
        # Two registries that hold the same are not one.
        if registry is consulted:
            del _consulted[index]
            return
    raise ValueError("that registry isn't consulted")
