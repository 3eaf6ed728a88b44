"""What people say of themselves, and how it can be checked."""

from __future__ import annotations

from secrets import compare_digest
from typing import TYPE_CHECKING, Any

from reactorlite.python.components import Interface, implementer

if TYPE_CHECKING:
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = [
    "Anonymous",
    "IAnonymous",
    "ICredentials",
    "IUsernameHashedPassword",
    "IUsernamePassword",
    "UsernamePassword",
]


class ICredentials(Interface, Protocol):
    """What somebody says of themselves. Interfaces for the kinds of it extend this one."""


class IUsernameHashedPassword(ICredentials, Protocol):
    """A name, and something that was made of a password, as by a challenge."""

    @property
    def username(self) -> Any:
        """The name, as bytes."""

    def checkPassword(self, password: Any) -> Any:
        """Whether it was made of that password; true or false, or a `Deferred` of it."""


class IUsernamePassword(ICredentials, Protocol):
    """A name and a password; as bytes, `username` and `password`."""

    def checkPassword(self, password: Any) -> Any:
        """Whether the password is that one; true or false, or a `Deferred` of it."""


class IAnonymous(ICredentials, Protocol):
    """Nothing: somebody who doesn't say who they are."""


@implementer(IUsernamePassword)
class UsernamePassword:
    """A name and a password, as bytes."""

    def __init__(self, username: bytes, password: bytes) -> None:
        self.username = username
        self.password = password

    def checkPassword(self, password: bytes) -> bool:
        """Whether the password is that one; how long it takes to say so doesn't tell where not."""
        if not (isinstance(password, bytes) and isinstance(self.password, bytes)):
            return self.password == password
        return compare_digest(self.password, password)


@implementer(IAnonymous)
class Anonymous:
    """Nobody in particular."""
