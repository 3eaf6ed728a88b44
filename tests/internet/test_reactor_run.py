"""A reactor on a loop of its own: run, stop, crash, iterate, and run again."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import weakref

import pytest

from reactorlite.internet import error
from reactorlite.internet._missing import MISSING
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.python.failure import Failure
from tests.waiting import PATIENCE, call_when, run_until


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Lasting(Protocol):
    """Stays, and remembers how it ended."""

    reason = None

    def connectionLost(self, reason):
        self.reason = reason


def quiet(factory):
    """A factory that doesn't log its beginning and end."""
    factory.noisy = False
    return factory


def connect_to(port):
    """A plain socket, connected to a port of a reactor's."""
    return socket.create_connection(("127.0.0.1", port.getHost().port), PATIENCE)


def answer_of(reactor, peer):
    """What comes back to a plain socket in a run of the reactor, which ends then."""
    answer = []

    def look():
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            answer.append(peer.recv(100))
        peer.settimeout(PATIENCE)
        return answer

    run_until(reactor, look)
    return answer[0]


# ── run and stop ─────────────────────────────────────────────────────────────────────────


def test_run_returns_after_stop(reactor):
    """`run` runs until `stop`, and the reactor says so while it does."""
    seen = [reactor.running]
    reactor.callWhenRunning(lambda: seen.append(reactor.running))
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert [*seen, reactor.running] == [False, True, False]


def test_runs_the_loop_it_was_given(loop_factory):
    """`Reactor(eventloop)` runs that loop, and leaves it open for its owner."""
    loop = loop_factory()
    reactor = Reactor(loop)
    found = []
    reactor.callWhenRunning(lambda: found.append(asyncio.get_running_loop()))
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert found == [loop]
    assert not loop.is_closed()


def test_makes_a_loop_and_closes_it():
    """Without a loop given, `run` makes one and closes it before it returns."""
    reactor = Reactor()
    found = []
    reactor.callWhenRunning(lambda: found.append(asyncio.get_running_loop()))
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert found[0].is_closed()


def test_runs_again_after_it_returned(reactor):
    """A reactor that was stopped can be run again, and again."""
    turns = []
    for turn in range(3):
        reactor.callWhenRunning(turns.append, turn)
        reactor.callLater(0, reactor.stop)
        reactor.run()

    assert turns == [0, 1, 2]


def test_runs_again_on_a_new_loop():
    """Each run of a reactor without a loop of its own has a new one."""
    reactor = Reactor()
    loops = []
    for _ in range(2):
        reactor.callWhenRunning(lambda: loops.append(asyncio.get_running_loop()))
        reactor.callWhenRunning(reactor.stop)
        reactor.run()

    assert loops[0] is not loops[1]


def test_second_run_has_nothing_of_the_first(reactor):
    """What waited when the reactor stopped doesn't come back in the next run."""
    calls = []
    reactor.callLater(0.001, calls.append, "delayed")
    reactor.addSystemEventTrigger("during", "shutdown", calls.append, "shutdown")
    reactor.callWhenRunning(reactor.stop)
    reactor.run()
    calls.clear()

    run_until(reactor, lambda: True)

    assert calls == []
    assert reactor.getDelayedCalls() == []


def test_run_while_it_runs_is_refused(reactor):
    """A reactor that runs can't be run, from its own calls or from another thread."""
    refused = []

    def attempt():
        try:
            reactor.run()
        except error.ReactorAlreadyRunning as exc:
            refused.append(exc)

    def attempt_both():
        attempt()
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        reactor.stop()

    reactor.callWhenRunning(attempt_both)
    reactor.run()

    assert len(refused) == 2


def test_run_while_it_stops_is_refused(reactor):
    """A reactor that is stopping can't be run until it has ended, and says so."""
    refused = []

    def attempt():
        with pytest.raises(error.ReactorNotRestartable, match="stopping") as raised:
            reactor.run()
        refused.append(raised)

    reactor.addSystemEventTrigger("after", "shutdown", attempt)
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert len(refused) == 1


