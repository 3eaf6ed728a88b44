"""Objects by their names, names of objects, and text of any object."""

from __future__ import annotations

import os.path
import sys
from typing import Any

import pytest

from reactorlite.python import reflect
from reactorlite.python.reflect import (
    InvalidName,
    ModuleNotFound,
    ObjectNotFound,
    accumulateClassList,
    fullyQualifiedName,
    namedAny,
    namedModule,
    prefixedMethodNames,
    prefixedMethods,
    qual,
    requireModule,
    safe_repr,
    safe_str,
)

MODULES = {
    "__init__": "",
    "good": "value = 7",
    "needy": "import nothing_of_that_name",
    "broken": "1 / 0",
    "refusing": "raise ImportError('not here')",
}


class Outer:
    """A class with something in it."""

    class Inner:
        """A class in a class."""

    def method(self) -> None:
        """Do nothing."""


@pytest.fixture
def package(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package with modules good and bad."""
    folder = tmp_path / "reflected"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "reflected"]:
        monkeypatch.delitem(sys.modules, name)
    return "reflected"


# ── from a name ──────────────────────────────────────────────────────────────────────────


def test_name_of_anything(package: str) -> None:
    """A name finds a package, a module in it, what is in that, and attributes of it."""
    assert namedAny(package).__name__ == package
    assert namedAny(f"{package}.good").value == 7
    assert namedAny(f"{package}.good.value") == 7
    assert namedAny(f"{package}.good.value.real") == 7
    assert namedAny("os.path.join") is os.path.join
    assert namedModule(f"{package}.good") is namedAny(f"{package}.good")


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b"])
def test_no_name(name: str) -> None:
    """What can't be a name is refused."""
    with pytest.raises(InvalidName):
        namedAny(name)


def test_name_of_nothing(package: str) -> None:
    """What is not there is told by how much of it is."""
    with pytest.raises(ModuleNotFound):
        namedAny("nothing_of_that_name")
    with pytest.raises(ObjectNotFound):
        namedAny("nothing_of_that_name.at.all")
    with pytest.raises(AttributeError, match="nothing"):
        namedAny(f"{package}.good.nothing")
    with pytest.raises(AttributeError, match="nothing"):
        namedAny(f"{package}.nothing.at_all")


@pytest.mark.parametrize(
    ("name", "error"),
    [("needy", ModuleNotFoundError), ("broken", ZeroDivisionError), ("refusing", ImportError)],
)
def test_module_that_cannot_be_imported(package: str, name: str, error: type) -> None:
    """Why a module that is there can't be imported is not hidden."""
    with pytest.raises(error):
        namedAny(f"{package}.{name}.thing")


def test_module_if_there(package: str) -> None:
    """A module that can't be imported is None, or what was asked for; other errors pass."""
    assert requireModule(f"{package}.good").value == 7
    assert requireModule(f"{package}.nothing") is None
    assert requireModule(f"{package}.needy", "default") == "default"
    with pytest.raises(ZeroDivisionError):
        requireModule(f"{package}.broken")


# ── to a name ────────────────────────────────────────────────────────────────────────────


def test_name_of_a_class() -> None:
    """`qual` names a class in its module."""
    assert qual(Outer) == f"{__name__}.Outer"
    assert qual(Outer.Inner) == f"{__name__}.Inner"
    assert qual(int) == "builtins.int"


def test_full_name() -> None:
    """`fullyQualifiedName` names modules, and what is nested."""
    assert fullyQualifiedName(os) == "os"
    assert fullyQualifiedName(Outer.Inner) == f"{__name__}.Outer.Inner"
    assert fullyQualifiedName(Outer.method) == f"{__name__}.Outer.method"
    assert fullyQualifiedName(Outer().method) == f"{__name__}.Outer.method"
    assert fullyQualifiedName(len) == "len"
    assert fullyQualifiedName(int) == "builtins.int"
    with pytest.raises(AttributeError):
        fullyQualifiedName(Outer())


# ── of a class ───────────────────────────────────────────────────────────────────────────


class Base:
    """Has methods, and a list."""

    listed = ["base"]
    do_nothing = 1

    def do_this(self) -> str:
        """Say so."""
        return "this"

    def other(self) -> None:
        """Do nothing."""


class Derived(Base):
    """Has more of them."""

    listed = ["derived"]

    def do_this(self) -> str:
        """Say otherwise."""
        return "not this"

    def do_that(self) -> str:
        """Say so."""
        return "that"


class Last(Derived):
    """Adds nothing."""


def test_methods_by_prefix() -> None:
    """Methods of a class and its bases are found once each, the bases' first."""
    assert prefixedMethodNames(Last, "do_") == ["this", "that"]
    assert [method() for method in prefixedMethods(Last(), "do_")] == ["not this", "that"]
    assert prefixedMethodNames(Base, "") == ["do_this", "other"]


def test_lists_of_bases_are_put_together() -> None:
    """What lists of one name hold is collected, the bases' first."""
    found: list[str] = []

    accumulateClassList(Last, "listed", found)

    assert found == ["base", "derived"]


def test_own_list_counts_below_a_base() -> None:
    """With a base, the class's own list counts only if it extends that one."""
    lists: dict[Any, list[str]] = {Base: [], Outer: []}

    for base, found in lists.items():
        accumulateClassList(Derived, "listed", found, base)

    assert lists == {Base: ["base", "derived"], Outer: ["base"]}


# ── to text ──────────────────────────────────────────────────────────────────────────────


class Broken:
    """Can't be printed."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Nameless(type):
    """Makes classes that can't even be named."""

    @property
    def __name__(cls) -> str:
        raise ValueError("no name")

    def __repr__(cls) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize("safely", [safe_str, safe_repr])
@pytest.mark.parametrize("thing", [Broken(), Nameless("Named", (Broken,), {})()])
def test_what_cannot_be_printed(safely: Any, thing: object) -> None:
    """Text of what can't be printed says what it is, and why it can't."""
    text = safely(thing)

    assert "ValueError: no text" in text
    assert hex(id(thing)) in text


def test_what_can_be_printed() -> None:
    """Text of all else is what it prints, of bytes what stands in them."""
    assert (safe_str(3), safe_repr("x")) == ("3", "'x'")
    assert (safe_str("é".encode()), safe_str(b"\xff")) == ("é", r"b'\xff'")


def test_errors_are_mistakes_in_a_value() -> None:
    """The errors are `ValueError`s."""
    for error in (reflect.InvalidName, reflect.ModuleNotFound, reflect.ObjectNotFound):
        assert issubclass(error, ValueError)
