"""What a connector has for a transport while it is connecting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket as sockets

    from reactorlite.bridge.connecting import StreamConnector


class Unconnected:
    """The transport that is to be: it has a socket, and can be given up.

    There is one per attempt, for programs that look at `connector.transport` before the
    factory has built a protocol.
    """

    #: What log lines call it.
    logstr = "Uninitialized"
    connected = 0
    disconnecting = disconnected = False
    protocol = None

    def __init__(self, connector: StreamConnector) -> None:
        self.connector = connector

    @property
    def socket(self) -> sockets.socket:
        """The socket by which the attempt goes, bound if there is a `bindAddress`.

        That is one for IPv4 where the host is a name; if only IPv6 addresses are found for it,
        the attempt takes another. Raises `ConnectBindError` when it can't be bound.
        """
        return self.connector.open_early()

    def getHandle(self) -> sockets.socket:
        """The socket (see `socket`)."""
        return self.socket

    def getPeer(self) -> Any:
        """Where the connection is to go to."""
        return self.connector.getDestination()

    def loseConnection(self) -> None:
        """Give the attempt up, as the connector's `stopConnecting`."""
        if self.connector.state == "connecting":
            self.connector.stopConnecting()

    abortConnection = loseConnection

    def logPrefix(self) -> str:
        """What log lines call it."""
        return self.logstr

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} of {self.connector!r}>"