def test_run_inside_a_running_loop_says_what_to_do_instead(run):
    """In a host's loop `run` can't be called; the error says to leave it out."""

    async def host():
        with pytest.raises(RuntimeError, match=r"leave run\(\) out.*await"):
            Reactor().run()

    run(host())


def test_stop_from_a_trigger_of_startup(reactor):
    """A reactor that is stopped as soon as it starts ends."""
    reactor.addSystemEventTrigger("after", "startup", reactor.stop)

    reactor.run()

    assert not reactor.running


def test_stop_without_run_is_refused(reactor):
    """There is nothing to stop before the first run."""
    with pytest.raises(error.ReactorNotRunning):
        reactor.stop()


def test_stop_after_run_is_refused(reactor):
    """There is nothing to stop after a run."""
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    with pytest.raises(error.ReactorNotRunning):
        reactor.stop()


def test_stop_from_another_thread(reactor):
    """A thread stops the reactor through `callFromThread`."""
    thread = threading.Thread(target=reactor.callFromThread, args=(reactor.stop,))
    reactor.callWhenRunning(thread.start)

    reactor.run()
    thread.join()

    assert not reactor.running


def test_stop_closes_what_the_reactor_opened(reactor):
    """Ports, connections and delayed calls end with `stop`; protocols hear it."""
    client = Lasting()
    factory = quiet(ClientFactory.forProtocol(lambda: client))
    server = Lasting()
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(lambda: server)), interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
    late = reactor.callLater(60, pytest.fail)

    call_when(reactor, lambda: client.connected and server.connected, reactor.stop)
    handle = port.getHandle()
    reactor.run()

    assert handle.fileno() == -1
    assert client.reason.check(error.ConnectionLost, error.ConnectionDone)
    assert server.reason.check(error.ConnectionLost, error.ConnectionDone)
    assert late.cancelled


def test_delayed_call_may_be_cancelled_after_stop(reactor, log):
    """A connection that cancels its time-out when the reactor ends it, as they do, is no error."""
    cancelled = []

    class Impatient(Protocol):
        def connectionMade(self):
            self.limit = reactor.callLater(60, pytest.fail)
            reactor.stop()

        def connectionLost(self, reason):
            self.limit.reset(30)
            self.limit.cancel()
            cancelled.append(not self.limit.active())

    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Impatient)), interface="127.0.0.1")
    peer = connect_to(port)
    late = reactor.callLater(60, pytest.fail)
    reactor.run()
    peer.close()

    late.cancel()

    assert cancelled == [True]


def test_stopped_reactor_holds_nothing(reactor):
    """After a run, what was served is not kept alive by the reactor."""
    factory = quiet(Factory.forProtocol(Echo))
    reactor.listenTCP(0, factory, interface="127.0.0.1")
    reactor.callLater(30, factory.logPrefix)
    reactor.callLater(0.001, reactor.stop)
    reactor.run()
    left = weakref.ref(factory)
    del factory
    gc.collect()

    assert left() is None


def test_loop_stopped_underneath_ends_the_run_in_order(reactor):
    """If a program stops asyncio's loop itself, the reactor shuts down in order."""
    calls = []
    reactor.addSystemEventTrigger("during", "shutdown", calls.append, "shutdown")
    reactor.callWhenRunning(lambda: asyncio.get_running_loop().stop())

    reactor.run()

    assert calls == ["shutdown"]


def test_tasks_of_the_program_are_ended_with_an_own_loop():
    """A task left when the reactor's own loop closes is cancelled, not destroyed pending."""
    reactor = Reactor()
    ended = []

    async def wait():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def begin():
        begin.task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        reactor.stop()

    reactor.callWhenRunning(lambda: asyncio.ensure_future(begin()))
    reactor.run()

    assert ended == ["task"]


# ── disconnectAll ────────────────────────────────────────────────────────────────────────


