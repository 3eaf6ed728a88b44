"""Twisted's plugins beside our entry points, where Twisted is installed and programs are hosted."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["look_for_plugins"]

#: The group of entry points that an interface's plugins would be in.
_INTERFACES = {
    "reactorlite.stream_servers": "IStreamServerEndpointStringParser",
    "reactorlite.stream_clients": "IStreamClientEndpointStringParserWithReactor",
}


def look_for_plugins() -> None:
    """Have endpoints' descriptions of kinds that aren't ours looked up among the plugins."""
    import_module("reactorlite.internet._descriptions").sources.append(_plugin)


def _plugin(group: str, kind: str) -> Any:
    interface = getattr(import_module("twisted.internet.interfaces"), _INTERFACES[group])
    for plugin in import_module("twisted.plugin").getPlugins(interface):
        if plugin.prefix == kind:
            return plugin
    return None
