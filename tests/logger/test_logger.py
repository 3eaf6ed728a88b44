"""Loggers and levels. What Twisted does too is asserted of both."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite.logger import Logger, LogLevel, globalLogPublisher

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""
    module = importlib.import_module(f"{request.param}.logger")
    failure = importlib.import_module(f"{request.param}.python.failure")
    return SimpleNamespace(**{name: getattr(module, name) for name in module.__all__}, f=failure)


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """The events that a logger of the test says."""
    return []


# ── levels ───────────────────────────────────────────────────────────────────────────────


def test_levels_are_in_order(side: Any) -> None:
    """There are five levels, and they can be compared."""
    levels = list(side.LogLevel.iterconstants())

    assert [level.name for level in levels] == ["debug", "info", "warn", "error", "critical"]
    assert sorted(reversed(levels)) == levels
    assert side.LogLevel.info <= side.LogLevel.info < side.LogLevel.warn


def test_level_shows_its_name(side: Any) -> None:
    """A level prints with its name."""
    assert f"{side.LogLevel.info}" == repr(side.LogLevel.info) == "<LogLevel=info>"


def test_level_by_name(side: Any) -> None:
    """A level is found by its name."""
    assert side.LogLevel.levelWithName("warn") is side.LogLevel.warn
    assert side.LogLevel.lookupByName("warn") is side.LogLevel.warn


def test_no_such_level(side: Any) -> None:
    """A name that no level has is told."""
    with pytest.raises(side.InvalidLogLevelError, match="loud") as caught:
        side.LogLevel.levelWithName("loud")
    with pytest.raises(ValueError, match="loud"):
        side.LogLevel.lookupByName("loud")

    assert caught.value.level == "loud"


def test_levels_compare_with_levels_only() -> None:
    """A level is no number."""
    with pytest.raises(TypeError):
        assert LogLevel.info < 20  # type: ignore[operator]
    with pytest.raises(TypeError):
        assert LogLevel.info <= 20  # type: ignore[operator]


# ── namespaces and sources ───────────────────────────────────────────────────────────────


def test_namespace_is_the_module(side: Any) -> None:
    """A logger is named like the module that made it, unless it is given a name."""
    assert side.Logger().namespace == __name__
    assert side.Logger("given").namespace == "given"
    assert repr(side.Logger("given")) == "<Logger 'given'>"


def test_logger_of_a_class(side: Any, events: list[Any]) -> None:
    """A logger in a class is named like the class, and its source is who said the event."""

    class Server:
        log = side.Logger(observer=events.append)

    class Echo(Server):
        pass

    echo = Echo()
    echo.log.info("of the object")
    Server.log.info("of the class")

    assert [(e["log_namespace"], e["log_source"]) for e in events] == [
        (f"{__name__}.Echo", echo),
        (f"{__name__}.Server", Server),
    ]


def test_fields_of_an_event(side: Any, events: list[Any]) -> None:
    """An event has what was said, and who said it, when and how loud."""
    log = side.Logger("space", source=3, observer=events.append)

    log.warn("said {x}", x=1)

    (event,) = events
    assert event.pop("log_time") > 0
    assert event == {
        "x": 1,
        "log_logger": log,
        "log_level": side.LogLevel.warn,
        "log_namespace": "space",
        "log_source": 3,
        "log_format": "said {x}",
    }


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error", "critical"])
def test_each_level_has_a_method(side: Any, events: list[Any], level: str) -> None:
    """There is a method for each level, and one for any."""
    log = side.Logger(observer=events.append)

    getattr(log, level)("x")
    log.emit(side.LogLevel.levelWithName(level), "x")

    assert [e["log_level"].name for e in events] == [level, level]


def test_event_without_format(side: Any, events: list[Any]) -> None:
    """An event may have nothing but fields."""
    side.Logger(observer=events.append).info(x=1)

    assert (events[0]["log_format"], events[0]["x"]) == (None, 1)


def test_what_is_no_level_is_logged(side: Any, events: list[Any]) -> None:
    """An event with a level that is none is not said: it is a critical failure instead."""
    side.Logger(observer=events.append).emit("loud", "x")

    (event,) = events
    assert event["log_level"] is side.LogLevel.critical
    assert event["log_failure"].check(side.InvalidLogLevelError)
    assert "'loud'" in side.formatEvent(event)


def test_trace(side: Any, events: list[Any]) -> None:
    """A list for a trace shows the way that an event took."""
    publisher = side.LogPublisher(events.append)
    log = side.Logger(observer=publisher)
    trace: list[Any] = []

    log.info(log_trace=trace)

    assert trace == [(log, publisher), (publisher, events.append)]


# ── failures ─────────────────────────────────────────────────────────────────────────────


def test_failure_being_handled(side: Any, events: list[Any]) -> None:
    """A failure is critical, and is the exception being handled if none is given."""
    log = side.Logger(observer=events.append)

    try:
        raise KeyError("k")
    except KeyError as error:
        log.failure("while {doing}", doing="this")
        expected = error

    (event,) = events
    assert event["log_failure"].value is expected
    assert event["log_level"] is side.LogLevel.critical
    assert side.formatEvent(event) == "while this"


def test_failure_given(side: Any, events: list[Any]) -> None:
    """A failure and its level can be given."""
    failure = side.f.Failure(ValueError("fell"))

    side.Logger(observer=events.append).failure("x", failure, side.LogLevel.warn)

    assert (events[0]["log_failure"], events[0]["log_level"]) == (failure, side.LogLevel.warn)


def test_no_failure(side: Any, events: list[Any]) -> None:
    """Without an exception there is no failure to log."""
    with pytest.raises(side.f.NoCurrentExceptionError):
        side.Logger(observer=events.append).failure("x")

    assert events == []


def test_failures_of_a_block(side: Any, events: list[Any]) -> None:
    """What a block raises is logged, ends there, and can be asked for."""
    log = side.Logger(observer=events.append)

    with log.failuresHandled("doing {what}", side.LogLevel.error, what="that") as operation:
        raise ValueError("fell")

    (event,) = events
    assert side.formatEvent(event) == "doing that"
    assert event["log_level"] is side.LogLevel.error
    assert (operation.succeeded, operation.failed) == (False, True)
    assert operation.failure is event["log_failure"]


def test_block_without_failure(side: Any, events: list[Any]) -> None:
    """A block that raises nothing has succeeded."""
    with side.Logger(observer=events.append).failuresHandled("x") as operation:
        assert not operation.succeeded

    assert (operation.succeeded, operation.failed, operation.failure) == (True, False, None)
    assert events == []


def test_guard_is_used_again(side: Any, events: list[Any]) -> None:
    """A guard with a fixed message serves any number of blocks."""
    guard = side.Logger(observer=events.append).failureHandler("fixed")

    for error in (None, ValueError, KeyboardInterrupt, SystemExit):
        with guard as operation:
            if error is not None:
                raise error

    assert operation is None
    assert [e["log_format"] for e in events] == ["fixed"] * 3


@pytest.mark.parametrize("error", [GeneratorExit, asyncio.CancelledError])
def test_ends_are_not_held_up(events: list[Any], error: type[BaseException]) -> None:
    """The end of a generator, or the cancelling of a task, is logged and goes on."""
    log = Logger(observer=events.append)

    with pytest.raises(error), log.failuresHandled("x"):
        raise error

    assert events[0]["log_failure"].check(error)


# ── onto logging ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What comes to `logging`, at any level."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_event_is_a_record(logged: pytest.LogCaptureFixture) -> None:
    """An event is a record of the logger of its namespace, from where it was said."""
    Logger("their.app").warn("{n} of 100%", n=3)

    (record,) = logged.records
    assert (record.name, record.levelno) == ("their.app", logging.WARNING)
    assert record.getMessage() == "3 of 100%"
    assert record.funcName == "test_event_is_a_record"
    assert record.event["n"] == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("level", LogLevel)
def test_levels_are_those_of_logging(logged: pytest.LogCaptureFixture, level: LogLevel) -> None:
    """A record has the level that `logging` has for it."""
    Logger("their.app").emit(level, "x")

    name = {"warn": "WARNING"}.get(level.name, level.name.upper())
    assert logged.records[0].levelname == name


def test_failure_is_a_record_with_traceback(logged: pytest.LogCaptureFixture) -> None:
    """A failure's record has the exception and its traceback."""
    try:
        raise ValueError("fell")
    except ValueError as error:
        Logger("their.app").failure("doing {what}", what="that")
        expected = (ValueError, error, error.__traceback__)

    (record,) = logged.records
    assert (record.getMessage(), record.exc_info) == ("doing that", expected)
    assert record.levelno == logging.CRITICAL


