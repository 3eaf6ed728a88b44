"""What Deferreds do, told as lists of events, and compared with Twisted's.

Each story takes a `defer` module and returns what it saw. The expectations stand here too, so
that the stories are tests where Twisted is not installed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from reactorlite.internet import defer as ours

Story = Callable[[Any], list[Any]]
STORIES: dict[str, tuple[Story, list[Any]]] = {}


def tells(*expected: Any) -> Callable[[Story], Story]:
    """Register a story with the events it must tell."""

    def register(story: Story) -> Story:
        STORIES[story.__name__] = (story, list(expected))
        return story

    return register


class Recorder:
    """A list of events, and callbacks that add to it."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def saw(self, name: str, returns: Any = None) -> Callable[..., Any]:
        """Make a callback that notes what it is given and returns something else."""

        def callback(result: Any, *args: Any, **kwargs: Any) -> Any:
            self.events.append((name, shown(result), *args, *kwargs.items()))
            return returns

        return callback


def shown(result: Any) -> Any:
    """A result that can be compared between two libraries."""
    value = getattr(result, "value", None)
    return type(value).__name__ if isinstance(value, BaseException) else result


def broken(result: Any) -> Any:
    """Fail, as a callback."""
    raise LookupError(result)


@tells(("a", 1), ("b", "A"), ("c", "B"))
def callbacks_run_in_order_inside_callback(defer: Any) -> list[Any]:
    """Callbacks run in order inside callback."""
    r = Recorder()
    d = defer.Deferred()
    d.addCallback(r.saw("a", "A")).addCallback(r.saw("b", "B"))
    d.callback(1)
    d.addCallback(r.saw("c"))
    return r.events


@tells(("value", 1, 2, ("k", 3)), ("failure", "LookupError", 4, ("k", 5)))
def arguments_follow_the_result(defer: Any) -> list[Any]:
    """Arguments follow the result."""
    r = Recorder()
    d = defer.Deferred()
    d.addCallbacks(
        r.saw("value"), r.saw("no"), (2,), {"k": 3}, errbackArgs=("no",), errbackKeywords={}
    )
    d.addCallback(broken)
    d.addCallbacks(r.saw("no"), r.saw("failure"), errbackArgs=(4,), errbackKeywords={"k": 5})
    d.callback(1)
    return r.events


@tells(("errback", "LookupError"), ("after", "mended"), ("both", None, 1, ("k", 2)))
def failures_pass_callbacks_by(defer: Any) -> list[Any]:
    """Failures pass callbacks by."""
    r = Recorder()
    d = defer.Deferred()
    d.addCallback(broken).addCallback(r.saw("no")).addErrback(r.saw("errback", "mended"))
    d.addErrback(r.saw("no")).addCallback(r.saw("after")).addBoth(r.saw("both"), 1, k=2)
    d.callback(1)
    return r.events


@tells(("side", "LookupError"), ("next", None))
def an_errback_beside_a_callback_does_not_see_its_failure(defer: Any) -> list[Any]:
    """An errback beside a callback does not see its failure."""
    r = Recorder()
    d = defer.Deferred()
    d.addCallbacks(broken, r.saw("no")).addCallbacks(r.saw("no"), r.saw("side"))
    d.addCallback(r.saw("next"))
    d.callback(1)
    return r.events


@tells("AlreadyCalledError", "AlreadyCalledError", ("value", 1))
def a_second_result_is_refused(defer: Any) -> list[Any]:
    """A second result is refused."""
    r = Recorder()
    d = defer.Deferred()
    d.callback(1)
    for give in (lambda: d.callback(2), lambda: d.errback(LookupError())):
        try:
            give()
        except defer.AlreadyCalledError as error:
            r.events.append(type(error).__name__)
    d.addBoth(r.saw("value"))
    return r.events


@tells("waiting", ("outer", 2), ("inner", None))
def a_returned_deferred_is_waited_for(defer: Any) -> list[Any]:
    """A returned deferred is waited for."""
    r = Recorder()
    inner, outer = defer.Deferred(), defer.Deferred()
    outer.addCallback(lambda _: inner).addCallback(r.saw("outer"))
    outer.callback(1)
    r.events.append("waiting")
    inner.callback(2)
    inner.addCallback(r.saw("inner"))
    return r.events


