"""Portals: who comes in, as whom, and why not."""

from __future__ import annotations

from typing import Any

import pytest

from reactorlite.cred.checkers import (
    ANONYMOUS,
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from reactorlite.cred.credentials import (
    Anonymous,
    IAnonymous,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from reactorlite.cred.error import (
    LoginDenied,
    LoginFailed,
    Unauthorized,
    UnauthorizedLogin,
    UnhandledCredentials,
)
from reactorlite.cred.portal import IRealm, Portal
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python.components import Interface, implementer


class IMailbox(Interface):
    """What a person may have."""


@implementer(IRealm)
class Realm:
    """Lets everybody have what they ask for first, but one."""

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        if avatarId == b"gone":
            raise NotImplementedError
        return interfaces[0], (avatarId, mind), lambda: None


def came(deferred: Deferred[Any]) -> Any:
    """Whom the avatar is of, and the mind; or the class of the error."""
    got: list[Any] = []
    deferred.addCallbacks(lambda result: got.append(result[1]), lambda why: got.append(why.type))
    return got[0]


@pytest.fixture
def portal() -> Portal:
    """Of a realm, for those whom a database knows."""
    database = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")
    database.addUser(b"gone", b"secret")
    return Portal(Realm(), [database])


def test_right_password(portal: Portal) -> None:
    """Who gives the right password has what the realm gives, for the client's mind."""
    coming = portal.login(UsernamePassword(b"ann", b"secret"), "mind", IMailbox)

    assert came(coming) == (b"ann", "mind")


@pytest.mark.parametrize(
    "said", [(b"ann", b"wrong"), (b"bob", b"secret"), ("ann", b"secret"), (b"ann", "secret")]
)
def test_wrong_password(portal: Portal, said: tuple[Any, Any]) -> None:
    """Who doesn't, or is not known, has not; nor is text the same as bytes."""
    coming = portal.login(UsernamePassword(*said), None, IMailbox)

    assert came(coming) is UnauthorizedLogin


def test_realm_that_has_nothing(portal: Portal) -> None:
    """What the realm raises is what the login fails with."""
    coming = portal.login(UsernamePassword(b"gone", b"secret"), None, IMailbox)

    assert came(coming) is NotImplementedError


@pytest.mark.parametrize("credentials", [Anonymous(), object()])
def test_nobody_checks(portal: Portal, credentials: object) -> None:
    """Credentials of a kind that no checker checks are told apart from wrong ones."""
    assert came(portal.login(credentials, None, IMailbox)) is UnhandledCredentials


def test_nobody_in_particular(portal: Portal) -> None:
    """With their checker, those come in who don't say who they are."""
    portal.registerChecker(AllowAnonymousAccess())

    assert came(portal.login(Anonymous(), None, IMailbox)) == (ANONYMOUS, None)
    assert portal.listCredentialsInterfaces() == [
        *(IUsernamePassword, IUsernameHashedPassword, IAnonymous)
    ]


def test_checker_for_some_kinds() -> None:
    """A checker can be registered for less than it checks."""
    portal = Portal(Realm())

    portal.registerChecker(InMemoryUsernamePasswordDatabaseDontUse(), IUsernameHashedPassword)

    assert portal.listCredentialsInterfaces() == [IUsernameHashedPassword]


def test_kinds_that_extend_others(portal: Portal) -> None:
    """Credentials may provide an interface that extends one of the checker's, and answer late."""

    class IBetter(IUsernamePassword):
        """A kind of name and password."""

    @implementer(IBetter)
    class Better:
        username = b"ann"

        def checkPassword(self, password: bytes) -> Deferred[bool]:
            return succeed(password == b"secret")

    assert came(portal.login(Better(), None, IMailbox)) == (b"ann", None)


@pytest.mark.parametrize("answer", ["name", KeyError()])
def test_checker_need_not_wait(answer: Any) -> None:
    """A checker may answer at once, or raise."""

    @implementer(ICredentialsChecker)
    class Checker:
        credentialInterfaces = (IAnonymous,)

        def requestAvatarId(self, credentials: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    coming = Portal(Realm(), [Checker()]).login(Anonymous(), None, IMailbox)

    assert came(coming) == (KeyError if isinstance(answer, Exception) else ("name", None))


def test_what_is_what() -> None:
    """Credentials, checkers and errors are of the kinds that programs ask for."""
    assert IUsernamePassword.providedBy(UsernamePassword(b"", b""))
    assert IAnonymous.providedBy(Anonymous())
    assert ICredentials.providedBy(Anonymous())
    for checker in (AllowAnonymousAccess(), InMemoryUsernamePasswordDatabaseDontUse()):
        assert ICredentialsChecker.providedBy(checker)
    assert issubclass(UnauthorizedLogin, (LoginFailed, Unauthorized))
    assert issubclass(UnhandledCredentials, LoginFailed)
    assert issubclass(LoginDenied, LoginFailed)
