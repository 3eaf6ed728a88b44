"""Where people come in: their credentials are checked, and the realm says what they have then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reactorlite.cred.error import UnhandledCredentials
from reactorlite.internet.defer import Deferred, fail, maybeDeferred
from reactorlite.python.components import Interface, backing

if TYPE_CHECKING:
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = ["IRealm", "Portal"]


class IRealm(Interface, Protocol):
    """Says what each person has before them."""

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return `(interface, avatar, logout)`, or a `Deferred` of it.

        The avatar is what the person has, for one of the `interfaces`, which the client can deal
        with; `logout()` is to be called when they leave. `avatarId` is what the checker called
        them, `mind` what the client gave. Raises `NotImplementedError` if there is nothing for
        any of the interfaces.
        """


class Portal:
    """Lets people into a realm; `checkers` are by the interfaces of what they check."""

    def __init__(self, realm: Any, checkers: Iterable[Any] = ()) -> None:
        self.realm = realm
        self.checkers: dict[Any, Any] = {}
        for checker in checkers:
            self.registerChecker(checker)

    def listCredentialsInterfaces(self) -> list[Any]:
        """Return the interfaces of the kinds of credentials that can be checked."""
        return list(self.checkers)

    def registerChecker(self, checker: Any, *credentialInterfaces: Any) -> None:
        """Have a checker check its kinds of credentials, or only those given."""
        for interface in credentialInterfaces or checker.credentialInterfaces:
            self.checkers[interface] = checker

    def login(self, credentials: Any, mind: Any, *interfaces: Any) -> Deferred[Any]:
        """Let somebody in; the `Deferred` gives what the realm's `requestAvatar` does.

        It fails with `UnhandledCredentials` if nobody checks this kind, and else with what the
        checker or the realm fails with: `UnauthorizedLogin` for wrong credentials.
        """
        for interface, checker in self.checkers.items():
            if interface.providedBy(credentials):
                checked = maybeDeferred(checker.requestAvatarId, credentials)
                return checked.addCallback(self.realm.requestAvatar, mind, *interfaces)
        kinds = ", ".join(each.__name__ for each in backing().providedBy(credentials))
        return fail(UnhandledCredentials(f"no checker for {kinds or 'what is no credentials'}"))
