"""The current reactor, as `from reactorlite.internet import reactor` gives it.

What is imported is one object that passes everything on to the reactor of the moment (see
`asyncioreactor.current_reactor`), so that importing it decides nothing: no loop is made, no
descriptor opened, and a module may be imported long before the loop that it will serve runs.
"""

from __future__ import annotations

import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn

from reactorlite.internet import error
from reactorlite.internet._residence import (
    class_of_current,
    current_reactor,
    fronts,
    has_left,
    put_double,
    running,
)
from reactorlite.internet.asyncioreactor import Reactor

#: What the import system asks of a module, which must not make a reactor; and what is the
#: object's own.
_OWN = {
    *("__class__", "__dict__", "__doc__", "__file__", "__loader__"),
    *("__name__", "__package__", "__path__", "__spec__"),
}


def _refuse() -> NoReturn:
    raise error.ReactorNotRunning("stop() was called on a reactor that is stopped")


class _CurrentReactor:
    """Passes attributes on, both ways; only `__dict__` is its own.

    Its `__class__` is the reactor's: programs compare it with the class that they want.
    """

    def __init__(self, module: dict[str, Any]) -> None:
        self.__dict__.update({name: module[name] for name in _OWN if name in module})

    # Not `__getattr__`: to fail first, and be asked then, costs more than all the rest.
    def __getattribute__(self, name: str) -> Any:
        if name in _OWN:
            if name == "__class__":
                return class_of_current(Reactor)
            return object.__getattribute__(self, name)
        # A thread that is in `run()` needs no asking which loop it runs.
        reactor = running.get(get_ident())
        if reactor is None:
            if name[:2] == "__" and not hasattr(Reactor, name):
                # Tools ask all modules for such names, and must not make a reactor by it.
                raise AttributeError(name)
            if has_left():
                if name == "running":
                    return False
                if name == "stop":
                    return _refuse
            reactor = current_reactor()
        return getattr(reactor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("__class__", "__dict__"):
            _stand_for(name, value)
        else:
            setattr(current_reactor(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(current_reactor(), name)

    # What asks for the reactor of a clock or a port gets the one that this stands for.
    def __eq__(self, other: object) -> bool:
        return self is other or current_reactor() == other

    def __hash__(self) -> int:
        return hash(current_reactor())

    def __dir__(self) -> list[str]:
        return dir(current_reactor())

    def __repr__(self) -> str:
        return f"<the current reactor: {current_reactor()!r}>"


class _Double:
    """Becomes a reactor that another is, too: it has that one's `__dict__`, and class."""


def _stand_for(name: str, value: Any) -> None:
    # Assigning another reactor's `__dict__` and then its class is how Twisted's test suite
    # lets the global reactor be the one under test; assigning ours is how it ends that.
    global _double
    if name == "__dict__":
        _double = None if value is _own else _Double()
        put_double(_double)
    if _double is not None:
        object.__setattr__(_double, name, value)


_double: _Double | None = None

if TYPE_CHECKING:
    _reactor = Reactor()
    _own: dict[str, Any]

    #: By these a checker knows the module for an `IReactorTime`, as functions take it.
    callLater = _reactor.callLater
    getDelayedCalls = _reactor.getDelayedCalls
    seconds = _reactor.seconds

    def __getattr__(name: str) -> Any: ...

else:
    _front = sys.modules[__name__] = _CurrentReactor(globals())
    fronts[__name__] = _front
    _own = _front.__dict__
