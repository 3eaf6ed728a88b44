"""Programs that choose one of Twisted's reactors get reactorlite's."""

from __future__ import annotations

import sys

import pytest

from tests.porting.conftest import with_twisted

OTHERS = ["default", "epollreactor", "pollreactor", "selectreactor", "kqueuereactor"]


@pytest.mark.parametrize("name", OTHERS)
def test_install_gives_ours(name, program):
    """`install()` makes reactorlite's reactor the default, and the program runs."""
    text = f"""
        from twisted.internet import {name}
        {name}.install()
        from twisted.internet import reactor
        print(reactor.__class__.__module__)
        reactor.callLater(0, reactor.stop)
        reactor.run()
    """

    assert program(text) == (0, "reactorlite.internet.asyncioreactor\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="there it is to be had")
def test_completion_ports(program):
    """Those that are Windows' alone say so elsewhere."""
    ended = program("from twisted.internet import iocpreactor")

    assert ended.status == 1
    assert ended.err.splitlines()[-1].startswith("ImportError: completion ports are Windows'")


def test_install_is_told_once(program):
    """The log says of each module, once, what its `install` gave."""
    text = """
        import logging
        seen = logging.Handler()
        seen.emit = lambda record: print(record.getMessage())
        logging.getLogger("reactorlite").addHandler(seen)
        logging.getLogger("reactorlite").setLevel(logging.INFO)
        from twisted.internet import epollreactor, pollreactor
        epollreactor.install()
        pollreactor.install()
        epollreactor.install()
    """

    told = program(text).out.splitlines()

    assert [line.split()[0] for line in told] == [
        "reactorlite.internet.epollreactor.install()",
        "reactorlite.internet.pollreactor.install()",
    ]


def test_installed_too_late(program):
    """After the default reactor was used an `install()` is an error, as in Twisted."""
    text = """
        from twisted.internet import error, reactor, selectreactor
        reactor.callLater(0, reactor.stop)
        reactor.run()
        try:
            selectreactor.install()
        except error.ReactorAlreadyInstalledError:
            print("too late")
    """

    assert program(text) == (0, "too late\n", "")


def test_room_for_another(program):
    """Who takes the reactor out of sys.modules first may install one after all, on his loop."""
    text = """
        import asyncio, sys
        from twisted.internet import reactor
        reactor.callLater(0, reactor.stop)
        reactor.run()
        del sys.modules["twisted.internet.reactor"]
        from twisted.internet import asyncioreactor
        loop = asyncio.new_event_loop()
        asyncioreactor.install(loop)
        import twisted.internet.reactor
        from twisted.internet import reactor
        assert sys.modules["twisted.internet.reactor"] is reactor
        reactor.callLater(0, lambda: print(asyncio.get_running_loop() is loop))
        reactor.callLater(0, reactor.stop)
        reactor.run()
    """

    assert program(text) == (0, "True\n", "")


def test_room_for_a_fake(program):
    """A test's own reactor, put there so, is the current one until the front is put back."""
    text = """
        import sys
        from twisted.internet import reactor, task
        from twisted.internet.main import installReactor
        front = sys.modules.pop("twisted.internet.reactor")
        fake = task.Clock()
        installReactor(fake)
        from twisted.internet import reactor
        assert reactor is fake
        task.LoopingCall(print).start(5, now=False)
        assert len(fake.getDelayedCalls()) == 1
        sys.modules["twisted.internet.reactor"] = front
        assert front.getDelayedCalls() == []
    """

    assert program(text) == (0, "", "")


def test_reactor_is_of_the_class_that_is_asked_for(program):
    """Programs that insist on Twisted's asyncio reactor, by its name, are content."""
    text = """
        from twisted.internet import asyncioreactor
        asyncioreactor.install()
        from twisted.internet import reactor
        assert isinstance(reactor, asyncioreactor.AsyncioSelectorReactor)
        assert reactor.__class__ == asyncioreactor.AsyncioSelectorReactor
    """

    assert program(text) == (0, "", "")


@with_twisted
@pytest.mark.parametrize("name", ["default", "epoll", "poll", "select", "asyncio"])
def test_chosen_on_the_command_line(name, tmp_path, hosted):
    """`--reactor` of Twisted's commands gives it too."""
    (tmp_path / "test_it.py").write_text(
        "from twisted.internet import reactor\n"
        "from twisted.trial.unittest import TestCase\n"
        "class Its(TestCase):\n"
        "    def test_class(self):\n"
        "        assert reactor.__class__.__module__ == 'reactorlite.internet.asyncioreactor'\n"
    )

    ended = hosted("-m", "twisted.trial", f"--reactor={name}", "test_it")

    assert ended.status == 0, ended.out + ended.err
    assert "successes=1" in ended.out