def test_disconnect_all_in_the_run(reactor):
    """`disconnectAll` ends ports and connections as lost, and the reactor goes on."""
    server = Lasting()
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(lambda: server)), interface="127.0.0.1")
    peer = connect_to(port)
    call_when(reactor, lambda: server.connected, reactor.disconnectAll)

    run_until(reactor, lambda: server.reason)
    peer.close()

    assert server.reason.check(error.ConnectionLost)


def test_disconnect_all_of_a_kept_loop(reactor):
    """After a crash nothing is open once `disconnectAll` has returned."""
    server = Lasting()
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(lambda: server)), interface="127.0.0.1")
    peer = connect_to(port)
    call_when(reactor, lambda: server.connected, reactor.crash)
    reactor.run()

    reactor.disconnectAll()
    end = peer.recv(1)
    peer.close()

    assert server.reason.check(error.ConnectionLost)
    assert end == b""


def test_disconnect_all_without_a_loop(reactor):
    """What waits for a first run is closed as well."""
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Lasting)), interface="127.0.0.1")
    handle = port.getHandle()

    reactor.disconnectAll()

    assert handle.fileno() == -1


# ── crash ────────────────────────────────────────────────────────────────────────────────


def test_crash_keeps_timers(reactor):
    """A delayed call that waits when the reactor crashes is called in the next run."""
    calls = []
    kept = reactor.callLater(60, calls.append, "kept")
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    kept.reset(0.001)

    run_until(reactor, lambda: calls)

    assert calls == ["kept"]


def test_crash_keeps_connections(reactor):
    """A connection made before a crash is served by the next run."""
    server = Echo()
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(lambda: server)), interface="127.0.0.1")
    peer = connect_to(port)
    call_when(reactor, lambda: server.connected, reactor.crash)
    reactor.run()
    peer.sendall(b"after the crash")

    answer = answer_of(reactor, peer)
    peer.close()

    assert answer == b"after the crash"


def test_crash_keeps_ports(reactor):
    """A port that listens when the reactor crashes accepts in the next run."""
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Echo)), interface="127.0.0.1")
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    peer = connect_to(port)
    peer.sendall(b"hello")

    answer = answer_of(reactor, peer)
    peer.close()

    assert answer == b"hello"


def test_crash_calls_no_shutdown_trigger(reactor):
    """Triggers of shut-down wait for a `stop`."""
    calls = []
    reactor.addSystemEventTrigger("before", "shutdown", calls.append, "shutdown")
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    crashed = list(calls)
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert (crashed, calls) == ([], ["shutdown"])


def test_crash_in_mid_turn_lets_the_turn_end(reactor):
    """Calls due in the turn of a crash are made, or kept for the next run: none is lost."""
    calls = []
    reactor.callLater(0, reactor.crash)
    reactor.callLater(0, calls.append, "due with it")
    reactor.callFromThread(calls.append, "from a thread")
    reactor.run()

    run_until(reactor, lambda: len(calls) == 2)

    assert sorted(calls) == ["due with it", "from a thread"]


def test_startup_triggers_come_again_after_a_crash(reactor):
    """A run after a crash starts up: what was to be called when running is called."""
    calls = []
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    reactor.callWhenRunning(calls.append, "started")
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert calls == ["started"]


def test_crash_of_a_reactor_that_does_not_run(reactor):
    """Nothing happens, and the reactor can be run."""
    reactor.crash()
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert not reactor.running


# ── iterate ──────────────────────────────────────────────────────────────────────────────


def test_iterate_does_what_is_due(reactor):
    """What is due is called; what isn't waits for a later turn."""
    calls = []
    reactor.callLater(0, calls.append, "due")
    reactor.callLater(30, calls.append, "later")

    reactor.iterate()
    reactor.iterate()

    assert calls == ["due"]


def test_iterate_with_delay_waits(reactor):
    """`iterate(delay)` runs turns for so long, so that what falls due meanwhile is called."""
    calls = []
    reactor.callLater(0.01, calls.append, "in time")

    reactor.iterate(0.05)

    assert calls == ["in time"]


