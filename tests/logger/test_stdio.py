"""Standard output and warnings as events, and beginning to log."""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import subprocess
import sys
import warnings
from typing import Any

import pytest

from reactorlite.logger import (
    Logger,
    LoggingFile,
    LogLevel,
    formatEvent,
    globalLogBeginner,
    globalLogPublisher,
    textFileLogObserver,
)

SIDES = ["reactorlite", *(["twisted"] if importlib.util.find_spec("twisted") else [])]


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Any:
    """One side's `logger`."""
    return importlib.import_module(f"{request.param}.logger")


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """The events that an observer of the test is told."""
    return []


# ── files that are logs ──────────────────────────────────────────────────────────────────


def test_lines_are_events(side: Any, events: list[Any]) -> None:
    """Each line is an event, once it is complete."""
    file = side.LoggingFile(side.Logger("n", observer=events.append), side.LogLevel.warn)

    file.write("one\ntw")
    file.writelines([b"o\n", "thr"])
    file.flush()

    assert [side.formatEvent(e) for e in events] == ["one", "two"]
    assert {e["log_level"] for e in events} == {side.LogLevel.warn}


def test_print_to_a_log(side: Any, events: list[Any]) -> None:
    """`print` can be told to log."""
    file = side.LoggingFile(side.Logger("n", observer=events.append))

    print("one", 2, file=file)

    assert [e["log_io"] for e in events] == ["one 2"]


def test_what_a_log_is_as_a_file(side: Any) -> None:
    """A log says of itself what it is."""
    file = side.LoggingFile(side.Logger("n"), encoding="latin-1")

    assert (file.mode, file.encoding, file.closed, file.isatty()) == ("w", "latin-1", False, False)
    assert file.name == "<LoggingFile n#info>"
    assert side.LoggingFile(side.Logger("n")).encoding == sys.getdefaultencoding()


def test_closed_log(side: Any) -> None:
    """Nothing can be written to a closed log."""
    file = side.LoggingFile(side.Logger("n"))

    file.close()

    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.write("x")


@pytest.mark.parametrize("name", ["read", "readline", "readlines", "seek", "tell", "truncate"])
def test_log_cannot_be_read(side: Any, name: str) -> None:
    """A log is for writing."""
    file = side.LoggingFile(side.Logger("n"))

    with pytest.raises(OSError, match=r"unsupported|only be written"):
        getattr(file, name)()


def test_log_has_no_descriptor(side: Any) -> None:
    """There is no descriptor to be had."""
    with pytest.raises(io.UnsupportedOperation):
        side.LoggingFile(side.Logger("n")).fileno()


def test_what_a_log_can_do() -> None:
    """A log is asked before it is used."""
    file = LoggingFile(Logger("n"))

    assert (file.readable(), file.writable(), file.seekable()) == (False, True, False)


# ── beginning to log ─────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("stream")
def test_what_is_printed_is_logged(events: list[Any]) -> None:
    """Once logging has begun, standard output and error are parts of the log."""
    globalLogBeginner.beginLoggingTo([events.append])

    print("one")
    print("two", file=sys.stderr)

    assert [(formatEvent(e), e["log_namespace"], e["log_level"]) for e in events] == [
        ("one", "stdout", LogLevel.info),
        ("two", "stderr", LogLevel.error),
    ]


@pytest.mark.usefixtures("stream")
def test_printing_can_be_left_alone(events: list[Any]) -> None:
    """Standard output stays what it is if that is asked for."""
    before = sys.stdout, sys.stderr

    globalLogBeginner.beginLoggingTo([events.append], redirectStandardIO=False)

    assert (sys.stdout, sys.stderr) == before


@pytest.mark.usefixtures("stream")
def test_encoding_is_kept(events: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has the encoding of the file it stands for."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))

    globalLogBeginner.beginLoggingTo([events.append])

    assert sys.stdout.encoding == "latin-1"


@pytest.mark.usefixtures("stream")
def test_warnings_are_logged(events: list[Any]) -> None:
    """Python's warnings are events; those meant for a file go on being shown there."""
    shown: list[Any] = []
    warnings.showwarning = lambda *args: shown.append(args)  # type: ignore[misc]
    globalLogBeginner.beginLoggingTo([events.append], redirectStandardIO=False)
    file = io.StringIO()

    warnings.showwarning("careful", UserWarning, "their.py", 3)
    warnings.showwarning("careful", UserWarning, "their.py", 3, file)

    assert [formatEvent(e) for e in events] == ["their.py:3: builtins.UserWarning: careful"]
    assert shown == [("careful", UserWarning, "their.py", 3, file, None)]


@pytest.mark.usefixtures("stream")
def test_begin_twice(events: list[Any]) -> None:
    """A second beginning adds observers, redirects nothing, and is remarked upon."""
    more: list[Any] = []
    globalLogBeginner.beginLoggingTo([events.append], redirectStandardIO=False)
    before = sys.stdout

    globalLogBeginner.beginLoggingTo([more.append])

    assert sys.stdout is before
    assert [e["log_level"] for e in events] == [LogLevel.warn]
    assert more == events


@pytest.mark.usefixtures("stream")
def test_handlers_go_on_getting_events(events: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    """What is set up with `logging` gets the same stream, beside the observers."""
    caplog.set_level(logging.INFO)

    globalLogBeginner.beginLoggingTo([events.append], redirectStandardIO=False)
    Logger("their.app").info("x")

    assert [r.getMessage() for r in caplog.records] == ["x"]
    assert [formatEvent(e) for e in events] == ["x"]


@pytest.mark.usefixtures("stream")
def test_handler_may_print(events: list[Any]) -> None:
    """A handler that prints into the log gives no end of events: each is recorded once."""
    globalLogBeginner.beginLoggingTo([events.append])
    handler = logging.StreamHandler(sys.stderr)
    log = logging.getLogger("their.app")
    log.addHandler(handler)

    try:
        Logger("their.app").warn("x")
    finally:
        log.removeHandler(handler)

    assert [(formatEvent(e), e["log_namespace"]) for e in events] == [
        ("x", "stderr"),
        ("x", "their.app"),
    ]


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, where nothing is set up."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )


def test_errors_are_seen_before_logging_begins() -> None:
    """Without any set-up errors are printed to the standard error."""
    done = run("from reactorlite.logger import Logger; Logger('n').error('x')")

    assert done.stderr == "x\n"


def test_errors_are_seen_once_when_logging_has_begun() -> None:
    """Then they are in the log, and printed no more."""
    done = run(
        "import sys\n"
        "from reactorlite.logger import *\n"
        "globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout, 'then')])\n"
        "Logger('n').error('x')\n"
    )

    assert (done.stdout, done.stderr) == ("then [n#error] x\n", "")


def test_observer_of_a_file_that_was_standard_output() -> None:
    """What an observer writes to the standard output it was given doesn't come back to it."""
    file = io.StringIO()
    observer = textFileLogObserver(file, None)

    observer({"log_format": "x"})

    assert file.getvalue() == "- [-#-] x\n"
    assert observer not in globalLogPublisher.observers