def test_failure_of_a_block_is_recorded_there(logged: pytest.LogCaptureFixture) -> None:
    """The record of a block's failure names the function with the block."""
    with Logger("their.app").failuresHandled("x"):
        raise ValueError("fell")

    assert logged.records[0].funcName == "test_failure_of_a_block_is_recorded_there"


def test_events_that_nobody_wants_are_not_made(caplog: pytest.LogCaptureFixture) -> None:
    """An event below the level of its logger is not turned into text."""

    class Unprinted:
        def __str__(self) -> str:
            raise AssertionError("was turned into text")

    caplog.set_level(logging.ERROR, logger="their.app")

    Logger("their.app").warn("{x}", x=Unprinted())

    assert caplog.records == []


def test_observers_are_told_whatever_the_level(
    caplog: pytest.LogCaptureFixture, events: list[Any]
) -> None:
    """What `logging` doesn't want, observers still get."""
    caplog.set_level(logging.ERROR, logger="their.app")
    globalLogPublisher.addObserver(events.append)

    try:
        Logger("their.app").debug("x")
    finally:
        globalLogPublisher.removeObserver(events.append)

    assert caplog.records == []
    assert [e["log_format"] for e in events] == ["x"]


def test_handler_may_say_something(logged: pytest.LogCaptureFixture) -> None:
    """What a handler of `logging` says is recorded in its turn."""

    class Talking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            Logger("their.handler").info("in between")

    handler = Talking()
    logging.getLogger("their.app").addHandler(handler)

    try:
        Logger("their.app").info("one")
    finally:
        logging.getLogger("their.app").removeHandler(handler)

    assert sorted(r.getMessage() for r in logged.records) == ["in between", "one"]


def test_event_without_namespace(logged: pytest.LogCaptureFixture) -> None:
    """An event of unknown origin is a record of the logger "reactorlite"."""
    globalLogPublisher({"log_format": "x"})

    (record,) = logged.records
    assert (record.name, record.levelno) == ("reactorlite", logging.INFO)


def test_logger_with_an_observer_tells_nobody_else(
    logged: pytest.LogCaptureFixture, events: list[Any]
) -> None:
    """Events of a logger with its own observer come to that one only."""
    Logger("their.app", observer=events.append).error("x")

    assert len(events) == 1
    assert logged.records == []
