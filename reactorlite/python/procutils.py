"""Where programs are."""

from __future__ import annotations

import os

__all__ = ["which"]


def which(name: str, flags: int = os.X_OK) -> list[str]:
    """Return all files of that name on `PATH`, in its order, that may be accessed so.

    The name may leave out one of the endings in `PATHEXT`.
    """
    folders = filter(None, os.environ.get("PATH", "").split(os.pathsep))
    endings = ["", *filter(None, os.environ.get("PATHEXT", "").split(os.pathsep))]
    candidates = (os.path.join(folder, name) + end for folder in folders for end in endings)
    return [candidate for candidate in candidates if os.access(candidate, flags)]
