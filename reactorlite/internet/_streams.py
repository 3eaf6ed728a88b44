"""The reactor's part that opens streams: ports to listen on and connections."""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any, TypeVar

from reactorlite.bridge.connecting import Connector
from reactorlite.bridge.listening import Port
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from os import PathLike

    from reactorlite.bridge.adoptedstreams import AdoptedPort
    from reactorlite.bridge.connecting import StreamConnector
    from reactorlite.bridge.listening import StreamPort
    from reactorlite.bridge.scope import Scope
    from reactorlite.bridge.unixsockets import UNIXConnector, UNIXPort

    P = TypeVar("P", bound=StreamPort)
    C = TypeVar("C", bound=StreamConnector)


@implementer("IReactorTCP", "IReactorSSL", "IReactorUNIX")
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
        return self._listening(Port(self._scope, port, factory, backlog, interface))

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
        return self._connecting(Connector(self._scope, host, port, factory, timeout, bindAddress))

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

        return self._listening(
            TLSPort(self._scope, port, factory, contextFactory, backlog, interface)
        )

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

        return self._connecting(
            TLSConnector(self._scope, host, port, factory, contextFactory, timeout, bindAddress)
        )

    # -- UNIX sockets

    def listenUNIX(
        self,
        address: str | bytes | PathLike[str],
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> UNIXPort:
        """Listen at a path, with the permissions `mode`; the file is removed at the end.

        A name that begins with NUL is of Linux' abstract space, and has no file. `wantPID` asks
        for a lock file beside the socket, so that the socket of a process that died is replaced
        and `connectUNIX` can ask whether one is alive. Raises `CannotListenError` when the path
        can't be had: it is too long, its directory isn't there, it is in use, it is locked.
        """
        from reactorlite.bridge.unixsockets import UNIXPort

        return self._listening(UNIXPort(self._scope, address, factory, backlog, mode, wantPID))

    def connectUNIX(
        self,
        address: str | bytes | PathLike[str],
        factory: Any,
        timeout: float | None = 30,
        checkPID: bool = False,
    ) -> UNIXConnector:
        """Connect to the UNIX socket at a path, or by a name that begins with NUL.

        With `checkPID` a socket fails with `BadFileError` unless a process that is alive has the
        lock file beside it. All outcomes are told to `factory`.
        """
        from reactorlite.bridge.unixsockets import UNIXConnector

        return self._connecting(UNIXConnector(self._scope, address, factory, timeout, checkPID))

    # -- what something else has opened

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> AdoptedPort:
        """Accept connections on a socket that is bound, of AF_INET, AF_INET6 or AF_UNIX.

        The descriptor is duplicated: the caller's own stays the caller's to close. Raises
        `OSError` for what is no descriptor of a socket, or of one that is connected,
        `UnsupportedAddressFamily` for any other family than the socket's, and
        `UnsupportedSocketType` for a socket that isn't for streams.
        """
        from reactorlite.bridge.adoptedstreams import AdoptedPort

        return self._listening(AdoptedPort(self._scope, fileDescriptor, addressFamily, factory))

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> None:
        """Serve a socket that is connected, with a protocol of `factory`'s.

        The protocol is made on the loop's next turn. `doStart` and `doStop` of the factory
        aren't called. The descriptor is duplicated, and errors are raised, as by
        `adoptStreamPort`.
        """
        from reactorlite.bridge.adoptedstreams import AdoptedConnection

        AdoptedConnection(self._scope, fileDescriptor, addressFamily, factory).start()

    # -- inside

    def _listening(self, port: P) -> P:
        with self._as_current():
            port.startListening()
        return port

    def _connecting(self, connector: C) -> C:
        if _get_running_loop() is not None:
            connector.connect()
        else:
            with self._as_current():
                connector.connect()
        return connector
