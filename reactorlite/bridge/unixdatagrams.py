"""Ports for datagrams over UNIX sockets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.datagrams import DatagramAdapter, DatagramPort
from reactorlite.bridge.loops import is_uvloop
from reactorlite.bridge.unixpaths import FAMILY, checked_path, has_file, remove_file
from reactorlite.internet import error
from reactorlite.internet.address import UNIXAddress
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from reactorlite.bridge.scope import Scope
    from reactorlite.bridge.unixpaths import Path


class PathAdapter(DatagramAdapter):
    """A UNIX datagram socket, seen from the loop. Peers without a name have None for address."""

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if type(addr) is bytes and is_uvloop(self._loop):
            # uvloop gives a name of Linux' abstract space in its whole field, filled with zeros.
            addr = addr.rstrip(b"\0")
        super().datagram_received(data, addr or None)


class PeerAdapter(DatagramAdapter):
    """The same, connected to one other: the protocol isn't told where datagrams come from."""

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._is_stopping:
            return
        port = self._port
        try:
            port.protocol.datagramReceived(data[: port.maxPacketSize])
        except BaseException:
            self.raised("datagramReceived")


class PathPort(DatagramPort):
    """A UNIX datagram socket, with a path or without.

    Its file stays when it is closed, as Twisted's does: who binds the path again removes it.
    """

    kind = "UNIX"
    addressFamily = FAMILY

    def __init__(
        self,
        scope: Scope,
        address: Path | None,
        protocol: Any,
        maxPacketSize: int = 8192,
        mode: int = 0o666,
    ) -> None:
        super().__init__(scope, protocol, maxPacketSize)
        self.port = None if address is None else checked_path(self.opened_by, address)
        self.mode = self._number("a number for mode", mode)

    # -- inside

    def _bind(self, fresh: socket.socket) -> None:
        if self.port is not None:
            fresh.bind(self.port)
            if has_file(self.port):
                os.chmod(self.port, self.mode)

    def _refused(self, cause: object) -> Exception:
        return error.CannotListenError(None, self.port, cause)

    def _named(self, host: Any) -> str:
        return os.fsdecode(self.port or b"")


@implementer("IUNIXDatagramTransport")
class UNIXDatagramPort(PathPort):
    """A UNIX datagram socket that `listenUNIXDatagram` opened."""

    opened_by = "listenUNIXDatagram"
    adapter = PathAdapter

    def write(self, datagram: bytes, address: Path) -> int | None:
        """Send a datagram to the socket at a path at once, and answer its size.

        None means that it found no room and is dropped. Raises `MessageLengthError` for one that
        is too large, `NotListeningError` when the port is closed, and what else the system says.
        """
        if self._socket is None:
            raise self._not_listening()
        try:
            return self._socket.sendto(datagram, checked_path("write", address))
        except OSError as exc:
            self._unsent(exc)
            return None

    def writeSequence(self, seq: Iterable[bytes], address: Path) -> int | None:
        """Send the pieces as one datagram; see `write`."""
        return self.write(b"".join(seq), address)

    @property
    def is_to_one_peer(self) -> bool:
        """Never: it sends to whom it is told."""
        return False


@implementer("IUNIXDatagramConnectedTransport")
class ConnectedUNIXDatagramPort(PathPort):
    """A UNIX datagram socket that `connectUNIXDatagram` opened, for one peer."""

    opened_by = "connectUNIXDatagram"
    adapter = PeerAdapter

    def __init__(
        self,
        scope: Scope,
        address: Path,
        protocol: Any,
        maxPacketSize: int = 8192,
        mode: int = 0o666,
        bindAddress: Path | None = None,
    ) -> None:
        super().__init__(scope, bindAddress, protocol, maxPacketSize, mode)
        self.remoteaddr = checked_path(self.opened_by, address)

    def startListening(self) -> None:
        """Bind and connect; the protocol's `connectionFailed` is told, here, if that can't be."""
        self._check_that_it_may_start()
        try:
            bound = self._bound()
        except OSError:
            self.protocol.connectionFailed(Failure())
        else:
            self._start_on(bound)

    def write(self, datagram: bytes) -> int | None:
        """Send a datagram to the peer at once; see `listenUNIXDatagram`'s.

        When the peer has gone the protocol's `connectionRefused` is called.
        """
        if self._socket is None:
            raise self._not_listening()
        try:
            return self._socket.send(datagram)
        except OSError as exc:
            self._unsent(exc)
            return None

    def writeSequence(self, seq: Iterable[bytes]) -> int | None:
        """Send the pieces as one datagram; see `write`."""
        return self.write(b"".join(seq))

    def getPeer(self) -> UNIXAddress:
        """The address of the other socket."""
        return UNIXAddress(self.remoteaddr)

    @property
    def is_to_one_peer(self) -> bool:
        """Always."""
        return True

    def _bound(self) -> socket.socket:
        fresh = super()._bound()
        try:
            fresh.connect(self.remoteaddr)
        except BaseException:
            fresh.close()
            remove_file(self.port)
            raise
        return fresh
