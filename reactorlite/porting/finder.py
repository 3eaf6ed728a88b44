"""The import finder: `import twisted.X` gives the very module that `import reactorlite.X` gives.

It stands first on `sys.meta_path`. What reactorlite has no module for, and what the table
leaves to Twisted, comes from the Twisted that is installed; without one, packages of ours
stand for its packages.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

from reactorlite.porting.table import MIRRORED, supported_names, that_serves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from types import ModuleType
else:
    Loader = object  # importlib.abc costs more than all that is needed here

__all__ = ["install_as_twisted"]


def install_as_twisted() -> None:
    """From now on, let `import twisted.X` give `reactorlite.X` where reactorlite has an X.

    Call it before anything imports `twisted.internet`; to call it again changes nothing. An
    installed Twisted provides what reactorlite lacks, and its log hears ours. Raises
    `RuntimeError` when modules that are to be ours were imported from Twisted already.
    """
    if any(isinstance(each, _Finder) for each in sys.meta_path):
        return
    finder = _Finder()
    early = [name for name in list(sys.modules) if finder.comes_too_late_for(name)]
    if early:
        raise RuntimeError(
            "install_as_twisted() comes too late: imported from Twisted already were"
            f" {_enumerated(early)}. Call it before the first import of twisted.internet, or"
            " start the program with `python -m reactorlite run`"
        )
    sys.meta_path.insert(0, finder)
    if finder.twisted_installed:
        from reactorlite.porting.plugins import look_for_plugins
        from reactorlite.porting.republishing import republish

        republish()
        look_for_plugins()


class _Finder:
    """Finds the modules of `twisted`, ours first."""

    def __init__(self) -> None:
        spec = _from_others("twisted", None)
        # A directory `twisted/plugins` somewhere on the path, as projects have, is no Twisted.
        self.twisted_installed = spec is not None and spec.origin is not None

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find `twisted` or a module in it; None for all others.

        Raises `ModuleNotFoundError` for one that nobody has, and says there what would have.
        """
        if name != "twisted" and not name.startswith("twisted."):
            return None
        ours = that_serves(name, self.twisted_installed)
        if ours is not None:
            return ModuleSpec(name, _Alias(ours))
        found = self._theirs(name, path, target)
        if found is None:
            raise ModuleNotFoundError(self._what_is_missing(name), name=name)
        return found

    def _theirs(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        if self.twisted_installed:
            return _from_others(name, path, target)
        return _stand_in_spec(name)

    def comes_too_late_for(self, name: str) -> bool:
        """Whether a module that was imported is one that should have been ours."""
        if name == "twisted.internet":
            return True
        ours = that_serves(name, self.twisted_installed)
        return ours is not None and sys.modules[name] is not sys.modules.get(ours)

    def _what_is_missing(self, name: str) -> str:
        if self.twisted_installed:
            why = "neither reactorlite nor the installed Twisted has it"
        else:
            why = (
                "reactorlite has no module for it, and Twisted, which may have one to run on"
                " reactorlite, is not installed (`pip install Twisted`)"
            )
        from difflib import get_close_matches  # needed for mistakes only

        supported = supported_names()
        near = get_close_matches(name, supported, 4) or _neighbours(name, supported)
        hint = f". Names near to it that reactorlite serves: {', '.join(near)}" if near else ""
        return f"No module named {name!r}: {why}{hint}"


# The frames of Python's own finders are left out of tracebacks by the name of their file. A
# program that asks a failed import how deep it failed, as Twisted does, must not meet ours.
_Finder.find_spec.__code__ = _Finder.find_spec.__code__.replace(
    co_filename="<frozen importlib._bootstrap>"
)


class _Alias(Loader):
    """Loads a module by putting one of ours in its place."""

    def __init__(self, ours: str) -> None:
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave the making to the import system."""
        # To return ours from here would give it the `__spec__` of this import.
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Import ours, and put it where the import system looks for the result."""
        import_module(self._ours)
        ours = sys.modules[self._ours]
        sys.modules[module.__name__] = ours
        if self._ours == "reactorlite.internet.reactor":
            import_module("reactorlite.internet._residence").fronts[module.__name__] = ours


def _from_others(
    name: str, path: Sequence[str] | None, target: ModuleType | None = None
) -> ModuleSpec | None:
    """What the finders that come after ours find."""
    for each in sys.meta_path:
        if not isinstance(each, _Finder) and hasattr(each, "find_spec"):
            spec = each.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def _stand_in_spec(name: str) -> ModuleSpec | None:
    from reactorlite.porting.standins import PACKAGES, STAND_INS, StandIn

    if name not in STAND_INS:
        return None
    is_package = name in PACKAGES
    return ModuleSpec(name, StandIn(MIRRORED), origin="reactorlite", is_package=is_package)


def _neighbours(name: str, supported: list[str]) -> list[str]:
    """Names in the same package, by the first letter that they share."""
    package = name.rpartition(".")[0]
    last = name.rpartition(".")[2]
    return [
        each
        for each in supported
        if each.rpartition(".")[0] == package and each.rpartition(".")[2][:1] == last[:1]
    ][:4]


def _enumerated(names: list[str]) -> str:
    shown = sorted(names)[:5]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
