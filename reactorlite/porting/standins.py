"""What stands for Twisted's packages, and for what says its version, where it is not there."""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc costs more than all that is needed here

__all__ = ["PACKAGES", "STAND_INS", "StandIn"]

#: Those that hold modules, and nothing else. Ours are no good for them: what programs import from
#: a package goes by the package's own name, and would not be in `sys.modules` under Twisted's.
PACKAGES = {
    "twisted",
    "twisted.application",
    "twisted.cred",
    "twisted.internet",
    "twisted.protocols",
    "twisted.python",
    "twisted.test",
}

STAND_INS = {*PACKAGES, "twisted._version", "twisted.copyright"}


class StandIn(Loader):
    """Loads a module that has the version, or nothing."""

    def __init__(self, version: tuple[int, int, int]) -> None:
        self._numbers = version

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave the making to the import system."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Give a module what its counterpart in Twisted says of the version."""
        version = import_module("reactorlite.python.versions").Version("Twisted", *self._numbers)
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
