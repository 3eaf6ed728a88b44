"""Versions: how they are written, and which comes first."""

from __future__ import annotations

import pytest

from reactorlite.python.versions import IncomparableVersions, Version, getVersionString

IN_ORDER = [
    Version("p", 1, 2, 3, release_candidate=1, dev=1),
    Version("p", 1, 2, 3, release_candidate=1),
    Version("p", 1, 2, 3, release_candidate=1, post=1),
    Version("p", 1, 2, 3, dev=1),
    Version("p", 1, 2, 3),
    Version("p", 1, 2, 3, post=1, dev=1),
    Version("p", 1, 2, 3, post=1),
    Version("p", 1, 10, 0),
    Version("p", "NEXT", 0, 0),
]


def test_order() -> None:
    """Versions of a package are in order, and each is only as it is."""
    assert sorted(reversed(IN_ORDER)) == IN_ORDER
    assert len(set(IN_ORDER)) == len(IN_ORDER)
    assert Version("p", 1, 0, 0) == Version("P", 1, 0, 0) >= Version("p", 1, 0, 0)


@pytest.mark.parametrize("other", [Version("q", 1, 2, 3), "1.2.3"])
def test_no_order(other: object) -> None:
    """Versions of different packages have no order, nor has a version and what is none."""
    mine = Version("p", 1, 2, 3)

    assert mine != other
    with pytest.raises(TypeError):
        mine < other  # noqa: B015  # it is what raises
    assert issubclass(IncomparableVersions, TypeError)


@pytest.mark.parametrize(
    ("further", "text", "told"),
    [
        ({}, "1.2.3", ""),
        ({"release_candidate": 4}, "1.2.3rc4", ", release_candidate=4"),
        ({"prerelease": 4}, "1.2.3rc4", ", release_candidate=4"),
        ({"post": 5, "dev": 0}, "1.2.3.post5.dev0", ", post=5, dev=0"),
    ],
)
def test_text(further: dict[str, int], text: str, told: str) -> None:
    """A version is written as packages' are."""
    version = Version("p", 1, 2, 3, **further)

    assert {version.public(), version.short(), version.base(), version.local()} == {text}
    assert str(version) == f"[p, version {text}]"
    assert repr(version) == f"Version('p', 1, 2, 3{told})"
    assert getVersionString(version) == f"p {text}"
    assert version.prerelease == version.release_candidate


def test_to_come() -> None:
    """A version that is to come has a name and no number."""
    assert Version("p", "NEXT", 0, 0).public() == "NEXT"
