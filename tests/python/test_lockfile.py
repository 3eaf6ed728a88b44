"""Locks between processes, and waiting for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reactorlite.internet import defer
from reactorlite.python import lockfile
from reactorlite.python.lockfile import FilesystemLock, isLocked

GONE = 2**22 + 1  # more than Linux ever gives to a process


class FakeClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[FakeCall] = []

    def callLater(self, delay: float, f: Any, *args: Any) -> FakeCall:
        """Remember a call."""
        self.calls.append(FakeCall(self, self.now + delay, f, args))
        return self.calls[-1]

    def advance(self, seconds: float) -> None:
        """Make the calls that are due."""
        self.now += seconds
        for call in [call for call in self.calls if call.due <= self.now]:
            self.calls.remove(call)
            call.f(*call.args)


class FakeCall:
    """A delayed call that can be given up once, while it waits."""

    def __init__(self, clock: FakeClock, due: float, f: Any, args: Any) -> None:
        self.clock, self.due, self.f, self.args = clock, due, f, args

    def cancel(self) -> None:
        """Give it up."""
        self.clock.calls.remove(self)


@pytest.fixture
def name(tmp_path: Path) -> str:
    """Where a lock may be."""
    return str(tmp_path / "lock")


def test_a_lock_is_taken_once(name: str) -> None:
    """Two objects can't have one lock, and it names the process that has it."""
    first, second = FilesystemLock(name), FilesystemLock(name)

    assert first.lock()
    assert not second.lock()
    assert (first.locked, first.clean, second.locked) == (True, True, False)
    assert os.readlink(name) == str(os.getpid())
    assert isLocked(name)


def test_a_lock_is_given_back(name: str) -> None:
    """After `unlock` another one can have it."""
    first = FilesystemLock(name)
    first.lock()

    first.unlock()

    assert not first.locked
    assert not isLocked(name)
    assert FilesystemLock(name).lock()


def test_what_the_dead_left_does_not_count(name: str) -> None:
    """A lock of a process that is gone is taken over, and is not clean."""
    os.symlink(str(GONE), name)
    lock = FilesystemLock(name)

    assert lock.lock()
    assert lock.clean is False


def test_every_link_counts_where_nobody_can_be_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `kill` is None, as on Windows, the lock of a process that is gone stays one."""
    monkeypatch.setattr(lockfile, "kill", None)
    os.symlink(str(GONE), name)

    assert not FilesystemLock(name).lock()


def test_somebody_else_s_lock_is_not_given_back(name: str) -> None:
    """`unlock` refuses a lock that is another process's."""
    os.symlink(str(os.getppid()), name)

    with pytest.raises(ValueError, match="not of this one"):
        FilesystemLock(name).unlock()


def test_waiting_asks_again_every_second(name: str) -> None:
    """`deferUntilLocked` fires when the lock was free at one of the looks."""
    clock, owner = FakeClock(), FilesystemLock(name)
    owner.lock()
    lock = defer.DeferredFilesystemLock(name, scheduler=clock)  # type: ignore[arg-type]  # fake
    d = lock.deferUntilLocked(timeout=5)
    owner.unlock()
    assert not d.called

    clock.advance(1)

    assert d.called
    assert lock.locked
    assert clock.calls == []


def test_waiting_can_time_out_and_start_again(name: str) -> None:
    """After its time is up the wait fails with `TimeoutError`, and another one may begin."""
    clock, owner = FakeClock(), FilesystemLock(name)
    owner.lock()
    lock = defer.DeferredFilesystemLock(name, scheduler=clock)  # type: ignore[arg-type]  # fake
    d = lock.deferUntilLocked(timeout=1.5)
    clock.advance(1)

    clock.advance(0.5)

    d.addErrback(lambda failure: failure.type)
    assert d.result is defer.TimeoutError
    assert clock.calls == []
    owner.unlock()
    assert lock.deferUntilLocked(timeout=1).called


def test_waiting_can_be_cancelled_and_not_doubled(name: str) -> None:
    """Only one may wait with a lock object, and cancelling ends that."""
    clock, owner = FakeClock(), FilesystemLock(name)
    owner.lock()
    lock = defer.DeferredFilesystemLock(name, scheduler=clock)  # type: ignore[arg-type]  # fake
    d = lock.deferUntilLocked(timeout=5)
    second = lock.deferUntilLocked()

    d.cancel()

    second.addErrback(lambda failure: failure.type)
    d.addErrback(lambda failure: failure.type)
    assert second.result is defer.AlreadyTryingToLockError
    assert d.result is defer.CancelledError
    assert clock.calls == []


def test_what_lock_raises_fails_the_wait(tmp_path: Path) -> None:
    """A lock that can't be made fails the wait for it."""
    clock = FakeClock()
    lock = defer.DeferredFilesystemLock(str(tmp_path / "no" / "lock"), scheduler=clock)  # type: ignore[arg-type]  # fake

    d = lock.deferUntilLocked()

    d.addErrback(lambda failure: failure.type)
    assert d.result is FileNotFoundError
