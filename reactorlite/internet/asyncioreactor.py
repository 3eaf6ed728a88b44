"""The reactor: Twisted's spelling of an asyncio event loop.

A `Reactor` waits until it has a loop: its own, under `run()`, or a host's, the first time it
is used there. What is asked of it before is done as far as it can be (a port is bound and
listens) and goes on when the loop is there. `current_reactor` says which reactor
`reactorlite.internet.reactor` stands for.
"""

from __future__ import annotations

import asyncio
import enum
import signal
import sys
import threading
from asyncio import _get_running_loop
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn

from reactorlite.bridge.connecting import Connector
from reactorlite.bridge.guest import Guard
from reactorlite.bridge.inthreads import InThreads
from reactorlite.bridge.loops import check_thread, raise_from_loop
from reactorlite.bridge.ownloop import close_loop, run_for
from reactorlite.bridge.scope import Scope
from reactorlite.bridge.signals import stopping_on_signals
from reactorlite.bridge.timers import Timers
from reactorlite.internet import _residence as residence
from reactorlite.internet import error
from reactorlite.internet._datagrams import Datagrams
from reactorlite.internet._delayed import DelayedCall
from reactorlite.internet._descriptors import Descriptors
from reactorlite.internet._names import Names
from reactorlite.internet._phases import SystemEvent
from reactorlite.internet._processes import Processes
from reactorlite.internet._residence import current_reactor
from reactorlite.internet._streams import Streams
from reactorlite.internet.defer import Deferred
from reactorlite.python import log
from reactorlite.python._saying import name_of
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

    Trigger = tuple[str, tuple[str, Callable[..., object], tuple[Any, ...], dict[str, Any]]]

__all__ = ["AsyncioSelectorReactor", "Reactor", "current_reactor", "install"]


class State(enum.IntEnum):
    """Where in its life a reactor is, in the order in which it goes through them."""

    WAITING = 0  # for `run()`, or for a host's loop: at first, and again after each life
    STARTING = 1  # it has a loop, whose next turn starts it up
    STARTED = 2
    STOPPING = 3  # what it opened is being closed
    ENDED = 4  # all is closed, and `run()`, or the host, is about to hear of it


