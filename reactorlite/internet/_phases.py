"""System events: what is to be called before, during and after start-up and shut-down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import CancelledError, Deferred, DeferredList, succeed
from reactorlite.python import log
from reactorlite.python._saying import name_of
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    Trigger = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]

PHASES = ("before", "during", "after")


class SystemEvent:
    """The triggers of one event. Each is called once, in the order they were added.

    `leave` gets the `SystemExit` or `KeyboardInterrupt` that a trigger raises: it can't pass
    from here, where other triggers are still to be called, or a Deferred is the caller.
    """

    def __init__(self, leave: Callable[[BaseException], object]) -> None:
        self._leave = leave
        self._triggers: dict[str, list[Trigger]] = {phase: [] for phase in PHASES}

    def add(self, phase: str, trigger: Trigger) -> None:
        """Let `trigger` be called in `phase`; `KeyError` for one that isn't."""
        if phase not in PHASES:
            raise KeyError(f"{phase!r} is no phase of an event: it is one of {', '.join(PHASES)}")
        self._triggers[phase].append(trigger)

    def remove(self, phase: str, trigger: Trigger) -> None:
        """Take `trigger` back; `ValueError` when it was called or taken back already."""
        if trigger not in self._triggers[phase]:
            raise ValueError(f"no trigger {name_of(trigger[0])} waits {phase} this event")
        self._triggers[phase].remove(trigger)

    def fire(self, first: Callable[[], Deferred[Any] | None] | None = None) -> Deferred[Any]:
        """Call the triggers, phase by phase.

        The Deferreds that "before" triggers return are waited for. `first` is called at the
        beginning of "during", and what it returns is waited for too. A trigger that raises
        is logged and the others are called.
        """
        waiting = [each for each in self.call("before") if isinstance(each, Deferred)]
        for each in waiting:
            each.addErrback(_given_up)
        ready: Deferred[Any] = DeferredList(waiting) if waiting else succeed(None)
        if first is not None:
            ready.addCallback(lambda _: first())
        ready.addErrback(_log)
        return ready.addCallback(lambda _: [self.call("during"), self.call("after")])

    def call(self, phase: str) -> list[object]:
        """Call the triggers of one phase, and those added to it meanwhile."""
        triggers, results = self._triggers[phase], []
        while triggers:
            func, args, kw = triggers.pop(0)
            try:
                results.append(func(*args, **kw))
            except (SystemExit, KeyboardInterrupt) as exc:
                self._leave(exc)
            except BaseException:
                log.err(Failure(), f"Unhandled error in the system event trigger {name_of(func)}")
        return results

    def waiting(self) -> list[str]:
        """The names of what waits to be called, for people to read."""
        return [name_of(func) for phase in PHASES for func, _, _ in self._triggers[phase]]


def _given_up(failure: Failure) -> None:
    """Let a wait end that was cancelled; any other failure is still the Deferred's own."""
    failure.trap(CancelledError)


def _log(failure: Failure) -> None:
    log.err(failure, "Unhandled error at the beginning of a system event")
