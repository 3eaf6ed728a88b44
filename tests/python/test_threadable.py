"""Which thread this is, and methods under a lock."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from reactorlite.python import context, threadable


@pytest.fixture(autouse=True)
def _io_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threadable, "ioThread", None)


def in_a_thread(f: Any) -> Any:
    """What `f` returns in another thread."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(f()))
    thread.start()
    thread.join()
    return results[0]


def test_thread_is_known_once_registered() -> None:
    """A thread is the reactor's when it was registered, and no other is."""
    before = threadable.isInIOThread()

    threadable.registerAsIOThread()

    assert not before
    assert threadable.isInIOThread()
    assert not in_a_thread(threadable.isInIOThread)
    assert threadable.ioThread == threadable.getThreadID() == threading.get_ident()


def test_several_threads_may_be_registered() -> None:
    """As several threads may run a reactor, one that was registered stays so beside others."""

    def other() -> bool:
        threadable.registerAsIOThread()
        return threadable.isInIOThread()

    threadable.registerAsIOThread()

    assert in_a_thread(other)
    assert threadable.isInIOThread()


def test_synchronized_methods_exclude_each_other() -> None:
    """Of the methods that are named one runs at a time, for each instance; it may call another."""

    class Account:
        synchronized = ["add", "add_slowly"]

        def __init__(self) -> None:
            self.total = 0

        def add(self, amount: int) -> None:
            self.total += amount

        def add_slowly(self, amount: int) -> None:
            before = self.total
            inside.set()
            # Not in time: the other thread can't come in.
            assert not added.wait(0.02)
            self.total = before
            self.add(amount)

    threadable.synchronize(Account)
    inside, added = threading.Event(), threading.Event()
    account = Account()
    thread = threading.Thread(target=account.add_slowly, args=(1,))
    thread.start()
    inside.wait(30)

    account.add(2)
    added.set()
    thread.join()

    assert account.total == 3
    assert Account.add.__name__ == "add"


def test_synchronized_method_that_is_missing() -> None:
    """To name a method that the class doesn't have is an error."""

    class Empty:
        synchronized = ["missing"]

    with pytest.raises(AttributeError, match="missing"):
        threadable.synchronize(Empty)


def test_lock_can_be_taken_again_and_pickled() -> None:
    """An `XLock` may be taken twice by its thread, and a copy of it is free."""
    lock = threadable.XLock()
    with lock, lock:
        copy = pickle.loads(pickle.dumps(lock))

        assert in_a_thread(lambda: copy.acquire(blocking=False))
        assert not in_a_thread(lambda: lock.acquire(blocking=False))


def test_threads_are_always_there() -> None:
    """`init` has nothing to do, and can't do without threads."""
    threadable.init()

    assert threadable.threaded
    with pytest.raises(RuntimeError, match="switched off"):
        threadable.init(False)


def test_context_is_set_for_a_call() -> None:
    """Values are there inside the call, over those around it, and gone afterwards."""

    def inner() -> Any:
        return context.get("a"), context.get("b"), context.get("c", "neither")

    found = context.call({"a": 1, "b": 1}, context.call, {"b": 2}, inner)

    assert found == (1, 2, "neither")
    assert context.get("a") is None


def test_context_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """`setDefault` gives a value for wherever none is set."""
    monkeypatch.setattr(context, "defaultContextDict", {})

    context.setDefault("key", "default")

    assert context.get("key", "other") == "default"
    assert context.call({"key": "set"}, context.get, "key") == "set"
