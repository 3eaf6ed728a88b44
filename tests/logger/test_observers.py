"""Publishers and observers. What Twisted does too is asserted of both."""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from reactorlite import logger
from reactorlite.logger import Logger, LogLevel, globalLogPublisher
from reactorlite.python.failure import Failure

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's modules."""
    module = importlib.import_module(f"{request.param}.logger")
    failure = importlib.import_module(f"{request.param}.python.failure")
    return SimpleNamespace(**{name: getattr(module, name) for name in module.__all__}, f=failure)


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """The events that an observer of the test is told."""
    return []


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What comes to `logging`, at any level."""
    caplog.set_level(logging.DEBUG)
    return caplog


def fall(event: dict[str, Any]) -> None:
    """An observer that doesn't manage."""
    raise ValueError("fell")


# ── publishers ───────────────────────────────────────────────────────────────────────────


def test_publisher_tells_each_observer_once(side: Any, events: list[Any]) -> None:
    """Who observes twice is told once, in its turn, and the very event."""
    told = []
    publisher = side.LogPublisher(events.append)
    publisher.addObserver(told.append)
    publisher.addObserver(events.append)
    event = {"log_format": "x"}

    publisher(event)

    assert events[0] is told[0] is event
    assert len(events) == 1


def test_who_was_removed_is_told_no_more(side: Any, events: list[Any]) -> None:
    """An observer can be removed; who never observed is removed in peace."""
    publisher = side.LogPublisher(events.append)

    publisher.removeObserver(events.append)
    publisher.removeObserver("somebody")
    publisher({})

    assert events == []


def test_observer_must_be_callable(side: Any) -> None:
    """What can't be called can't observe."""
    with pytest.raises(TypeError, match="3"):
        side.LogPublisher().addObserver(3)


def test_what_an_observer_raises_the_others_are_told(side: Any, events: list[Any]) -> None:
    """An observer's failure is an event for the others, and the observer is not dropped."""
    publisher = side.LogPublisher(fall, events.append)

    publisher({"log_format": "one"})
    publisher({"log_format": "two"})

    assert [e["log_failure"].check(ValueError) for e in events if "log_failure" in e]
    assert [e["observer"] for e in events if "log_failure" in e] == [fall, fall]
    assert [side.formatEvent(e) for e in events if "log_failure" not in e] == ["one", "two"]


def test_all_observers_fall(side: Any) -> None:
    """Where nobody is left to be told, nothing is raised."""

    def fall_too(event: dict[str, Any]) -> None:
        raise KeyError("fell too")

    side.LogPublisher(fall, fall_too)({})


@pytest.mark.usefixtures("stream")
def test_what_an_observer_of_all_raises_is_recorded(logged: pytest.LogCaptureFixture) -> None:
    """The failure of who observes everything comes to `logging`, too."""
    globalLogPublisher.addObserver(fall)

    Logger("their.app").info("x")

    assert [r.getMessage().partition(" ")[0] for r in logged.records] == ["x", "the"]
    assert logged.records[1].exc_info is not None


def test_publisher_is_an_observer(side: Any) -> None:
    """Publishers, and observers of this package, say that they are observers."""
    observers = [
        side.globalLogPublisher,
        side.LogPublisher(),
        side.textFileLogObserver(io.StringIO()),
        side.FilteringLogObserver(print, []),
        side.STDLibLogObserver(),
        side.LegacyLogObserverWrapper(print),
    ]

    assert all(side.ILogObserver.providedBy(observer) for observer in observers)
    assert side.ILogFilterPredicate.providedBy(side.LogLevelFilterPredicate())


def test_captured_logs(side: Any) -> None:
    """What is said within the block is collected, and nothing else."""
    log = side.Logger("their.app")

    with side.capturedLogs() as events:
        log.info("within")
    log.debug("after")

    assert [e["log_format"] for e in events] == ["within"]


