"""Endpoints of the streams that a reactor opens by itself: TCP, TLS and UNIX sockets.

What an endpoint was given it keeps in attributes with the names that they have in Twisted. They
are private there too, and still looked at by programs.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet._attempts import attempted
from reactorlite.internet._naming import cancelled, looked_up
from reactorlite.internet._resolving import host_of, version_of
from reactorlite.internet.address import HostnameAddress, IPv6Address
from reactorlite.internet.defer import Deferred, execute, fail
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from reactorlite.internet import interfaces

# ── servers ──────────────────────────────────────────────────────────────────────────────


@implementer("IStreamServerEndpoint")
class _TCPServerEndpoint:
    """A port of this host's, of one address family."""

    def __init__(self, reactor: Any, port: int, backlog: int, interface: str) -> None:
        self._reactor = reactor
        self._port = port
        self._backlog = backlog
        self._interface = interface

    def listen(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Listen, at once; the Deferred gives the port, or fails with `CannotListenError`."""
        return execute(
            self._reactor.listenTCP,
            self._port,
            protocolFactory,
            backlog=self._backlog,
            interface=self._interface,
        )


class TCP4ServerEndpoint(_TCPServerEndpoint):
    """A TCP port on IPv4; `interface` is the local address, "" for all."""

    def __init__(self, reactor: Any, port: int, backlog: int = 50, interface: str = "") -> None:
        super().__init__(reactor, port, backlog, interface)


class TCP6ServerEndpoint(_TCPServerEndpoint):
    """A TCP port on IPv6; `interface` is the local address, "::" for all."""

    def __init__(self, reactor: Any, port: int, backlog: int = 50, interface: str = "::") -> None:
        super().__init__(reactor, port, backlog, interface)


class SSL4ServerEndpoint(_TCPServerEndpoint):
    """A TCP port that speaks TLS, as `sslContextFactory` says."""

    def __init__(
        self,
        reactor: Any,
        port: int,
        sslContextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> None:
        super().__init__(reactor, port, backlog, interface)
        self._sslContextFactory = sslContextFactory

    def listen(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Listen, at once; the Deferred gives the port, or fails with `CannotListenError`."""
        return execute(
            self._reactor.listenSSL,
            self._port,
            protocolFactory,
            contextFactory=self._sslContextFactory,
            backlog=self._backlog,
            interface=self._interface,
        )


@implementer("IStreamServerEndpoint")
class UNIXServerEndpoint:
    """A UNIX socket at a path, with the permissions `mode`, and with `wantPID` a lock file."""

    def __init__(
        self,
        reactor: Any,
        address: str | bytes,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._backlog = backlog
        self._mode = mode
        self._wantPID = wantPID

    def listen(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Listen, at once; the Deferred gives the port, or fails with `CannotListenError`."""
        return execute(
            self._reactor.listenUNIX,
            self._address,
            protocolFactory,
            backlog=self._backlog,
            mode=self._mode,
            wantPID=self._wantPID,
        )


@implementer("IStreamServerEndpoint")
class AdoptedStreamServerEndpoint:
    """A socket that something else has bound and listens on, by its descriptor."""

    # Apart so that tests with a number that is no descriptor can do without.
    _close = staticmethod(os.close)

    def __init__(self, reactor: Any, fileno: int, addressFamily: int) -> None:
        self.reactor = reactor
        self.fileno = fileno
        self.addressFamily = addressFamily
        self._used = False

    @staticmethod
    def _setNonBlocking(fd: int) -> None:
        os.set_blocking(fd, False)

    def listen(self, factory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Accept connections, once: the reactor has a copy, and the descriptor is closed.

        The Deferred gives the port. It fails with `AlreadyListened` the next time.
        """
        if self._used:
            return fail(error.AlreadyListened())
        self._used = True
        return execute(self._adopt, factory)

    def _adopt(self, factory: Any) -> Any:
        self._setNonBlocking(self.fileno)
        port = self.reactor.adoptStreamPort(self.fileno, self.addressFamily, factory)
        self._close(self.fileno)
        return port


# ── clients ──────────────────────────────────────────────────────────────────────────────


@implementer("IStreamClientEndpoint")
class TCP4ClientEndpoint:
    """A TCP port of a host's, by address or by a name with an IPv4 address.

    `timeout` is how many seconds an attempt may take, `bindAddress` the local address to come
    from: `(host, port)`, or a host alone.
    """

    def __init__(
        self, reactor: Any, host: str, port: int, timeout: float = 30, bindAddress: Any = None
    ) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._timeout = timeout
        self._bindAddress = bindAddress

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the protocol, and to cancel it gives up."""
        return self._connected(self._host, protocolFactory)

    def _connected(self, host: str, factory: Any) -> Deferred[Any]:
        return attempted(
            self._begin,
            host,
            self._port,
            factory=factory,
            timeout=self._timeout,
            bindAddress=self._bindAddress,
        )

    @property
    def _begin(self) -> Any:
        """What starts an attempt: the reactor's method, as it is when it is needed."""
        return self._reactor.connectTCP


class TCP6ClientEndpoint(TCP4ClientEndpoint):
    """A TCP port of a host's, by IPv6 address or by a name with one; see `TCP4ClientEndpoint`."""

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the protocol, and to cancel it gives up.

        It fails with `DNSLookupError` for a name that has no IPv6 address.
        """
        if version_of(self._host) == 6:
            return self._connected(self._host, protocolFactory)
        going = self._nameResolution(self._host)
        going.addErrback(cancelled, HostnameAddress(self._host.encode(), self._port))
        return going.addCallback(lambda found: self._connected(found[0][4][0], protocolFactory))

    # As in Twisted, where tests of programs put others in its place.
    def _nameResolution(self, host: str) -> Deferred[list[Any]]:
        """Find where a host is, told as `socket.getaddrinfo` does."""
        found = looked_up(self._reactor, host, self._port, [IPv6Address])
        return found.addCallback(self._first_told)

    def _first_told(self, found: list[Any]) -> list[Any]:
        for address in found:
            if isinstance(address, IPv6Address):
                where = (host_of(address), address.port)
                return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
        raise error.DNSLookupError(f"no IPv6 address was found for {self._host!r}")


class SSL4ClientEndpoint(TCP4ClientEndpoint):
    """A TCP port of a host's that speaks TLS, as `sslContextFactory` says."""

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        sslContextFactory: Any,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> None:
        super().__init__(reactor, host, port, timeout, bindAddress)
        self._sslContextFactory = sslContextFactory

    def _begin(self, host: str, port: int, factory: Any, **options: Any) -> None:
        self._reactor.connectSSL(host, port, factory, self._sslContextFactory, **options)


@implementer("IStreamClientEndpoint")
class UNIXClientEndpoint:
    """The UNIX socket at a path; with `checkPID`, one whose lock file says that it is alive."""

    def __init__(
        self, reactor: Any, path: str | bytes, timeout: float = 30, checkPID: bool = False
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._timeout = timeout
        self._checkPID = checkPID

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the protocol, and to cancel it gives up."""
        return attempted(
            self._reactor.connectUNIX,
            self._path,
            factory=protocolFactory,
            timeout=self._timeout,
            checkPID=self._checkPID,
        )
