"""Observing what `log.msg` and `log.err` say. What Twisted does too is asserted of both."""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite.logger import LoggingFile, LogLevel, capturedLogs, formatEvent
from reactorlite.python import log
from reactorlite.python._events import globalLogPublisher
from reactorlite.python.failure import Failure

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""
    return SimpleNamespace(
        log=importlib.import_module(f"{request.param}.python.log"),
        Failure=importlib.import_module(f"{request.param}.python.failure").Failure,
        formatEvent=importlib.import_module(f"{request.param}.logger").formatEvent,
    )


@pytest.fixture
def events(side: Any) -> Iterator[list[dict[str, Any]]]:
    """What an observer of a side is told."""
    told: list[dict[str, Any]] = []
    side.log.addObserver(told.append)
    yield told
    side.log.removeObserver(told.append)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sees to it that nobody observes our log when the test ends, nor writes into it."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(globalLogPublisher, "begun", False)
    before = log.theLogPublisher.observers
    yield
    for observer in log.theLogPublisher.observers[len(before) :]:
        log.removeObserver(observer)
    for observer in globalLogPublisher.observers:
        globalLogPublisher.removeObserver(observer)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What comes to `logging`, at any level."""
    caplog.set_level(logging.DEBUG)
    return caplog


class Broken:
    """Something that can't be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def raised(failure: type[Any]) -> Any:
    """A failure with a traceback."""
    try:
        raise ValueError("fell")
    except ValueError:
        return failure()


# ── what observers are told ──────────────────────────────────────────────────────────────


def test_message_as_it_is_observed(side: Any, events: list[Any]) -> None:
    """Observers of either kind can read a message."""
    side.log.msg("one", 2, x=3)

    (event,) = events
    assert (event["message"], event["x"], event["isError"]) == (("one", 2), 3, 0)
    assert (event["system"], event["log_system"]) == ("-", "-")
    assert event["time"] == event["log_time"] > 0
    assert side.formatEvent(event) == side.log.textFromEventDict(event) == "one 2"
    assert (event["log_level"].name, event["log_namespace"]) == ("info", "log_legacy")


def test_error_as_it_is_observed(side: Any, events: list[Any]) -> None:
    """An error comes with its failure, and with what went wrong."""
    failure = raised(side.Failure)

    side.log.err(failure, "doing that", x=3)

    (event,) = events
    assert (event["failure"], event["why"], event["x"]) == (failure, "doing that", 3)
    assert (event["message"], event["isError"], event["log_level"].name) == ((), 1, "critical")
    assert side.log.textFromEventDict(event) == f"doing that\n{failure.getTraceback()}"


def test_error_that_is_no_failure(side: Any, events: list[Any]) -> None:
    """Anything can be wrong."""
    side.log.err("odd", "because")

    assert (events[0]["message"], events[0]["why"]) == (("'odd'",), "because")
    assert "failure" not in events[0]


def test_format_as_it_is_observed(side: Any, events: list[Any]) -> None:
    """A format is filled in."""
    side.log.msg(format="%(count)d open", count=3)

    assert side.log.textFromEventDict(events[0]) == side.formatEvent(events[0]) == "3 open"


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"logLevel": logging.DEBUG}, "debug"),
        ({"logLevel": logging.WARNING}, "warn"),
        ({"isError": 1}, "critical"),
    ],
)
def test_level_as_it_is_observed(
    side: Any, events: list[Any], said: dict[str, Any], level: str
) -> None:
    """A message may say its level."""
    side.log.msg("x", **said)

    assert events[0]["log_level"].name == level


@pytest.mark.parametrize(
    ("given", "number", "name"),
    [
        (LogLevel.warn, logging.WARNING, "warn"),
        ("WARNING", logging.INFO, "info"),
        (35, 35, "warn"),
        (5, 5, "debug"),
        (99, 99, "critical"),
    ],
)
@pytest.mark.usefixtures("stream")
def test_odd_levels(caplog: pytest.LogCaptureFixture, given: Any, number: int, name: str) -> None:
    """A level is one of ours, or a number; what is neither is taken for `info`."""
    caplog.set_level(1)

    with capturedLogs() as events:
        log.msg("x", logLevel=given)

    assert (caplog.records[0].levelno, events[0]["log_level"].name) == (number, name)


