"""How a host is reached: its addresses, one after the other, and a socket that is connected."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import IP_FAMILIES, name_to_bind
from reactorlite.bridge.errands import Writable
from reactorlite.bridge.loops import serve_connected, set_reuse, watches_descriptors
from reactorlite.internet import error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reactorlite.bridge.inbound import StreamAdapter

    #: finds where a host is, for a port
    LookUp = Callable[[asyncio.AbstractEventLoop, str, int], Awaitable["list[Target]"]]

    #: makes a socket of a family, to connect with
    Opening = Callable[[int], socket.socket]

#: What `connect` says of an attempt that goes on in the background.
_ON_ITS_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR, errno.EALREADY)

#: Whether `connect`, when asked a second time, tells how the attempt goes, and 0 for success.
_ASKS_AGAIN = sys.platform == "linux"

#: Seconds until a UNIX socket is asked again whether there is room in its queue.
_QUEUE_IS_FULL = 0.02

#: family and socket address, as `socket.socket` and `connect` want them
Target = tuple[int, Any]


async def connect_first(
    loop: asyncio.AbstractEventLoop,
    adapter: StreamAdapter,
    host: str,
    port: int,
    opening: Opening,
    look_up: LookUp | None = None,
) -> None:
    """Connect `adapter` to the first address of `host` that answers, IPv4 before IPv6.

    Raises Twisted's errors, of the first address when none answers.
    """
    first: Exception | None = None
    for target in await targets(loop, host, port, look_up):
        try:
            connected = await connected_to(loop, target, opening)
        except error.ConnectError as exc:
            first = first or exc
            continue
        await serve_connected(loop, adapter, connected)
        return
    try:
        raise first or error.DNSLookupError(f"{host!r} has no address")
    finally:
        del first  # whose traceback holds this frame


async def targets(
    loop: asyncio.AbstractEventLoop, host: str, port: int, look_up: LookUp | None = None
) -> list[Target]:
    """The addresses of `host`, IPv4 first, by `look_up` or else by the loop's resolver.

    Literal addresses need no look-up.
    """
    if not 0 <= port <= 65535:
        raise OverflowError("connect_ex(): port must be 0-65535.")
    known = literal(host or "0.0.0.0", port)
    if known is not None:
        return [known]
    found = await (look_up or _by_loop)(loop, host, port)
    return sorted(dict.fromkeys(found), key=lambda target: target[0] != socket.AF_INET)


async def _by_loop(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Target]:
    try:
        # In a task: a resolver may be a coroutine with time-outs of its own.
        looking_up = loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = await asyncio.ensure_future(looking_up, loop=loop)
    except (OSError, ValueError) as exc:  # text that is no name, a NUL in it
        raise error.DNSLookupError(f"no address was found for {host!r}: {exc}") from exc
    return [(family, address) for family, _, _, _, address in found]


async def first_ipv4(loop: asyncio.AbstractEventLoop, name: str) -> str:
    """The IPv4 address of `name`, as text; `DNSLookupError` when it has none."""
    for family, address in await targets(loop, name, 0):
        if family == socket.AF_INET:
            return str(address[0])
    raise error.DNSLookupError(f"{name!r} has no IPv4 address")


async def connected_to(
    loop: asyncio.AbstractEventLoop, target: Target, opening: Opening
) -> socket.socket:
    """A socket that is connected to `target`; raises a `ConnectError`, and leaves nothing open."""
    family, address = target
    connecting = opening(family)
    try:
        await _reached(loop, connecting, address)
    except OSError as exc:
        connecting.close()
        raise error.getConnectError(exc) from exc
    except BaseException:
        connecting.close()
        raise
    return connecting


def opened(family: int, bind_address: Any = None) -> socket.socket:
    """A socket to connect with, bound to `bind_address`; raises `ConnectBindError`."""
    try:
        protocol = socket.IPPROTO_TCP if family in IP_FAMILIES else 0
        connecting = socket.socket(family, socket.SOCK_STREAM, protocol)
    except OSError as exc:
        raise error.ConnectBindError(exc.errno, exc.strerror) from exc
    try:
        connecting.setblocking(False)
        if bind_address is not None:
            _bind(connecting, bind_address)
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _reached(
    loop: asyncio.AbstractEventLoop, connecting: socket.socket, address: Any
) -> None:
    if not watches_descriptors(loop):
        await loop.sock_connect(connecting, address)
        return
    code = connecting.connect_ex(address)
    while code == errno.EAGAIN and connecting.family not in IP_FAMILIES:
        # The queue of a UNIX socket is full: nothing is on its way, and no event will tell.
        await asyncio.sleep(_QUEUE_IS_FULL)
        code = connecting.connect_ex(address)
    if code == errno.EINPROGRESS and _ASKS_AGAIN:
        # A peer on this machine has answered by now: the socket needn't be watched. Two turns are
        # waited for, in which a server in this loop accepts: it is not to hear of the connection
        # only when a client that closes at once has seen its end.
        code = connecting.connect_ex(address)
        if not code:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    if code in _ON_ITS_WAY:
        await Writable(loop, connecting)
        code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _bind(connecting: socket.socket, bind_address: Any) -> None:
    try:
        if not isinstance(bind_address, tuple):  # a Binding
            set_reuse(connecting, bind_address._reuseAddress, bind_address._reusePort)
            bind_address = (bind_address._address or "", bind_address._port)
        connecting.bind(name_to_bind(connecting.family, *bind_address))
    except OSError as exc:
        raise error.ConnectBindError(exc.errno, exc.strerror) from exc


def literal(host: str, port: int) -> Target | None:
    """Where `host` is, if it is an address and no name."""
    if ":" not in host:
        try:
            socket.inet_pton(socket.AF_INET, host)
        except (OSError, ValueError):  # a NUL in it
            return None
        return (socket.AF_INET, (host, port))
    address, _, scope = host.partition("%")
    try:
        socket.inet_pton(socket.AF_INET6, address)
        number = 0 if not scope else int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    except (OSError, ValueError):
        return None
    return (socket.AF_INET6, (address, port, 0, number))
