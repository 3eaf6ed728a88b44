"""Twisted's programming model on asyncio's own event loop, transports and TLS.

Porters change the first word of their imports, `twisted.` to `reactorlite.`. Embedders use
`reactorlite.internet.reactor` inside the loop that runs already, or `Reactor` for a scope of
its own, or `bridge.adapt` with no reactor at all.

Imports go down this table, never up, and form no cycle (`tests/test_layers.py`):

    4  front door    internet.reactor
    3  façade        internet.asyncioreactor, internet.main, internet.base, internet._residence,
    3                internet._streams, internet._datagrams, internet._processes,
    3                internet._descriptors, internet._names, internet._onereactor,
    3                internet.default, internet.epollreactor, internet.iocpreactor,
    3                internet.kqueuereactor, internet.pollreactor, internet.selectreactor
    2  bridge        bridge.*
    1  semantics     internet.defer, internet.protocol and all else in internet;
    1                protocols.*, application.*, cred.*, test.*
    0  vocabulary    python.*, logger.*, internet.error, internet.address
    0  contracts     internet.interfaces, internet._reactor_interfaces

Aside stands `porting`, which imports the standard library and finds the rest by name.
`internet._futures` is the only module below the bridge that imports asyncio, and
`internet._current` the only one that looks upwards, when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reactorlite.internet.asyncioreactor import Reactor
    from reactorlite.porting import install_as_twisted

__all__ = ["Reactor", "bridge", "install_as_twisted"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On first use: who imports one module of the package doesn't pay for the others.
    if name == "Reactor":
        from reactorlite.internet.asyncioreactor import Reactor

        return Reactor
    if name == "bridge":
        import reactorlite.bridge

        return reactorlite.bridge
    if name == "install_as_twisted":
        from reactorlite.porting import install_as_twisted

        return install_as_twisted
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