def test_iterate_serves_connections(reactor):
    """A program whose own loop drives the reactor has its ports served."""
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Echo)), interface="127.0.0.1")
    peer = connect_to(port)
    peer.sendall(b"turn by turn")
    peer.setblocking(False)
    answer = b""
    for _ in range(1000):
        reactor.iterate(0.001)
        try:
            answer = peer.recv(100)
            break
        except BlockingIOError:
            continue
    peer.close()
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert answer == b"turn by turn"


def test_iterate_ends_what_was_closed(reactor):
    """A connection that is closed is told so by the next `iterate`, for one turn isn't enough."""
    over = []

    class Ends(Protocol):
        def connectionMade(self):
            reactor.crash()

        def connectionLost(self, reason):
            over.append(self)

    factory = quiet(Factory.forProtocol(Ends))
    made = []
    factory.buildProtocol = lambda address: made.append(Ends()) or made[0]
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    with connect_to(port):
        reactor.run()
        made[0].transport.loseConnection()
        reactor.iterate()
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert over == made


def test_iterate_takes_what_threads_handed_over(reactor):
    """Calls from threads are made in a turn, also when they came between two."""
    calls = []
    for number in range(2):
        thread = threading.Thread(target=reactor.callFromThread, args=(calls.append, number))
        thread.start()
        thread.join()
        reactor.iterate()
    reactor.iterate()

    assert calls == [0, 1]


def test_iterate_after_crash(reactor):
    """`iterate` goes on with what a crash left."""
    calls = []
    reactor.callLater(0.005, calls.append, "kept")
    reactor.callWhenRunning(reactor.crash)
    reactor.run()

    reactor.iterate(0.02)

    assert calls == ["kept"]


def test_iterate_inside_a_running_loop_is_refused(reactor):
    """A loop can't be entered twice; the error says what to do instead."""
    raised = []

    def attempt():
        try:
            reactor.iterate()
        except RuntimeError as exc:
            raised.append(str(exc))
        reactor.stop()

    reactor.callWhenRunning(attempt)
    reactor.run()

    assert len(raised) == 1
    assert "asyncio.sleep(0)" in raised[0]


# ── before run ───────────────────────────────────────────────────────────────────────────


def test_port_listens_before_run(reactor):
    """A port is bound when `listenTCP` returns: clients connect before there is a loop."""
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Echo)), interface="127.0.0.1")

    peer = connect_to(port)
    peer.sendall(b"early")
    answer = answer_of(reactor, peer)
    peer.close()

    assert answer == b"early"


def test_port_in_use_raises_before_run(reactor):
    """A port that can't be had is an error of the very call."""
    taken = socket.create_server(("127.0.0.1", 0))
    number = taken.getsockname()[1]

    with pytest.raises(error.CannotListenError) as caught:
        reactor.listenTCP(number, quiet(Factory.forProtocol(Echo)), interface="127.0.0.1")
    taken.close()

    assert caught.value.port == number


def test_port_stopped_before_run_is_free(reactor):
    """A port that is stopped before the reactor runs can be bound again at once."""
    factory = quiet(Factory.forProtocol(Echo))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    number = port.getHost().port

    port.stopListening()

    again = reactor.listenTCP(number, factory, interface="127.0.0.1")
    again.stopListening()


def test_attempt_given_up_before_run_tells_the_factory(reactor):
    """A connector may be stopped before there is a loop to connect on."""
    failed = []
    factory = quiet(ClientFactory())
    factory.clientConnectionFailed = lambda connector, reason: failed.append(reason.type)
    connector = reactor.connectTCP("127.0.0.1", 1, factory)

    connector.stopConnecting()
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert failed == [error.UserError]


