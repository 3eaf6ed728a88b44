"""Choosing the default reactor, and the reasons for ends of connections that are ready-made."""

from __future__ import annotations

from typing import Any

from reactorlite.internet._constants import CONNECTION_DONE, CONNECTION_LOST
from reactorlite.internet._residence import set_default

__all__ = ["CONNECTION_DONE", "CONNECTION_LOST", "installReactor"]


def installReactor(reactor: Any) -> None:
    """Make `reactor` what `reactorlite.internet.reactor` stands for outside running loops.

    Any object will do: one that isn't a `Reactor`, such as a test's, stands everywhere.
    Raises `ReactorAlreadyInstalledError` when there is a reactor that has been used.
    """
    set_default(reactor)
