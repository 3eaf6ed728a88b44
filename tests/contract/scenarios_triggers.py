"""What runs when the reactor starts and stops. Each has a process of its own."""

from __future__ import annotations

from typing import Any

from stage import Boom, Stage, boom, scenario


@scenario(alone=True)
def order_of_triggers(api: Stage) -> None:
    """before, during, after; startup, then the running, then shutdown; each in order."""
    for event in ("shutdown", "startup"):
        for phase in ("after", "during", "before"):
            for number in ("1", "2"):
                api.trigger(phase, event, number)
    api.reactor.callWhenRunning(api.record, "trigger", "running")
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()
    api.record("trigger", "returned", bool(api.reactor.running))


@scenario(alone=True)
def call_when_running_before_run(api: Stage) -> None:
    """Calls made before `run` run in order; so do those made by them."""

    def first() -> None:
        api.record("call", "first", bool(api.reactor.running))
        api.reactor.callWhenRunning(api.record, "call", "made by first")

    api.reactor.callWhenRunning(first)
    api.reactor.callWhenRunning(api.record, "call", "second")
    # No order is promised between these two and the rest.
    api.reactor.callLater(0, api.record, "delayed", "later")
    api.reactor.callFromThread(api.record, "thread", "from thread")
    api.reactor.callLater(0.02, api.reactor.stop)
    api.record("call", "nothing yet", bool(api.reactor.running))
    api.reactor.run()


@scenario(alone=True)
def call_when_running_raises(api: Stage) -> None:
    """Logged; the others run, and the reactor starts."""
    api.reactor.callWhenRunning(boom)
    api.reactor.callWhenRunning(api.record, "call", "second")
    api.reactor.callLater(0.01, api.reactor.stop)
    api.reactor.run()
    api.record("call", "returned")


@scenario(alone=True)
def shutdown_waits_for_deferreds(api: Stage) -> None:
    """`during` waits for `before`'s Deferreds, `after` for `during`'s."""

    def wait(name: str, seconds: float) -> Any:
        deferred = api.sleep(seconds)
        deferred.addCallback(lambda _: api.record("trigger", name, "waited"))
        return deferred

    api.trigger("before", "shutdown", "one", lambda: wait("one", 0.03))
    api.trigger("before", "shutdown", "two", lambda: wait("two", 0.01))
    api.trigger("during", "shutdown", "three", lambda: wait("three", 0.01))
    api.trigger("after", "shutdown", "four")
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()


@scenario(alone=True)
def shutdown_with_failing_deferreds(api: Stage) -> None:
    """A trigger whose Deferred fails holds nothing up."""
    api.trigger("before", "shutdown", "one", lambda: api.defer.fail(Boom()))
    api.trigger("during", "shutdown", "two", lambda: api.defer.fail(Boom()))
    api.trigger("after", "shutdown", "three")
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()
    api.record("trigger", "returned")


@scenario(alone=True)
def triggers_that_raise(api: Stage) -> None:
    """Logged; the others run."""
    for event in ("startup", "shutdown"):
        for phase in ("before", "during", "after"):
            api.trigger(phase, event, "bad", boom)
            api.trigger(phase, event, "good")
    api.reactor.callLater(0.01, api.reactor.stop)
    api.reactor.run()
    api.record("trigger", "returned")


@scenario(alone=True)
def triggers_removed(api: Stage) -> None:
    """A removed trigger does not run; removing it again, or nonsense, is refused."""
    gone = api.trigger("before", "shutdown", "gone")
    api.trigger("before", "shutdown", "stays")
    api.attempt("trigger", "remove", api.reactor.removeSystemEventTrigger, gone)
    api.attempt("trigger", "again", api.reactor.removeSystemEventTrigger, gone)
    api.attempt("trigger", "None", api.reactor.removeSystemEventTrigger, None)
    api.attempt("trigger", "phase", lambda: bool(api.trigger("never", "shutdown", "x")))
    when = api.reactor.callWhenRunning(api.record, "trigger", "not called")
    api.attempt("trigger", "remove call", api.reactor.removeSystemEventTrigger, when)
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()


@scenario(alone=True)
def trigger_added_during_shutdown(api: Stage) -> None:
    """Triggers added by triggers, for this phase and for a later one."""

    def add() -> None:
        api.trigger("before", "shutdown", "added before")
        api.trigger("during", "shutdown", "added during")
        api.trigger("after", "shutdown", "added after")

    api.trigger("before", "shutdown", "adds", add)
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()


@scenario(alone=True)
def custom_event(api: Stage) -> None:
    """`fireSystemEvent` runs the triggers of any event, once."""

    def fire() -> None:
        api.reactor.fireSystemEvent("party")
        api.record("trigger", "fired")
        api.reactor.fireSystemEvent("party")
        api.record("trigger", "fired again")
        api.reactor.stop()

    for phase in ("after", "during", "before"):
        api.trigger(phase, "party", "one")
    api.reactor.callWhenRunning(fire)
    api.reactor.run()


@scenario(alone=True)
def delayed_calls_during_shutdown(api: Stage) -> None:
    """Delayed calls go on while shutdown waits, and end with it."""

    def wait() -> Any:
        api.reactor.callLater(0.005, api.record, "trigger", "runs meanwhile")
        api.reactor.callLater(5, api.record, "trigger", "never runs")
        return api.sleep(0.02)

    api.trigger("before", "shutdown", "waits", wait)
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()
    api.record("trigger", "returned")
