"""Where a port of TCP is bound, or a connection comes from, and what it shares.

What `twisted.internet.tcp` has beside that is for its own reactors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reactorlite.internet.interfaces import Binding

__all__ = ["makeBinding"]


def makeBinding(
    interface: str = "", port: int = 0, reuseAddress: bool = False, reusePort: bool = False
) -> Binding:
    """What `listenTCP` takes in the place of a port, and `connectTCP` for a `bindAddress`.

    With `reusePort` several sockets, of several processes too, may listen on one port, and the
    system spreads the connections over them, where it has SO_REUSEPORT. With `reuseAddress` a
    port that was in use a moment ago may be bound, which `listenTCP` asks for by itself where
    it is given a number.
    """
    from reactorlite.internet.interfaces import Binding, _Binding

    return Binding(_Binding(interface, port, reuseAddress, reusePort))
