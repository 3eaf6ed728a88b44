"""Interfaces, who declares them, and adapters from one to another.

Where zope.interface is installed these *are* its objects: `Interface is
zope.interface.Interface`, and `registerAdapter` answers `IFoo(obj)`. Elsewhere a small
stand-in serves declaring, asking and adapting.

Why declarations may be by name. `@implementer("IProtocol")` writes a note and touches nothing
else. To import zope.interface and to make our seventy interfaces costs a sixth of what
`import asyncio` does, and most programs never name an interface. An interface can only be
asked about by someone who imported it, so nothing is lost by waiting until then:
`reactorlite.internet.interfaces` makes its interfaces when it is imported, and hands them to
`come_into_being`, which passes every note on to zope.interface (subclasses that were declared
with zope's own decorator before that included: its declarations tell their dependents). From
then on a declaration by name takes effect at once. So our own modules declare by name and
never import the interfaces at run time, and ask by name, with `adapted`, where they must.
"""

from __future__ import annotations

import functools
import importlib
import threading
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")

ALLOW_DUPLICATES = False
"""Whether `registerAdapter` may replace an adapter that is already registered."""

_known: dict[str, Any] = {}
_waiting: list[tuple[type, tuple[Any, ...]]] = []
_adapters_waiting: list[tuple[Callable[[Any], Any], Any, tuple[Any, ...]]] = []
_waiting_for: dict[str, tuple[type, ...]] = {}
_turn = threading.RLock()

if TYPE_CHECKING:

    class _Asked(ABCMeta):
        """What may be asked of an interface."""

        def providedBy(cls: type[T], obj: object) -> TypeGuard[T]:
            """Whether an object says it keeps this interface."""

        def implementedBy(cls, implementation: type) -> bool:
            """Whether instances of a class do."""

    class Interface(Protocol, metaclass=_Asked):
        """What every interface extends; structural for checkers."""

    def Attribute(__name__: str, __doc__: str = "") -> Any:
        """Describe an attribute of an interface; one text alone is its documentation."""


@functools.cache
def backing() -> ModuleType:
    """Where interfaces are made: over zope.interface if that is installed, else our own."""
    try:
        importlib.import_module("zope.interface")
    except ImportError:
        return importlib.import_module("reactorlite.python._standin")
    return importlib.import_module("reactorlite.python._zope")


def __getattr__(name: str) -> Any:
    # These are zope's own objects where there is a zope, so they wait for the first use.
    if name not in _BACKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(backing(), _BACKED[name])
    # A registry that is in our namespace is one that somebody put in this one's place.
    if name != "globalRegistry":
        globals()[name] = value
    return value


#: What this module has from its backing, and what it is called there. `globalRegistry` is where
#: `registerAdapter` puts adapters; another one may be put in its place, to register apart from
#: the rest, and is consulted between `_addHook(it)` and `_removeHook` of what that returned.
_BACKED = {
    "Attribute": "Attribute",
    "CannotAdapt": "CannotAdapt",
    "Interface": "Interface",
    "Shape": "Shape",
    "_addHook": "consult",
    "_removeHook": "ignore",
    "globalRegistry": "registry",
}


# ── declaring ────────────────────────────────────────────────────────────────────────────


def implementer(*interfaces: Any) -> Callable[[type[T]], type[T]]:
    """Declare that a class's instances, and its subclasses', keep these interfaces.

    An interface may be given by its bare name; it then need not exist yet.
    """

    def declare(cls: type[T]) -> type[T]:
        with _turn:
            if all(i in _known for i in interfaces if isinstance(i, str)):
                _declare(cls, interfaces)
            else:
                _note(cls, interfaces)
        return cls

    return declare


def _note(cls: type, interfaces: tuple[Any, ...]) -> None:
    _waiting.append((cls, interfaces))
    for name in interfaces:
        if isinstance(name, str):
            _waiting_for[name] = (*_waiting_for.get(name, ()), cls)


def _declare(cls: type, interfaces: tuple[Any, ...]) -> None:
    backing().implementer(*_resolved(interfaces))(cls)


def _resolved(interfaces: tuple[Any, ...]) -> list[Any]:
    return [_known[i] if isinstance(i, str) else i for i in interfaces]


