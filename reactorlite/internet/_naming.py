"""Hosts by name: what a client endpoint asks, and which names can be asked for."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from reactorlite.internet._resolving import (
    _SimpleHostnameResolver,
    by_threads,
    resolved,
    version_of,
)
from reactorlite.internet.defer import CancelledError, Deferred, maybeDeferred
from reactorlite.internet.error import ConnectingCancelledError
from reactorlite.python._deprecations import warn_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactorlite.python.failure import Failure

_LABEL = re.compile(rb"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def looked_up(
    reactor: Any, host: str, port: int, types: Sequence[type[Any]] | None = None
) -> Deferred[list[Any]]:
    """The addresses of `host`, by the reactor's `nameResolver`, or by threads if it has none."""
    resolver = getattr(reactor, "nameResolver", None)
    if resolver is None:
        resolver = _SimpleHostnameResolver(by_threads)
    return maybeDeferred(resolved, resolver, host, port, types)


def cancelled(reason: Failure, address: Any) -> Failure:
    """An errback: what was cancelled was the attempt to connect to `address`."""
    reason.trap(CancelledError)
    raise ConnectingCancelledError(address) from None


def warn_without_resolver(reactor: object, stacklevel: int) -> None:
    """Warn where a reactor has no `nameResolver` to ask."""
    kind = type(reactor)
    warn_of(
        "Passing HostnameEndpoint a reactor that does not provide IReactorPluggableNameResolver"
        f" ({kind.__module__}.{kind.__qualname__})",
        "17.5.0",
        "a reactor that provides IReactorPluggableNameResolver",
        stacklevel + 1,
    )


def as_name(host: str | bytes) -> tuple[bytes, str, bool]:
    """A host as bytes for the wire and as text for people, and whether it can be one at all."""
    if isinstance(host, bytes):
        text = host.decode("ascii", "backslashreplace")
    elif isinstance(host, str):
        text = unicodedata.normalize("NFC", host)
    else:
        raise TypeError(f"a host is text or bytes, not {host!r}")
    if version_of(text):
        return text.encode("ascii"), text, True
    try:
        wire = text.encode("ascii") if text.isascii() else text.encode("idna")
    except UnicodeError:
        shown = text.encode("ascii", "backslashreplace")
        return shown, shown.decode("ascii"), False
    labels = wire.removesuffix(b".").split(b".")
    return wire, text, all(_LABEL.fullmatch(label) for label in labels)
