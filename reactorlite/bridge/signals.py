"""The signals that stop a reactor which runs its own loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: SIGBREAK is Windows' Ctrl-Break.
_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]


@contextmanager
def stopping_on_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[signal.Signals], None]
) -> Iterator[None]:
    """Call `stop(signal)` on `loop` for each signal that asks to end; restore it all at the end.

    A SIGINT that the program listens to itself stays the program's. Only the main thread
    can listen to signals: in others nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _STOPPING if _is_free(number)}
    for number in before:
        _listen(loop, number, stop)
    try:
        yield
    finally:
        for number, previous in before.items():
            _unlisten(loop, number)
            # None stands for one that wasn't set from Python, and can't be from here.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def _is_free(number: signal.Signals) -> bool:
    return number != signal.SIGINT or signal.getsignal(number) is signal.default_int_handler


def _listen(
    loop: asyncio.AbstractEventLoop,
    number: signal.Signals,
    stop: Callable[[signal.Signals], None],
) -> None:
    try:
        loop.add_signal_handler(number, stop, number)
    except NotImplementedError:  # Windows' loops

        def interrupt(_number: int, _frame: Any) -> None:
            loop.call_soon_threadsafe(stop, number)

        signal.signal(number, interrupt)


def _unlisten(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    if not loop.is_closed():
        try:
            loop.remove_signal_handler(number)
        except NotImplementedError:
            return  # Windows' loops, where `signal.signal` undoes it all
