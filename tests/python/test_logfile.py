"""Log files: what is written, when one is put aside, and what is done where it can't be."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reactorlite.python import log as logging_of_old
from reactorlite.python import logfile
from reactorlite.python.logfile import BaseLogFile, DailyLogFile, LogFile


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    """Opens log files in a folder of their own: `opened(kind, ...)`. They are closed at the end."""
    files: list[BaseLogFile] = []

    def opened(kind: Any = LogFile, **options: Any) -> Any:
        files.append(kind("log", str(tmp_path), **options))
        return files[-1]

    yield opened
    for file in files:
        file.close()


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    """Tells what is in the files, by what they have behind the name."""

    def kept() -> dict[str, str]:
        return {
            path.name.removeprefix("log"): path.read_text("utf-8")
            for path in sorted(tmp_path.iterdir())
        }

    return kept


# ── writing ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [LogFile, DailyLogFile])
def test_writes_at_once(kind: Any, opened: Any, kept: Any) -> None:
    """Text and bytes are in the file when `write` returns, behind what was there before."""
    opened(kind).write("é")
    file = opened(kind)

    file.write(b"\xc3\xa8")
    file.flush()

    assert kept() == {"": "éè"}


def test_of_a_whole_path(tmp_path: Path) -> None:
    """A log file can be made of a path and what else it takes."""
    file = LogFile.fromFullPath(str(tmp_path / "other"), rotateLength=7)
    file.close()

    assert (file.name, file.directory, file.rotateLength) == ("other", str(tmp_path), 7)
    assert file.path == str(tmp_path / "other")


def test_closed(opened: Any, kept: Any) -> None:
    """Nothing is written to a file that was closed, until it is opened again."""
    file = opened()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write("lost")

    file.reopen()
    file.write("x")

    assert (file.closed, kept()) == (False, {"": "x"})


def test_put_aside_by_another(opened: Any, kept: Any) -> None:
    """When somebody else renamed the file, it is begun anew by `reopen`."""
    file = opened()
    file.write("one")
    os.rename(file.path, file.path + ".old")

    file.reopen()
    file.write("two")

    assert (kept(), file.size) == ({"": "two", ".old": "one"}, 3)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A log file has to have its folder."""
    with pytest.raises(FileNotFoundError):
        LogFile("log", str(tmp_path / "nowhere"))


def test_base_says_what_is_missing(tmp_path: Path) -> None:
    """A class that doesn't say when to put files aside, or how, is told to."""
    file = BaseLogFile("log", str(tmp_path))
    for method in (file.shouldRotate, file.rotate):
        with pytest.raises(NotImplementedError, match="BaseLogFile has no"):
            method()
    file.close()


def test_log_goes_there(opened: Any, kept: Any) -> None:
    """What is logged is in the file."""
    observer = logging_of_old.FileLogObserver(opened())
    observer.start()
    try:
        logging_of_old.msg("hello")
    finally:
        observer.stop()

    assert kept()[""].endswith("[-] hello\n")


# ── by length ────────────────────────────────────────────────────────────────────────────


def test_long_file_is_put_aside(opened: Any, kept: Any) -> None:
    """A file that is long enough is put aside when more is written, and those before move on."""
    file = opened(rotateLength=4)

    for text in ("one,", "two", ",", "three", "f"):
        file.write(text)

    assert kept() == {"": "f", ".1": "three", ".2": "two,", ".3": "one,"}
    assert (file.listLogs(), file.size) == ([1, 2, 3], 1)


def test_length_of_before_counts(opened: Any, kept: Any) -> None:
    """What is in the file when it is opened counts, in bytes."""
    opened().write("éé")

    opened(rotateLength=4).write("x")

    assert kept() == {"": "x", ".1": "éé"}


def test_oldest_go(opened: Any, kept: Any) -> None:
    """No more are kept than is said."""
    file = opened(rotateLength=1, maxRotatedFiles=2)

    for text in "abcde":
        file.write(text)

    assert kept() == {"": "e", ".1": "d", ".2": "c"}


@pytest.mark.parametrize("never", [None, 0])
def test_never(never: int | None, opened: Any, kept: Any) -> None:
    """Without a length the file is never put aside by itself, but may be asked to."""
    file = opened(rotateLength=never)
    file.write("x" * 2_000_000)
    file.write("y")
    assert file.listLogs() == []

    file.rotate()

    assert (kept()[""], file.listLogs()) == ("", [1])


def test_other_files_are_let_be(opened: Any, tmp_path: Path, kept: Any) -> None:
    """Files with anything but a number behind the name are somebody else's."""
    for name in ("log.x", "log.0", "log.-1", "logs"):
        (tmp_path / name).touch()
    file = opened()

    file.rotate()

    assert file.listLogs() == [1]
    assert kept() == {name: "" for name in ("", ".-1", ".0", ".1", ".x", "s")}


def test_threads_write_whole_files(opened: Any, kept: Any) -> None:
    """What several threads write is all there, and no file is longer than it may get."""
    file = opened(rotateLength=100)

    def write() -> None:
        for _ in range(200):
            file.write("0123456789")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {len(text) for text in kept().values()} == {100}
    assert len(kept()) == 80


