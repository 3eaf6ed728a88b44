"""What the modules of Twisted's other reactors have: an `install()` that gives the one there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactorlite.internet import asyncioreactor
from reactorlite.python import log

if TYPE_CHECKING:
    from collections.abc import Callable

_said: set[str] = set()

#: pytest-twisted looks beside `default.install` for a class that is named as the module.
_OneReactor = asyncioreactor.Reactor


def installer(module: str) -> Callable[[], None]:
    """Make the `install` of a module that in Twisted has a reactor of its own."""

    def install() -> None:
        """Make reactorlite's reactor the default, as `asyncioreactor.install` does.

        The log says so, once. Raises `ReactorAlreadyInstalledError` when there is a default
        that has been used.
        """
        asyncioreactor.install()
        if module not in _said:
            _said.add(module)
            log.msg(f"{module}.install() gives reactorlite's reactor, on asyncio's own loop")

    return install
