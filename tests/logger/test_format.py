"""Events as text. What Twisted does too is asserted of both."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reactorlite import logger
from reactorlite.python.failure import Failure

SIDES = [logger]
try:
    import twisted.logger
except ImportError:
    pass
else:
    SIDES.append(twisted.logger)


@pytest.fixture(params=SIDES, ids=lambda module: module.__name__)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's `logger`."""
    return request.param


@pytest.fixture(params=["UTC0", "XYZ-2", "XYZ4:30"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Peer:
    """Something with an attribute, a method, a text and a name."""

    port = 80
    hosts = ("a", "b")

    def host(self) -> str:
        return "example"

    def itself(self) -> Peer:
        return self

    def __str__(self) -> str:
        return "peer"

    def __repr__(self) -> str:
        return "<Peer>"


class Broken:
    """Something that can't be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no name")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{peer} and {peer!r}", "peer and <Peer>"),
        ("{peer.port:>4}", "  80"),
        ("{peer.hosts[1]}", "b"),
        ("{table[key]}", "value"),
        ("{count:{width}}", "   3"),
        ("{call()} {call()!r}", "called 'called'"),
        ("{call()[0]}", "c"),
        ("{peer.host()!r:>10}", " 'example'"),
        ("{peer.itself().port}", "80"),
        ("{{}} 100%", "{} 100%"),
        (b"{count} bytes", "3 bytes"),
        ("", ""),
        (None, ""),
    ],
)
def test_format(side: Any, form: Any, text: str) -> None:
    """Fields are filled in as by `str.format`, and may be called."""
    event = {
        "log_format": form,
        "peer": Peer(),
        "table": {"key": "value"},
        "count": 3,
        "width": 4,
        "call": lambda: "called",
    }

    assert side.formatEvent(event) == text


def test_no_format(side: Any) -> None:
    """An event without a format has no text."""
    assert side.formatEvent({"x": 1}) == ""


@pytest.mark.parametrize(
    "form", ["{missing}", "{}", "{0}", "{x", "{x.missing}", "{raises()}", "{raises.missing()}", 5]
)
def test_what_cannot_be_formatted_is_told(side: Any, form: Any) -> None:
    """A format that can't be filled in is told, with the event; nothing is raised."""

    def raises() -> None:
        raise ValueError("fell")

    text = side.formatEvent({"log_format": form, "x": "remarkable", "raises": raises})

    assert text.startswith("Unable to format event {'log_format': ")
    assert "remarkable" in text


def test_what_follows_a_field_must_be_understood() -> None:
    """In a format with calls there is no guessing what a field means."""
    text = logger.formatEvent({"log_format": "{x()y}", "x": lambda: 3})

    assert "Unable to format" in text
    assert "'y' on" in text


def test_what_cannot_be_printed_is_told() -> None:
    """What can't even be shown leaves the rest of the event readable."""
    text = logger.formatEvent({"log_format": "{broken}", "broken": Broken(), "x": "remarkable"})

    assert "Broken object at" in text
    assert "x: 'remarkable'" in text


@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize("when", [0.0, 1.5, 1_700_000_000.25])
def test_time_is_local(when: float) -> None:
    """Times are printed in the local zone, as Twisted does."""
    printed = {(m.formatTime(when), m.formatTime(when, "%H.%f")) for m in SIDES}

    assert len(printed) == 1


def test_no_time(side: Any) -> None:
    """Without a time or a format there is a default."""
    assert side.formatTime(None) == "-"
    assert side.formatTime(0, timeFormat=None) == "-"
    assert side.formatTime(None, default="never") == "never"


def event_of(side: Any, **more: Any) -> dict[str, Any]:
    """An event with two lines."""
    return {
        "log_format": "one\n{two}",
        "two": 2,
        "log_namespace": "space",
        "log_level": side.LogLevel.warn,
        **more,
    }


def when(time: float | None) -> str:
    """Print a time as tests like it."""
    return f"@{time}"


def test_text_of_an_event(side: Any) -> None:
    """An event has a time, and its namespace and level for a system."""
    text = side.eventAsText(event_of(side, log_time=3), formatTime=when)

    assert text == "@3 [space#warn] one\n2"


def test_system_of_an_event(side: Any) -> None:
    """A system that the event names is shown as it is."""
    text = side.eventAsText(event_of(side, log_system="sys"), formatTime=when)

    assert text == "@None [sys] one\n2"


def test_parts_of_a_text(side: Any) -> None:
    """Time and system can be left out."""
    event = event_of(side)

    assert side.eventAsText(event, includeTimestamp=False) == "[space#warn] one\n2"
    assert side.eventAsText(event, includeSystem=False) == "- one\n2"


def test_text_without_namespace_and_level(side: Any) -> None:
    """What is not known is a dash."""
    assert side.eventAsText({"log_format": "x"}) == "- [-#-] x"


def test_traceback_of_an_event(side: Any) -> None:
    """A failure's traceback follows, unless it is left out."""
    failure = Failure(ValueError("fell"))
    event = event_of(side, log_failure=failure)

    text = side.eventAsText(event, includeTimestamp=False)

    assert text == f"[space#warn] one\n2\n{failure.getTraceback()}"
    assert "fell" not in side.eventAsText(event, includeTraceback=False)


def test_failure_that_is_none(side: Any) -> None:
    """What has no traceback is told, and the rest of the event is there."""
    text = side.eventAsText(event_of(side, log_failure=3))

    assert "one\n2\n(" in text
    assert "'int' object has no attribute 'getTraceback'" in text


def test_text_of_an_empty_event(side: Any) -> None:
    """An event without text and failure has no text at all."""
    assert side.eventAsText({}) == ""


def test_entry_of_a_log_file(side: Any) -> None:
    """In a log file each event starts a line, and further lines are indented."""
    text = side.formatEventAsClassicLogText(event_of(side, log_time=3), formatTime=when)

    assert text == "@3 [space#warn] one\n\t2\n"
    assert side.formatEventAsClassicLogText({}) is None
