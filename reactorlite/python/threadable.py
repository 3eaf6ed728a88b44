"""Which thread is this, and locks around methods: Twisted's names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

__all__ = [
    "XLock",
    "getThreadID",
    "init",
    "ioThread",
    "isInIOThread",
    "registerAsIOThread",
    "synchronize",
    "threaded",
    "unpickle_lock",
]

getThreadID = threading.get_ident

#: Whether there are threads; always, by now.
threaded = True

#: The thread that was registered last, by its number; None makes a thread forget that it was.
ioThread: int | None = None

_this_thread = threading.local()


class XLock(type(RLock())):  # type: ignore[misc]  # RLock is no class to the checker
    """A lock that its thread may take again, and that can be pickled: the copy is free."""

    def __reduce__(self) -> tuple[Callable[[], XLock], tuple[()]]:
        return unpickle_lock, ()


def unpickle_lock() -> XLock:
    """Make the copy of a lock that was pickled."""
    return XLock()


def registerAsIOThread() -> None:
    """Say that this thread runs a reactor; a reactor does it when it starts."""
    global ioThread
    ioThread = getThreadID()
    _this_thread.registered = True


def isInIOThread() -> bool:
    """Whether this thread runs, or ran, a reactor. Several may, each with one of its own."""
    if ioThread is None:
        return False
    return ioThread == getThreadID() or getattr(_this_thread, "registered", False)


def synchronize(*klasses: type) -> None:
    """Put a lock around the methods that each class names in its `synchronized`.

    An instance has one lock for them all, made at the first call. Raises `AttributeError`
    for a method that the class doesn't have.
    """
    for klass in klasses:
        for name in klass.synchronized:  # type: ignore[attr-defined]  # what is asked of it
            setattr(klass, name, _locked(klass.__dict__.get(name) or getattr(klass, name)))


_making_locks = threading.Lock()


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def locked(self: Any, *args: Any, **kw: Any) -> Any:
        try:
            lock = self.__dict__["_threadable_lock"]
        except KeyError:
            with _making_locks:
                lock = self.__dict__.setdefault("_threadable_lock", XLock())
        with lock:
            return method(self, *args, **kw)

    return locked


def init(with_threads: bool | int = True) -> None:
    """Nothing to do: threads are always there. Raises `RuntimeError` if they weren't wanted."""
    if not with_threads:
        raise RuntimeError("threads can't be switched off")
