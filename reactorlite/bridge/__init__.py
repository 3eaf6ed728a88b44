"""Everything that knows both asyncio and Twisted's model; no reactor is needed for it.

`adapt` takes a Twisted-style factory to asyncio's `create_server` and friends; `as_factory`
takes an asyncio protocol the other way.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.inbound import StreamAdapter, checked_factory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from reactorlite.internet.protocol import ClientFactory

__all__ = ["adapt", "as_factory"]


def adapt(factory: Any) -> Callable[[], StreamAdapter]:
    """What asyncio calls a protocol factory, for a Twisted-style `factory`.

    For `loop.create_server`, `create_connection`, `create_unix_server`,
    `create_unix_connection` and `connect_accepted_socket`, with or without `ssl`. Each
    connection gets a protocol from `factory.buildProtocol`. `doStart` and `doStop` are the
    caller's to call, how a connection attempt ends is `create_connection`'s to tell, and
    connections that are open when the loop ends are the caller's to close.

        server = await loop.create_server(adapt(factory), "127.0.0.1", 8007)
    """
    return partial(StreamAdapter, checked_factory("adapt", factory))


def as_factory(protocol_factory: Callable[[], asyncio.BaseProtocol]) -> ClientFactory[Any]:
    """A factory for `listenTCP` and `connectTCP` whose connections asyncio protocols serve.

    `protocol_factory` takes nothing and makes an `asyncio.Protocol` or a
    `BufferedProtocol`, as for `loop.create_server`. The reverse of `adapt`.
    """
    from reactorlite.bridge.native import NativeFactory

    return NativeFactory(protocol_factory)
