"""Where asyncio's loops differ: the few lines that ask which one it is."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

from reactorlite.internet._futures import running_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_UNIX = getattr(socket, "AF_UNIX", None)


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether `loop` is uvloop's, or derived from it."""
    return _is_of_uvloop(type(loop))  # type: ignore[arg-type]  # classes are hashable


def watches_descriptors(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether `loop` has `add_reader` and `add_writer`, as all but Windows' proactor have."""
    return sys.platform != "win32" or not isinstance(loop, asyncio.ProactorEventLoop)


def check_thread(loop: asyncio.AbstractEventLoop | None, call: str) -> None:
    """Raise `RuntimeError` if `loop` runs, but not in the thread that makes this call.

    What is asked of a loop from another thread is found when the loop next wakes for something
    else, or never, and on uvloop it may end the process.
    """
    if loop is not None and running_loop() is not loop and loop.is_running():
        raise RuntimeError(
            f"{call}() was called in the thread {threading.current_thread().name!r}, and the"
            f" reactor's loop runs in another: use reactor.callFromThread({call}, ...), or, for"
            f" what it returns, threads.blockingCallFromThread(reactor, {call}, ...)"
        )


def set_reuse(unbound: socket.socket, address: bool, port: bool) -> None:
    """Let others use the address, or the port, of a socket that is to be bound."""
    if address:
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port:  # an AttributeError where the system has no such thing
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def can_receive_descriptors(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the transports of `loop` can be kept from reading until descriptors are looked for.

    uvloop reads after `connection_made`, whatever was asked in it, before anything else runs.
    """
    return watches_descriptors(loop) and not is_uvloop(loop)


def exit_descriptor(loop: asyncio.AbstractEventLoop, pid: int) -> int | None:
    """A descriptor that `loop` can watch, readable once the child `pid` has exited.

    None where there is none to be had: not on Linux, in a sandbox without `pidfd_open`, or
    when no descriptor is left. A thread has to wait for the child then.
    """
    if not hasattr(os, "pidfd_open") or not watches_descriptors(loop):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def reads_early(transport: asyncio.BaseTransport) -> bool:
    """Whether data may come before the calls that were set when the connection was made.

    uvloop reads before it goes on to what `call_soon` was given meanwhile.
    """
    return _is_of_uvloop(type(transport))  # type: ignore[arg-type]  # classes are hashable


@functools.cache
def _is_of_uvloop(kind: type) -> bool:
    return any(each.__module__.startswith("uvloop") for each in kind.__mro__)


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The clock that says, on `loop`, whether a call is due.

    The monotonic clock where the loop lives by it: uvloop's `time()` is that clock, but
    read once a turn and cut to milliseconds. A loop with a time of its own keeps it.
    """
    if is_uvloop(loop) or getattr(type(loop), "time", None) is asyncio.BaseEventLoop.time:
        return monotonic
    return loop.time


def raise_from_loop(exc: BaseException) -> NoReturn:
    """Called by the loop: let a `SystemExit` or `KeyboardInterrupt` end it.

    Raised in a transport's callback instead, uvloop would take either for the transport's
    own fault.
    """
    raise exc


def is_closing(transport: asyncio.BaseTransport) -> bool:
    """Whether `transport` is being closed, be it because the connection broke.

    asyncio's warnings of writes to such a transport are spared by asking. Its TLS
    transports can't tell on every version.
    """
    try:
        return transport.is_closing()
    except NotImplementedError:
        return False


def serving(
    loop: asyncio.AbstractEventLoop,
    made: Callable[[], asyncio.Protocol],
    listening: socket.socket,
    backlog: int,
) -> Coroutine[Any, Any, asyncio.Server]:
    """What makes the server that accepts from `listening`; closing that removes no file."""
    if is_uvloop(loop) and _is_unix(listening):
        # Stock asyncio's of that name would, from 3.13 on, remove the socket's file.
        return loop.create_unix_server(made, sock=listening, backlog=backlog)
    return loop.create_server(made, sock=listening, backlog=backlog)


def _is_unix(any_socket: socket.socket) -> bool:
    # Asked of the class beneath: the attribute itself makes an enum's member each time.
    return super(socket.socket, any_socket).family == _UNIX


async def serve_connected(
    loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, connected: socket.socket
) -> None:
    """Put `protocol` on a connected socket, which is the loop's from here on."""
    transport: asyncio.BaseTransport | None = None
    try:
        if _is_unix(connected):
            transport, _ = await loop.create_unix_connection(lambda: protocol, sock=connected)
        else:
            transport, _ = await loop.create_connection(lambda: protocol, sock=connected)
    finally:
        if is_uvloop(loop):
            # uvloop takes the descriptor first and the socket object a turn later. When
            # the connection ends in between, the object would close a descriptor that is
            # somebody else's by then.
            if transport is None or transport.is_closing():
                connected.detach()
        elif transport is None:
            connected.close()