@tells(("outer", "LookupError"), ("inner", None))
def a_returned_deferred_that_failed_fails_the_outer(defer: Any) -> list[Any]:
    """A returned deferred that failed fails the outer."""
    r = Recorder()
    inner = defer.fail(LookupError())
    outer = defer.succeed(1).addCallback(lambda _: inner)
    outer.addErrback(r.saw("outer"))
    inner.addBoth(r.saw("inner"))
    return r.events


@tells(("first", 1), ("outer", "FIRST"), ("then", None))
def the_outer_goes_on_before_the_rest_of_the_inner(defer: Any) -> list[Any]:
    """The outer goes on before the rest of the inner."""
    r = Recorder()
    inner, outer = defer.Deferred(), defer.Deferred()
    inner.addCallback(r.saw("first", "FIRST"))
    outer.addCallback(lambda _: inner).addCallback(r.saw("outer", "OUTER"))
    outer.callback(None)
    inner.addCallback(r.saw("then"))
    inner.callback(1)
    return r.events


@tells("paused", "still", ("value", 1))
def pausing_holds_callbacks_back(defer: Any) -> list[Any]:
    """Pausing holds callbacks back."""
    r = Recorder()
    d = defer.Deferred().addCallback(r.saw("value"))
    d.pause()
    d.pause()
    d.callback(1)
    r.events.append("paused")
    d.unpause()
    r.events.append("still")
    d.unpause()
    return r.events


@tells("waits", "unpaused", ("awaited", 1), "end")
def awaiting_waits_while_a_fired_deferred_is_paused(defer: Any) -> list[Any]:
    """Awaiting waits while a fired deferred is paused."""
    r = Recorder()
    d = defer.succeed(1)
    d.pause()

    async def wait() -> None:
        r.saw("awaited")(await d)

    defer.ensureDeferred(wait())
    r.events.append("waits")
    r.events.append("unpaused")
    d.unpause()
    r.events.append("end")
    return r.events


@tells("waits", ("awaited", 1))
def awaiting_waits_while_a_callback_has_paused_its_deferred(defer: Any) -> list[Any]:
    """Awaiting waits while a callback has paused its deferred."""
    r = Recorder()
    d = defer.Deferred().addCallback(lambda result: (d.pause(), result)[1])
    d.callback(1)

    async def wait() -> None:
        r.saw("awaited")(await d)

    defer.ensureDeferred(wait())
    r.events.append("waits")
    d.unpause()
    return r.events


@tells("first", "second", "callback", "added", "last")
def coroutines_and_callbacks_share_a_deferred_in_order(defer: Any) -> list[Any]:
    """Coroutines and callbacks share a deferred in order."""
    r = Recorder()
    d = defer.Deferred()

    async def wait(name: str, goes_on: bool) -> None:
        await d
        r.events.append(name)
        if goes_on:
            d.addCallback(lambda _: r.events.append("added"))

    defer.ensureDeferred(wait("first", False))
    defer.ensureDeferred(wait("second", True))
    d.addCallback(lambda _: r.events.append("callback"))
    d.callback(1)
    defer.ensureDeferred(wait("last", False))
    return r.events


@tells(("awaited", 1), "resumed", "added")
def callbacks_added_by_a_coroutine_that_goes_on_come_last(defer: Any) -> list[Any]:
    """Callbacks added by a coroutine that goes on come last."""
    r = Recorder()
    d = defer.Deferred()

    async def wait() -> None:
        r.saw("awaited")(await d)
        d.addCallback(lambda _: r.events.append("added"))
        r.events.append("resumed")

    defer.ensureDeferred(wait())
    d.callback(1)
    return r.events


@tells(("one", 1), ("two", None), ("later", None))
def callbacks_added_by_callbacks_come_last(defer: Any) -> list[Any]:
    """Callbacks added by callbacks come last."""
    r = Recorder()
    d = defer.Deferred()
    d.addCallback(lambda result: (d.addCallback(r.saw("later")), r.saw("one")(result))[1])
    d.addCallback(r.saw("two"))
    d.callback(1)
    return r.events