def test_event_with_nothing_to_say(side: Any, events: list[Any]) -> None:
    """An event may have fields only, and no text then."""
    side.log.msg(x=1)

    assert side.log.textFromEventDict(events[0]) is None
    assert "log_format" not in events[0]


def test_who_was_removed_is_told_no_more(side: Any) -> None:
    """An observer can be removed; who never observed is removed in peace."""
    told: list[Any] = []
    side.log.addObserver(told.append)

    side.log.removeObserver(told.append)
    side.log.removeObserver(told.append)
    side.log.msg("x")

    assert told == []


def test_observers_are_listed(side: Any, events: list[Any]) -> None:
    """Who observes can be asked for."""
    assert events.append in side.log.theLogPublisher.observers


def test_publisher_says_what_all_are_told(side: Any, events: list[Any]) -> None:
    """The publisher's `msg` is everybody's."""
    side.log.theLogPublisher.msg("x")

    assert [e["message"] for e in events] == [("x",)]


def test_publisher_of_ones_own(side: Any, events: list[Any]) -> None:
    """Another publisher tells its own observers, and nobody else."""
    told: list[Any] = []
    publisher = side.log.LogPublisher()
    publisher.addObserver(told.append)

    publisher.msg("x", y=1)
    publisher.removeObserver(told.append)
    publisher.msg("y")

    assert [(e["message"], e["y"]) for e in told] == [(("x",), 1)]
    assert (publisher.observers, events) == ([], [])


# ── contexts ─────────────────────────────────────────────────────────────────────────────


def test_context(side: Any, events: list[Any]) -> None:
    """What is said within a context has what the contexts around it say, the inner one first."""

    def inner(x: int, y: int) -> int:
        side.log.msg("inner")
        return x + y

    result = side.log.callWithContext(
        {"system": "outer", "a": 1}, side.log.callWithContext, {"a": 2}, inner, 3, y=4
    )
    side.log.msg("outside")

    assert result == 7
    assert [(e["system"], e.get("a")) for e in events] == [("outer", 2), ("-", None)]


def test_logger(side: Any, events: list[Any]) -> None:
    """What is said on an object's behalf has its prefix for a system."""

    class Named(side.log.Logger):
        def logPrefix(self) -> str:
            return "named"

    result = side.log.callWithLogger(Named(), lambda x: (side.log.msg("x"), x)[1], 5)

    assert (result, events[0]["system"]) == (5, "named")
    assert side.log.Logger().logPrefix() == "-"


def test_logger_logs_what_is_raised(side: Any, events: list[Any]) -> None:
    """What is raised on an object's behalf is logged on its behalf."""

    def fall() -> None:
        raise ValueError("fell")

    assert side.log.callWithLogger(side.log.Logger(), fall) is None

    assert events[0]["failure"].check(ValueError)
    assert events[0]["isError"]


def test_logger_without_a_prefix(side: Any, events: list[Any]) -> None:
    """Who can't say a prefix is logged, and called all the same."""

    class Nameless:
        def logPrefix(self) -> str:
            raise ValueError("no name")

    assert side.log.callWithLogger(Nameless(), lambda: 6) == 6

    assert events[0]["failure"].check(ValueError)
    assert events[0]["system"].startswith("(")


@pytest.mark.parametrize("where", ["prefix", "call"])
def test_interrupts_pass(side: Any, events: list[Any], where: str) -> None:
    """`KeyboardInterrupt` is not logged: it is for the caller."""

    def interrupt() -> str:
        raise KeyboardInterrupt

    named = SimpleNamespace(logPrefix=interrupt if where == "prefix" else lambda: "x")

    with pytest.raises(KeyboardInterrupt):
        side.log.callWithLogger(named, interrupt)

    assert events == []


# ── texts ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"message": ("a", b"b", 3), "isError": 0}, "a b 3"),
        ({"message": (), "isError": 0}, None),
        ({"message": (), "isError": 1}, None),
        ({"message": (), "isError": 0, "format": "%(x)s", "x": 1}, "1"),
    ],
)
def test_text(side: Any, event: dict[str, Any], text: str | None) -> None:
    """An event's text is its message, or its format filled in."""
    assert side.log.textFromEventDict(event) == text


