"""Descriptors of people's own, watched by the loop where it watches any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.bridge.loops import raise_from_loop, watches_descriptors
from reactorlite.bridge.reporting import kind_of, log_raised
from reactorlite.internet import error
from reactorlite.python import log
from reactorlite.python.components import adapted
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio

    from reactorlite.bridge.scope import Scope


class Watched:
    """The descriptors that a reactor watches; in its scope as long as there are any."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.readers = Side(self, "Reader", "doRead")
        self.writers = Side(self, "Writer", "doWrite")

    def all(self) -> list[Any]:
        """Each descriptor that is watched, once."""
        return list({**self.readers.numbers, **self.writers.numbers})

    def remove_all(self) -> list[Any]:
        """Watch none any longer, and answer which they were."""
        removed = self.all()
        for descriptor in removed:
            self.discard(descriptor)
        return removed

    def discard(self, descriptor: Any) -> None:
        """Watch a descriptor no longer, for nothing."""
        self.readers.remove(descriptor)
        self.writers.remove(descriptor)

    def close_for_good(self) -> None:
        """Let go of all of them, and tell them so, because the reactor ends."""
        for descriptor in self.remove_all():
            tell(descriptor, "connectionLost", error.ConnectionLost())

    def lose(self, descriptor: Any, why: Any, side: Side) -> None:
        """Watch a descriptor no longer, which told `why` or failed of it, and tell it."""
        side.remove(descriptor)
        if side is self.readers and isinstance(why, error.ConnectionDone):
            half = adapted("IHalfCloseableDescriptor", descriptor)
            if half is not None:
                tell(half, "readConnectionLost", why)
                return
        self.discard(descriptor)
        tell(descriptor, "connectionLost", why)

    def changed(self) -> None:
        """Enter the scope, or leave it, by whether anything is watched."""
        if self.readers.numbers or self.writers.numbers:
            self.scope.held[self] = None
        else:
            self.scope.held.pop(self, None)

    def __repr__(self) -> str:
        return f"<descriptors that are watched: {', '.join(map(repr, self.all()))}>"


class Side:
    """What is watched for one thing: for something to read, or for room to write.

    A descriptor is known by its number as of when it was added. The number may be another's
    by the time of the next event, so that it is asked again around each call.
    """

    def __init__(self, watched: Watched, kind: str, method: str) -> None:
        self._watched = watched
        self._kind = kind
        self._method = method
        self.numbers: dict[Any, int] = {}
        self._by_number: dict[int, Any] = {}
        # What no loop can watch because it is always ready: when it is called next.
        self._turns: dict[int, asyncio.Handle] = {}

    def add(self, descriptor: Any) -> None:
        """Watch a descriptor; the latest to be added has its number to itself."""
        if descriptor in self.numbers:
            return
        number = self._number_of(descriptor)
        if number in self._by_number:
            # Mostly one that was closed and never removed: the number has come up again.
            self.remove(self._by_number[number])
        scope = self._watched.scope
        self.numbers[descriptor] = number
        self._by_number[number] = descriptor
        self._watched.changed()
        if scope.loop is None:
            scope.start((self, number), lambda loop: self._begin(loop, descriptor, number))
            return
        try:
            self._watch(scope.loop, descriptor, number)
        except BaseException:
            self.remove(descriptor)
            raise

    def remove(self, descriptor: Any) -> None:
        """Watch a descriptor no longer; nothing happens if it wasn't."""
        number = self.numbers.pop(descriptor, None)
        if number is None:
            return
        del self._by_number[number]
        scope = self._watched.scope
        scope.forget((self, number))
        turn = self._turns.pop(number, None)
        if turn is not None:
            turn.cancel()
        elif scope.loop is not None and not scope.is_closed and watches_descriptors(scope.loop):
            (scope.loop.remove_reader if self._reads else scope.loop.remove_writer)(number)
        self._watched.changed()

    @property
    def _reads(self) -> bool:
        return self is self._watched.readers

    def _number_of(self, descriptor: Any) -> int:
        fileno = getattr(descriptor, "fileno", None)
        if not callable(fileno):
            raise TypeError(
                f"add{self._kind}() takes something with fileno(), {self._method}() and"
                f" connectionLost(), not {descriptor!r}"
            )
        number = fileno()
        if not isinstance(number, int) or number < 0:
            raise ValueError(
                f"add{self._kind}() can't watch {descriptor!r}, whose fileno() is {number!r}:"
                " add it while it is open"
            )
        return number

    def _begin(self, loop: asyncio.AbstractEventLoop, descriptor: Any, number: int) -> None:
        """Watch what was added before there was a loop."""
        try:
            if descriptor.fileno() != number:
                raise error.ConnectionFdescWentAway
            self._watch(loop, descriptor, number)
        except Exception as exc:
            log.err(Failure(), f"add{self._kind}() of {descriptor!r} failed as the loop began")
            self._watched.lose(descriptor, exc, self)

    def _watch(self, loop: asyncio.AbstractEventLoop, descriptor: Any, number: int) -> None:
        if not watches_descriptors(loop):
            raise NotImplementedError(
                f"add{self._kind}() needs a loop that watches descriptors, which {loop!r} does"
                " not: run the reactor on another, as in"
                " asyncioreactor.install(asyncio.SelectorEventLoop())"
            )
        add = loop.add_reader if self._reads else loop.add_writer
        try:
            add(number, self._ready, descriptor, number)
        except PermissionError:
            # epoll takes no regular file, which select would find ready each time.
            self._turns[number] = loop.call_soon(self._ready_again, descriptor, number)

    def _ready_again(self, descriptor: Any, number: int) -> None:
        loop = self._watched.scope.loop
        assert loop is not None
        self._turns[number] = loop.call_soon(self._ready_again, descriptor, number)
        self._ready(descriptor, number)

    def _ready(self, descriptor: Any, number: int) -> None:
        """Called by the loop: let the descriptor read, or write."""
        why: Any
        try:
            if descriptor.fileno() == -1:
                why = error.ConnectionFdescWentAway()
            else:
                why = getattr(descriptor, self._method)()
            if not why and descriptor in self.numbers:
                # Once it is closed its number can't be left with the loop: the next
                # transport may get it.
                why = self._check_number(descriptor, number)
        except (SystemExit, KeyboardInterrupt) as exc:
            loop = self._watched.scope.loop
            assert loop is not None
            loop.call_soon(raise_from_loop, exc)
            why = exc  # what was to be read is still there, and must not raise again
        except BaseException as exc:
            log_raised(descriptor, self._method)
            why = exc
        if why:
            self._watched.lose(descriptor, why, self)

    def _check_number(self, descriptor: Any, number: int) -> Exception | None:
        now = descriptor.fileno()
        if now == -1:
            return error.ConnectionFdescWentAway()
        if now != number:
            self.remove(descriptor)
            self.add(descriptor)
        return None


def tell(descriptor: Any, method: str, why: Any) -> None:
    """Call a descriptor's `connectionLost` or `readConnectionLost`; what it raises is logged."""
    if type(why) in (error.ConnectionDone, error.ConnectionLost):
        why = type(why)()  # `CONNECTION_DONE` and its like are one for all, and carry no trace
    elif not isinstance(why, BaseException):
        why = TypeError(f"{kind_of(descriptor)} answered {why!r}, which is no exception")
    reason = Failure(why)
    try:
        getattr(descriptor, method)(reason)
    except Exception:
        log_raised(descriptor, method)
