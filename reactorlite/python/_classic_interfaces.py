"""The interface of observers for `reactorlite.python.log`; to import it is to make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.python.components import Interface

if TYPE_CHECKING:
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = ["ILogObserver"]

# Interfaces print, and are pickled, by the name of the module that people import them from.
__name__ = "reactorlite.python.log"


class ILogObserver(Interface, Protocol):
    """Is told what is logged; nobody needs to declare it."""

    def __call__(self, eventDict: dict[str, Any]) -> None:
        """Take an event, which has at least `message`, `time`, `system` and `isError`."""