# ── by day ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the date that it is."""

    def today(year: int, month: int, day: int) -> None:
        now = time.mktime((year, month, day, 12, 0, 0, 0, 0, -1))
        real = time.localtime
        monkeypatch.setattr(
            logfile.time, "localtime", lambda at=None: real(now if at is None else at)
        )

    return today


def test_new_day_new_file(opened: Any, kept: Any, today: Any) -> None:
    """The first that is written on another day begins a file; the date is behind the old one."""
    today(2030, 1, 9)
    file = opened(DailyLogFile)
    file.lastDate = (2030, 1, 9)
    file.write("nine")
    today(2030, 1, 10)

    file.write("ten")
    file.write(".")

    assert kept() == {"": "ten.", ".2030_1_9": "nine"}
    assert file.lastDate == (2030, 1, 10)


def test_day_of_before_counts(opened: Any, kept: Any) -> None:
    """A file that was written last on another day is put aside by the first write."""
    before = opened(DailyLogFile)
    before.write("old")
    at = time.mktime((2001, 2, 3, 12, 0, 0, 0, 0, -1))
    os.utime(before.path, (at, at))

    opened(DailyLogFile).write("new")

    assert kept() == {"": "new", ".2001_2_3": "old"}


def test_day_that_has_a_file(opened: Any, kept: Any, today: Any, tmp_path: Path) -> None:
    """Nothing is lost when there is a file of that day: the old one is gone on with."""
    (tmp_path / "log.2030_1_9").write_text("kept")
    today(2030, 1, 10)
    file = opened(DailyLogFile)
    file.lastDate = (2030, 1, 9)
    file.write("both")

    file.write(" days")

    assert kept() == {"": "both days", ".2030_1_9": "kept"}


def test_dates(opened: Any) -> None:
    """Dates are of times, or of now, and are what files have behind their names."""
    file = opened(DailyLogFile)
    at = time.mktime((2001, 2, 3, 12, 0, 0, 0, 0, -1))

    assert file.toDate(at) == (2001, 2, 3)
    assert file.suffix(at) == file.suffix((2001, 2, 3)) == "2001_2_3"
    assert file.toDate() in (time.localtime()[:3], time.localtime(time.time() - 1)[:3])


# ── reading ──────────────────────────────────────────────────────────────────────────────


def test_reading(opened: Any) -> None:
    """The lines of each file can be read, some at a time."""
    file = opened()
    file.write("1\n2\n3\n")
    file.rotate()
    file.write("4\n")
    old, current = file.getLog(1), file.getCurrentLog()

    lines = [old.readLines(2), old.readLines(), old.readLines(), current.readLines(0)]

    assert lines == [["1\n", "2\n"], ["3\n"], [], []]
    assert current.readLines() == ["4\n"]
    with pytest.raises(ValueError, match="no such logfile"):
        file.getLog(2)
    old.close()
    current.close()


def test_reading_a_day(opened: Any, tmp_path: Path) -> None:
    """A day's file is found by a time of it."""
    (tmp_path / "log.2001_2_3").write_text("old\n")
    file = opened(DailyLogFile)
    file.write("new\n")
    at = time.mktime((2001, 2, 3, 12, 0, 0, 0, 0, -1))
    readers = [file.getLog(at), file.getLog(os.stat(file.path).st_mtime)]

    assert [reader.readLines() for reader in readers] == [["old\n"], ["new\n"]]
    with pytest.raises(ValueError, match="no such logfile"):
        file.getLog(at - 100 * 86400)
    for reader in readers:
        reader.close()


# ── modes, and what may not be done ──────────────────────────────────────────────────────


posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@posix
def test_mode_that_is_said(opened: Any) -> None:
    """Every file has the mode that is said, and never had another."""
    file = opened(defaultMode=0o600)
    file.rotate()

    assert _mode(file.path) == _mode(file.path + ".1") == 0o600


@posix
@pytest.mark.parametrize("kind", [LogFile, DailyLogFile])
def test_mode_that_it_has(kind: Any, opened: Any, today: Any) -> None:
    """A file that was given a mode hands it on to the next."""
    file = opened(kind)
    os.chmod(file.path, 0o611)

    file.rotate()

    assert _mode(file.path) == 0o611


@posix
def test_mode_of_a_device() -> None:
    """What lets nobody change its mode is written to all the same."""
    file = LogFile("null", "/dev", defaultMode=_mode("/dev/null"))
    file.write("x")
    file.close()


@pytest.mark.parametrize("kind", [LogFile, DailyLogFile])
def test_cannot_be_put_aside(
    kind: Any, opened: Any, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files can't be renamed the one there is is gone on with."""

    def refuse(*paths: str) -> None:
        raise PermissionError(errno.EACCES, "no", *paths[:1])

    file = opened(kind)
    file.write("one")
    monkeypatch.setattr(logfile.os, "rename", refuse)

    file.rotate()
    file.write(" two")

    assert kept() == {"": "one two"}


def test_was_taken_away(opened: Any, kept: Any) -> None:
    """A file that somebody removed is begun anew when it should be put aside."""
    file = opened(rotateLength=3)
    file.write("one")
    os.remove(file.path)

    file.write("two")

    assert kept() == {"": "two"}
