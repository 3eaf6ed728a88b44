"""The interfaces of the log, apart because to import them is to make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.logger._observers import (
    FileLogObserver,
    FilteringLogObserver,
    LegacyLogObserverWrapper,
    LogLevelFilterPredicate,
    STDLibLogObserver,
)
from reactorlite.python._events import LogPublisher
from reactorlite.python.components import Interface, implementer

if TYPE_CHECKING:
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = ["ILogFilterPredicate", "ILogObserver"]

# Interfaces print, and are pickled, by the name of the module that people import them from.
__name__ = "reactorlite.logger"


class ILogObserver(Interface, Protocol):
    """Is told events."""

    def __call__(self, event: dict[str, Any]) -> None:
        """Take an event. It is everybody's: an observer changes nothing in it."""


class ILogFilterPredicate(Interface, Protocol):
    """Decides which events an observer is told."""

    def __call__(self, event: dict[str, Any]) -> Any:
        """Answer a `PredicateResult`: "maybe" leaves it to the next predicate."""


# Said here and not where the classes are: they can be used, and mostly are, without interfaces.
for _observer in (
    FileLogObserver,
    FilteringLogObserver,
    LegacyLogObserverWrapper,
    LogPublisher,
    STDLibLogObserver,
):
    implementer(ILogObserver)(_observer)
implementer(ILogFilterPredicate)(LogLevelFilterPredicate)