@implementer(
    "IReactorCore",
    "IReactorFDSet",
    "IReactorSocket",
    "IReactorTime",
    "IReactorThreads",
    "_ISupportsExitSignalCapturing",
)
class Reactor(Streams, Datagrams, Processes, Descriptors, Names, InThreads):
    """An event loop as Twisted-style code sees it.

    `Reactor()` makes one that is independent of `reactorlite.internet.reactor`: call its
    `run()`, in any thread, or use it as `async with Reactor() as reactor:`, at whose end
    nothing of it is left. `eventloop` is the loop that `run()` is to use; it stays the
    caller's, to be used again or closed. (What the default reactor was given is closed when
    the process ends, if nobody has.)
    """

    def __init__(self, eventloop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__()
        self.running = False
        #: The signal that ended `run()`: twistd ends by the same one.
        self._exitSignal: int | None = None
        self._scope = Scope(self)
        self._timers = Timers()
        self._events: dict[str, SystemEvent] = {}
        self._given_loop = eventloop
        # Not its number, which the system gives to another thread once this one has ended.
        self._thread: threading.Thread | None = threading.current_thread()
        self._state = State.WAITING
        self._was_started = False
        # Between threads: what `callFromThread` was given while there was no loop for it.
        # A signal handler or `__del__` may hand over in the middle of it, in the same thread.
        self._handing_over = threading.RLock()
        self._hears_threads = False
        self._handed_over: list[tuple[Context, Callable[..., object], tuple[Any, ...]]] = []
        self._guard: Guard | None = None
        self._left: asyncio.Future[None] | None = None
        self._ending: Deferred[Any] | None = None

    # -- life and death

    def run(self, installSignalHandlers: bool = True) -> None:
        """Run a loop until `stop()`, then close what the reactor opened.

        May be called again after it returned. With `installSignalHandlers`, in the main
        thread, SIGINT and SIGTERM (and SIGBREAK) stop the reactor. A `SystemExit` from a
        callback ends the reactor in order, and is raised here at the end; a
        `KeyboardInterrupt` ends it too, and isn't. At the end tasks that are left are
        cancelled, and asyncio's default executor is waited for. Raises
        `ReactorAlreadyRunning` when it runs, and in a thread whose loop runs; while it is
        stopping `ReactorNotRestartable`.
        """
        loop = self._loop_to_run()
        self._state = State.STARTING
        signals = stopping_on_signals(loop, self._signalled) if installSignalHandlers else None
        leaving: BaseException | None = None
        with signals or nullcontext():
            # First of all: what waits from threads may well be a call of `stop`.
            loop.call_soon(self._start_up)
            self._attach(loop)
            loop.call_soon(self._scope.begin)
            try:
                leaving = self._run_until_over(loop)
            finally:
                over = self._leave_own_loop(loop)
        # With the signals as they were: tasks and executor jobs may take their time to end.
        if over and loop is not self._given_loop:
            close_loop(loop)
        log.msg("Main loop terminated.")
        if isinstance(leaving, SystemExit):
            raise leaving

    def stop(self) -> None:
        """End: call the shut-down triggers, close everything, let `run()` return.

        In a host's loop only what the reactor started ends, and the loop goes on. May be called
        from any thread. Raises `ReactorNotRunning` when there is nothing to stop.
        """
        if self._state is not State.STARTED:
            raise error.ReactorNotRunning(
                "stop() was called on a reactor that isn't running, or is stopping"
            )
        self._begin_to_stop()

    def crash(self) -> None:
        """Let `run()` return at once; connections, ports and timers stay for the next `run()`.

        No shut-down trigger is called. Raises `RuntimeError` in a host's loop, which isn't
        the reactor's to end: there, `stop()` it.
        """
        if self._guard is not None:
            raise RuntimeError(
                "crash() can't end the host's loop: stop() ends what is the reactor's"
            )
        check_thread(self._scope.loop, "reactor.crash")
        self.running = False
        # While it stops it is to end, and only sooner; else it is to go on in the next `run()`.
        self._state = State.ENDED if self._is_stopping else State.WAITING
        self._stop_hearing_threads()
        loop = self._scope.loop
        if loop is not None and loop.is_running():
            loop.stop()

    def removeAll(self) -> list[object]:
        """Begin to close all that is open on the reactor, and answer what it was.

        These are ports, attempts to connect, and the transports of connections by which something
        may come or is to go (the rest is closed as well); and the descriptors that are watched,
        of which the reactor lets go without closing them. Trial asks for it between test cases,
        to name what a test has left behind.
        """
        watched = [] if self._watched is None else self._watched.remove_all()
        with self._as_current():
            return [*watched, *self._scope.abandon()]

    def disconnectAll(self) -> None:
        """Close all that is open on the reactor; protocols hear of it as `ConnectionLost`.

        A loop that was kept since a crash or an `iterate` is run until that is done.
        """
        with self._as_current():
            closed = self._scope.close()
        loop = self._scope.loop
        while not (closed.called or loop is None or loop.is_closed() or loop.is_running()):
            self.iterate()

    def iterate(self, delay: float = 0) -> None:
        """Do what is due now, or all that becomes due in `delay` seconds.

        "Now" is a few turns of the loop: asyncio takes several for what is one step to a program,
        such as the end of a connection that was closed. For programs whose own loop drives the
        reactor: no start-up trigger is called, and the loop is kept for the next time. Raises
        `RuntimeError` inside a running loop, which can't be entered twice.
        """
        if _get_running_loop() is not None:
            raise RuntimeError(
                "iterate() can't run a turn inside a running loop: return to the loop,"
                " or `await asyncio.sleep(0)`"
            )
        check_thread(self._scope.loop, "reactor.iterate")
        loop = self._scope.loop or self._given_loop or asyncio.new_event_loop()
        self._attach(loop)
        loop.call_soon(self._scope.begin)
        try:
            run_for(loop, delay)
        finally:
            self._stop_hearing_threads()

    async def __aenter__(self) -> Reactor:
        if self._scope.loop is not None:
            raise error.ReactorAlreadyRunning(f"{self!r} has a loop already")
        self.become_guest(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end_as_guest()

    # -- time

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> DelayedCall:
        """Call `callable(*args, **kw)` in `delay` seconds, in the present context.

        Raises `AssertionError` for a negative delay, as Twisted does.
        """
        return self._timers.call_later(delay, callable, args, kw)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """The delayed calls still to come, in no particular order."""
        return self._timers.active_calls()

    def seconds(self) -> float:
        """The time that delayed calls go by, in seconds: only differences mean something."""
        return self._timers.seconds()

    # -- calls from anywhere

    def callFromThread(self, callable: Callable[..., object], *args: Any, **kw: Any) -> None:
        """Call `callable` in the reactor's thread; may be called from any thread.

        Calls from one thread keep their order. With no loop yet they wait for it. Raises
        `TypeError` for what can't be called.
        """
        _check_callable("callFromThread", callable)
        with self._handing_over:
            loop = self._scope.loop
            if loop is not None and self._hears_threads:
                loop.call_soon_threadsafe(self._call, callable, args, kw)
            else:
                if not self._handed_over and self.is_untouched():
                    self._thread = None  # who sets it up is still to be seen
                self._handed_over.append((copy_context(), self._call, (callable, args, kw)))

    def callWhenRunning(
        self, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> Trigger | None:
        """Call `callable` when the reactor has started, or now if it has."""
        if self._is_started:
            callable(*args, **kw)
            return None
        return self.addSystemEventTrigger("after", "startup", callable, *args, **kw)

    # -- system events

    def addSystemEventTrigger(
        self, phase: str, eventType: str, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> Trigger:
        """Call `callable` once, "before", "during" or "after" the next `eventType`.

        "startup" and "shutdown" are the reactor's; others are the program's, to be fired by
        `fireSystemEvent`. A Deferred that a "before" trigger returns is waited for. The
        result is for `removeSystemEventTrigger`.
        """
        _check_callable("addSystemEventTrigger", callable)
        self._event(eventType).add(phase, (callable, args, kw))
        return (eventType, (phase, callable, args, kw))

    def removeSystemEventTrigger(self, triggerID: Trigger) -> None:
        """Take back what `addSystemEventTrigger` or `callWhenRunning` gave.

        Raises `ValueError` when it was called, or taken back, before, and `KeyError` or `TypeError`
        for what is no trigger's.
        """
        eventType, (phase, callable, args, kw) = triggerID
        self._event(eventType).remove(phase, (callable, args, kw))

    def fireSystemEvent(self, eventType: str) -> None:
        """Call the triggers of `eventType`.

        To fire "shutdown" is no `stop()`: of a reactor that isn't started it ends the threads
        that wait for that, as Trial expects at its end, and nothing else.
        """
        unused = eventType == "shutdown" and not self._is_started
        with self._as_current():
            self._event(eventType).fire(first=self._stopThreadPool if unused else None)

    # -- inside: starting and stopping

    def _loop_to_run(self) -> asyncio.AbstractEventLoop:
        self._forget_closed_loop()
        if _get_running_loop() is not None and (self._guard is not None or not self._is_started):
            raise error.ReactorAlreadyRunning(
                "run() can't be called inside a running loop. The reactor is that loop's guest:"
                " leave run() out, and keep the loop going, with `await asyncio.Event().wait()`"
                " if there is nothing else to wait for"
            )
        if self._is_started:
            if self._is_stopping:
                raise error.ReactorNotRestartable(f"{self!r} is stopping: wait until it has ended")
            raise error.ReactorAlreadyRunning(f"{self!r} runs already")
        return self._scope.loop or self._given_loop or asyncio.new_event_loop()

    def _run_until_over(self, loop: asyncio.AbstractEventLoop) -> BaseException | None:
        leaving: BaseException | None = None
        while not self._is_over:
            residence.running[threading.get_ident()] = self
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as exc:
                if leaving is not None:
                    raise
                leaving = exc
            finally:
                del residence.running[threading.get_ident()]
            if self._state in (State.STARTING, State.STARTED):
                # Interrupted, or somebody stopped the loop underneath: end in order all the same.
                self._begin_to_stop()
        return leaving

    def _leave_own_loop(self, loop: asyncio.AbstractEventLoop) -> bool:
        stopped = self._is_stopping
        if stopped:
            self.running = False
            self._state = State.WAITING
            self._detach()
        return stopped

    def _signalled(self, number: signal.Signals) -> None:
        log.msg(f"Received {number.name}, shutting down.")
        self._exitSignal = int(number)
        if self._is_stopping:
            # A second one, while shutting down takes its time: go on without what it waits for.
            if self._ending is not None:
                self._ending.cancel()
        else:
            self._begin_to_stop()

    def _start_up(self) -> None:
        if self._is_over:  # crashed by what a loop that was kept had ready before
            return
        if self._state is State.STARTING:  # and not told to stop already, by a signal
            self._state = State.STARTED
        self._was_started = True
        self._event("startup").fire(first=self._now_running)

    def _now_running(self) -> None:
        self.running = True
        self._start_threads()

    def _begin_to_stop(self) -> None:
        self._state = State.STOPPING
        loop = self._scope.loop
        assert loop is not None
        if self._guard is not None and (_get_running_loop() is loop or not loop.is_running()):
            # A host that closes its loop right after this gives it one more turn, not two.
            self._shut_down()
        else:
            loop.call_soon_threadsafe(self._shut_down)

    def _shut_down(self) -> None:
        event = self._event("shutdown")
        event.add("after", (self._finished, (), {}))
        ending = event.fire(first=self._close)
        self._ending = None if self._is_over else ending

    def _close(self) -> Deferred[None]:
        self.running = False
        self._timers.clear()
        closed = self._scope.close().addCallback(self._end_threads)
        # Jobs may have opened something while they were waited for.
        return closed.addCallback(lambda _: self._scope.close())

    def _finished(self) -> None:
        self._state = State.ENDED
        self._ending = None
        self._timers.clear()
        loop = self._scope.loop
        if self._guard is not None:
            self._leave_host()
        elif loop is not None:
            loop.stop()

    def _leave(self, exc: BaseException) -> None:
        """Let `exc` end the program, from the loop if there is one."""
        loop = self._scope.loop
        if loop is None:
            raise exc
        loop.call_soon(raise_from_loop, exc)

    # -- inside: as a guest

    def become_guest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Live in a host's `loop`, which runs, until `stop()` or its end."""
        self._state = State.STARTING
        self._guard = Guard(self._end_as_guest)
        self._left = loop.create_future()
        self._attach(loop)
        self._start_up()
        self._scope.begin()

    def _leave_host(self) -> None:
        guard, self._guard = self._guard, None
        left, self._left = self._left, None
        self._state = State.WAITING
        self._detach()
        if guard is not None:
            guard.dismiss()
        if left is not None and not left.done():
            left.set_result(None)

    async def _end_as_guest(self) -> None:
        left = self._left
        if left is not None:
            if not self._is_stopping:
                self._begin_to_stop()
            await left

    # -- inside: the loop

    def _attach(self, loop: asyncio.AbstractEventLoop) -> None:
        residence.residents.setdefault(loop, self)
        if self._scope.loop is not loop:  # else it was kept since a crash
            self._timers.attach(loop)
        with self._handing_over:
            self._scope.loop = loop
            self._hears_threads = True
            handed_over, self._handed_over = self._handed_over, []
            for context, call, args in handed_over:
                loop.call_soon(call, *args, context=context)

    def _stop_hearing_threads(self) -> None:
        """Keep what threads hand over until the loop runs again, and the reactor has started."""
        with self._handing_over:
            self._hears_threads = False

    def _forget_closed_loop(self) -> None:
        """Wait for a loop again, after a host that closed its own without a word."""
        if self._scope.is_closed:
            self._guard = self._left = None
            self.running = False
            self._state = State.WAITING
            self._detach()

    def _detach(self) -> None:
        loop = self._scope.loop
        with self._handing_over:
            self._scope.loop = None
            self._hears_threads = False
        self._timers.detach()
        if loop is not None:
            residence.move_out(loop, self)

    def _call(self, func: Callable[..., object], args: tuple[Any, ...], kw: dict[str, Any]) -> None:
        try:
            func(*args, **kw)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            log.err(Failure(), f"Unhandled error in {name_of(func)}, called from a thread")

    @contextmanager
    def _as_current(self) -> Iterator[None]:
        """Be `current_reactor` for what is called, where no running loop says which one is."""
        token = residence.calling.set(self)
        try:
            yield
        finally:
            residence.calling.reset(token)

    @property
    def _is_started(self) -> bool:
        return self._state >= State.STARTED

    @property
    def _is_stopping(self) -> bool:
        return self._state >= State.STOPPING

    @property
    def _is_over(self) -> bool:
        return self._state in (State.WAITING, State.ENDED)

    def _event(self, name: str) -> SystemEvent:
        return self._events.setdefault(name, SystemEvent(self._leave))

    def waits_in_this_thread(self) -> bool:
        """Whether it has no loop yet, and was set up by the thread that asks."""
        self._forget_closed_loop()
        mine = self._thread is None or self._thread is threading.current_thread()
        return mine and self._scope.loop is None

    def is_untouched(self) -> bool:
        """Whether nothing was ever asked of it."""
        return not self._was_started and self._scope.loop is None and not self._work()

    # -- inside: at the end of the process

    def _work(self) -> list[str]:
        """What the reactor has been given to do, for people to read."""
        startup = self._events.get("startup")
        calls = [each for each in self._timers.active_calls() if not _is_own(each.func)]
        return [
            *self._scope.describe(),
            *map(repr, calls),
            *(startup.waiting() if startup is not None else ()),
            *(name_of(args[0]) for _, _, args in self._handed_over),
            *self._waiting_jobs(),
        ]

    def bury(self) -> None:
        """Close, without a sound from asyncio, what a process leaves that ends."""
        loop = self._scope.loop
        if loop is not None and loop.is_running():
            return
        # A program that died of an exception has said what is wrong.
        if not hasattr(sys, "last_value"):
            self._say_what_is_lost(loop)
        self._timers.clear()
        self._scope.close()
        for each in (loop, self._given_loop):
            if each is not None:
                close_loop(each, executor=False)

    def _say_what_is_lost(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if loop is None:
            # Of what had run, calls may be left; a port was opened since, for another run.
            held = self._scope.describe() if self._was_started else self._work()
            never = "never ran again" if self._was_started else "never ran"
            what = (
                f"the reactor was set up and {never}: call reactor.run(), or use the reactor"
                " inside the loop that asyncio.run() runs, where a look at it will do"
            )
        else:
            held = self._scope.describe() if loop.is_closed() else []
            what = (
                "the event loop was closed before its reactor: call reactor.stop() before"
                " loop.close(), or use asyncio.run()"
            )
        if held:
            log.msg(f"{what}. It held {'; '.join(held)}", isError=True)

    def _uninstallHandler(self) -> None:
        """Do nothing: Twisted's `ReactorBuilder` asks for it, and no signal is caught any more."""

    def __getattr__(self, name: str) -> NoReturn:
        from reactorlite.internet._missing import MISSING  # which few programs ever come to

        if name in MISSING:
            raise AttributeError(f"reactorlite's reactor has no {name} yet: {MISSING[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        state = "running" if self.running else "waiting" if self._scope.loop is None else "stopped"
        return f"<{type(self).__name__} {state} at {id(self):#x}>"


AsyncioSelectorReactor = Reactor
"""Twisted's name for a reactor on asyncio; here it needs no selector."""

residence.made_by(Reactor)


def install(eventloop: asyncio.AbstractEventLoop | None = None) -> None:
    """Make a reactor the default, to run on `eventloop` if one is given.

    Programs need not: a default comes into being by itself. Raises
    `ReactorAlreadyInstalledError` when there is one that has been used.
    """
    residence.set_default(Reactor(eventloop))


def _is_own(func: object) -> bool:
    """Whether a delayed call is the time-out of an attempt, which is reported itself."""
    return isinstance(getattr(func, "__self__", None), Connector)


def _check_callable(where: str, func: object) -> None:
    if not callable(func):
        raise TypeError(f"{where}() takes something to call, not {func!r}")
