"""Where a connection goes to or comes from.

Addresses are values: those of one class with equal fields are equal, hash alike and sort by
their fields. They hold what Twisted's hold and nothing besides (no further attribute can be set
on one), because two of them are made for every connection.
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable
from typing import Any, Literal

from reactorlite.python.components import implementer

__all__ = ["HostnameAddress", "IPv4Address", "IPv6Address", "UNIXAddress"]


@functools.total_ordering
class _Value:
    """Sorted and printed by the fields that `__match_args__` names."""

    __slots__ = ("__weakref__",)
    __match_args__: tuple[str, ...] = ()
    _values: Callable[[Any], Any]

    def __lt__(self, other: Any) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(self._values(self) < self._values(other))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({fields})"


def _unknown(type: object) -> ValueError:
    return ValueError(f"'type' must be 'TCP' or 'UDP', not {type!r}")


@implementer("IAddress")
class IPv4Address(_Value):
    """An IPv4 host, as a dotted quad, and a port. `ValueError` for a type but "TCP" and "UDP"."""

    __slots__ = ("host", "port", "type")
    __match_args__ = ("type", "host", "port")
    _values = staticmethod(operator.attrgetter(*__match_args__))

    def __init__(self, type: Literal["TCP", "UDP"], host: str, port: int) -> None:
        if type != "TCP" and type != "UDP":
            raise _unknown(type)
        self.type = type
        self.host = host
        self.port = port

    def __eq__(self, other: Any) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return (self.type, self.host, self.port) == (other.type, other.host, other.port)

    def __hash__(self) -> int:
        return hash((self.type, self.host, self.port))


@implementer("IAddress")
class IPv6Address(_Value):
    """An IPv6 host and a port. `ValueError` for a type but "TCP" and "UDP".

    `scopeID` says which link a link-local host is on, as a number or an interface's name.
    """

    __slots__ = ("flowInfo", "host", "port", "scopeID", "type")
    __match_args__ = ("type", "host", "port", "flowInfo", "scopeID")
    _values = staticmethod(operator.attrgetter(*__match_args__))

    def __init__(
        self,
        type: Literal["TCP", "UDP"],
        host: str,
        port: int,
        flowInfo: int = 0,
        scopeID: str | int = 0,
    ) -> None:
        if type != "TCP" and type != "UDP":
            raise _unknown(type)
        self.type = type
        self.host = host
        self.port = port
        self.flowInfo = flowInfo
        self.scopeID = scopeID

    def __eq__(self, other: Any) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return (self.type, self.host, self.port, self.flowInfo, self.scopeID) == (
            other.type,
            other.host,
            other.port,
            other.flowInfo,
            other.scopeID,
        )

    def __hash__(self) -> int:
        return hash((self.type, self.host, self.port, self.flowInfo, self.scopeID))


@implementer("IAddress")
class HostnameAddress(_Value):
    """A host by name (bytes, not looked up yet) and a port."""

    __slots__ = ("hostname", "port")
    __match_args__ = ("hostname", "port")
    _values = staticmethod(operator.attrgetter(*__match_args__))

    def __init__(self, hostname: bytes, port: int) -> None:
        self.hostname = hostname
        self.port = port

    def __eq__(self, other: Any) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return (self.hostname, self.port) == (other.hostname, other.port)

    def __hash__(self) -> int:
        return hash((self.hostname, self.port))


@implementer("IAddress")
class UNIXAddress:
    """The file name of a UNIX socket, kept as bytes, or None for an end without a name.

    Two addresses are equal if their names lead to the same file, or are the same.
    """

    __slots__ = ("__weakref__", "name")
    __match_args__ = ("name",)

    def __init__(self, name: str | bytes | os.PathLike[str] | None) -> None:
        self.name = None if name is None else os.fsencode(name)

    def _identity(self) -> object:
        """Inode and device where there is a file, else the name."""
        # A name that starts with NUL is in Linux' abstract space, and no file's.
        if self.name is None or self.name.startswith(b"\0"):
            return self.name
        try:
            status = os.stat(self.name)
        except OSError:
            return self.name
        return status.st_ino, status.st_dev

    def __eq__(self, other: Any) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self.name == other.name or self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        name = None if self.name is None else os.fsdecode(self.name)
        return f"{type(self).__qualname__}({name!r})"


@implementer("IAddress")
class _ProcessAddress:
    """The peer of a protocol that speaks through pipes: there is nothing to tell about it."""