# ── files ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [io.StringIO, io.BytesIO])
def test_file_of_text_or_bytes(side: Any, kind: Any) -> None:
    """Events are written as text, or as its UTF-8 if the file takes bytes."""
    file = kind()
    observer = side.FileLogObserver(file, lambda event: event["text"])

    for text in ("grün\n", None, "", "blau\n"):
        observer({"text": text})

    written = file.getvalue()
    assert (written if isinstance(written, str) else written.decode()) == "grün\nblau\n"


def test_file_is_flushed(side: Any) -> None:
    """Each event is in the file at once."""

    class File(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    file = File()

    side.FileLogObserver(file, str)({"x": 1})

    assert file.flushed == "{'x': 1}"


def test_text_file(side: Any) -> None:
    """A text file gets entries in the classic form, with the time format given."""
    file = io.StringIO()
    observer = side.textFileLogObserver(file, timeFormat="then")

    observer({"log_format": "one\ntwo", "log_time": 0.0, "log_system": "sys"})
    observer({})

    assert file.getvalue() == "then [sys] one\n\ttwo\n"


# ── filters ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("results", "passes"),
    [
        ([], True),
        (["maybe", "maybe"], True),
        (["maybe", "no", "yes"], False),
        (["maybe", "yes", "no"], True),
    ],
)
def test_filter(side: Any, events: list[Any], results: list[str], passes: bool) -> None:
    """The first predicate that decides does; undecided events pass. The rest goes elsewhere."""
    stopped: list[Any] = []
    predicates = [lambda e, r=r: getattr(side.PredicateResult, r) for r in results]

    side.FilteringLogObserver(events.append, predicates, stopped.append)({"x": 1})

    assert (events, stopped) == (([{"x": 1}], []) if passes else ([], [{"x": 1}]))


def test_filter_without_a_place_for_the_rest(side: Any, events: list[Any]) -> None:
    """What is stopped is dropped by default."""
    side.FilteringLogObserver(events.append, [lambda e: side.PredicateResult.no])({})

    assert events == []


def test_predicate_answers_a_result(side: Any) -> None:
    """Any other answer is an error."""
    with pytest.raises(TypeError, match="None"):
        side.FilteringLogObserver(print, [lambda e: None])({})


def test_way_through_a_filter(side: Any, events: list[Any]) -> None:
    """A trace shows which way a filter sent the event."""
    trace: list[Any] = []
    observer = side.FilteringLogObserver(events.append, [])

    observer({"log_trace": trace})

    assert trace == [(observer, events.append)]


def test_result_shows_its_name(side: Any) -> None:
    """A result prints with its name."""
    assert str(side.PredicateResult.yes) == "<PredicateResult=yes>"


@pytest.mark.parametrize(
    ("namespace", "level"),
    [("a", "error"), ("a.b.c", "error"), ("ab", "warn"), ("", "warn"), (None, "warn")],
)
def test_level_of_a_namespace(side: Any, namespace: Any, level: str) -> None:
    """The longest beginning that has a level counts, else the default."""
    predicate = side.LogLevelFilterPredicate(defaultLogLevel=side.LogLevel.warn)
    predicate.setLogLevelForNamespace("a", side.LogLevel.error)

    assert predicate.logLevelForNamespace(namespace).name == level


def test_level_of_the_rest(side: Any) -> None:
    """The empty namespace stands for all that have none of their own, until all are cleared."""
    predicate = side.LogLevelFilterPredicate()
    predicate.setLogLevelForNamespace("", side.LogLevel.critical)

    before = predicate.logLevelForNamespace("x")
    predicate.clearLogLevels()

    assert (before, predicate.logLevelForNamespace("x")) == (
        side.LogLevel.critical,
        side.LogLevel.info,
    )


