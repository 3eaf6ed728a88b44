"""How a `Deferred` keeps its callbacks, and what waits for it.

A Deferred's `_entries` is a list, in which an entry is a bare callable for `addCallback(f)`,
which is by far the most frequent; else a tuple `(callback, errback, args)`, where a missing side
is `None` and `args` is `None` if there are none. A tuple without either side carries, in the
place of `args`, a `Taker`.

Most have one entry or none: without entries `_entries` is `()`, and `(taker,)` if there is but
that. It is `None` when all is over for now: there is a value, which is no `Failure`, no callback
is left or running, and nothing is paused. So a coroutine that awaits has one thing to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from reactorlite.internet._deferred import Deferred


class Taker(Protocol):
    """What takes a result over: a `Deferred` that is chained, a coroutine, a task that waits."""

    def _take_from(self, deferred: Deferred[Any]) -> Deferred[Any] | None:
        """Take the result of `deferred`, which calls this when it comes to this entry.

        Returns the `Deferred` that has a result because of that, if any. Must not raise.
        """


def bound(
    function: Callable[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Callable[[Any], Any]:
    """A callback for a function that takes more than the result."""
    return lambda result: function(result, *args, **keywords)


def nothing_to_call(*_: Any) -> NoReturn:
    """The callback that `None` stands for."""
    # Told when it is reached, as in Twisted: programs pass on an errback that may be None.
    raise TypeError("'NoneType' object is not callable: a Deferred was given None for a callback")


def pairs(entries: Any) -> list[tuple[Any, Any]]:
    """Entries as `Deferred.callbacks` shows them."""
    if isinstance(entries, tuple):
        entries = [(None, None, taker) for taker in entries]
    return [_pair(entry) for entry in entries or ()]


def _pair(entry: Any) -> tuple[Any, Any]:
    callback, errback, args = entry if isinstance(entry, tuple) else (entry, None, None)
    if callback is errback is None:
        callback = errback = args._take_from
        args = None
    return (callback, args or (), {}), (errback, args or (), {})
