"""The import rule: down the table in the package's docstring, never up, and in no circle."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import reactorlite

ROOT = Path(reactorlite.__file__).parent
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}
PACKAGES = {name for name, path in SOURCES.items() if path.name == "__init__.py"}

UPWARDS = {("internet._current", "internet.asyncioreactor")}
"""The labelled exception: the look-up of the current reactor, when it is called."""

ASIDE = set(re.findall(r"^Aside stands `(\w+)`", reactorlite.__doc__ or "", re.MULTILINE))
"""Packages that the table leaves out: what makes programs run, and no part of what they run on."""

ASYNCIO_BELOW_THE_BRIDGE = {"internet._futures"}
ZOPE = {"python._zope"}
OPTIONAL = {
    "internet._crypto": {"cryptography", "OpenSSL"},
    "internet._pyopenssl": {"OpenSSL"},
    "internet.serialport": {"serial"},
}
"""Who may import, in a call, what is used where it is installed, and needed nowhere."""

BY_ANY_NAME = {"python.reflect"}
"""Who imports what programs name, for them."""


class Import(NamedTuple):
    """One import that is carried out at some time, at the top of a module or in a call."""

    module: str
    deferred: bool
    by_name: bool = False


def layers() -> dict[str, int]:
    """The table: exact names and patterns `package.*`, each with its layer."""
    rows = re.findall(r"^ {4}(\d)  (.*)$", reactorlite.__doc__ or "", re.MULTILINE)
    table = {}
    for layer, row in rows:
        for pattern in re.findall(r"\b\w+\.(?:\w+|\*)", row):
            table[pattern] = int(layer)
        for package in re.findall(r"all else in (\w+)", row):
            table[f"{package}.*"] = int(layer)
    return table


def layer_of(name: str) -> int:
    """The layer of a module; a package that only holds modules has that of its lowest."""
    table = layers()
    if name in table:
        return table[name]
    pattern = f"{name.partition('.')[0]}.*"
    assert pattern in table, f"the table in reactorlite/__init__.py has no row for {name}"
    return table[pattern]


def imports(name: str) -> set[Import]:
    """What a module imports at run time."""
    tree = ast.parse(SOURCES[name].read_text("utf-8"))
    return set(_imports(name, tree, deferred=False))


def _imports(name: str, node: ast.AST, deferred: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_for_checkers(child.test):
            for otherwise in child.orelse:
                yield from _imports(name, ast.Module([otherwise], []), deferred)
            continue
        for module in _imported(name, child):
            yield Import(module, deferred)
        if isinstance(child, ast.Call) and _called(child) in ("import_module", "__import__"):
            yield Import(_named(name, child), deferred, by_name=True)
        is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _imports(name, child, deferred or is_function)


def _is_for_checkers(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {getattr(test, "id", None), getattr(test, "attr", None)}


def _imported(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = _absolute(name, node)
        for alias in node.names:
            inner = f"{origin}.{alias.name}"
            yield inner if inner.removeprefix("reactorlite.") in SOURCES else origin


def _named(name: str, call: ast.Call) -> str:
    named = call.args[0]
    if isinstance(named, ast.Constant):
        return str(named.value)
    assert is_aside(name) or name in BY_ANY_NAME, f"{name} imports a module that can't be told"
    return "?"


def _absolute(name: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = ["reactorlite", *name.split("."), *([""] if name in PACKAGES else [])]
    return ".".join([*parts[: -node.level], *([node.module] if node.module else [])])


def _called(node: ast.Call) -> str | None:
    return getattr(node.func, "attr", None) or getattr(node.func, "id", None)


def ours(name: str) -> set[str]:
    """The modules of the package that a module imports, without the labelled exception."""
    found = {i.module for i in imports(name) if i.module.partition(".")[0] == "reactorlite"}
    inner = {module.removeprefix("reactorlite").lstrip(".") for module in found}
    return {module for module in inner if module and (name, module) not in UPWARDS}


def statements(name: str) -> set[str]:
    """The modules of the package that a module imports by a statement, not by name."""
    return ours(name) - {
        i.module.removeprefix("reactorlite").lstrip(".") for i in imports(name) if i.by_name
    }


def foreign(name: str) -> set[str]:
    """The top-level names of what a module imports from elsewhere."""
    return {i.module.partition(".")[0] for i in imports(name)} - {"reactorlite"}


def is_aside(name: str) -> bool:
    """Whether a module stands beside the layers, and finds them by name only."""
    return name == "__main__" or name.partition(".")[0] in ASIDE


ALL = sorted(set(SOURCES) - PACKAGES | {p for p in PACKAGES if imports(p)})
MODULES = [name for name in ALL if not is_aside(name)]


def test_table_is_read():
    """The table in the package's docstring gives a layer to each of five kinds of module."""
    table = layers()

    assert table["internet.reactor"] == 4
    assert table["internet.asyncioreactor"] == 3
    assert table["bridge.*"] == 2
    assert table["internet.*"] == 1
    assert table["python.*"] == 0


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name):
    """No module imports from a layer above its own, at the top or in a call."""
    own = layer_of(name)

    upwards = {module for module in ours(name) if layer_of(module) > own}

    assert not upwards