@pytest.mark.parametrize(
    ("event", "result"),
    [
        ({"log_namespace": "a", "log_level": "info"}, "maybe"),
        ({"log_namespace": "a", "log_level": "debug"}, "no"),
        ({"log_level": "info"}, "no"),
        ({"log_namespace": "a"}, "no"),
    ],
)
def test_filter_of_levels(side: Any, event: dict[str, Any], result: str) -> None:
    """Events below their namespace's level are stopped, and those that don't say enough."""
    if "log_level" in event:
        event = {**event, "log_level": getattr(side.LogLevel, event["log_level"])}

    assert side.LogLevelFilterPredicate()(event) is getattr(side.PredicateResult, result)


def test_level_must_be_one(side: Any) -> None:
    """What is no level can't be set for one."""
    with pytest.raises(side.InvalidLogLevelError):
        side.LogLevelFilterPredicate().setLogLevelForNamespace("a", "info")


# ── onto logging ─────────────────────────────────────────────────────────────────────────


def test_standard_logger(side: Any, logged: pytest.LogCaptureFixture) -> None:
    """Events become records of the logger named, whatever their namespace."""
    observer = side.STDLibLogObserver("theirs")

    observer({"log_format": "{x}%", "x": 1, "log_level": side.LogLevel.warn, "log_namespace": "n"})
    observer({})

    assert [(r.name, r.levelname, r.getMessage()) for r in logged.records] == [
        ("theirs", "WARNING", "1%"),
        ("theirs", "INFO", ""),
    ]


def test_standard_logger_of_a_failure(side: Any, logged: pytest.LogCaptureFixture) -> None:
    """A failure's record has its exception."""
    error = ValueError("fell")
    failure = side.f.Failure(error)

    side.STDLibLogObserver()({"log_format": "x", "log_failure": failure})

    (record,) = logged.records
    assert record.name == "twisted"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.usefixtures("stream")
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda observer: observer,
        lambda observer: logger.FilteringLogObserver(observer, []),
        lambda observer: logger.FilteringLogObserver(print, [lambda e: NO], observer),
        lambda observer: logger.LegacyLogObserverWrapper(observer),
    ],
)
def test_events_come_to_logging_once(logged: pytest.LogCaptureFixture, wrapped: Any) -> None:
    """While an observer feeds `logging`, events don't come there by themselves."""
    observer = wrapped(logger.STDLibLogObserver("theirs"))
    globalLogPublisher.addObserver(observer)

    Logger("their.app").info("one")
    globalLogPublisher.removeObserver(observer)
    Logger("their.app").info("two")

    assert [(r.name, r.getMessage()) for r in logged.records] == [
        ("theirs", "one"),
        ("their.app", "two"),
    ]


NO = logger.PredicateResult.no


@pytest.mark.usefixtures("stream")
def test_what_our_logger_is_told_is_observed(
    logged: pytest.LogCaptureFixture, events: list[Any]
) -> None:
    """What comes to `logging.getLogger("reactorlite")` directly, observers are told as well."""
    globalLogPublisher.addObserver(events.append)

    logging.getLogger("reactorlite").warning("%d%%", 3)

    (event,) = events
    assert logger.formatEvent(event) == "3%"
    assert (event["log_level"], event["log_namespace"]) == (LogLevel.warn, "reactorlite")
    assert [r.getMessage() for r in logged.records] == ["3%"]


@pytest.mark.usefixtures("stream", "logged")
def test_exception_that_our_logger_is_told_is_observed(events: list[Any]) -> None:
    """It comes as a failure."""
    globalLogPublisher.addObserver(events.append)

    try:
        raise ValueError("fell")
    except ValueError:
        logging.getLogger("reactorlite").exception("x")

    assert events[0]["log_failure"].check(ValueError)
    assert events[0]["log_failure"].getTracebackObject() is not None


@pytest.mark.usefixtures("stream", "logged")
def test_printed_failure_is_observed(events: list[Any]) -> None:
    """A traceback printed to the log is an event."""
    globalLogPublisher.addObserver(events.append)

    Failure(ValueError("fell")).printTraceback()

    assert "ValueError: fell" in logger.formatEvent(events[0])