@tells(("chained", 1), ("self", None), ("chained", "LookupError"))
def chainDeferred_passes_both_kinds(defer: Any) -> list[Any]:
    """`chainDeferred` passes both kinds."""
    r = Recorder()
    a, b = defer.Deferred(), defer.Deferred().addCallback(r.saw("chained"))
    a.chainDeferred(b).addCallback(r.saw("self"))
    a.callback(1)
    c, d = defer.Deferred(), defer.Deferred().addErrback(r.saw("chained"))
    c.chainDeferred(d)
    c.errback(LookupError())
    return r.events


@tells(("result", "CancelledError"), "late ignored", "then refused")
def cancelling_without_a_canceller_ignores_one_late_result(defer: Any) -> list[Any]:
    """Cancelling without a canceller ignores one late result."""
    r = Recorder()
    d = defer.Deferred().addErrback(r.saw("result"))
    d.cancel()
    d.callback(1)
    r.events.append("late ignored")
    with pytest.raises(defer.AlreadyCalledError):
        d.callback(2)
    r.events.append("then refused")
    return r.events


@tells(("by canceller", "mine"), ("result", "CancelledError"), "refused")
def a_canceller_may_fire(defer: Any) -> list[Any]:
    """A canceller may fire."""
    r = Recorder()
    defer.Deferred(lambda d: d.callback("mine")).addBoth(r.saw("by canceller")).cancel()
    idle = defer.Deferred(lambda d: None).addErrback(r.saw("result"))
    idle.cancel()
    with pytest.raises(defer.AlreadyCalledError):
        idle.callback(1)
    r.events.append("refused")
    return r.events


@tells("cancelled inner", ("outer", "CancelledError"), ("unmoved", 1))
def cancelling_reaches_what_is_waited_for(defer: Any) -> list[Any]:
    """Cancelling reaches what is waited for."""
    r = Recorder()
    inner = defer.Deferred(lambda d: r.events.append("cancelled inner"))
    outer = defer.succeed(1).addCallback(lambda _: inner)
    outer.addErrback(r.saw("outer"))
    outer.cancel()
    fired = defer.succeed(1)
    fired.cancel()
    fired.addCallback(r.saw("unmoved"))
    return r.events


@tells(("list", [(True, 1), (False, "LookupError")]), ("passed on", "LookupError"))
def a_list_waits_for_all(defer: Any) -> list[Any]:
    """A list waits for all."""
    r = Recorder()
    a, b = defer.Deferred(), defer.Deferred()
    both = defer.DeferredList([a, b])
    both.addCallback(lambda pairs: [(ok, shown(result)) for ok, result in pairs])
    both.addCallback(r.saw("list"))
    b.errback(LookupError())
    a.callback(1)
    b.addErrback(r.saw("passed on"))
    return r.events


@tells(("first", ("b", 1)), ("empty", []), "open", ("consumed", None), ("index", 1))
def a_list_has_flags(defer: Any) -> list[Any]:
    """A list has flags."""
    r = Recorder()
    a, b = defer.Deferred(), defer.Deferred()
    defer.DeferredList([a, b], fireOnOneCallback=True).addCallback(r.saw("first"))
    b.callback("b")
    defer.DeferredList([]).addCallback(r.saw("empty"))
    if not defer.DeferredList([], fireOnOneCallback=True).called:
        r.events.append("open")
    c, d = defer.Deferred(), defer.Deferred()
    either = defer.DeferredList([c, d], fireOnOneErrback=True, consumeErrors=True)
    d.errback(LookupError())
    d.addCallback(r.saw("consumed"))
    either.addErrback(lambda failure: failure.value.index).addCallback(r.saw("index"))
    return r.events