def test_attempt_that_fails_at_once_is_told_by_the_running_reactor(reactor):
    """A client that stops the reactor when it can't connect does so if that is known at once."""
    seen = []
    factory = quiet(ClientFactory())

    def failed(connector, reason):
        seen.append((reactor.running, reason.type))
        reactor.stop()

    factory.clientConnectionFailed = failed
    reactor.connectTCP("127.0.0.1", 9, factory, bindAddress=("192.0.2.1", 0))
    reactor.run()

    assert seen == [(True, error.ConnectBindError)]


def test_delayed_call_before_run_can_be_cancelled(reactor):
    """A delayed call is complete before there is a loop."""
    call = reactor.callLater(0, pytest.fail)

    call.cancel()
    reactor.callLater(0.005, reactor.stop)
    reactor.run()

    assert not call.active()


def test_time_before_run_counts(reactor):
    """A delayed call's time begins when it is asked for, not when the loop starts."""
    call = reactor.callLater(1000, pytest.fail)
    due = call.getTime() - reactor.seconds()
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    left = call.getTime() - reactor.seconds()
    call.cancel()

    assert 999 < left <= due <= 1000


# ── exits ────────────────────────────────────────────────────────────────────────────────

WAYS_TO_CALL = {
    "callLater": lambda reactor, func, *args: reactor.callLater(0, func, *args),
    "callWhenRunning": lambda reactor, func, *args: reactor.callWhenRunning(func, *args),
    "callFromThread": lambda reactor, func, *args: reactor.callFromThread(func, *args),
}


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_system_exit_ends_the_run_in_order(reactor, way):
    """`sys.exit` in a callback shuts the reactor down, and is raised by `run` then."""
    calls = []
    reactor.addSystemEventTrigger("before", "shutdown", calls.append, "before")
    reactor.addSystemEventTrigger("after", "shutdown", calls.append, "after")
    WAYS_TO_CALL[way](reactor, sys.exit, 7)

    with pytest.raises(SystemExit) as caught:
        reactor.run()

    assert caught.value.code == 7
    assert calls == ["before", "after"]


def test_system_exit_in_data_received_ends_the_run(reactor):
    """`sys.exit` in a protocol's method exits with its code."""

    class Exits(Protocol):
        def dataReceived(self, data):
            sys.exit(3)

    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Exits)), interface="127.0.0.1")
    peer = connect_to(port)
    peer.sendall(b"!")

    with pytest.raises(SystemExit) as caught:
        reactor.run()
    peer.close()

    assert caught.value.code == 3


def test_reactor_runs_again_after_system_exit(reactor):
    """A reactor that was left by `SystemExit` is stopped, not broken."""
    reactor.callLater(0, sys.exit, 1)
    with pytest.raises(SystemExit):
        reactor.run()
    calls = []
    reactor.callWhenRunning(calls.append, "again")
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert calls == ["again"]


def test_system_exit_while_stopping_is_raised(reactor):
    """`sys.exit` in a trigger of shut-down doesn't keep the reactor from ending."""
    ended = Deferred()

    def leave():
        reactor.callLater(0, sys.exit, 5)
        reactor.callLater(0.01, ended.callback, None)
        return ended

    reactor.addSystemEventTrigger("before", "shutdown", leave)
    reactor.callWhenRunning(reactor.stop)

    with pytest.raises(SystemExit) as caught:
        reactor.run()

    assert caught.value.code == 5
    assert not reactor.running


@pytest.mark.parametrize("listens", [True, False], ids=["signals", "no signals"])
def test_keyboard_interrupt_stops_the_reactor(reactor, listens):
    """Control-C shuts the reactor down in order, whether or not it listens to signals."""
    calls = []
    reactor.addSystemEventTrigger("during", "shutdown", calls.append, "shutdown")
    reactor.callLater(0.001, os.kill, os.getpid(), signal.SIGINT)

    reactor.run(installSignalHandlers=listens)

    assert calls == ["shutdown"]


