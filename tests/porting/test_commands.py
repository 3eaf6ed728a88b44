"""What `python -m reactorlite` says of command lines."""

from __future__ import annotations

import importlib.util

import pytest

needs_uvloop = pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="needs uvloop")


@pytest.fixture
def command(python):
    """Runs `python -m reactorlite`."""
    return lambda *arguments, **kw: python("-m", "reactorlite", *arguments, **kw)


def test_help_goes_to_standard_output(command):
    """--help says how to use it."""
    ended = command("--help")

    assert (ended.status, ended.err) == (0, "")
    assert "python -m reactorlite run" in ended.out


def test_nothing_asked(command):
    """Without a command the usage is an error message."""
    ended = command()

    assert (ended.status, ended.out) == (2, "")
    assert "usage:" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rnu", "x.py"], "'rnu' is no command of reactorlite: there is `run`. Did you mean"),
        (["server.py"], "To run a program: python -m reactorlite run server.py"),
        (["-m", "mine"], "To run a program: python -m reactorlite run -m mine"),
        (["run"], "run what? Say a script"),
        (["run", "-m"], "-m wants the name of a module"),
        (["run", "--lop", "x"], "run has no option '--lop'"),
        (["run", "--loop"], "--loop wants the kind of loop"),
        (["run", "--loop=epoll", "x.py"], "there is no loop 'epoll': it is asyncio or uvloop"),
    ],
)
def test_mistakes_explain_themselves(arguments, told, command):
    """What is wrong is said, with the way to say it right, and the status is 2."""
    ended = command(*arguments)

    assert (ended.status, ended.out) == (2, "")
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_loop_that_is_not_installed(command):
    """--loop uvloop says what to install where there is no uvloop."""
    ended = command("run", "--loop", "uvloop", "x.py", options=("-S",))

    assert ended.status == 2
    assert "pip install uvloop" in ended.err


LOOP = """
import asyncio
from twisted.internet import reactor

async def main():
    print(type(asyncio.get_running_loop()).__module__)

reactor.callWhenRunning(lambda: print(type(asyncio.get_running_loop()).__module__))
reactor.callWhenRunning(reactor.stop)
reactor.run()
asyncio.run(main())
"""


@needs_uvloop
@pytest.mark.parametrize("option", [("--loop", "uvloop"), ("--loop=uvloop",)])
def test_loop_is_chosen(option, hosted):
    """--loop uvloop is for the reactor and for the loops that the program makes."""
    ended = hosted(*option, "-", stdin=LOOP)

    assert ended == (0, "uvloop\nuvloop\n", "")


def test_loop_is_the_platforms_else(hosted):
    """Without --loop the loop is the one asyncio makes."""
    ended = hosted("--loop", "asyncio", "-", stdin=LOOP)

    assert (ended.status, ended.err) == (0, "")
    assert set(ended.out.split()) <= {"asyncio.unix_events", "asyncio.windows_events"}