def directlyProvides(obj: object, *interfaces: Any) -> None:
    """Say of one object, not of its class, that it keeps exactly these interfaces."""
    backing().directlyProvides(obj, *interfaces)


def come_into_being(namespace: Mapping[str, Any]) -> None:
    """Make a module's interfaces known by name, and pass on the declarations that waited."""
    with _turn:
        is_interface = backing().is_interface
        _known.update({name: i for name, i in namespace.items() if is_interface(i)})
        noted = _waiting[:]
        _waiting.clear()
        _waiting_for.clear()
        for cls, interfaces in noted:
            implementer(*interfaces)(cls)
        adapters = _adapters_waiting[:]
        _adapters_waiting.clear()
        for factory, source, targets in adapters:
            registerAdapter(factory, source, *targets)


def adapted(name: str, obj: Any, default: Any = None) -> Any:
    """Answer as `IFoo(obj, default)` does, for the interface with that name.

    Costs one look-up while the interface has not come into being: then only a class that
    declared this very name can keep it.
    """
    interface = _known.get(name)
    if interface is not None:
        return interface(obj, default)
    keepers = _waiting_for.get(name)
    return obj if keepers is not None and isinstance(obj, keepers) else default


# ── adapting ─────────────────────────────────────────────────────────────────────────────


def registerAdapter(
    adapterFactory: Callable[[Any], Any], origInterface: Any, *interfaceClasses: Any
) -> None:
    """Have `IFoo(obj)` answer `adapterFactory(obj)` for objects of an interface or a class.

    Raises `ValueError` if no target interface is given, or if one already has an adapter
    from there and `ALLOW_DUPLICATES` is false. Interfaces may be given by their bare names, as
    to `implementer`.
    """
    if not interfaceClasses:
        raise ValueError("registerAdapter() needs an interface to adapt to")
    with _turn:
        named = [i for i in (origInterface, *interfaceClasses) if isinstance(i, str)]
        if not all(name in _known for name in named):
            _adapters_waiting.append((adapterFactory, origInterface, interfaceClasses))
            return
        origInterface, *interfaceClasses = _resolved((origInterface, *interfaceClasses))  # type: ignore[assignment]
    registry = getRegistry()
    backing().register(registry, adapterFactory, origInterface, interfaceClasses, ALLOW_DUPLICATES)


def getRegistry() -> Any:
    """Return where adapters are registered: zope's own kind of registry, where there is zope."""
    return globals().get("globalRegistry", backing().registry)


def getAdapterFactory(fromInterface: Any, toInterface: Any, default: Any) -> Any:
    """Find what was registered to adapt an interface, or a class, to an interface."""
    return backing().factory_for(getRegistry(), fromInterface, toInterface, default)


class Adapter:
    """A base for adapters: keeps what it adapts in `original`.

    A `Componentized` keeps an adapter it made unless `temporaryAdapter` is true, and for
    each interface it serves if `multiComponent` is.
    """

    temporaryAdapter = 0
    multiComponent = 1

    def __init__(self, original: Any) -> None:
        self.original = original

    def __conform__(self, interface: Any) -> Any:
        """Let the original answer for interfaces that this adapter does not keep."""
        conform = getattr(self.original, "__conform__", None)
        return None if conform is None else conform(interface)

    def isuper(self, iface: Any, adapter: Any) -> Any:
        """Ask the original for another adapter of the same thing."""
        return self.original.isuper(iface, adapter)


