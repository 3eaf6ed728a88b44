"""The current reactor, as `from reactorlite.internet import reactor` gives it.

What is imported is one object that passes everything on to the reactor of the moment (see
`asyncioreactor.current_reactor`), so that importing it decides nothing: no loop is made, no
descriptor opened, and a module may be imported long before the loop that it will serve runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from reactorlite.internet.asyncioreactor import current_reactor

if TYPE_CHECKING:
    from reactorlite.internet.asyncioreactor import Reactor


class _CurrentReactor:
    """Passes attributes on, both ways; only `__class__` and `__dict__` are its own."""

    def __init__(self, module: dict[str, Any]) -> None:
        # What the import system asks of a module must not make a reactor.
        for name in ("__name__", "__doc__", "__file__", "__spec__", "__loader__", "__package__"):
            self.__dict__[name] = module.get(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(current_reactor(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(current_reactor(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(current_reactor(), name)

    def __dir__(self) -> list[str]:
        return dir(current_reactor())

    def __repr__(self) -> str:
        return f"<the current reactor: {current_reactor()!r}>"


if TYPE_CHECKING:
    _reactor: Reactor

    def __getattr__(name: str) -> Any: ...

else:
    sys.modules[__name__] = _CurrentReactor(globals())
