"""The sockets that systemd, or what does as it does, hands to a process it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

__all__ = ["ListenFDs"]


class ListenFDs:
    """Descriptors that a process was given, and the names that came with them, in one order."""

    _START = 3

    def __init__(self, descriptors: Sequence[int], names: Sequence[str] = ()) -> None:
        self._descriptors = list(descriptors)
        self._names = tuple(names)

    @classmethod
    def fromEnvironment(
        cls, environ: Mapping[str, str] | None = None, start: int | None = None
    ) -> ListenFDs:
        """Read what `sd_listen_fds(3)` describes: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.

        The first descriptor is `start`, or 3. What is meant for another process, or makes no
        sense, is nothing. The variables are taken out of `environ`, or of `os.environ`, where
        it can be changed, so that no child takes them for its own.
        """
        given = os.environ if environ is None else environ
        first = cls._START if start is None else start
        try:
            meant_for, count = int(given["LISTEN_PID"]), int(given["LISTEN_FDS"])
        except (KeyError, ValueError):
            return cls([])
        if meant_for != os.getpid():
            return cls([])
        told = given.get("LISTEN_FDNAMES")
        names = told.split(":") if told is not None and count else []
        for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            if hasattr(given, "pop"):
                given.pop(variable, None)
        if names and len(names) != count:
            return cls([])
        return cls(range(first, first + count), names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ListenFDs):
            return NotImplemented
        return (self._descriptors, self._names) == (other._descriptors, other._names)

    def __hash__(self) -> int:
        return hash((tuple(self._descriptors), self._names))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({self._descriptors}, {self._names})"

    def inheritedDescriptors(self) -> list[int]:
        """The descriptors, in their order."""
        return list(self._descriptors)

    def inheritedNamedDescriptors(self) -> dict[str, int]:
        """The descriptors by name; of several with one name, the last."""
        return dict(zip(self._names, self._descriptors, strict=False))
