"""Deferreds beyond what Twisted's tell: long chains, reports, collection, debugging, time-outs."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import pickle
import traceback
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from reactorlite.internet import defer
from reactorlite.internet.defer import Deferred, fail, succeed
from reactorlite.python.failure import Failure

LONG = 100_000


class FakeClock:
    """Delayed calls that are made by hand."""

    def __init__(self) -> None:
        self.calls: list[FakeCall] = []

    def callLater(self, delay: float, f: Any, *args: Any) -> FakeCall:
        """Remember a call."""
        self.calls.append(FakeCall(delay, f, args))
        return self.calls[-1]


class FakeCall:
    """A call that can be made, or given up, once."""

    def __init__(self, delay: float, f: Any, args: Any) -> None:
        self.delay, self.f, self.args = delay, f, args
        self.waits = True

    def active(self) -> bool:
        """Whether it is still to come."""
        return self.waits

    def cancel(self) -> None:
        """Give it up."""
        assert self.waits
        self.waits = False

    def make(self) -> None:
        """Make it."""
        assert self.waits
        self.waits = False
        self.f(*self.args)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def debugging() -> Iterator[None]:
    """Debugging is on for the test."""
    defer.setDebugging(True)
    yield
    defer.setDebugging(False)


def broken(result: object) -> None:
    """Fail, as a callback."""
    raise LookupError(result)


def test_a_long_chain_fires_from_its_end_without_recursion() -> None:
    """100,000 Deferreds that each wait for the next one fire without recursion."""
    deferreds: list[Deferred[Any]] = [Deferred() for _ in range(LONG)]
    for this, following in itertools.pairwise(deferreds):
        this.addCallback(lambda _, d=following: d)
    for this in deferreds[:-1]:
        this.callback(None)

    deferreds[-1].callback("end")

    assert deferreds[0].result == "end"


def test_a_long_chain_of_fired_deferreds_is_no_recursion() -> None:
    """Callbacks that return 100,000 fired Deferreds in turn do not recurse."""
    d: Deferred[Any] = succeed(0)

    for number in range(LONG):
        d.addCallback(lambda _, n=number: succeed(n))

    assert d.result == LONG - 1


def test_nested_generators_are_woken_without_recursion() -> None:
    """Five thousand generators, each waiting for the next one, end without recursion."""

    @defer.inlineCallbacks
    def nested(inner: Any) -> Any:
        return (yield inner) + 1

    innermost: Deferred[int] = Deferred()
    d: Any = innermost
    for _ in range(5000):
        d = nested(d)

    innermost.callback(0)

    assert d.result == 5000


def test_an_unhandled_failure_is_logged_when_collected(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what failed, and where, as soon as nobody can take care of it any more."""
    d: Deferred[Any] = succeed("why").addCallback(broken)
    assert not caplog.records

    del d

    [record] = caplog.records
    assert record.name == "reactorlite"
    assert record.levelno == logging.ERROR
    assert "Unhandled error in Deferred" in record.getMessage()
    assert record.exc_text is not None or record.exc_info is not None
    assert "in broken" in caplog.text


def test_a_failure_given_as_a_value_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """A generator that returns a `Failure`, and `succeed` of one, have failed."""

    @defer.inlineCallbacks
    def generator() -> Any:
        yield None
        return Failure(LookupError("returned"))

    generator()
    succeed(Failure(LookupError("given")))

    assert "returned" in caplog.text
    assert "given" in caplog.text


def test_a_handled_failure_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A failure that an errback took care of, or another Deferred took over, is not reported."""
    mended = fail(LookupError()).addErrback(lambda _: None)
    outer = succeed(None).addCallback(lambda _: fail(LookupError())).addErrback(lambda _: None)

    del mended, outer
    gc.collect()

    assert not caplog.records


def test_a_cycle_with_a_failed_deferred_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A Deferred that is part of a cycle is reported when the cycle is collected."""
    d: Deferred[Any] = Deferred()
    d.myself = d  # type: ignore[attr-defined]  # programs may add attributes
    d.errback(LookupError("cycle"))

    del d
    gc.collect()

    assert "cycle" in caplog.text


def test_a_failed_deferred_keeps_no_frames_alive() -> None:
    """What a failing callback had in its variables is freed while its failure waits."""

    class Big:
        pass

    seen = []

    def hold(_: object) -> None:
        big = Big()
        seen.append(weakref.ref(big))
        raise LookupError

    d = succeed(None).addCallback(hold)

    assert seen[0]() is None
    d.addErrback(lambda _: None)


