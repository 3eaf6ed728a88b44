"""The reactor's part that opens datagram ports.

What serves them is imported by the call that needs it: most programs have no datagrams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from reactorlite.bridge.datagrams import DatagramPort
    from reactorlite.bridge.multicast import MulticastPort
    from reactorlite.bridge.scope import Scope
    from reactorlite.bridge.udp import UDPPort
    from reactorlite.bridge.unixdatagrams import (
        ConnectedUNIXDatagramPort,
        UNIXDatagramPort,
    )
    from reactorlite.bridge.unixpaths import Path

    P = TypeVar("P", bound=DatagramPort)


@implementer("IReactorUDP", "IReactorMulticast", "IReactorUNIXDatagram")
class Datagrams:
    """What a reactor does with datagrams."""

    if TYPE_CHECKING:
        _scope: Scope
        _as_current: Callable[[], AbstractContextManager[None]]

    # -- UDP

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> UDPPort:
        """Bind `port`, or a free one if it is 0; `protocol` gets the datagrams.

        `interface` is a local address: "" for all of IPv4, "::" for IPv6. What is longer than
        `maxPacketSize` bytes is cut. The port is bound when this returns, and can be written to;
        datagrams are received when the reactor has a loop. Raises `CannotListenError` when the
        address can't be had, and `InvalidAddressError` for an interface that is a name.
        """
        from reactorlite.bridge.udp import UDPPort

        return self._started(UDPPort(self._scope, port, protocol, interface, maxPacketSize))

    def listenMulticast(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> MulticastPort:
        """Do the same for a port that can join multicast groups.

        With `listenMultiple`, others that ask for it too may have the same port on this host.
        """
        from reactorlite.bridge.multicast import MulticastPort

        return self._started(
            MulticastPort(self._scope, port, protocol, interface, maxPacketSize, listenMultiple)
        )

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: int, protocol: Any, maxPacketSize: int = 8192
    ) -> UDPPort:
        """Receive on a UDP socket that is bound, of the family AF_INET or AF_INET6.

        The descriptor is duplicated: the caller's own stays the caller's to close. Raises
        `OSError` for what is no descriptor, `UnsupportedAddressFamily` for any other family than
        the socket's, and `UnsupportedSocketType` for a socket that isn't for datagrams.
        """
        from reactorlite.bridge.udp import AdoptedUDPPort

        return self._started(
            AdoptedUDPPort(self._scope, fileDescriptor, addressFamily, protocol, maxPacketSize)
        )

    # -- UNIX

    def listenUNIXDatagram(
        self, address: Path, protocol: Any, maxPacketSize: int = 8192, mode: int = 0o666
    ) -> UNIXDatagramPort:
        """Bind a socket at the path `address`, with the file mode `mode`.

        Its file is there when this returns, and stays when the port is closed. Raises
        `CannotListenError` when the path can't be had.
        """
        from reactorlite.bridge.unixdatagrams import UNIXDatagramPort

        return self._started(UNIXDatagramPort(self._scope, address, protocol, maxPacketSize, mode))

    def connectUNIXDatagram(
        self,
        address: Path,
        protocol: Any,
        maxPacketSize: int = 8192,
        mode: int = 0o666,
        bindAddress: Path | None = None,
    ) -> ConnectedUNIXDatagramPort:
        """Talk to the socket at the path `address` only; without a `bindAddress` it can't answer.

        If there is none, the protocol's `connectionFailed` is called before this returns.
        """
        from reactorlite.bridge.unixdatagrams import ConnectedUNIXDatagramPort

        return self._started(
            ConnectedUNIXDatagramPort(
                self._scope, address, protocol, maxPacketSize, mode, bindAddress
            )
        )

    # -- inside

    def _started(self, port: P) -> P:
        with self._as_current():
            port.startListening()
        return port
