"""Programs run by `python -m reactorlite run`, with Twisted installed and without."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.programs import LIMIT, ROOT, complaints

with_twisted = pytest.mark.skipif(
    importlib.util.find_spec("twisted") is None, reason="needs Twisted"
)


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    out: str
    err: str


def run_python(*arguments: str, cwd: Path, stdin: str = "", options: tuple[str, ...] = ()) -> Ended:
    """Run python on a command line, with reactorlite to be found."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *options, *arguments],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Ended(done.returncode, done.stdout, complaints(done.stderr))


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Ended]:
    """Runs python in a directory of its own."""

    def run(*arguments: str, **kw: str) -> Ended:
        return run_python(*arguments, cwd=tmp_path, **kw)

    return run


@pytest.fixture
def hosted(tmp_path: Path) -> Callable[..., Ended]:
    """Runs `python -m reactorlite run` in the same directory."""

    def run(*arguments: str, **kw: str) -> Ended:
        return run_python("-m", "reactorlite", "run", *arguments, cwd=tmp_path, **kw)

    return run


@pytest.fixture(params=["beside Twisted", "without Twisted"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Ended]:
    """Runs the text of a program hosted, where Twisted is installed and where it isn't."""
    alone = request.param == "without Twisted"
    if not alone and importlib.util.find_spec("twisted") is None:
        pytest.skip("needs Twisted")

    def run(text: str, *arguments: str) -> Ended:
        (tmp_path / "program.py").write_text(textwrap.dedent(text), "utf-8")
        # Without `site` there are no installed packages.
        options = ("-X", "dev", "-W", "error", "-S") if alone else ()
        command = ("-m", "reactorlite", "run", *arguments, "program.py")
        return run_python(*command, cwd=tmp_path, options=options)

    return run
