"""What the program runs on, and where other programs are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reactorlite.python.procutils import which
from reactorlite.python.runtime import Platform, platform, platformType, shortPythonVersion


@pytest.mark.parametrize(
    ("name", "system", "kind", "answers"),
    [
        ("posix", "linux", "posix", (True, False, False)),
        ("posix", "darwin", "posix", (False, True, False)),
        ("nt", "win32", "win32", (False, False, True)),
        ("other", "other", None, (False, False, False)),
    ],
)
def test_platforms(
    name: str, system: str, kind: str | None, answers: tuple[bool, bool, bool]
) -> None:
    """A platform says what kind it is, and which."""
    there = Platform(name, system)

    assert (there.getType(), there.isKnown()) == (kind, kind is not None)
    assert (there.isLinux(), there.isMacOSX(), there.isWindows()) == answers
    assert there.supportsINotify() is there.isLinux()


def test_this_platform() -> None:
    """`platform` is the one that this runs on."""
    assert platformType == platform.type == {"nt": "win32"}.get(os.name, os.name)
    assert platform.isLinux() is (sys.platform == "linux")
    assert platform.supportsThreads()
    assert abs(platform.seconds() - os.stat("/proc/self").st_ctime) < 3600
    assert sys.version.startswith(shortPythonVersion())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two folders on the path, with `tool` in both, and in one that can't be run, `text`."""
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        folder.mkdir()
        (folder / "tool").touch(0o755)
        (folder / "tool.exe").touch(0o755)
    (made[0] / "text").touch(0o644)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, made)))
    monkeypatch.delenv("PATHEXT", raising=False)
    return made


def test_which_finds_all(folders: list[Path]) -> None:
    """All programs of a name are found, in the order of the path."""
    assert which("tool") == [str(folder / "tool") for folder in folders]
    assert which("nothing") == []


def test_which_asks_for_access(folders: list[Path]) -> None:
    """Files are found that may be accessed as is said; run, if nothing is."""
    readable = which("text", os.R_OK)

    assert readable == [str(folders[0] / "text")]
    assert os.geteuid() == 0 or which("text") == []


def test_which_adds_endings(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """An ending that the system leaves out need not be said."""
    monkeypatch.setenv("PATHEXT", os.pathsep.join([".exe", ".bat"]))

    first = folders[0]

    assert which("tool")[:2] == [str(first / "tool"), str(first / "tool.exe")]


def test_which_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found where there is no path."""
    monkeypatch.delenv("PATH")

    assert which("sh") == []
