"""Delayed calls, calls from threads, and what happens when they raise."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

from stage import Stage, boom, differs, scenario


@scenario()
def delayed_call_life(api: Stage) -> Any:
    """A delayed call's state before, during and after it runs."""

    def run(*args: Any, **kwargs: Any) -> None:
        api.record("call", "runs", args[0], kwargs["b"], bool(call.active()))
        api.attempt("call", "cancel within", call.cancel)
        api.attempt("call", "reset within", call.reset, 1)
        api.attempt("call", "delay within", call.delay, 1)

    call = api.reactor.callLater(0.01, run, 1, b=2)
    due = call.getTime() - api.reactor.seconds()
    api.record("call", "active", bool(call.active()), 0 < due <= 0.0101)
    api.record("call", "listed", call in api.reactor.getDelayedCalls())
    yield api.seen("call", "delay within")
    api.record("call", "active", bool(call.active()), call in api.reactor.getDelayedCalls())
    api.attempt("call", "cancel", call.cancel)
    api.attempt("call", "reset", call.reset, 1)
    api.attempt("call", "delay", call.delay, 1)


@scenario()
def delayed_call_cancelled(api: Stage) -> Any:
    """A cancelled call does not run, and refuses everything."""
    call = api.reactor.callLater(0.005, api.record, "call", "ran")
    api.attempt("call", "cancel", call.cancel)
    api.record("call", "active", bool(call.active()), call in api.reactor.getDelayedCalls())
    api.attempt("call", "cancel", call.cancel)
    api.attempt("call", "reset", call.reset, 1)
    api.attempt("call", "delay", call.delay, 1)
    yield api.sleep(0.02)


@scenario()
def delayed_call_moved(api: Stage) -> Any:
    """`reset` counts from now, `delay` from the time set; both ways."""
    early = api.reactor.callLater(5, api.record, "call", "reset to early")
    early.reset(0.001)
    late = api.reactor.callLater(0.001, api.record, "call", "delayed")
    late.delay(0.02)
    sooner = api.reactor.callLater(5, api.record, "call", "delayed by less than nothing")
    sooner.delay(-4.99)
    api.reactor.callLater(0.04, api.record, "call", "end")
    yield api.seen("call", "end")


@scenario()
def delayed_call_repr(api: Stage) -> Any:
    """A delayed call prints, whatever its state."""
    call = api.reactor.callLater(5, api.record, 1, two=2)
    for state in ("pending", "cancelled"):
        api.record("call", state, repr(call).startswith("<DelayedCall"), "record" in repr(call))
        if state == "pending":
            call.cancel()
    yield api.turn()


@scenario(
    differs(
        "call",
        "-1 raises AssertionError",
        "-0.001 raises AssertionError",
        "'1' raises TypeError",
        "None raises TypeError",
        "None raises TypeError",
        "5 raises TypeError",
        "'x' raises TypeError",
        because="what cannot be called is refused at the call, where the mistake is",
    ),
)
def bad_delays(api: Stage) -> Any:
    """Which delays are refused."""
    for delay in (-1, -0.001, "1", None):
        api.attempt("call", repr(delay), lambda delay=delay: bool(api.reactor.callLater(delay, id)))
    for what in (None, 5, "x"):
        api.attempt("call", repr(what), lambda what=what: bool(api.reactor.callLater(9, what)))
    for call in api.reactor.getDelayedCalls():
        if call.getTime() > api.reactor.seconds() + 5:
            call.cancel()
    yield api.turn()


@scenario()
def negative_reset(api: Stage) -> Any:
    """A call may be moved into the past; it runs soon."""
    call = api.reactor.callLater(5, api.record, "call", "ran")
    api.attempt("call", "reset", call.reset, -1)
    yield api.seen("call", "ran")


@scenario()
def same_deadline(api: Stage) -> Any:
    """Calls due at once run in the order they were made."""
    for number in range(50):
        api.reactor.callLater(0, api.record, "call", number)
    yield api.seen("call", "49")
    for number in range(50, 60):
        api.reactor.callLater(0.005, api.record, "call", number)
    yield api.seen("call", "59")


@scenario()
def different_deadlines(api: Stage) -> Any:
    """Calls run in the order of their deadlines."""
    for delay in (0.03, 0.01, 0.02, 0.0):
        api.reactor.callLater(delay, api.record, "call", delay)
    yield api.seen("call", "0.03")


@scenario()
def deadlines_passed_together(api: Stage) -> Any:
    """Calls that became due while the loop was busy run in the order of their deadlines."""

    def busy() -> None:
        until = api.reactor.seconds() + 0.02
        while api.reactor.seconds() < until:
            threading.Event().wait(0.002)
        api.record("call", "was busy")

    for delay in (0.012, 0.004, 0.008):
        api.reactor.callLater(delay, api.record, "call", delay)
    api.reactor.callLater(0, busy)
    yield api.seen("call", "0.012")


@scenario()
def calls_made_by_calls(api: Stage) -> Any:
    """A call made with no delay from a call runs on the next turn, after those due now."""

    def first() -> None:
        api.record("call", "first")
        api.reactor.callLater(0, api.record, "call", "made by first")

    api.reactor.callLater(0, first)
    api.reactor.callLater(0, api.record, "call", "second")
    yield api.seen("call", "made by first")


