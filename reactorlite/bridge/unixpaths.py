"""Where UNIX sockets are: the names they are bound to, and the files that some of these have."""

from __future__ import annotations

import os
import socket
from typing import Any

from reactorlite.python import log
from reactorlite.python.failure import Failure

#: The family of UNIX sockets; None on a system without them.
FAMILY: Any = getattr(socket, "AF_UNIX", None)

Path = str | bytes | os.PathLike[str]


def checked_path(where: str, path: Any) -> str | bytes:
    """`path` as text or bytes; `TypeError` for what is none.

    Raises `NotImplementedError` on a system that has no UNIX sockets.
    """
    if FAMILY is None:
        raise NotImplementedError(f"{where}(): this system's Python has no UNIX sockets")
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{where}() takes the path of a socket as text or bytes, not {path!r}")
    return os.fspath(path)


def has_file(path: str | bytes) -> bool:
    """Whether a socket at `path` has a file: none has one in Linux' abstract space.

    There is where "" stands for some free name, too.
    """
    return path[:1] not in ("", b"", "\0", b"\0")


def remove_file(path: str | bytes | None) -> None:
    """Remove the file of a socket that is closed, if it has one; a failure is logged."""
    if path is not None and has_file(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # removed already, or moved: nothing of it is left here
        except OSError:
            log.err(Failure(), f"The socket {os.fsdecode(path)!r} could not be removed")
