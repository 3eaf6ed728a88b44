"""The front door: which reactor it stands for at what time, and that importing it does nothing."""

import asyncio
import importlib
import os
import subprocess
import sys
import threading
from contextvars import copy_context
from types import ModuleType

import pytest

from reactorlite.internet import error, reactor
from reactorlite.internet.asyncioreactor import (
    AsyncioSelectorReactor,
    Reactor,
    current_reactor,
    install,
)
from reactorlite.internet.main import installReactor
from reactorlite.internet.protocol import ClientFactory, Factory
from tests.programs import LIMIT, complaints

pytestmark = pytest.mark.usefixtures("fresh_default")


def told_by_new_process(code):
    """What a fresh interpreter prints; it must have nothing to warn of."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    assert not complaints(done.stderr)
    return done.stdout.split()


# ── importing ────────────────────────────────────────────────────────────────────────────

LIBRARY = "from reactorlite.internet import reactor, protocol, error, defer, main"


def test_import_makes_no_reactor():
    """Who imports the reactor has not made one."""
    assert told_by_new_process(
        f"{LIBRARY}\nfrom reactorlite.internet import _residence\nprint(_residence._default)"
    ) == ["None"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_import_opens_no_descriptor():
    """Importing the reactor opens no descriptor that stays open."""
    before, after = told_by_new_process(
        f"import asyncio, os\nprint(len(os.listdir('/proc/self/fd')))\n{LIBRARY}\n"
        "print(len(os.listdir('/proc/self/fd')))"
    )

    assert before == after


def test_import_makes_no_loop():
    """Importing the reactor makes no event loop and sets none."""
    assert told_by_new_process(
        "import asyncio, asyncio.base_events\n"
        "def refuse(*args): raise AssertionError('a loop was made')\n"
        "asyncio.base_events.BaseEventLoop.__init__ = refuse\n"
        f"{LIBRARY}\nprint('none')"
    ) == ["none"]


def test_import_starts_no_thread_and_takes_no_signal():
    """Importing the reactor leaves threads and signals alone."""
    assert told_by_new_process(
        "import signal, threading\n"
        f"{LIBRARY}\n"
        "print(threading.active_count(),"
        " signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
        " signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    ) == ["1", "True", "True"]


def test_use_imports_no_zope():
    """A program that runs the reactor and names no interface doesn't pay for zope.interface."""
    assert told_by_new_process(
        f"import sys\n{LIBRARY}\n"
        "reactor.listenTCP(0, protocol.Factory(), interface='127.0.0.1')\n"
        "reactor.callLater(0, reactor.stop)\nreactor.run()\n"
        "print([name for name in sys.modules if name.startswith('zope')])"
    ) == ["[]"]


def test_import_is_of_one_object():
    """However it is imported, the reactor is one object."""
    by_module = importlib.import_module("reactorlite.internet.reactor")
    from reactorlite.internet import reactor as by_name

    assert by_module is by_name is reactor
    assert not isinstance(reactor, ModuleType)


# ── forwarding ───────────────────────────────────────────────────────────────────────────


def test_gets_from_the_current_reactor():
    """An attribute of the front door is the current reactor's."""
    assert reactor.run == current_reactor().run


def test_sets_on_the_current_reactor():
    """What is set on the front door is set on the current reactor."""
    reactor.answer = 42

    assert current_reactor().answer == 42


def test_deletes_from_the_current_reactor():
    """What is deleted at the front door is gone from the current reactor."""
    current_reactor().answer = 42

    del reactor.answer

    assert not hasattr(current_reactor(), "answer")


def test_replaced_method_is_used(monkeypatch):
    """A test that patches the front door patches the reactor, and can take it back."""
    original = current_reactor().callLater

    with monkeypatch.context() as patching:
        patching.setattr(reactor, "callLater", lambda *args: "patched")
        patched = reactor.callLater(1, print)

    assert patched == "patched"
    assert reactor.callLater == original


def test_lists_what_the_current_reactor_has():
    """`dir` shows the reactor's names."""
    assert {"listenTCP", "connectTCP", "callLater", "run"} <= set(dir(reactor))


def test_repr_says_whom_it_stands_for():
    """The front door's `repr` contains the current reactor's."""
    assert repr(current_reactor()) in repr(reactor)


def test_equals_whom_it_stands_for():
    """The front equals the current reactor, either way round, and is the same key; and no other."""
    current, other = current_reactor(), Reactor()

    assert reactor == current
    assert current == reactor
    assert {current: "found"}[reactor] == "found"
    assert reactor == reactor
    assert reactor != other
    assert reactor != "the current reactor"


def test_missing_name_is_told_by_the_reactor():
    """A name that the reactor lacks is an `AttributeError` with the way round."""
    with pytest.raises(AttributeError, match=r"addEvent.*proactor"):
        reactor.addEvent()


def test_class_is_the_reactors():
    """`isinstance` and comparing `__class__` work as on the reactor, and make none."""
    assert isinstance(reactor, Reactor)
    assert reactor.__class__ is Reactor
    assert "running" not in reactor.__dict__


def test_asking_for_the_class_makes_no_reactor():
    """The class of a reactor that is still to be made is known, and the question makes none."""
    code = (
        f"{LIBRARY}, asyncioreactor\n"
        "class Mine(asyncioreactor.Reactor): pass\n"
        "print(reactor.__class__.__name__)\n"
        "main.installReactor(Mine())\n"
        "print(reactor.__class__.__name__)"
    )

    assert told_by_new_process(code) == ["Reactor", "Mine"]


