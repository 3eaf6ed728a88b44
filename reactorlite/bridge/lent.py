"""A connection's socket, as programs see it that ask a transport for it."""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.endings import Ending

if TYPE_CHECKING:
    from reactorlite.bridge.outbound import StreamTransport

#: What asyncio's view of a socket has no method for, and some programs need: urgent data,
#: a look at what has come, descriptors.
_ON_A_DUPLICATE = frozenset(
    ["recv", "recv_into", "recvfrom", "recvmsg", "send", "sendall", "sendmsg", "sendto", "shutdown"]
)


class LentSocket:
    """The socket of a connection, to look at, to set options on, and to give up.

    asyncio's own view of it answers what that can. What goes past the transport, such as
    `send` with MSG_OOB, is done on a duplicate: it knows nothing of what waits to be sent, and
    raises `OSError` once the connection is lost.
    """

    __slots__ = ("_transport", "_view")

    def __init__(self, transport: StreamTransport, view: Any) -> None:
        self._transport = transport
        self._view = view

    def __getattr__(self, name: str) -> Any:
        if name in _ON_A_DUPLICATE:
            return partial(self._on_a_duplicate, name)
        return getattr(self._view, name)

    def close(self) -> None:
        """Let go of the connection: what waits is dropped, and the protocol told from the loop.

        Nothing is said to the peer as long as a duplicate of the descriptor is open, such as
        one that `adoptStreamConnection` made, or that another process has.
        """
        out = self._transport
        if out.connected and out.ending is Ending.NONE:
            out.end(Ending.GIVEN_UP)

    def __repr__(self) -> str:
        return repr(self._view)

    def _on_a_duplicate(self, method: str, *args: Any, **kw: Any) -> Any:
        with socket.socket(fileno=os.dup(self._transport.fileno())) as duplicate:
            return getattr(duplicate, method)(*args, **kw)