# ── observers of the old kind ────────────────────────────────────────────────────────────


def test_keys_of_the_old_kind(side: Any, events: list[Any]) -> None:
    """An old observer finds the keys it knows, and the text by the format."""
    observer = side.LegacyLogObserverWrapper(events.append)

    observer(
        {"log_format": "{x}", "x": 1, "log_time": 3.0, "log_level": side.LogLevel.warn, "y": 2}
    )

    (event,) = events
    assert (event["message"], event["time"], event["isError"]) == ((), 3.0, 0)
    assert (event["system"], event["y"]) == ("-", 2)
    assert event["format"] % event == "1"


def test_field_named_message(side: Any, events: list[Any]) -> None:
    """A field `message` is in the text, and is not taken for the parts of a message."""
    observer = side.LegacyLogObserverWrapper(events.append)

    observer({"log_format": "x", "message": "said", **SAID})

    assert events[0]["message"] == ()


def test_message_stays(side: Any, events: list[Any]) -> None:
    """Parts of a message stay what they are."""
    observer = side.LegacyLogObserverWrapper(events.append)

    observer({"message": ("one", "two"), "log_format": "x", **SAID})

    assert events[0]["message"] == ("one", "two")


SAID = {"log_time": 0.0, "log_level": None}


@pytest.mark.parametrize(("level", "wrong"), [("warn", 0), ("error", 1), ("critical", 1)])
def test_errors_are_errors(side: Any, events: list[Any], level: str, wrong: int) -> None:
    """From `error` on an event is an error."""
    observer = side.LegacyLogObserverWrapper(events.append)

    observer({"log_level": getattr(side.LogLevel, level), "log_time": 0.0})

    assert events[0]["isError"] == wrong


def test_failures_are_errors(side: Any, events: list[Any]) -> None:
    """A failure comes with what went wrong."""
    failure = side.f.Failure(ValueError("fell"))
    observer = side.LegacyLogObserverWrapper(events.append)

    observer({"log_failure": failure, "log_format": "doing {x}", "x": 1, "log_time": 0.0})

    (event,) = events
    assert (event["failure"], event["isError"], event["why"]) == (failure, 1, "doing 1")


def test_system_of_the_old_kind(side: Any, events: list[Any]) -> None:
    """A system that the event names stays."""
    side.LegacyLogObserverWrapper(events.append)({"log_system": "sys", **SAID})

    assert events[0]["system"] == "sys"


def test_event_is_not_changed_for_others(events: list[Any]) -> None:
    """Old keys are added to a copy: the event is everybody's."""
    event = {"log_format": "{message}", "message": "said", "log_time": 0.0}

    logger.LegacyLogObserverWrapper(events.append)(event)

    assert logger.formatEvent(event) == "said"
    assert str(events[0]["log_legacy"]) == repr(events[0]["log_legacy"]) == "said"


def test_wrapper_shows_its_observer(side: Any) -> None:
    """Who observes can be seen."""
    assert repr(side.LegacyLogObserverWrapper(fall)) == f"LegacyLogObserverWrapper({fall!r})"


# ── what isn't there ─────────────────────────────────────────────────────────────────────


def test_missing_names_say_so() -> None:
    """What Twisted has and we have not is named, with the way round."""
    with pytest.raises(AttributeError, match=r"no jsonFileLogObserver: .*json\.dumps"):
        _ = logger.jsonFileLogObserver
    with pytest.raises(AttributeError, match=r"'reactorlite\.logger' has no attribute 'nothing'"):
        _ = logger.nothing


def test_names_are_there_or_named_as_missing(side: Any) -> None:
    """Every public name of Twisted's is there, or its absence is explained."""
    ours = set(logger.__all__) | set(logger._MISSING)

    assert {name for name in vars(side) if name != "f" and name[0] != "_"} <= ours