def test_another_reactor_may_take_its_place():
    """Given a reactor's class and `__dict__`, as Twisted's test suite does, it is that one."""
    other, kind, own = Reactor(), reactor.__class__, reactor.__dict__

    reactor.__dict__ = other.__dict__
    reactor.__class__ = other.__class__
    call = reactor.callLater(60, pytest.fail)
    reactor.__dict__ = own
    reactor.__class__ = kind

    assert other.getDelayedCalls() == [call]
    assert call not in reactor.getDelayedCalls()
    call.cancel()


# ── the default reactor ──────────────────────────────────────────────────────────────────


def test_default_is_made_on_first_use_and_stays():
    """Outside of loops the front door stands for one and the same reactor."""
    first = current_reactor()

    assert isinstance(first, Reactor)
    assert current_reactor() is first


def test_default_is_every_threads():
    """A thread without a loop uses the process's default reactor."""
    found = []
    thread = threading.Thread(target=lambda: found.append(current_reactor()))
    thread.start()
    thread.join()

    assert found == [current_reactor()]


def test_default_runs(log):
    """`reactor.run()` runs the default; inside, the front door is that reactor."""
    default = current_reactor()
    found = []
    reactor.callWhenRunning(lambda: found.append(current_reactor()))
    reactor.callWhenRunning(lambda: reactor.stop())

    reactor.run()

    assert found == [default]
    assert current_reactor() is default


def test_default_is_found_from_threads_while_it_runs(log):
    """A thread calls into the running default through the front door."""
    calls = []

    def work():
        reactor.callFromThread(calls.append, "from a thread")
        reactor.callFromThread(lambda: reactor.stop())

    thread = threading.Thread(target=work)
    reactor.callWhenRunning(thread.start)
    reactor.run()
    thread.join()

    assert calls == ["from a thread"]


def test_running_reactor_is_current_in_its_loop(loop_factory, log):
    """In what a reactor of its own calls, the front door stands for that one, not the default."""
    own = Reactor(loop_factory())
    found = []
    own.callWhenRunning(lambda: found.append(current_reactor()))
    own.callLater(0, lambda: found.append(current_reactor()))
    own.callFromThread(lambda: found.append(current_reactor()))
    own.callLater(0.005, own.stop)

    own.run()

    assert found == [own, own, own]
    assert current_reactor() is not own


def test_reactor_is_current_in_what_it_calls_without_a_loop():
    """A factory that is started before the loop runs finds the reactor that starts it."""
    own = Reactor()
    found = []
    factory = Factory()
    factory.startFactory = lambda: found.append(current_reactor())

    own.listenTCP(0, factory, interface="127.0.0.1").stopListening()

    assert found == [own]


def test_reactor_is_current_for_a_client_factory_without_a_loop():
    """So does a client's factory in `startedConnecting`."""
    own = Reactor()
    found = []
    factory = ClientFactory()
    factory.startedConnecting = lambda connector: found.append(current_reactor())

    own.connectTCP("127.0.0.1", 1, factory).stopConnecting()

    assert found == [own]


def test_being_current_ends_with_the_call():
    """After the call the front door stands for the default again, whatever context was copied."""
    own = Reactor()
    contexts = []
    factory = Factory()
    factory.startFactory = lambda: contexts.append(copy_context())

    own.listenTCP(0, factory, interface="127.0.0.1").stopListening()

    assert current_reactor() is not own


# ── choosing the default ─────────────────────────────────────────────────────────────────


def test_install_takes_a_loop(loop_factory, log):
    """`install(eventloop)` makes the default run on that loop."""
    loop = loop_factory()
    install(loop)
    found = []
    reactor.callWhenRunning(lambda: found.append(asyncio.get_running_loop()))
    reactor.callWhenRunning(lambda: reactor.stop())

    reactor.run()

    assert found == [loop]
    assert not loop.is_closed()


def test_installed_loop_runs_again(loop_factory, log):
    """The loop given to `install` serves every run."""
    install(loop_factory())
    calls = []
    for turn in range(2):
        reactor.callWhenRunning(calls.append, turn)
        reactor.callLater(0, lambda: reactor.stop())
        reactor.run()

    assert calls == [0, 1]


def test_install_after_mere_looking_is_possible():
    """A default that was asked for and not used may still be replaced."""
    before = current_reactor()

    install()

    assert current_reactor() is not before


def test_install_after_use_is_refused():
    """A default that has work can't be replaced."""
    call = reactor.callLater(1, print)

    with pytest.raises(error.ReactorAlreadyInstalledError):
        install()
    call.cancel()


def test_install_after_run_is_refused(log):
    """A default that has run can't be replaced."""
    reactor.callWhenRunning(lambda: reactor.stop())
    reactor.run()

    with pytest.raises(error.ReactorAlreadyInstalledError):
        install()


def test_install_reactor_makes_any_object_the_reactor():
    """`installReactor` puts a stand-in in the reactor's place."""
    stand_in = type("StandIn", (), {"seconds": lambda self: 5})()

    installReactor(stand_in)

    assert reactor.seconds() == 5


def test_installed_stand_in_serves_in_loops_too(run):
    """A stand-in that isn't a `Reactor` is the current one inside a loop as well."""
    stand_in = object()
    installReactor(stand_in)

    async def host():
        return current_reactor()

    assert run(host()) is stand_in


def test_install_reactor_twice_is_refused():
    """A second reactor can't be installed."""
    installReactor(object())

    with pytest.raises(error.ReactorAlreadyInstalledError):
        installReactor(object())


def test_selector_reactor_is_a_reactor(loop_factory, log):
    """`AsyncioSelectorReactor(loop)` is made, installed and run as programs for Twisted do."""
    made = AsyncioSelectorReactor(loop_factory())
    installReactor(made)
    reactor.callWhenRunning(lambda: reactor.stop())

    reactor.run()

    assert current_reactor() is made