class Componentized:
    """An object that is several things: it holds a component for each interface.

    `IFoo(self)` answers the component for `IFoo`. One that was made by a registered adapter
    is kept, so that it is made once, unless it has a true `temporaryAdapter`.
    """

    persistenceVersion = 1

    def __init__(self) -> None:
        # By the names of the interfaces, under Twisted's name: it is what is pickled.
        self._adapterCache: dict[str, Any] = {}

    def locateAdapterClass(self, klass: Any, interfaceClass: Any, default: Any) -> Any:
        """Find what is registered to adapt that class to that interface."""
        return getAdapterFactory(klass, interfaceClass, default)

    def setAdapter(self, interfaceClass: Any, adapterClass: Callable[[Any], Any]) -> None:
        """Adapt this object, and keep the adapter for that interface."""
        self.setComponent(interfaceClass, adapterClass(self))

    def addAdapter(self, adapterClass: Callable[[Any], Any], ignoreClass: int = 0) -> Any:
        """Adapt this object, keep the adapter as `addComponent` does, and return it."""
        adapter = adapterClass(self)
        self.addComponent(adapter, ignoreClass)
        return adapter

    def setComponent(self, interfaceClass: Any, component: Any) -> None:
        """Keep a component for that interface, in place of the one there is."""
        self._adapterCache[_noted(interfaceClass)] = component

    def addComponent(self, component: Any, ignoreClass: int = 0) -> None:
        """Keep a component for the interfaces it declares.

        Unless `ignoreClass` is true, only for those that its class is registered for as the
        adapter of this object's class.
        """
        for interface in backing().providedBy(component):
            if ignoreClass or self._adapts(interface, component):
                self.setComponent(interface, component)

    def _adapts(self, interface: Any, component: Any) -> bool:
        located = self.locateAdapterClass(self.__class__, interface, None)
        return bool(located is component.__class__)

    def unsetComponent(self, interfaceClass: Any) -> None:
        """Forget the component for that interface; raises `KeyError` if there is none."""
        del self._adapterCache[_noted(interfaceClass)]

    def removeComponent(self, component: Any) -> list[Any]:
        """Forget a component, and return the interfaces it was kept for."""
        found = [name for name, kept in self._adapterCache.items() if kept is component]
        for name in found:
            del self._adapterCache[name]
        return [_interface_named(name) for name in found]

    def getComponent(self, interface: Any, default: Any = None) -> Any:
        """Return the component for that interface, made now if an adapter is registered."""
        name = _noted(interface)
        if name in self._adapterCache:
            return self._adapterCache[name]
        adapter = interface.__adapt__(self)
        if adapter is None:
            return default
        if not getattr(adapter, "temporaryAdapter", False):
            self.setComponent(interface, adapter)
            if getattr(adapter, "multiComponent", False):
                self.addComponent(adapter)
        return adapter

    def __conform__(self, interface: Any) -> Any:
        return self.getComponent(interface)


_met: WeakValueDictionary[str, Any] = WeakValueDictionary()


def _noted(interface: Any) -> str:
    """Return the interface's full name, by which it can be found again."""
    name = f"{interface.__module__}.{interface.__name__}"
    _met[name] = interface
    return name


def _interface_named(name: str) -> Any:
    if name in _met:
        return _met[name]
    from pkgutil import resolve_name  # for what came from a pickle

    return resolve_name(name)


class ReprableComponentized(Componentized):
    """A `Componentized` that prints what it holds."""

    def __repr__(self) -> str:
        held = ", ".join(
            f"{name.rpartition('.')[2]}: {'itself' if kept is self else repr(kept)}"
            for name, kept in self._adapterCache.items()
        )
        return f"<{type(self).__name__} of {{{held}}}>"


# ── standing for ─────────────────────────────────────────────────────────────────────────


def proxyForInterface(iface: Any, originalAttribute: str = "original") -> type:
    """Make a class whose instances pass what an interface asks for on to another object.

    They take that object as their only argument, and keep it in the attribute named.
    Subclasses override what should not be passed on.
    """

    def keep(self: Any, original: Any) -> None:
        setattr(self, originalAttribute, original)

    body: dict[str, Any] = {n: _Passed(n, originalAttribute) for n in iface.names(all=True)}
    body["__init__"] = keep
    made = type(f"(Proxy for {iface.__module__}.{iface.__name__})", (), body)
    return implementer(iface)(made)


class _Passed:
    """An attribute that is another object's."""

    def __init__(self, name: str, original: str) -> None:
        self._name = name
        self._original = original

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        # Asked of the class, for a subclass that calls what it overrides the old way.
        if instance is None:
            return self._call
        return getattr(getattr(instance, self._original), self._name)

    def _call(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        return self.__get__(instance)(*args, **kwargs)

    def __set__(self, instance: Any, value: Any) -> None:
        setattr(getattr(instance, self._original), self._name, value)

    def __delete__(self, instance: Any) -> None:
        delattr(getattr(instance, self._original), self._name)
