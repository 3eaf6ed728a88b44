"""The reactor's part that opens streams: ports to listen on and connections."""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.connecting import Connector
from reactorlite.bridge.listening import Port
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from reactorlite.bridge.scope import Scope


@implementer("IReactorTCP", "IReactorSSL")
class Streams:
    """What a reactor does with streams."""

    if TYPE_CHECKING:
        _scope: Scope
        _as_current: Callable[[], AbstractContextManager[None]]

    # -- TCP

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        """Listen on `port`, or on a free one if it is 0; `factory` makes the protocols.

        `interface` is a local address: "" for all of IPv4, "::" for IPv6. The port is bound
        when this returns; clients are served when the reactor has a loop. Raises
        `CannotListenError` when the address can't be had.
        """
        listening = Port(self._scope, port, factory, backlog, interface)
        with self._as_current():
            listening.startListening()
        return listening

    def connectTCP(
        self,
        host: str | bytes,
        port: int | str,
        factory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Connector:
        """Connect to `host`, a name or an address, within `timeout` seconds.

        `bindAddress` is the local address to come from. All outcomes are told to
        `factory`. Raises `ServiceNameUnknownError` for a port name that isn't known.
        """
        connector = Connector(self._scope, host, port, factory, timeout, bindAddress)
        if _get_running_loop() is not None:
            connector.connect()
        else:
            with self._as_current():
                connector.connect()
        return connector

    # -- TLS

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> Port:
        """Listen as `listenTCP` does, and speak TLS as `contextFactory` says.

        That is a context factory, such as `PrivateCertificate.options()` gives, or an
        `ssl.SSLContext`; `TypeError` for anything else. Protocols are made when a client has
        connected, before the handshake, and what they write waits for it.
        """
        from reactorlite.bridge.secure import TLSPort

        listening = TLSPort(self._scope, port, factory, contextFactory, backlog, interface)
        with self._as_current():
            listening.startListening()
        return listening

    def connectSSL(
        self,
        host: str | bytes,
        port: int | str,
        factory: Any,
        contextFactory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Connector:
        """Connect as `connectTCP` does, and speak TLS as `contextFactory` says.

        That is what `optionsForClientTLS` gives, another context factory, or an
        `ssl.SSLContext`, with which the certificate has to be that of `host`; `TypeError` for
        anything else. `timeout` is for the connection, not for the handshake after it.
        """
        from reactorlite.bridge.secure import TLSConnector

        connector = TLSConnector(
            self._scope, host, port, factory, contextFactory, timeout, bindAddress
        )
        if _get_running_loop() is not None:
            connector.connect()
        else:
            with self._as_current():
                connector.connect()
        return connector
