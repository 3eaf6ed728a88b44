"""What stands for Twisted's packages, and for what says its version, where it is not there."""

from __future__ import annotations

from functools import total_ordering
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc costs more than all that is needed here

__all__ = ["PACKAGES", "STAND_INS", "StandIn", "Version"]

#: Those that hold modules, and nothing else. Ours are no good for them: what programs import from
#: a package goes by the package's own name, and would not be in `sys.modules` under Twisted's.
PACKAGES = {
    "twisted",
    "twisted.application",
    "twisted.internet",
    "twisted.protocols",
    "twisted.python",
    "twisted.test",
}

STAND_INS = {*PACKAGES, "twisted._version", "twisted.copyright"}


@total_ordering
class Version:
    """A version of a package, with the names that Twisted's has for its parts."""

    def __init__(self, package: str, major: int, minor: int, micro: int) -> None:
        self.package = package
        self.major, self.minor, self.micro = major, minor, micro

    def public(self) -> str:
        """The version as people write it, such as "26.10.0"."""
        return f"{self.major}.{self.minor}.{self.micro}"

    base = short = local = public

    def __str__(self) -> str:
        return f"[{self.package}, version {self.public()}]"

    def __repr__(self) -> str:
        return f"Version({self.package!r}, {self.major}, {self.minor}, {self.micro})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._parts() == other._parts()

    def __lt__(self, other: Version) -> bool:
        return self._parts() < other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[str, int, int, int]:
        return (self.package, self.major, self.minor, self.micro)


class StandIn(Loader):
    """Loads a module that has the version, or nothing."""

    def __init__(self, version: tuple[int, int, int]) -> None:
        self._version = Version("Twisted", *version)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave the making to the import system."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Give a module what its counterpart in Twisted says of the version."""
        version = self._version
        told: dict[str, object] = {}
        if module.__name__ in PACKAGES:
            module.__doc__ = "Stands for Twisted, which is not installed: see `reactorlite`."
        if module.__name__ == "twisted":
            told = {"__version__": version.short(), "version": version}
        elif module.__name__ == "twisted.copyright":
            told = {"version": version.short(), "longversion": str(version)}
        elif module.__name__ == "twisted._version":
            told = {"__version__": version}
        module.__dict__.update(told)