@tells(("all", [1, 2]), ("failed", "LookupError"), ("cancelled", 0), ("cancelled", 1))
def gatherResults_gathers(defer: Any) -> list[Any]:
    """`gatherResults` gathers."""
    r = Recorder()
    a, b = defer.Deferred(), defer.Deferred()
    defer.gatherResults([a, b]).addCallback(r.saw("all"))
    b.callback(2)
    a.callback(1)
    failing = defer.gatherResults([defer.fail(LookupError())], consumeErrors=True)
    failing.addErrback(lambda failure: failure.value.subFailure).addErrback(r.saw("failed"))
    waiting = [
        defer.Deferred(lambda d, i=i: (r.events.append(("cancelled", i)), d.callback(i)))
        for i in range(2)
    ]
    defer.gatherResults(waiting).cancel()
    return r.events


@tells(("winner", (1, "b")), ("loser", None), ("none", ["LookupError", "KeyError"]))
def race_takes_the_first(defer: Any) -> list[Any]:
    """Race takes the first."""
    r = Recorder()
    a, b = defer.Deferred(), defer.Deferred()
    defer.race([a, b]).addCallback(r.saw("winner"))
    b.callback("b")
    a.addBoth(r.saw("loser"))
    c, d = defer.Deferred(), defer.Deferred()
    neither = defer.race([c, d])
    d.errback(KeyError())
    c.errback(LookupError())
    neither.addErrback(lambda failure: [shown(f) for f in failure.value.failures])
    neither.addCallback(r.saw("none"))
    return r.events


@tells(
    ("value", 1), ("failed", "LookupError"), ("itself", 2), ("coroutine", 3), ("made", "KeyError")
)
def maybeDeferred_takes_anything(defer: Any) -> list[Any]:
    """`maybeDeferred` takes anything."""
    r = Recorder()

    async def coroutine() -> int:
        return 3

    def failing() -> Any:
        return defer.fail(KeyError()).addErrback(lambda failure: failure)

    defer.maybeDeferred(lambda x: x, 1).addCallback(r.saw("value"))
    defer.maybeDeferred(broken, 1).addErrback(r.saw("failed"))
    defer.maybeDeferred(lambda: defer.succeed(2)).addCallback(r.saw("itself"))
    defer.maybeDeferred(coroutine).addCallback(r.saw("coroutine"))
    defer.maybeDeferred(failing).addErrback(r.saw("made"))
    return r.events


@tells(
    ("result", ["one", "LookupError", None, 7, 3]),
)
def generators_wait_for_what_they_yield(defer: Any) -> list[Any]:
    """Generators wait for what they yield."""
    r = Recorder()

    async def coroutine() -> int:
        return 7

    @defer.inlineCallbacks
    def generator(first: Any) -> Any:
        seen = [(yield first)]
        try:
            yield defer.fail(LookupError())
        except LookupError as error:
            seen.append(type(error).__name__)
        seen.append((yield))
        seen.append((yield coroutine()))
        seen.append((yield 3))
        return seen

    d = defer.Deferred()
    generator(d).addCallback(r.saw("result"))
    d.callback("one")
    return r.events


@tells("raised", ("result", "kept going"), ("left", "CancelledError"))
def cancelling_is_raised_in_generators(defer: Any) -> list[Any]:
    """Cancelling is raised in generators."""
    r = Recorder()

    @defer.inlineCallbacks
    def stubborn() -> Any:
        try:
            yield defer.Deferred()
        except defer.CancelledError:
            r.events.append("raised")
        return "kept going"

    @defer.inlineCallbacks
    def outer() -> Any:
        yield defer.ensureDeferred(inner())

    async def inner() -> None:
        await defer.Deferred()

    d = stubborn()
    d.cancel()
    d.addCallback(r.saw("result"))
    e = outer()
    e.cancel()
    e.addErrback(r.saw("left"))
    return r.events


@tells("cancelled", "cleaning", ("late", "cleaned"))
def a_cancelled_generator_takes_its_time(defer: Any) -> list[Any]:
    """A cancelled generator takes its time."""
    r = Recorder()
    cleaned = defer.Deferred()

    @defer.inlineCallbacks
    def generator() -> Any:
        try:
            yield defer.Deferred()
        except defer.CancelledError:
            r.events.append("cancelled")
        return (yield cleaned)

    d = generator()
    d.cancel()
    d.addCallback(r.saw("late"))
    r.events.append("cleaning")
    cleaned.callback("cleaned")
    return r.events


