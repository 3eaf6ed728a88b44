"""Whose module answers to a name in `twisted`, where both reactorlite and Twisted have it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from reactorlite.porting.standins import PACKAGES

__all__ = ["MIRRORED", "STAY_TWISTEDS", "supported_names", "that_serves"]

MIRRORED = (26, 10, 0)
"""The version of Twisted whose API is mirrored: major, minor, micro."""

#: Ours stand aside for these when Twisted is installed, with all that is in them.
STAY_TWISTEDS = {
    # Its reactors' inner machinery, which programs don't stand on and its reactors do.
    "internet.abstract",
    "internet.base",
    "internet.posixbase",
    "internet.process",
    "internet.tcp",
    "internet.udp",
    "internet.unix",
    # One stream of events: its observers, `flushLoggedErrors` and `twistd` listen there.
    "logger",
    "python.log",
    # Paths are of one class: its modules make them, ask for them, and derive from it.
    "python.filepath",
    # What its modules derive from and `twistd` asks for; a failed import has its class.
    "application",
    "cred",
    "python.deprecate",
    "python.logfile",
    "python.procutils",
    "python.reflect",
    "python.runtime",
    "python.usage",
    "python.util",
    "python.versions",
}


def that_serves(name: str, twisted_installed: bool) -> str | None:
    """The module of ours that is to answer to `name`, or None to leave it to Twisted.

    Where Twisted is installed these are modules only, for a package of ours would hide what
    Twisted has beside it. Private modules have nothing but their names in common.
    """
    root, _, rest = name.partition(".")
    if root != "twisted" or not rest or any(part.startswith("_") for part in rest.split(".")):
        return None
    if _stays(rest) if twisted_installed else name in PACKAGES:
        return None
    ours = f"reactorlite.{rest}"
    try:
        spec = find_spec(ours)
    except ModuleNotFoundError:
        return None  # not even its package is there
    if spec is None or (twisted_installed and spec.submodule_search_locations is not None):
        return None
    return None if rest.partition(".")[0] in _OWN_PACKAGES else ours


@cache
def supported_names() -> list[str]:
    """All names in `twisted` that reactorlite serves by itself."""
    from pkgutil import iter_modules

    names, packages = [], [("reactorlite", "twisted")]
    while packages:
        ours, theirs = packages.pop()
        spec = find_spec(ours)
        for _, name, is_package in iter_modules(spec.submodule_search_locations if spec else ()):
            if name.startswith("_") or (ours == "reactorlite" and name in _OWN_PACKAGES):
                continue
            names.append(f"{theirs}.{name}")
            if is_package:
                packages.append((f"{ours}.{name}", f"{theirs}.{name}"))
    return sorted(names)


#: Packages that mirror nothing.
_OWN_PACKAGES = {"bridge", "porting"}


def _stays(rest: str) -> bool:
    return any(rest == name or rest.startswith(f"{name}.") for name in STAY_TWISTEDS)
