"""Programs that know only Twisted, in the ways that reactorlite hosts them.

Each is run by `python -m reactorlite run`, and as a guest of an asyncio application that goes
on with its own work; on stock asyncio and on uvloop. A module may say in which WAYS its programs
are hosted: one on each loop are enough for most of them.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosting.peers import Script
from tests.programs import BOOT, LIMIT, ROOT, Client, Program

#: Warnings of Twisted's own, and of what it uses, are not the matter; what is left open is.
_OPTIONS = ["-W", "ignore", "-W", "error::ResourceWarning"]

HERE = "tcp:0:interface=127.0.0.1"
"""Where servers are to listen."""

_HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None
_LOOPS = ("asyncio", "uvloop") if _HAS_UVLOOP else ("asyncio",)
EVERY_WAY = [f"{way} {loop}" for way in ("run", "guest") for loop in _LOOPS]
_EACH_ONCE = ["run asyncio", "guest uvloop" if _HAS_UVLOOP else "guest asyncio"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the ways in which a module's programs are hosted."""
    if "way" in metafunc.fixturenames:
        ways = getattr(metafunc.module, "WAYS", _EACH_ONCE)
        metafunc.parametrize("way", ways, indirect=True, scope="module")


class Hosted(Program):
    """A program of `examples/hosted`, hosted in one way on one loop."""

    def __init__(self, way: str, name: str, *arguments: object) -> None:
        how, loop = way.split()
        self.is_guest = how == "guest"
        path = ROOT / "examples" / "hosted"
        if self.is_guest:
            host = path / "in_asyncio.py"
            super().__init__([*_OPTIONS, "-c", BOOT, loop], host, name, *arguments)
            self._clock = self.port()
            self._first = self.ticks()
        else:
            command = [*_OPTIONS, "-m", "reactorlite", "run", "--loop", loop]
            super().__init__(command, path / f"{name}.py", *arguments)

    def ticks(self) -> int:
        """How often the host's clock has ticked."""
        client = Client(self._clock)
        try:
            return int(client.line())
        finally:
            client.close()

    def close(self) -> None:
        """Press Ctrl-C: it must end in order, and its host have gone on until now."""
        if self.is_guest:
            late = time.monotonic() + LIMIT
            while self.ticks() == self._first:
                assert time.monotonic() < late, "the host's clock stands still"
        assert self.interrupt() == []


def _needed(name: str, module: Any) -> None:
    """Skip, by name, what isn't installed of the packages that a module of tests NEEDS."""
    for package in ("twisted", *getattr(module, "NEEDS", ())):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest) -> str:
    """How programs are hosted, and on which loop."""
    _needed("twisted", request.module)
    return str(request.param)


@pytest.fixture(scope="module")
def serve(way: str) -> Iterator[Callable[..., Hosted]]:
    """Starts a server: `serve(name, *arguments)`. At the end it must end in order."""
    programs: list[Hosted] = []

    def serve(name: str, *arguments: object) -> Hosted:
        programs.append(Hosted(way, name, *arguments))
        return programs[-1]

    yield serve
    try:
        for program in programs:
            program.close()
    finally:
        for program in programs:
            program.kill()


@pytest.fixture
def play(way: str) -> Iterator[Callable[..., Hosted]]:
    """Starts a client, which ends by itself: `play(name, *arguments)`."""
    programs: list[Hosted] = []

    def play(name: str, *arguments: object) -> Hosted:
        programs.append(Hosted(way, name, *arguments))
        return programs[-1]

    yield play
    for program in programs:
        program.kill()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a file in it, for servers of files."""
    path = tmp_path_factory.mktemp("files")
    (path / "rain.txt").write_bytes(b"take an umbrella\r\n")
    return path


@pytest.fixture
def plain() -> Iterator[Callable[..., Script]]:
    """Starts a server of plain sockets: `plain(conversation)`."""
    scripts: list[Script] = []

    def plain(conversation: Callable[[Script], object]) -> Script:
        scripts.append(Script(conversation))
        return scripts[-1]

    yield plain
    for script in scripts:
        script.close()
