"""Interfaces, who declares them, and adapters from one to another.

Where zope.interface is installed these *are* its objects: `Interface is
zope.interface.Interface`, and `registerAdapter` answers `IFoo(obj)`. Elsewhere a small
stand-in serves declaring, asking and adapting.

Why declarations may be by name. `@implementer("IProtocol")` writes a note and touches nothing
else. To import zope.interface and to make our seventy interfaces costs a tenth of what
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

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")

ALLOW_DUPLICATES = False
"""Whether `registerAdapter` may replace an adapter that is already registered."""

_known: dict[str, Any] = {}
_waiting: list[tuple[type, tuple[Any, ...]]] = []
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
    if name not in ("Interface", "Attribute", "CannotAdapt", "Shape"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(backing(), name)
    return value


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
    resolved = [_known[i] if isinstance(i, str) else i for i in interfaces]
    backing().implementer(*resolved)(cls)


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
    from there and `ALLOW_DUPLICATES` is false.
    """
    if not interfaceClasses:
        raise ValueError("registerAdapter() needs an interface to adapt to")
    backing().register(adapterFactory, origInterface, interfaceClasses, ALLOW_DUPLICATES)


def getAdapterFactory(fromInterface: Any, toInterface: Any, default: Any) -> Any:
    """Find what was registered to adapt an interface, or a class, to an interface."""
    return backing().factory_for(fromInterface, toInterface, default)


class Adapter:
    """A base for adapters: keeps what it adapts in `original`."""

    def __init__(self, original: Any) -> None:
        self.original = original

    def __conform__(self, interface: Any) -> Any:
        """Let the original answer for interfaces that this adapter does not keep."""
        conform = getattr(self.original, "__conform__", None)
        return None if conform is None else conform(interface)

    def isuper(self, iface: Any, adapter: Any) -> Any:
        """Ask the original for another adapter of the same thing."""
        return self.original.isuper(iface, adapter)
