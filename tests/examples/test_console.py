"""The console, at both ends of pipes and on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.programs import BOOT, LIMIT, ROOT, complaints


def begin(name: str, loop: str, stdin: int, stdout: int) -> subprocess.Popen[str]:
    """An example, with those for its standard input and output."""
    path = ROOT / "examples" / f"{name}.py"
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BOOT, loop, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_console_on_pipes(loop: str) -> None:
    """Commands are answered in order, mistakes too, until one says quit."""
    console = begin("console", loop, subprocess.PIPE, subprocess.PIPE)
    commands = "add bread\nadd milk\ndone 1\nlist\ndone 7\nsing\nquit\nlist\n"

    said, errors = console.communicate(commands, LIMIT)

    assert (console.returncode, complaints(errors)) == (0, "")
    assert said.splitlines() == [
        "What is to be done?",
        "1. bread",
        "2. milk",
        "done: bread",
        "1. milk",
        "no: pop index out of range",
        "'sing' is none of: add, list, done, later, quit",
        "Bye.",
    ]


def test_console_ends_with_its_input(loop: str) -> None:
    """The end of the input is the end of the program, and what was said comes out."""
    console = begin("console", loop, subprocess.PIPE, subprocess.PIPE)

    said, errors = console.communicate("add bread\n", LIMIT)

    assert (console.returncode, complaints(errors)) == (0, "")
    assert said.splitlines() == ["What is to be done?", "1. bread"]


def test_console_on_a_terminal(loop: str) -> None:
    """On a terminal it speaks while it waits, ends with Ctrl-D, and leaves all in order."""
    ours, terminal = pty.openpty()
    console = begin("console", loop, terminal, terminal)
    shown = b""

    os.write(ours, b"later 0.01 it is time\n")
    while b"\nit is time" not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, b"\x04")
    _, errors = console.communicate(timeout=LIMIT)
    blocking = os.get_blocking(terminal)
    os.close(ours)
    os.close(terminal)

    assert (console.returncode, complaints(errors), blocking) == (0, "", True)