def test_text_of_a_failure(side: Any) -> None:
    """A failure's text begins with what went wrong."""
    failure = raised(side.Failure)

    text = side.log.textFromEventDict({"message": (), "isError": 1, "failure": failure})

    assert text == f"Unhandled Error\n{failure.getTraceback()}"


def test_text_of_what_is_no_failure(side: Any) -> None:
    """What has no traceback is told."""
    text = side.log.textFromEventDict({"message": (), "isError": 1, "failure": 3, "why": "x"})

    assert text.startswith("x\n(")
    assert "'int' object has no attribute 'getTraceback'" in text


@pytest.mark.parametrize("form", ["%(x)d", "%(missing)s", "%(x", "%s %s", 3])
def test_text_of_a_bad_format(side: Any, form: Any) -> None:
    """A format that can't be filled in is told, with the event."""
    text = side.log.textFromEventDict({"message": (), "isError": 0, "format": form, "x": "odd"})

    assert "'odd'" in text
    assert repr(form) in text


def test_what_cannot_be_printed_is_told(side: Any) -> None:
    """What can't be shown is told; nothing is raised."""
    message = {"message": (Broken(), "said"), "isError": 0}
    form = {"message": (), "isError": 0, "format": "%(x)s", "x": Broken()}

    assert side.log.textFromEventDict(message).endswith(" said")
    assert "%(x)s" in side.log.textFromEventDict(form)


def test_record_of_what_cannot_be_printed(logged: pytest.LogCaptureFixture) -> None:
    """A program doesn't fall over what it says: that it can't be printed is recorded."""
    log.msg("said", Broken())
    log.msg(format="%(x)d", x="odd")

    said, form = (record.getMessage() for record in logged.records)
    assert said.startswith("said <")
    assert "'odd'" in form


# ── onto logging, beside observers ───────────────────────────────────────────────────────


@pytest.mark.usefixtures("stream")
def test_records_are_the_same_with_observers(logged: pytest.LogCaptureFixture) -> None:
    """`logging` is told the same, whether anybody observes or not, and from the same place."""

    def say() -> None:
        log.msg("one", 2)
        log.msg(format="%(x)s", x=1, logLevel=logging.DEBUG)
        log.err(failure, "doing that")
        log.err("odd", "because")
        log.err("odd")

    failure = raised(Failure)
    say()
    with capturedLogs() as events:
        say()

    told = [
        (r.name, r.levelno, r.getMessage(), r.exc_info, r.funcName, r.lineno)
        for r in logged.records
    ]
    assert told[:5] == told[5:]
    assert len(events) == 5


def test_failure_is_on_the_record(logged: pytest.LogCaptureFixture) -> None:
    """Who looks at records finds the failure itself."""
    failure = raised(Failure)

    log.err(failure)

    assert logged.records[0].failure is failure  # type: ignore[attr-defined]


def test_python_logging_observer(logged: pytest.LogCaptureFixture) -> None:
    """Events can be recorded under another name, and are recorded once then."""
    observer = log.PythonLoggingObserver("theirs")
    failure = raised(Failure)
    observer.start()

    log.msg("one", logLevel=logging.WARNING)
    log.msg(x=1)
    log.err(failure, "doing that")
    observer.stop()
    log.msg("two")

    assert [(r.name, r.levelname, r.getMessage()) for r in logged.records] == [
        ("theirs", "WARNING", "one"),
        ("theirs", "CRITICAL", "doing that"),
        ("reactorlite", "INFO", "two"),
    ]
    assert logged.records[1].exc_info == (ValueError, failure.value, failure.tb)


# ── files ────────────────────────────────────────────────────────────────────────────────


def test_file(side: Any) -> None:
    """A file gets time, system and text; further lines are indented."""
    file = io.StringIO()
    observer = side.log.FileLogObserver(file)
    observer.timeFormat = "then"

    observer.emit({"message": ("one\ntwo",), "isError": 0, "time": 3, "system": "sys"})
    observer.emit({"message": (), "isError": 0, "time": 3, "system": "sys"})

    assert file.getvalue() == "then [sys] one\n\ttwo\n"


@pytest.mark.parametrize("zone", ["UTC0", "XYZ-2", "XYZ4:30"])
def test_times_in_a_file(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Times are local and say their zone, as Twisted's."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    observers = [
        importlib.import_module(f"{name}.python.log").FileLogObserver(io.StringIO())
        for name in SIDES
    ]

    told = {(o.formatTime(1e9), o.getTimezoneOffset(1e9)) for o in observers}
    monkeypatch.undo()
    time.tzset()

    assert len(told) == 1


