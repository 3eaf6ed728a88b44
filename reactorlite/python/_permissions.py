"""What a mode lets the owner, the group and others do."""

from __future__ import annotations

import stat
from typing import NamedTuple


class RWX(NamedTuple):
    """Whether somebody may read, write, and execute."""

    read: bool
    write: bool
    execute: bool

    def shorthand(self) -> str:
        """As in "r-x"."""
        return "".join(letter if may else "-" for letter, may in zip("rwx", self, strict=True))


class Permissions:
    """The permissions in a mode, such as 0o755, of the `user`, the `group` and the `other`."""

    def __init__(self, statModeInt: int) -> None:
        mode = stat.S_IMODE(statModeInt)
        self.user, self.group, self.other = (
            RWX(bool(mode >> shift & 4), bool(mode >> shift & 2), bool(mode >> shift & 1))
            for shift in (6, 3, 0)
        )

    def shorthand(self) -> str:
        """As in "rwxr-xr-x"."""
        return "".join(each.shorthand() for each in (self.user, self.group, self.other))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Permissions):
            return NotImplemented
        return self.shorthand() == other.shorthand()

    def __hash__(self) -> int:
        return hash(self.shorthand())

    def __repr__(self) -> str:
        return f"[{self.user!r} | {self.group!r} | {self.other!r}]"
