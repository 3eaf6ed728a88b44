"""The PROXY protocol of HAProxy, versions 1 and 2, for servers behind a proxy that speaks it.

Such a proxy begins each connection with a header that says whose connection it passes on. To
the application's protocol, `transport.getPeer()` and `getHost()` are then the two ends that the
client knows; what `buildProtocol` is told, and what these answer until the header has come, is
the proxy's connection.

Whoever can connect can say to be anybody: let nobody but the proxy do so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactorlite.internet._tlsendpoints import _WrapperServerEndpoint
from reactorlite.protocols.haproxy._receiving import BehindProxyFactory

if TYPE_CHECKING:
    from reactorlite.internet import interfaces

__all__ = ["proxyEndpoint"]


def proxyEndpoint(
    wrappedEndpoint: interfaces.IStreamServerEndpoint,
) -> interfaces.IStreamServerEndpoint:
    """A server endpoint whose connections come from a proxy, and begin with its header.

    A connection that begins with something else is closed.
    """
    return _WrapperServerEndpoint(wrappedEndpoint, BehindProxyFactory)
