"""Which reactor is meant: the running loop's, that of the call, or the process's default.

A loop in which a reactor is asked for has one from then on: what was set up for it in the
same thread before, or a new one. After that reactor was stopped, only something to do brings
the next one; asking whether it is `running` doesn't.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from asyncio import _get_running_loop
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from reactorlite.internet import error

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.internet.asyncioreactor import Reactor

residents: dict[asyncio.AbstractEventLoop, Reactor] = {}
#: By thread, the reactor that is in `run()` there.
running: dict[int, Reactor] = {}
#: The reactor that makes the present call, where no loop runs that could say so.
calling: ContextVar[Reactor] = ContextVar("reactorlite.calling")

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
    loop = _get_running_loop()
    if loop is not None:
        resident = residents.get(loop)
        return resident if resident is not None else _move_in(loop)
    return calling.get(None) or _default_reactor()


def class_of_current(otherwise: type) -> type:
    """The class of the current reactor; `otherwise` if there is none yet, for none is made."""
    loop = _get_running_loop()
    reactor = calling.get(None) if loop is None else residents.get(loop)
    if reactor is None:
        reactor = _default
    return otherwise if reactor is None else type(reactor)


def has_left() -> bool:
    """Whether the running loop had a reactor that was stopped, and has none since."""
    loop = _get_running_loop()
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
    if _default is not None and not (_is_ours(_default) and _default.is_untouched()):
        raise error.ReactorAlreadyInstalledError(f"the reactor is {_default!r} already")
    if _default is None:
        _process = os.getpid()
        atexit.register(_at_exit)
    _default = reactor


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
    if _is_ours(_default) and os.getpid() == _process:
        _default.bury()