def test_tracebacks_show_callbacks_and_nothing_of_the_library() -> None:
    """A traceback starts where the program's own code does."""
    d = succeed(None).addCallback(broken)

    failures: list[Failure] = []
    d.addErrback(failures.append)

    assert [frame[0] for frame in failures[0].frames] == ["broken"]


def test_failures_can_be_given_as_results_and_exceptions() -> None:
    """`callback(failure)` and `errback(exception)` both start the errbacks."""
    kinds: list[Any] = []
    a: Deferred[Any] = Deferred()
    b: Deferred[Any] = Deferred()
    for d in (a, b):
        d.addErrback(lambda failure: kinds.append(failure.type))

    a.callback(Failure(LookupError()))
    b.errback(KeyError())

    assert kinds == [LookupError, KeyError]


def test_errback_takes_the_current_exception() -> None:
    """`errback()` and `fail()` take the exception that is being handled."""
    d: Deferred[Any] = Deferred()

    try:
        raise LookupError
    except LookupError:
        d.errback()
        made = fail()

    for failed in (d, made):
        failed.addErrback(lambda failure: failure.type)
        assert failed.result is LookupError


@pytest.mark.parametrize(
    "add",
    [
        lambda d: d.addBoth(None),
        lambda d: d.addCallbacks(None, None),
        lambda d: d.addCallback(None),
    ],
    ids=["addBoth", "addCallbacks", "addCallback"],
)
@pytest.mark.parametrize("fired", [True, False], ids=["fired", "waiting"])
def test_none_for_a_callback_fails_where_it_is_reached(add: Any, fired: bool) -> None:
    """None for a callback is a failure in the chain when its turn comes, and the chain goes on."""
    d: Deferred[Any] = succeed(1) if fired else Deferred()
    results: list[Any] = []

    add(d)
    d.addErrback(results.append)
    d.addCallback(results.append)
    if not fired:
        d.callback(1)

    failure, following = results
    assert failure.type is TypeError
    assert "NoneType" in failure.getErrorMessage()
    assert following is None


def test_values_pass_by_an_errback_that_is_none() -> None:
    """None for an errback harms no value; a failure becomes the error that it is."""
    results: list[Any] = []

    succeed(1).addErrback(None).addCallback(results.append)
    fail(ValueError()).addErrback(None).addErrback(results.append)

    assert results[0] == 1
    assert results[1].type is TypeError


def test_returning_the_deferred_itself_warns() -> None:
    """A callback that returns the Deferred it was added to is told so."""
    d: Deferred[Any] = Deferred()
    d.addCallback(lambda _: d)

    with pytest.warns(DeprecationWarning, match="attached to"):
        d.callback(None)


def test_fired_deferreds_let_their_canceller_go() -> None:
    """A canceller that refers to its Deferred makes no cycle that outlives the result."""

    class Canceller:
        def __call__(self, d: Deferred[Any]) -> None: ...

    canceller = Canceller()
    gone = weakref.ref(canceller)
    d: Deferred[Any] = Deferred(canceller)
    canceller.deferred = d  # type: ignore[attr-defined]  # the cycle

    d.callback(None)
    del d, canceller

    assert gone() is None


def test_a_canceller_that_raises_is_heard() -> None:
    """`cancel` raises what the canceller raises."""

    def canceller(d: Deferred[Any]) -> None:
        raise LookupError

    d: Deferred[Any] = Deferred(canceller)

    with pytest.raises(LookupError):
        d.cancel()
    assert not d.called


def test_a_second_result_is_refused_with_the_way_to_find_the_first() -> None:
    """`AlreadyCalledError` says what happened, and how to learn more."""
    d = succeed(1)

    with pytest.raises(defer.AlreadyCalledError, match=r"has its result.*setDebugging\(True\)"):
        d.callback(2)


@pytest.mark.usefixtures("debugging")
def test_debugging_shows_who_made_and_who_fired() -> None:
    """With debugging on, `AlreadyCalledError` shows both stacks."""
    d: Deferred[Any] = Deferred()
    d.callback(None)

    with pytest.raises(defer.AlreadyCalledError) as caught:
        d.callback(None)

    assert defer.getDebugging()
    assert str(caught.value).count("test_debugging_shows_who_made_and_who_fired") == 2