def test_keyboard_interrupt_raised_by_a_callback_stops_the_reactor(reactor):
    """`KeyboardInterrupt` out of a callback is taken as the keyboard's."""
    calls = []

    def interrupt():
        raise KeyboardInterrupt

    reactor.addSystemEventTrigger("during", "shutdown", calls.append, "shutdown")
    reactor.callLater(0, interrupt)

    reactor.run()

    assert calls == ["shutdown"]


# ── system events ────────────────────────────────────────────────────────────────────────


def test_call_when_running_calls_at_once_in_a_running_reactor(reactor):
    """While the reactor runs, `callWhenRunning` calls before it returns, and gives no id."""
    results = []

    def ask():
        results.append(reactor.callWhenRunning(results.append, "called"))
        reactor.stop()

    reactor.callLater(0, ask)
    reactor.run()

    assert results == ["called", None]


def test_shutdown_waits_for_a_trigger_that_takes_time(reactor):
    """The reactor goes on while a Deferred of a "before" trigger waits."""
    calls = []

    def take_time():
        done = Deferred()
        reactor.callLater(0.005, calls.append, "meanwhile")
        reactor.callLater(0.01, done.callback, None)
        return done

    reactor.addSystemEventTrigger("before", "shutdown", take_time)
    reactor.addSystemEventTrigger("during", "shutdown", calls.append, "during")
    reactor.callWhenRunning(reactor.stop)

    reactor.run()

    assert calls == ["meanwhile", "during"]


def test_callbacks_that_raise_are_logged(reactor, log):
    """An error of a delayed call, a call from a thread or a trigger is logged; others go on."""
    calls = []

    def bad(where):
        raise ValueError(where)

    reactor.callLater(0, bad, "delayed")
    reactor.callLater(0, calls.append, "delayed")
    reactor.callFromThread(bad, "thread")
    reactor.callFromThread(calls.append, "thread")
    reactor.callWhenRunning(bad, "trigger")
    reactor.callWhenRunning(calls.append, "trigger")
    reactor.callLater(0.005, reactor.stop)
    reactor.run()

    assert sorted(calls) == ["delayed", "thread", "trigger"]
    assert sorted(log.take()) == [
        "ValueError('delayed')",
        "ValueError('thread')",
        "ValueError('trigger')",
    ]


def test_second_signal_while_stopping_ends_at_once(reactor):
    """Control-C again ends a shut-down that waits for ever."""

    def press():
        reactor.callLater(0, os.kill, os.getpid(), signal.SIGINT)
        return Deferred()

    reactor.addSystemEventTrigger("before", "shutdown", press)
    press()

    reactor.run()

    assert not reactor.running


def test_reactor_made_in_one_thread_runs_in_another(loop_factory):
    """A reactor may be run in a thread other than the main one; signals are left alone there."""
    reactor = Reactor(loop_factory())
    before = signal.getsignal(signal.SIGINT)
    seen = []
    reactor.callWhenRunning(lambda: seen.append(signal.getsignal(signal.SIGINT) is before))
    reactor.callWhenRunning(reactor.stop)

    thread = threading.Thread(target=reactor.run)
    thread.start()
    thread.join()

    assert seen == [True]


def test_repr_tells_the_state(reactor):
    """A reactor's `repr` says whether it waits or runs."""
    shown = [repr(reactor)]
    reactor.callWhenRunning(lambda: shown.append(repr(reactor)))
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    assert "waiting" in shown[0]
    assert "running" in shown[1]


def test_what_is_not_callable_is_refused(reactor):
    """Every way to have something called refuses at once what can't be."""
    with pytest.raises(TypeError, match="callLater"):
        reactor.callLater(1, None)
    with pytest.raises(TypeError, match="callFromThread"):
        reactor.callFromThread("name")
    with pytest.raises(TypeError, match="addSystemEventTrigger"):
        reactor.addSystemEventTrigger("before", "shutdown", 3)


# ── names ────────────────────────────────────────────────────────────────────────────────


