"""Why somebody may not come in."""

from __future__ import annotations

__all__ = [
    "LoginDenied",
    "LoginFailed",
    "Unauthorized",
    "UnauthorizedLogin",
    "UnhandledCredentials",
]


class Unauthorized(Exception):
    """Somebody is not who may do this."""


class LoginFailed(Exception):
    """Somebody may not come in."""


class UnauthorizedLogin(LoginFailed, Unauthorized):
    """Credentials are wrong: there is no such user, or the password is another."""


class UnhandledCredentials(LoginFailed):
    """Credentials are of a kind that no checker of the portal checks."""


class LoginDenied(LoginFailed):
    """The realm lets nobody in with this name, whatever the credentials."""