def test_front_door_is_imported_by_nothing():
    """What stands for the current reactor is for programs; the library asks `_current`."""
    visitors = {name for name in MODULES if "internet.reactor" in ours(name)}

    assert not visitors


def test_no_import_cycles():
    """Imports form no circle, those in calls included."""
    graph = {name: statements(name) if is_aside(name) else ours(name) for name in ALL}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))


def test_exception_is_in_use():
    """The labelled upward import is a call's, and is there."""
    for name, module in UPWARDS:
        assert Import(f"reactorlite.{module}", deferred=True) in imports(name)
        assert Import(f"reactorlite.{module}", deferred=False) not in imports(name)


def test_package_itself_imports_nothing():
    """`import reactorlite` imports none of its modules; they come with the first use."""
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))

    found = set(_imports("", tree, deferred=False))

    assert all(i.deferred for i in found if i.module.startswith("reactorlite"))


def test_asyncio_is_for_the_bridge_and_above():
    """Below the bridge, one module knows asyncio."""
    below = {name for name in MODULES if layer_of(name) < 2 and "asyncio" in foreign(name)}

    assert below == ASYNCIO_BELOW_THE_BRIDGE


def test_zope_is_for_one_module():
    """Where zope.interface is installed it is met in one place."""
    asking = {
        name
        for name in MODULES
        if any(i.module.startswith("zope") for i in imports(name) if not _is_a_probe(name, i))
    }

    assert asking == ZOPE


def _is_a_probe(name: str, found: Import) -> bool:
    """Whether `components` only looks if zope.interface is there, to choose what backs it."""
    return name == "python.components" and found == ("zope.interface", True, True)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_else_is_needed(name):
    """Every other import is of the standard library, or of what need not be there."""
    elsewhere = foreign(name) - set(sys.stdlib_module_names) - {"__future__", "?"}

    assert elsewhere <= {"zope"} | OPTIONAL.get(name, set())


def test_what_is_optional_is_imported_in_calls():
    """To import a module takes nothing that need not be there."""
    for name, optional in OPTIONAL.items():
        found = {i for i in imports(name) if i.module.partition(".")[0] in optional}

        assert {i.module.partition(".")[0] for i in found} == optional
        assert all(i.deferred for i in found)


def test_something_stands_aside():
    """The docstring names what stands beside the table."""
    assert sorted(ASIDE) == ["porting"]


@pytest.mark.parametrize("name", [name for name in ALL if is_aside(name)])
def test_aside_imports_only_the_standard_library(name):
    """What stands aside imports the standard library and itself; it finds the rest by name."""
    stated = {i.module for i in imports(name) if not i.by_name}

    elsewhere = {module.partition(".")[0] for module in stated} - set(sys.stdlib_module_names)
    inner = {module for module in statements(name) if not is_aside(module)}

    assert elsewhere <= {"reactorlite", "__future__"}
    assert not inner


def test_layers_import_nothing_from_aside():
    """No module of a layer needs what stands beside them."""
    visitors = {name for name in MODULES if any(is_aside(module) for module in ours(name))}

    assert not visitors
