"""What static checkers make of Deferreds: `mypy --strict` reads this file, and pytest runs it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from reactorlite.internet import defer, reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.interfaces import IReactorTime
from reactorlite.python.failure import Failure


def twice(text: str, times: int) -> list[str]:
    """Repeat a text."""
    return [text] * times


def as_bytes(texts: list[str]) -> Deferred[bytes]:
    """Give a result that comes as a Deferred."""
    return defer.succeed("".join(texts).encode())


def none_left(failure: Failure) -> int:
    """Take a failure for a number."""
    return 0


def test_the_type_of_a_result_is_followed_through_callbacks() -> None:
    """Every callback's return type, a Deferred's own included, is the next one's argument."""
    d: Deferred[int] = defer.succeed(7)

    text = assert_type(d.addCallback(lambda number: str(number)), Deferred[str])
    repeated = assert_type(text.addCallback(twice, 2), Deferred[list[str]])
    chained = assert_type(repeated.addCallback(as_bytes), Deferred[bytes])
    caught = assert_type(chained.addErrback(none_left), Deferred[bytes | int])
    last = assert_type(caught.addBoth(lambda result: 2.5), Deferred[float])

    assert last.result == 2.5


def test_the_type_of_a_result_is_followed_through_generators_and_coroutines() -> None:
    """What a generator or a coroutine returns is what its Deferred, and an await of it, gives."""

    @defer.inlineCallbacks
    def generator(number: int) -> Generator[Deferred[Any], Any, str]:
        yield defer.succeed(None)
        return str(number)

    async def coroutine() -> dict[str, int]:
        text = assert_type(await generator(1), str)
        return {text: assert_type(await defer.succeed(2), int)}

    @defer.returns_deferred
    async def on_its_way_out(number: int) -> str:
        return str(number)

    ended = assert_type(defer.ensureDeferred(coroutine()), Deferred[dict[str, int]])
    assert_type(on_its_way_out(2), Deferred[str])
    assert_type(Deferred.fromCoroutine(coroutine()), Deferred[dict[str, int]])
    assert_type(defer.maybeDeferred(coroutine), Deferred[dict[str, int]])
    assert_type(defer.maybeDeferred(twice, "a", 1), Deferred[list[str]])
    assert_type(defer.gatherResults([generator(1)]), Deferred[list[str]])

    assert ended.result == {"1": 2}


def test_the_front_door_is_a_reactor_with_time() -> None:
    """What functions want a clock for, `addTimeout` for one, takes `reactor` as it is imported."""
    clock: IReactorTime = reactor

    assert clock.seconds() <= reactor.seconds()
