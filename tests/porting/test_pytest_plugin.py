"""A project's tests under pytest, on reactorlite."""

from __future__ import annotations

import importlib.util
from importlib.metadata import entry_points

import pytest

from tests.porting.conftest import with_twisted

PLUGIN = "reactorlite.porting.pytest_plugin"
OPTION = "reactorlite.porting.pytest_option"
CONFTEST = "from twisted.internet import defer, reactor\n"
TESTS = """
import asyncio
from twisted.internet import defer, reactor, task

def test_ours():
    assert defer.Deferred.__module__.startswith("reactorlite.")

def test_coroutine():
    async def main():
        await task.deferLater(reactor, 0.001)
        return type(asyncio.get_running_loop()).__module__
    print("on", asyncio.run(main()))
"""


@pytest.fixture
def under_pytest(tmp_path, python):
    """Runs pytest on a project whose conftest.py imports Twisted's names."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_project.py").write_text(TESTS)

    # Where the package is installed pytest knows the option by itself, and refuses it twice.
    known = [each.name for each in entry_points(group="pytest11") if each.value == OPTION]
    option = () if known else ("-p", OPTION)

    def run(*arguments):
        return python("-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", *option, *arguments)

    return run


def test_plugin_for_once(under_pytest):
    """`-p` is enough."""
    ended = under_pytest("-p", PLUGIN)

    assert ended.status == 0, ended.out + ended.err
    assert "2 passed" in ended.out


@with_twisted
def test_without_it_the_tests_are_twisteds(under_pytest):
    """The plug-in that pytest knows does nothing unless it is asked."""
    ended = under_pytest("-k", "ours")

    assert ended.status == 1
    assert "'twisted.internet.defer'.startswith" in ended.out.replace('"', "'")


@pytest.mark.parametrize(
    "loop",
    [
        "asyncio",
        pytest.param(
            "uvloop",
            marks=pytest.mark.skipif(not importlib.util.find_spec("uvloop"), reason="needs uvloop"),
        ),
    ],
)
def test_option_chooses_the_loop(loop, under_pytest):
    """`--reactorlite=LOOP` runs the tests hosted, on that kind of loop."""
    ended = under_pytest(f"--reactorlite={loop}")

    assert ended.status == 0, ended.out + ended.err
    assert f"on {loop}" in ended.out


def test_setting_turns_it_on(tmp_path, under_pytest):
    """So does `reactorlite = LOOP` in the project's configuration."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nreactorlite = asyncio\n")

    ended = under_pytest()

    assert ended.status == 0, ended.out + ended.err


def test_option_names_a_loop_that_is_not_there(under_pytest):
    """A kind of loop that nobody has is a mistake in the command line."""
    ended = under_pytest("--reactorlite=epoll")

    assert ended.status == 4
    assert "there is no loop 'epoll'" in ended.err


@with_twisted
def test_another_plugin_was_first(tmp_path, under_pytest):
    """Where a plug-in has imported Twisted before, the error says how to come first."""
    (tmp_path / "early.py").write_text("import twisted.internet.defer\n")

    ended = under_pytest("-p", "early", "--reactorlite=asyncio")

    assert ended.status == 4
    assert f"`-p {PLUGIN}` comes first" in ended.err


@pytest.mark.usefixtures("under_pytest")
def test_hosted_pytest(hosted):
    """`python -m reactorlite run -m pytest` needs no plug-in."""
    ended = hosted("-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert ended.status == 0, ended.out + ended.err


@pytest.mark.skipif(not importlib.util.find_spec("xdist"), reason="needs pytest-xdist")
@pytest.mark.parametrize("how", [("-p", PLUGIN), ("--reactorlite=asyncio",)])
def test_in_workers(how, under_pytest):
    """The workers of pytest-xdist run hosted too."""
    ended = under_pytest("-n2", *how)

    assert ended.status == 0, ended.out + ended.err