@tells("awaits", "inside", ("result", 2), ("failed", "LookupError"))
def coroutines_resume_inside_callback(defer: Any) -> list[Any]:
    """Coroutines resume inside callback."""
    r = Recorder()

    async def coroutine(d: Any) -> Any:
        r.events.append("awaits")
        value = await d
        r.events.append("inside")
        return value + 1

    d = defer.Deferred()
    e = defer.ensureDeferred(coroutine(d))
    d.callback(1)
    e.addCallback(r.saw("result"))

    async def failing() -> None:
        await defer.fail(LookupError())

    defer.Deferred.fromCoroutine(failing()).addErrback(r.saw("failed"))
    return r.events


@tells(("turns", [1, 2]), "free", "refused", ("ran", "x"), "given back")
def locks_are_taken_in_turn(defer: Any) -> list[Any]:
    """Locks are taken in turn."""
    r = Recorder()
    lock = defer.DeferredLock()
    turns: list[int] = []
    for number in (1, 2):
        lock.acquire().addCallback(lambda _, n=number: turns.append(n))
    given_up = lock.acquire()
    given_up.cancel()
    given_up.addErrback(lambda failure: failure.trap(defer.CancelledError))
    lock.release()
    r.saw("turns")(turns)
    lock.release()
    if not lock.locked:
        r.events.append("free")
    with pytest.raises(AssertionError):
        lock.release()
    r.events.append("refused")
    lock.run(lambda x: x, "x").addCallback(r.saw("ran"))
    if not lock.locked:
        r.events.append("given back")
    return r.events


@tells(("tokens", 0), ("third waits", True), ("third", True), "bad", "too many")
def semaphores_count(defer: Any) -> list[Any]:
    """Semaphores count."""
    r = Recorder()
    semaphore = defer.DeferredSemaphore(2)
    semaphore.acquire()
    semaphore.acquire()
    r.saw("tokens")(semaphore.tokens)
    third = semaphore.acquire()
    r.saw("third waits")(not third.called)
    semaphore.release()
    r.saw("third")(third.called)
    with pytest.raises(ValueError, match="token"):
        defer.DeferredSemaphore(0)
    r.events.append("bad")
    semaphore.release()
    semaphore.release()
    with pytest.raises(AssertionError):
        semaphore.release()
    r.events.append("too many")
    return r.events


@tells(("early", 1), "underflow", ("kept", 2), "overflow")
def queues_keep_and_make_wait(defer: Any) -> list[Any]:
    """Queues keep and make wait."""
    r = Recorder()
    queue = defer.DeferredQueue(size=1, backlog=1)
    queue.get().addCallback(r.saw("early"))
    with pytest.raises(defer.QueueUnderflow):
        queue.get()
    queue.put(1)
    r.events.append("underflow")
    queue.put(2)
    with pytest.raises(defer.QueueOverflow):
        queue.put(3)
    queue.get().addCallback(r.saw("kept"))
    r.events.append("overflow")
    return r.events


@tells(
    ("list", "<Deferred>"), ("list", "<Deferred current result: 1>"), ("list", "<Deferred waiting>")
)
def repr_says_what_is_going_on(defer: Any) -> list[Any]:
    """`repr` says what is going on."""
    r = Recorder()
    inner = defer.Deferred()
    outer = defer.succeed(1).addCallback(lambda _: inner)
    for d, text in (
        (defer.Deferred(), "<Deferred>"),
        (defer.succeed(1), "<Deferred current result: 1>"),
        (outer, "<Deferred waiting>"),
    ):
        seen = repr(d).replace(f" at {id(d):#x}", "")
        seen = seen.replace(f" on Deferred at {id(inner):#x}", "")
        r.saw("list")(seen if seen != text else text)
    return r.events


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    """The story tells what it must."""
    story, expected = STORIES[name]

    events = story(ours)

    assert events == expected


@pytest.mark.parametrize("name", STORIES)
def test_same_story_as_twisted(name: str) -> None:
    """Twisted tells the same story."""
    theirs: ModuleType = pytest.importorskip("twisted.internet.defer")
    story, expected = STORIES[name]

    events = story(theirs)
    gc.collect()

    assert events == expected
