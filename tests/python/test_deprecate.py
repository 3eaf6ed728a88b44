"""Functions that will go, and files that are beside others."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from reactorlite.python.deprecate import deprecated
from reactorlite.python.util import sibpath
from reactorlite.python.versions import Version

SINCE = Version("Pkg", 1, 2, 3)


def newer() -> None:
    """What is to be used."""


@deprecated(SINCE)
def older(a: int, b: int = 2) -> tuple[int, int]:
    """Return both.

    As they are.
    """
    return a, b


@deprecated(SINCE, newer)
def replaced() -> None:  # noqa: D103  # it has none
    return


class Thing:
    """Has a method that will go."""

    @deprecated(SINCE, "Thing.other")
    def method(self) -> str:
        """Say so."""
        return "said"


def warned(call: Callable[[], Any]) -> tuple[Any, warnings.WarningMessage]:
    """What a call returned, and the one warning that it gave."""
    with pytest.warns(DeprecationWarning, match="was deprecated in") as warned:
        result = call()
    [warning] = warned
    return result, warning


def test_call_warns() -> None:
    """A call does what it did, and warns where it was made, by the name and the version."""
    result, warning = warned(lambda: older(1, b=3))

    assert result == (1, 3)
    assert str(warning.message) == f"{__name__}.older was deprecated in Pkg 1.2.3"
    assert warning.filename == __file__


def test_replacement_is_named() -> None:
    """What is to be used instead is named, as it was given or by its own name."""
    texts = [str(warned(call)[1].message) for call in (replaced, Thing().method)]

    assert texts == [
        f"{__name__}.replaced was deprecated in Pkg 1.2.3; please use {__name__}.newer instead",
        f"{__name__}.Thing.method was deprecated in Pkg 1.2.3; please use Thing.other instead",
    ]


def test_function_looks_as_it_did() -> None:
    """Name and signature stay; the docstring says it too."""
    assert (older.__name__, list(inspect.signature(older).parameters)) == ("older", ["a", "b"])
    assert older.__doc__ == "Return both.\n\nAs they are.\n\nDeprecated in Pkg 1.2.3."
    assert replaced.__doc__ == f"Deprecated in Pkg 1.2.3; please use {__name__}.newer instead."
    assert older.deprecatedVersion is SINCE


def test_beside() -> None:
    """A file's sibling is in the same folder, wherever the program is."""
    assert sibpath(os.path.join(os.sep, "a", "b.py"), "c") == os.path.join(os.sep, "a", "c")
    assert sibpath("b.py", "c") == os.path.abspath("c")
