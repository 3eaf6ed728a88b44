"""The directory watcher, on a directory that comes to an end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux'")
def test_directory_watcher(start: Any, tmp_path: Path) -> None:
    """Changes are told, in directories that come too, until the directory is removed."""
    root = tmp_path / "root"
    root.mkdir()
    watcher = start("directory_watcher", root)
    assert watcher.line() == f"watching {root}"

    (root / "letter").write_text("Dear reader")
    assert watcher.line() == "create: letter"
    assert watcher.line() == "modify: letter"
    (root / "box").mkdir()
    assert watcher.line() == "create is_dir: box"
    (root / "mark").touch()  # told once the box is watched
    assert watcher.line() == "create: mark"
    (root / "letter").rename(root / "box" / "old letter")
    assert watcher.line() == "moved_from: letter"
    assert watcher.line() == "moved_to: box/old letter"
    shutil.rmtree(root)

    assert watcher.rest()[-1] == "delete_self: the directory itself"