@pytest.mark.usefixtures("debugging")
def test_debugging_shows_stacks_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With debugging on, the report of an unhandled failure shows who made the Deferred."""
    d = fail(LookupError())

    del d

    assert "C: " in caplog.records[0].getMessage()
    assert "test_debugging_shows_stacks_in_the_log" in caplog.records[0].getMessage()


def test_time_outs_cancel(clock: FakeClock) -> None:
    """`addTimeout` cancels, and turns the cancellation into a `TimeoutError`."""
    d: Deferred[Any] = Deferred()
    d.addTimeout(3, clock)  # type: ignore[arg-type]  # all of a clock that it needs

    clock.calls[0].make()

    d.addErrback(lambda failure: (failure.type, failure.value.args))
    assert clock.calls[0].delay == 3
    assert d.result == (defer.TimeoutError, (3, "Deferred"))


def test_time_outs_leave_other_outcomes_alone(clock: FakeClock) -> None:
    """What a canceller makes of a time-out goes on, and so does a cancellation in time."""
    own: Deferred[Any] = Deferred(lambda d: d.callback("own"))
    own.addTimeout(3, clock)  # type: ignore[arg-type]  # as above
    cancelled: Deferred[Any] = Deferred()
    cancelled.addTimeout(3, clock)  # type: ignore[arg-type]  # as above

    clock.calls[0].make()
    cancelled.cancel()

    cancelled.addErrback(lambda failure: failure.type)
    assert own.result == "own"
    assert cancelled.result is defer.CancelledError
    assert not clock.calls[1].active()


def test_time_outs_can_be_answered(clock: FakeClock) -> None:
    """`onTimeoutCancel` gets the outcome and the time, and says what goes on."""
    d: Deferred[Any] = Deferred()
    d.addTimeout(3, clock, onTimeoutCancel=lambda outcome, time: (outcome.type, time))  # type: ignore[arg-type, union-attr]  # as above

    clock.calls[0].make()

    assert d.result == (defer.CancelledError, 3)


def test_errors_have_both_worlds_for_parents() -> None:
    """`CancelledError` is an `Exception` and asyncio's error."""
    assert issubclass(defer.CancelledError, Exception)
    assert issubclass(defer.CancelledError, asyncio.CancelledError)


def test_names_are_at_home_in_defer() -> None:
    """Classes and functions say that they come from the public module, and pickle so."""
    error = pickle.loads(pickle.dumps(defer.CancelledError("x")))

    assert {getattr(defer, name).__module__ for name in ("Deferred", "race")} == {defer.__name__}
    assert type(error) is defer.CancelledError


def test_deferreds_are_generic_at_run_time() -> None:
    """`Deferred[int]` can be written anywhere, and be a base class."""

    class Special(Deferred[int]):
        pass

    d = Special()
    d.callback(1)

    assert Deferred[int] is not None
    assert repr(d).startswith("<Special at ")


def test_logError_logs_and_passes_on(caplog: pytest.LogCaptureFixture) -> None:
    """`logError` is an errback that reports and changes nothing."""
    d = fail(LookupError("reported")).addErrback(defer.logError)

    assert "reported" in caplog.text
    d.addErrback(lambda failure: failure.type)
    assert d.result is LookupError


def test_execute_and_passthru() -> None:
    """`execute` makes a Deferred of a call, and `passthru` changes nothing."""
    failed = defer.execute(broken, 1)

    assert defer.execute(int, "3").addCallback(defer.passthru).result == 3
    failed.addErrback(lambda failure: failure.type)
    assert failed.result is LookupError


def test_a_list_cancels_all_and_logs_cancellers(caplog: pytest.LogCaptureFixture) -> None:
    """When one canceller raises, the rest of a `DeferredList` is cancelled all the same."""

    def canceller(d: Deferred[Any]) -> None:
        raise LookupError("stubborn")

    stubborn, meek = Deferred[None](canceller), Deferred[None]()
    both = defer.DeferredList([stubborn, meek], consumeErrors=True)

    both.cancel()

    assert meek.called
    assert "stubborn" in caplog.text


@pytest.mark.parametrize(
    ("gather", "named"),
    [
        (defer.DeferredList, "a DeferredList takes"),
        (defer.gatherResults, "a DeferredList takes"),
        (defer.race, r"race\(\) takes"),
    ],
)
def test_what_is_no_deferred_is_not_gathered(gather: Any, named: str) -> None:
    """A coroutine among Deferreds is refused with the way out, and nothing added to the others."""

    async def work() -> None: ...

    first: Deferred[int] = Deferred()
    coroutine = work()

    with pytest.raises(TypeError, match=f"{named} Deferreds, not <coroutine .* ensureDeferred"):
        gather([first, coroutine])

    coroutine.close()
    assert not first._entries


