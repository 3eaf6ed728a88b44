"""Ports and connectors whose connections are encrypted from their first byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.bridge.connecting import Connector
from reactorlite.bridge.inbound import ClientAdapter, StreamAdapter
from reactorlite.bridge.listening import Port
from reactorlite.bridge.tls import SecureTransport, TLSLayer, host_of
from reactorlite.internet._terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.bridge.scope import Scope


class TLSAdapter(StreamAdapter):
    """A server's connection that is to be encrypted from its beginning."""

    __slots__ = ()

    transport = SecureTransport

    def connection_made(self, transport: Any) -> None:
        _made_secure(self, super().connection_made, transport)


class TLSClientAdapter(ClientAdapter):
    """A client's connection that is to be encrypted from its beginning."""

    __slots__ = ()

    transport = SecureTransport

    def connection_made(self, transport: Any) -> None:
        _made_secure(self, super().connection_made, transport)


def _made_secure(
    adapter: StreamAdapter, connection_made: Callable[[Any], None], transport: Any
) -> None:
    layer = TLSLayer(adapter, transport)
    connection_made(layer)
    if adapter.out is None:
        return
    try:
        layer.begin(adapter.owner.terms.session(adapter.out, host_of(adapter)))
    except Exception:
        adapter.raised("the beginning of TLS")


class TLSPort(Port):
    """A port that `listenSSL` opened."""

    opened_by = "listenSSL"
    adapter = TLSAdapter
    kind = "TLS"

    def __init__(
        self,
        scope: Scope,
        port: int,
        factory: Any,
        contextFactory: Any,
        backlog: int = 50,
        interface: str | bytes = "",
    ) -> None:
        super().__init__(scope, port, factory, backlog, interface)
        self.terms = Terms(self.opened_by, contextFactory, False, factory)

    def _caption(self) -> str:
        return f"{super()._caption()} (TLS)"


class TLSConnector(Connector):
    """A client's connection that `connectSSL` asked for."""

    made_by = "connectSSL"
    adapter = TLSClientAdapter

    def __init__(
        self,
        scope: Scope,
        host: str | bytes,
        port: int | str,
        factory: Any,
        contextFactory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(scope, host, port, factory, timeout, bindAddress)
        self.terms = Terms(self.made_by, contextFactory, True, factory)
