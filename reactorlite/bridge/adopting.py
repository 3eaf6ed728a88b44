"""Sockets that something else has opened: systemd, a parent process, another library."""

from __future__ import annotations

import socket

from reactorlite.internet import error


def duplicated(descriptor: int, family: int, kind: int) -> socket.socket:
    """A socket on a duplicate of `descriptor`, which doesn't block and is the caller's to close.

    Raises `OSError` for what is no socket's descriptor, and `UnsupportedAddressFamily` or
    `UnsupportedSocketType` for a socket that isn't of this family and kind.
    """
    if not isinstance(descriptor, int):
        raise TypeError(f"a descriptor is a number, not {descriptor!r}: a socket's is its fileno()")
    duplicate = socket.dup(descriptor)
    try:
        found = socket.socket(fileno=duplicate)
    except BaseException:
        socket.close(duplicate)
        raise
    wrong: Exception | None = None
    if found.family != family:
        wrong = error.UnsupportedAddressFamily(f"descriptor {descriptor} is of {found.family!r}")
    elif found.type != kind:
        wrong = error.UnsupportedSocketType(f"descriptor {descriptor} is of {found.type!r}")
    if wrong is not None:
        found.close()
        raise wrong
    found.setblocking(False)
    return found