def resolved(reactor, *args):
    """What `resolve` gives in a run of the reactor."""
    results = []

    def look_up():
        found = reactor.resolve(*args)
        found.addBoth(results.append)
        found.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(look_up)
    reactor.run()
    return results[0]


@pytest.mark.parametrize(
    ("name", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("", "0.0.0.0")],
)
def test_resolve(reactor, name, address):
    """A name, or an address, gives an IPv4 address as text; the empty name any address."""
    assert resolved(reactor, name) == address


def test_resolve_asks_the_loops_resolver():
    """A loop that resolves names in its own way is asked; IPv6 addresses are passed over."""
    asked = []

    async def getaddrinfo(host, port, **_):
        asked.append(host)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::5", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.5", 0)),
        ]

    found = _resolved_on(AskedLoop(getaddrinfo), "example.invalid")

    assert (asked, found) == (["example.invalid"], "192.0.2.5")


class AskedLoop(asyncio.SelectorEventLoop):
    """A loop with a resolver of the test's."""

    def __init__(self, getaddrinfo):
        super().__init__()
        self.getaddrinfo = getaddrinfo


def _resolved_on(loop, *args):
    try:
        return resolved(Reactor(loop), *args)
    finally:
        loop.close()


def test_resolve_of_an_unknown_name_fails():
    """A name that isn't found fails with `DNSLookupError`, its cause chained."""

    async def getaddrinfo(host, port, **_):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    failure = _resolved_on(AskedLoop(getaddrinfo), "nowhere.invalid")

    assert isinstance(failure, Failure)
    assert failure.check(error.DNSLookupError)
    assert isinstance(failure.value.__cause__, socket.gaierror)


def test_resolve_without_ipv4_fails():
    """A name that has IPv6 addresses only has none that `resolve` could give."""

    async def getaddrinfo(host, port, **_):
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::5", 0, 0, 0))]

    failure = _resolved_on(AskedLoop(getaddrinfo), "six.invalid")

    assert failure.check(error.DNSLookupError)


def test_resolve_gives_up_in_time():
    """The sum of `timeout` is how long a look-up may take."""

    async def getaddrinfo(host, port, **_):
        await asyncio.Event().wait()

    failure = _resolved_on(AskedLoop(getaddrinfo), "slow.invalid", (0.005, 0.01))

    assert failure.check(error.DNSLookupError)


def test_resolve_before_run(reactor):
    """A look-up asked for before the loop is made when it runs."""
    results = []
    found = reactor.resolve("localhost")
    found.addCallback(results.append)
    found.addCallback(lambda _: reactor.stop())

    reactor.run()

    assert results == ["127.0.0.1"]


# ── what is missing ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MISSING)
def test_missing_name_says_the_way_round(name):
    """What Twisted's reactor has and ours lacks raises `AttributeError` with what to use."""
    with pytest.raises(AttributeError, match=f"no {name} yet: use|no {name} yet: [a-z]+ .*`"):
        getattr(Reactor(), name)


def test_every_name_of_twisteds_interfaces_is_there_or_told():
    """What Twisted's interfaces of reactors name is either there, or says the way round."""
    theirs = pytest.importorskip("twisted.internet.interfaces")
    ours = Reactor()
    unheard = set()
    for name, interface in vars(theirs).items():
        if name.startswith("IReactor"):
            for asked in interface.names(all=True):
                if not hasattr(ours, asked) and asked not in MISSING:
                    unheard.add(f"{name}.{asked}")

    assert not unheard


def test_unknown_name_is_a_plain_error():
    """A name that no reactor has is missing as on any object."""
    with pytest.raises(AttributeError, match="'Reactor' object has no attribute 'frobnicate'"):
        Reactor().frobnicate  # noqa: B018  # asking is the test


def test_missing_names_are_not_pretended():
    """`hasattr`, by which programs ask what a reactor can do, says no."""
    reactor = Reactor()

    assert not [name for name in MISSING if hasattr(reactor, name)]
    assert hasattr(reactor, "listenTCP")