def test_inlineCallbacks_over_an_async_function_says_what_it_needs() -> None:
    """The decorator that is one too many is told of, and no coroutine is left unawaited."""

    @defer.inlineCallbacks  # type: ignore[arg-type]
    async def work() -> None: ...

    with pytest.raises(TypeError, match=r"an async function needs no inlineCallbacks, but ensure"):
        work()


def test_ensureDeferred_of_a_function_says_to_call_it() -> None:
    """An async function that nobody called is no coroutine, but makes one."""

    async def work() -> None: ...

    with pytest.raises(defer.NotACoroutineError, match=r"work.* give what it returns when it is c"):
        defer.ensureDeferred(work)  # type: ignore[arg-type]


def test_first_errors_are_equal_by_what_they_hold() -> None:
    """`FirstError` compares by failure and index, and says both."""
    failure = Failure(LookupError("x"))

    assert defer.FirstError(failure, 1) == defer.FirstError(failure, 1)
    assert defer.FirstError(failure, 1) != defer.FirstError(failure, 2)
    assert "#1" in str(defer.FirstError(failure, 1))
    assert "LookupError" in repr(defer.FirstError(failure, 1))


def test_nothing_is_left_of_a_million_callbacks() -> None:
    """As many objects are there after the work as before."""

    def work(times: int) -> None:
        for _ in range(times):
            d: Deferred[Any] = Deferred()
            d.addCallback(broken).addErrback(lambda _: succeed(1)).addCallback(str)
            d.callback(None)

    work(10)
    gc.collect()
    gc.disable()
    before = len(gc.get_objects())

    work(1000)

    left = len(gc.get_objects()) - before
    gc.enable()
    assert left < 50


def test_awaiting_a_failed_deferred_shows_where_it_failed() -> None:
    """The traceback of a failure that had to wait for its `await` leads to its origin."""

    async def wait() -> None:
        await succeed(None).addCallback(broken)

    try:
        asyncio.run(wait())
    except LookupError as error:
        text = "".join(traceback.format_exception(error))

    assert "in broken" in text


def test_one_deferred_may_be_debugged(caplog: pytest.LogCaptureFixture) -> None:
    """`debug` set on one Deferred has its report say where it got its result, and no other's."""
    for debug in (True, False):
        d: Deferred[Any] = Deferred()
        d.debug = debug
        assert (d.debug, Deferred.debug, Deferred().debug) == (debug, False, False)
        d.addCallback(broken)
        d.callback(1)
        del d
        gc.collect()

    first, second = (record.getMessage() for record in caplog.records)
    assert " I: " in first
    assert "test_one_deferred_may_be_debugged" in first
    assert " I: " not in second


def test_debugging_is_switched_for_all(debugging: None) -> None:
    """While debugging is on it is so for each Deferred, but where it was set."""
    d: Deferred[Any] = Deferred()

    assert (Deferred.debug, d.debug, defer.getDebugging()) == (True, True, True)
    d.debug = False
    assert (Deferred.debug, d.debug) == (True, False)


def test_callbacks_to_come_can_be_seen() -> None:
    """`callbacks`, which is deprecated, shows what has yet to run and with which arguments."""
    d: Deferred[Any] = Deferred()
    waiting: Deferred[Any] = Deferred()
    waiting.addCallback(lambda _: d)

    d.addCallback(int)
    d.addErrback(print, "to", "whom")
    d.addBoth(str)
    with pytest.warns(
        DeprecationWarning, match=r"^twisted\.internet\.defer\.Deferred\.callbacks was"
    ):
        pairs = d.callbacks
    waiting.callback(None)

    assert pairs == [
        ((int, (), {}), (None, (), {})),
        ((None, ("to", "whom"), {}), (print, ("to", "whom"), {})),
        ((str, (), {}), (str, (), {})),
    ]
    with pytest.warns(DeprecationWarning, match="callbacks"):
        ((taker, *_), (other, *_)) = d.callbacks[-1]
    assert callable(taker)
    assert taker == other


def test_timeout_function_fails_what_has_no_result() -> None:
    """`timeout`, which is deprecated, fails a Deferred unless it has its result."""
    late: Deferred[Any] = Deferred()
    done = succeed("there")

    for d in (late, done):
        with pytest.warns(DeprecationWarning, match=r"^twisted\.internet\.defer\.timeout was depr"):
            defer.timeout(d)

    late.addErrback(lambda failure: failure.check(defer.TimeoutError))
    assert (late.result, done.result) == (defer.TimeoutError, "there")
