"""What passes on Twisted's own asyncio reactor, kept so that a run needs our side only.

A file for each of Twisted's packages: a line `[module]`, then a line for each class of tests,
with the names of those that succeed. `python -m tests.conformance --baseline` writes them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.metadata import version
from pathlib import Path

from tests.conformance.modules import package_of

DIRECTORY = Path(__file__).with_name("baseline")
HEAD = "# Passing on"
NEEDED = ("OpenSSL", "appdirs", "bcrypt", "cryptography", "h2", "hamcrest", "serial", "wsproto")


def environment() -> str:
    """That in which tests are run here, as far as it matters to which of them pass."""
    python = "{}.{}".format(*sys.version_info)
    user = "root" if hasattr(os, "geteuid") and os.geteuid() == 0 else "a user"
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    without = f", without {' and '.join(missing)}" if missing else ""
    return f"Twisted {version('Twisted')}, Python {python}, {sys.platform}, as {user}{without}"


def fits() -> bool:
    """Whether what is kept was found in an environment like this."""
    heads = {file.open(encoding="utf-8").readline() for file in DIRECTORY.glob("*.txt")}
    return heads == {_head()}


def read() -> dict[str, set[str]]:
    """The tests that pass, by the module that runs them."""
    kept: dict[str, set[str]] = {}
    for file in DIRECTORY.glob("*.txt"):
        module = ""
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("["):
                module = line.strip("[]")
                kept[module] = set()
            elif not line.startswith("#"):
                owner, *names = line.split()
                full = f"{module}{owner}" if owner.startswith(".") else owner
                kept[module].update(f"{full}.{name}" for name in names)
    return kept


def write(passing: dict[str, set[str]]) -> None:
    """Keep the tests that pass, in the place of those that were kept of the same modules."""
    kept = {**read(), **passing} if fits() else passing
    DIRECTORY.mkdir(exist_ok=True)
    for package in {package_of(module) for module in kept}:
        modules = sorted(module for module in kept if package_of(module) == package)
        lines = [_head().rstrip(), *(_of_module(module, kept[module]) for module in modules)]
        (DIRECTORY / f"{package}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _head() -> str:
    return f"{HEAD} {environment()}.\n"


def _of_module(module: str, tests: set[str]) -> str:
    classes: dict[str, list[str]] = {}
    for test in sorted(tests):
        owner, _, name = test.rpartition(".")
        # A class that a module has from another keeps the other's name.
        owner = owner.removeprefix(module) if owner.startswith(f"{module}.") else owner
        classes.setdefault(owner, []).append(name)
    return "\n".join([f"[{module}]", *(f"{k} {' '.join(v)}" for k, v in classes.items())])
