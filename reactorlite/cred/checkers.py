"""Who says whether credentials are right, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword
from reactorlite.cred.error import UnauthorizedLogin
from reactorlite.internet.defer import Deferred, fail, maybeDeferred, succeed
from reactorlite.python.components import Interface, implementer

if TYPE_CHECKING:
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = [
    "ANONYMOUS",
    "AllowAnonymousAccess",
    "ICredentialsChecker",
    "InMemoryUsernamePasswordDatabaseDontUse",
]

#: What a checker calls somebody who doesn't say who they are.
ANONYMOUS: tuple[()] = ()


class ICredentialsChecker(Interface, Protocol):
    """Says whether credentials are right."""

    @property
    def credentialInterfaces(self) -> Any:
        """The interfaces of the kinds of credentials that it checks."""

    def requestAvatarId(self, credentials: Any) -> Any:
        """Return what the realm knows their owner by, as a rule the name, or a `Deferred` of it.

        Fails with `UnauthorizedLogin` if they are wrong.
        """


@implementer(ICredentialsChecker)
class AllowAnonymousAccess:
    """Lets in who doesn't say who they are, as `ANONYMOUS`."""

    credentialInterfaces = (IAnonymous,)

    def requestAvatarId(self, credentials: Any) -> Deferred[tuple[()]]:
        """Return `ANONYMOUS`."""
        return succeed(ANONYMOUS)


@implementer(ICredentialsChecker)
class InMemoryUsernamePasswordDatabaseDontUse:
    """Knows passwords by heart, as for tests: they are in memory as they are.

    `users` has the passwords by names, both as bytes; names among the arguments are ASCII.
    """

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    def __init__(self, **users: bytes) -> None:
        self.users = {name.encode("ascii"): password for name, password in users.items()}

    def addUser(self, username: bytes, password: bytes) -> None:
        """Know one more."""
        self.users[username] = password

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        """Return the name, or fail with `UnauthorizedLogin`."""
        name = credentials.username
        if name not in self.users:
            return fail(UnauthorizedLogin())

        def told(is_right: object) -> bytes:
            if not is_right:
                raise UnauthorizedLogin
            known: bytes = name
            return known

        return maybeDeferred(credentials.checkPassword, self.users[name]).addCallback(told)