def test_offset_may_be_overridden(side: Any) -> None:
    """The zone is the one that `getTimezoneOffset` tells."""
    observer = side.log.FileLogObserver(io.StringIO())
    observer.getTimezoneOffset = lambda when: 5 * 3600

    assert observer.formatTime(0) == "1969-12-31 19:00:00-0500"


@pytest.mark.usefixtures("stream")
def test_start_logging() -> None:
    """From then on the file gets what is said and what is printed."""
    file = io.StringIO()

    observer = log.startLogging(file)
    log.callWithContext({"system": "sys"}, log.msg, "said")
    print("printed")
    observer.stop()
    log.msg("afterwards")

    lines = [line.partition(" [")[2] for line in file.getvalue().splitlines()]
    assert lines == ["-] Log opened.", "sys] said", "-] printed"]


@pytest.mark.usefixtures("stream")
def test_start_logging_to_an_observer() -> None:
    """An observer may be a program's log, and printing be left alone."""
    told: list[Any] = []
    stdout = sys.stdout

    log.startLoggingWithObserver(told.append, setStdout=0)

    assert [e["message"] for e in told] == [("Log opened.",)]
    assert sys.stdout is stdout


@pytest.mark.usefixtures("stream")
def test_log_is_not_written_into_itself() -> None:
    """To start logging to the log does nothing."""
    log.startLoggingWithObserver(lambda event: None)

    assert isinstance(sys.stdout, LoggingFile)
    assert log.startLogging(sys.stdout) is None


@pytest.mark.usefixtures("stream")
@pytest.mark.parametrize(("name", "level"), [("logfile", "info"), ("logerr", "error")])
def test_files_that_are_the_log(name: str, level: str) -> None:
    """There are files to be written to, whose lines are logged."""
    with capturedLogs() as events:
        getattr(log, name).write("x\n")

    assert [(formatEvent(e), e["log_level"].name) for e in events] == [("x", level)]


def test_default_observer(side: Any) -> None:
    """Errors, and they only, go to the standard error."""
    observer = side.log.DefaultObserver()
    observer.stderr = io.StringIO()

    observer.emit({"message": ("one",), "isError": 0})
    observer.emit({"message": ("two",), "isError": 1})

    assert observer.stderr.getvalue() == "two"


def test_lines_of_a_file(side: Any, events: list[Any]) -> None:
    """A stick is a file whose lines are logged when they are complete."""
    stick = side.log.StdioOnnaStick(isError=1)

    stick.write("one\ntw")
    stick.write("o\n")
    stick.writelines(["three"])
    stick.flush()
    stick.close()

    assert [(e["message"], e["isError"], e["printed"]) for e in events] == [
        (("one",), 1, 1),
        (("two",), 1, 1),
        (("three",), 1, 1),
    ]
    with pytest.raises(OSError, match="can't read"):
        stick.read()
    with pytest.raises(io.UnsupportedOperation):
        stick.fileno()


# ── names ────────────────────────────────────────────────────────────────────────────────


def test_all_names_are_there(side: Any) -> None:
    """What the module lists, it has."""
    assert all(hasattr(side.log, name) for name in log.__all__)


def test_interface_of_observers(side: Any) -> None:
    """Observers of this kind have an interface of their own."""
    new = importlib.import_module(side.log.__name__.replace("python.log", "logger"))

    assert side.log.ILogObserver is not new.ILogObserver
    assert side.log.ILogObserver.__name__ == "ILogObserver"


def test_missing_names_say_so() -> None:
    """What Twisted has and we have not is named, with the way round."""
    with pytest.raises(AttributeError, match="no discardLogs: "):
        _ = log.discardLogs
    with pytest.raises(AttributeError, match=r"'reactorlite\.python\.log' has no attribute 'x'"):
        _ = log.x


def test_importing_log_imports_no_observers() -> None:
    """Who only says something doesn't pay for observers."""
    program = (
        "import sys, reactorlite.python.log as log; log.msg('x');"
        "print([n for n in sys.modules if 'reactorlite.logger' in n or '_classic' in n])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == "[]\n"
