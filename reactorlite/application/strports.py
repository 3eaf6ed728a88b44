"""Servers as services, from text: see `reactorlite.internet.endpoints` for what it may say."""

from __future__ import annotations

from typing import Any

from reactorlite.application.internet import StreamServerEndpointService
from reactorlite.internet._current import current_reactor
from reactorlite.internet.endpoints import _parseServer, serverFromString

__all__ = ["listen", "service"]


def service(description: str, factory: Any, reactor: Any = None) -> StreamServerEndpointService:
    """Make a service that listens where the description says.

    It raises when it is started if it can't listen. Raises `ValueError` for a description of
    nothing known.
    """
    chosen = current_reactor() if reactor is None else reactor
    made = StreamServerEndpointService(serverFromString(chosen, description), factory)
    made._raiseSynchronously = True
    return made


def listen(description: str, factory: Any) -> Any:
    """Listen where the description says, by the current reactor; returns the port."""
    method, arguments, options = _parseServer(description, factory)
    return getattr(current_reactor(), f"listen{method}")(*arguments, **options)
