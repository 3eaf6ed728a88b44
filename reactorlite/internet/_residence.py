"""Which reactor is meant: the running loop's, that of the call, or the process's default.

A loop in which a reactor is asked for has one from then on: what was set up for it in the
same thread before, or a new one. After that reactor was stopped, only something to do brings
the next one; asking whether it is `running` doesn't.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from reactorlite.internet import error
from reactorlite.internet._futures import running_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.internet.asyncioreactor import Reactor

residents: dict[asyncio.AbstractEventLoop, Reactor] = {}
#: By thread, the reactor that is in `run()` there.
running: dict[int, Reactor] = {}
#: The reactor that makes the present call, where no loop runs that could say so.
calling: ContextVar[Reactor] = ContextVar("reactorlite.calling")

#: What stands for all reactors, by the names under which programs import it. To take one out of
#: `sys.modules` is how they, and Twisted's tests, make room for another reactor.
fronts: dict[str, Any] = {}

_double: Any = None
_former: list[Any] = []
_left: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
_default: Any = None
_process = 0  # that of the default
_choosing = threading.RLock()
_make: Callable[[], Reactor]


def made_by(make: Callable[[], Reactor]) -> None:
    """Say what makes a reactor; the class can't be imported here, which it imports."""
    global _make
    _make = make


def current_reactor() -> Any:
    """The reactor that `reactorlite.internet.reactor` stands for at this moment.

    Inside a running loop it is that loop's, made on first use; in what a reactor calls
    without one, that reactor; else the process's default.
    """
    loop = running_loop()
    if loop is not None:
        resident = residents.get(loop)
        return resident if resident is not None else _move_in(loop)
    return calling.get(None) or _in_place() or _default_reactor()


def _in_place() -> Any:
    """What stands where programs look for the reactor, if something else than a front does."""
    if _double is not None:
        return _double
    for name, front in fronts.items():
        there = sys.modules.get(name)
        if there is not None and there is not front:
            return there
    return None


def put_double(double: Any) -> None:
    """Let `double` be the current reactor outside of running loops, until this is given None."""
    global _double
    _double = double


def class_of_current(otherwise: type) -> type:
    """The class of the current reactor; `otherwise` if there is none yet, for none is made."""
    loop = running_loop()
    reactor = residents.get(loop) if loop is not None else calling.get(None) or _in_place()
    if reactor is None:
        reactor = _default
    return otherwise if reactor is None else type(reactor)


def has_left() -> bool:
    """Whether the running loop had a reactor that was stopped, and has none since."""
    loop = running_loop()
    return loop is not None and loop not in residents and loop in _left


def move_out(loop: asyncio.AbstractEventLoop, reactor: Reactor) -> None:
    """Let `reactor` no longer be the one of `loop`, if it was."""
    if residents.get(loop) is reactor:
        del residents[loop]
        _left.add(loop)


def set_default(reactor: Any) -> None:
    """Make `reactor` the process's default; see `internet.main.installReactor`."""
    with _choosing:
        _set_default(reactor)


def _set_default(reactor: Any) -> None:
    global _default, _process
    taken_out = [name for name in fronts if name not in sys.modules]
    for name in taken_out:
        _put(name, fronts[name] if _is_ours(reactor) else reactor)
    if taken_out and not _is_ours(reactor):
        return
    if _default is None:
        _process = os.getpid()
        atexit.register(_at_exit)
    elif taken_out:
        _former.append(_default)
    elif not (_is_ours(_default) and _default.is_untouched()):
        raise error.ReactorAlreadyInstalledError(f"the reactor is {_default!r} already")
    _default = reactor


def _put(name: str, reactor: Any) -> None:
    package, _, last = name.rpartition(".")
    sys.modules[name] = reactor
    setattr(sys.modules[package], last, reactor)


def _is_ours(reactor: Any) -> bool:
    return hasattr(reactor, "become_guest")


def _default_reactor() -> Any:
    with _choosing:
        if _default is None:
            _set_default(_make())
        return _default


def _move_in(loop: asyncio.AbstractEventLoop) -> Any:
    for closed in [each for each in list(residents) if each.is_closed()]:
        residents.pop(closed, None)
    waiting = _default
    if waiting is not None and not _is_ours(waiting):
        return waiting  # an installed stand-in serves everywhere
    if waiting is None and threading.current_thread() is threading.main_thread():
        waiting = _default_reactor()
    if waiting is None or not waiting.waits_in_this_thread():
        waiting = _make()
    waiting.become_guest(loop)
    return waiting


def _at_exit() -> None:
    # A child that was forked shares the loop's descriptors with its parent.
    if os.getpid() == _process:
        for reactor in filter(_is_ours, (*_former, _default)):
            reactor.bury()
