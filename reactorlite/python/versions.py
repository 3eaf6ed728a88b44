"""Versions of packages, which can be compared. Twisted's own answer to the name in `twisted`."""

from __future__ import annotations

from functools import total_ordering
from math import inf
from typing import Any

__all__ = ["IncomparableVersions", "Version", "getVersionString"]


class IncomparableVersions(TypeError):
    """Two versions are of different packages, so that neither comes before the other."""


@total_ordering
class Version:
    """A version of a package. `major` is a number, or "NEXT" for one that is to come.

    A release candidate comes before its release, `post` behind it, and `dev` before what it is
    the development of.
    """

    def __init__(
        self,
        package: str,
        major: int | str,
        minor: int,
        micro: int,
        release_candidate: int | None = None,
        prerelease: int | None = None,
        post: int | None = None,
        dev: int | None = None,
    ) -> None:
        self.package = package
        self.major, self.minor, self.micro = major, minor, micro
        self.release_candidate = prerelease if release_candidate is None else release_candidate
        self.post, self.dev = post, dev

    @property
    def prerelease(self) -> int | None:
        """The number of the release candidate, by its old name."""
        return self.release_candidate

    def public(self) -> str:
        """The version as people write it, such as "26.10.0rc1"."""
        if self.major == "NEXT":
            return self.major
        text = f"{self.major}.{self.minor}.{self.micro}"
        further = {"rc": self.release_candidate, ".post": self.post, ".dev": self.dev}
        return text + "".join(f"{n}{v}" for n, v in further.items() if v is not None)

    base = short = local = public

    def __str__(self) -> str:
        return f"[{self.package}, version {self.public()}]"

    def __repr__(self) -> str:
        further = {n: getattr(self, n) for n in ("release_candidate", "post", "dev")}
        told = "".join(f", {n}={v!r}" for n, v in further.items() if v is not None)
        return f"Version({self.package!r}, {self.major!r}, {self.minor}, {self.micro}{told})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __lt__(self, other: object) -> Any:
        if not isinstance(other, Version):
            return NotImplemented
        (package, *mine), (of_other, *its) = self._key(), other._key()
        if package != of_other:
            raise IncomparableVersions(f"{self.package!r} is not {other.package!r}")
        return mine < its

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        """The package, and what sorts its versions."""
        return (
            self.package.lower(),
            inf if self.major == "NEXT" else self.major,
            self.minor,
            self.micro,
            inf if self.release_candidate is None else self.release_candidate,
            -1 if self.post is None else self.post,
            inf if self.dev is None else self.dev,
        )


def getVersionString(version: Version) -> str:
    """Return the name of the package and its version, such as "Twisted 26.10.0"."""
    return f"{version.package} {version.public()}"
