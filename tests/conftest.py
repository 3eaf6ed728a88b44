"""What all tests have: a limit of time. And what they may ask for: loops, a reactor, its log."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any

import pytest

from reactorlite.internet import _residence, asyncioreactor

LIMIT = 60.0
"""Seconds that a test may take: far more than any needs, for a machine may be slow for a while."""


@pytest.fixture(scope="module", autouse=True)
def _swept() -> Iterator[None]:
    """Has what a module leaves collected with it, and its collections look at nothing older.

    The thousands of tests, and what they import, would take a quarter of a second each time.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


class TooLong(SystemExit):
    """A test took too long. The only kind of exception that leaves every loop there is."""


@pytest.fixture(autouse=True)
def _time_limit() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        yield
        return
    rung = []

    def ring(_number: int, _frame: FrameType | None) -> None:
        rung.append(True)
        raise TooLong(f"the test was still running after {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again, for what the first ring only makes begin to end.
    signal.setitimer(signal.ITIMER_REAL, LIMIT, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not rung, f"the test took more than {LIMIT} seconds"


def _new_uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


_KINDS = {
    "asyncio": asyncio.new_event_loop,
    **({"uvloop": _new_uvloop} if importlib.util.find_spec("uvloop") else {}),
}


@pytest.fixture(params=_KINDS)
def loop_factory(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[], asyncio.AbstractEventLoop]]:
    """Makes loops in debug mode, of each kind that is installed; closes what the test leaves."""
    made: list[asyncio.AbstractEventLoop] = []

    def make() -> asyncio.AbstractEventLoop:
        loop = _KINDS[request.param]()
        loop.set_debug(True)
        loop.slow_callback_duration = 60  # the machine's slowness is not the matter
        made.append(loop)
        return loop

    yield make
    for loop in made:
        loop.close()


@pytest.fixture
def run(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], log: Log
) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine as `asyncio.run` does: a host of reactors, on a loop of each kind."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main)

    return run


class Log:
    """What asyncio and reactorlite logged as a warning or an error, and nobody has asked for."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def told(self) -> list[str]:
        """Each record's exception, if it has one, else its text."""
        records = self._caplog.get_records("call")
        return [_told(record) for record in records if _is_trouble(record)]

    def take(self) -> list[str]:
        """The same, and they are settled then."""
        told = self.told()
        self._caplog.get_records("call").clear()
        return told


def _is_trouble(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING and record.name.startswith(("reactorlite", "asyncio"))


def _told(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1] is not None:
        return repr(record.exc_info[1])
    return record.getMessage()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    """The log, in which no error is left at the end that the test didn't take."""
    log = Log(caplog)
    yield log
    left = log.take()
    assert not left, left


@pytest.fixture
def reactor(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], log: Log
) -> asyncioreactor.Reactor:
    """A reactor that has not run, for a loop of each kind."""
    return asyncioreactor.Reactor(loop_factory())


@pytest.fixture
def fresh_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process where no reactor was used yet."""
    monkeypatch.setattr(_residence, "_default", None)