@scenario()
def call_cancelled_by_one_due_at_once(api: Stage) -> Any:
    """A call due now may still be cancelled by one that runs before it."""
    api.reactor.callLater(0, lambda: victim.cancel())
    victim = api.reactor.callLater(0, api.record, "call", "victim ran")
    api.reactor.callLater(0, api.record, "call", "third")
    yield api.seen("call", "third")
    yield api.turn(2)


@scenario()
def call_moved_by_one_due_at_once(api: Stage) -> Any:
    """A call due now may be put off by one that runs before it."""
    api.reactor.callLater(0, lambda: victim.reset(0.01))
    victim = api.reactor.callLater(0, api.record, "call", "moved ran")
    api.reactor.callLater(0, api.record, "call", "third")
    yield api.seen("call", "moved ran")


@scenario()
def never_early(api: Stage) -> Any:
    """No call runs before its time by the reactor's own clock."""

    def check(due: float) -> None:
        api.record("call", "early" if api.reactor.seconds() < due else "ok")

    for number in range(30):
        delay = number * 0.0007
        api.reactor.callLater(delay, check, api.reactor.seconds() + delay)
    yield api.seen("call", "ok", 30)


@scenario()
def delayed_call_raises(api: Stage) -> Any:
    """Logged; the others due at once still run."""
    api.reactor.callLater(0, api.record, "call", "before")
    api.reactor.callLater(0, boom)
    api.reactor.callLater(0, api.record, "call", "after")
    yield api.seen("call", "after")


@scenario()
def call_from_thread(api: Stage) -> Any:
    """Calls from a thread run in order, in the reactor's thread, and wake an idle loop."""
    home = threading.get_ident()

    def run(number: int) -> None:
        api.record("call", number, threading.get_ident() == home)

    def thread() -> None:
        for number in range(5):
            api.reactor.callFromThread(run, number)

    worker = threading.Thread(target=thread)
    worker.start()
    yield api.seen("call", "4")
    worker.join()


@scenario()
def call_from_thread_at_home(api: Stage) -> Any:
    """From the reactor's own thread too it is a later call."""
    api.reactor.callFromThread(api.record, "call", "later")
    api.record("call", "returned")
    yield api.seen("call", "later")


@scenario()
def call_from_thread_raises(api: Stage) -> Any:
    """Logged; the next still runs."""
    api.reactor.callFromThread(boom)
    api.reactor.callFromThread(api.record, "call", "next")
    yield api.seen("call", "next")


@scenario()
def call_from_thread_made_by_one(api: Stage) -> Any:
    """One made by another runs after those that were there."""

    def first() -> None:
        api.record("call", "first")
        api.reactor.callFromThread(api.record, "call", "third")

    api.reactor.callFromThread(first)
    api.reactor.callFromThread(api.record, "call", "second")
    yield api.seen("call", "third")


@scenario(
    differs(
        "call",
        "None raises TypeError",
        "string raises TypeError",
        because="a mistake in an argument is a `TypeError`, also without assertions",
    ),
)
def call_from_thread_refuses(api: Stage) -> Any:
    """What is not callable is refused at once."""
    api.attempt("call", "None", api.reactor.callFromThread, None)
    api.attempt("call", "string", api.reactor.callFromThread, "x")
    yield api.turn(2)


@scenario()
def call_when_running_runs_at_once(api: Stage) -> Any:
    """While the reactor runs, `callWhenRunning` calls before it returns."""
    result = api.reactor.callWhenRunning(api.record, "call", "ran")
    api.record("call", "returned", result)
    api.attempt("call", "raises", api.reactor.callWhenRunning, boom)
    yield api.turn()


@scenario()
def unhandled_error_in_deferred(api: Stage) -> Any:
    """A failed Deferred nobody looks at is logged when it is collected, and only then."""
    deferred = api.defer.Deferred()
    deferred.errback(api.Failure(ValueError("lost")))
    api.record("d", "alive", len(api.events.get("log", [])))
    del deferred
    yield api.turn(2)
    api.events["log"] = sorted(set(api.events.get("log", [])))


@scenario()
def resolve(api: Stage) -> Any:
    """`resolve` answers addresses and names, and fails for those nobody has."""
    for name in ("127.0.0.1", "localhost", "nonexistent.invalid."):
        yield api.outcome("resolve", name, api.reactor.resolve(name))


@scenario()
def reactor_says_it_runs(api: Stage) -> Any:
    """`running` is true while it does; `run` is refused."""
    api.record("reactor", bool(api.reactor.running))
    api.attempt("reactor", "run", api.reactor.run)
    yield api.turn()


@scenario()
def reactor_provides(api: Stage) -> Any:
    """The interfaces that programs ask a reactor for."""
    for name in ("IReactorCore", "IReactorTime", "IReactorTCP", "IReactorFromThreads"):
        api.record("reactor", name, getattr(api.interfaces, name).providedBy(api.reactor))
    yield api.turn()


@scenario(differs("call", "set", because="a delayed call keeps the context it was made in"))
def context_of_a_delayed_call(api: Stage) -> Any:
    """Which context a delayed call runs in."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="not set")

    def within() -> None:
        variable.set("set")
        api.reactor.callLater(0, lambda: api.record("call", variable.get()))

    contextvars.copy_context().run(within)
    yield api.turn(3)
