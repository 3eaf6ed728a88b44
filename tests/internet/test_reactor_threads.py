"""Threads: calls handed over from them, and a loop with a reactor of its own in each."""

import asyncio
import contextvars
import os
import socket
import ssl
import threading

import pytest

from reactorlite.internet import reactor
from reactorlite.internet.asyncioreactor import Reactor, current_reactor
from reactorlite.internet.protocol import (
    ClientFactory,
    DatagramProtocol,
    Factory,
    ProcessProtocol,
    Protocol,
)

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


def in_threads(*targets):
    """Run all of these at once, each in its thread, to the end."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ── callFromThread ───────────────────────────────────────────────────────────────────────


def test_calls_are_made_in_the_reactors_thread(reactor):
    """What a thread hands over is called where the reactor runs."""
    found = []
    thread = threading.Thread(
        target=lambda: reactor.callFromThread(
            lambda: (found.append(threading.current_thread()), reactor.stop())
        )
    )
    reactor.callWhenRunning(thread.start)

    reactor.run()
    thread.join()

    assert found == [threading.current_thread()]


def test_calls_keep_the_order_of_their_thread(reactor):
    """Of many threads' calls, none is lost, and those of one thread keep their order."""
    calls = []
    threads, each = 8, 500

    def hand_over(name):
        for number in range(each):
            reactor.callFromThread(calls.append, (name, number))

    def all_of_them():
        in_threads(*(lambda name=name: hand_over(name) for name in range(threads)))
        reactor.callFromThread(reactor.stop)

    controlling = threading.Thread(target=all_of_them)
    reactor.callWhenRunning(controlling.start)
    reactor.run()
    controlling.join()

    assert len(calls) == threads * each
    for name in range(threads):
        assert [number for who, number in calls if who == name] == list(range(each))


def test_calls_from_before_the_run_come_first_and_in_order(reactor):
    """What threads hand over before there is a loop waits for it, in order."""
    calls = []

    def hand_over():
        for number in range(100):
            reactor.callFromThread(calls.append, number)

    in_threads(hand_over)
    reactor.callFromThread(reactor.stop)
    reactor.run()

    assert calls == list(range(100))


def test_calls_around_the_start_keep_their_order(reactor):
    """A thread that hands over while the reactor starts has its calls made in order."""
    calls = []
    half = threading.Event()

    def hand_over():
        for number in range(2000):
            reactor.callFromThread(calls.append, number)
            if number == 200:
                half.set()
        reactor.callFromThread(reactor.stop)

    thread = threading.Thread(target=hand_over)
    thread.start()
    half.wait()
    reactor.run()
    thread.join()

    assert calls == list(range(2000))


def test_calls_between_a_crash_and_the_next_run_wait(reactor):
    """Handed over while no loop runs after a crash, a call is made in the next run."""
    calls = []
    reactor.callWhenRunning(reactor.crash)
    reactor.run()

    in_threads(lambda: reactor.callFromThread(calls.append, "waited"))
    between = list(calls)
    reactor.callFromThread(reactor.stop)
    reactor.run()

    assert (between, calls) == ([], ["waited"])


def test_calls_between_two_runs_wait(reactor):
    """The same between a run that was stopped and the next."""
    calls = []
    reactor.callWhenRunning(reactor.stop)
    reactor.run()

    in_threads(lambda: reactor.callFromThread(calls.append, "waited"))
    reactor.callFromThread(reactor.stop)
    reactor.run()

    assert calls == ["waited"]


def test_a_call_wakes_the_loop(reactor):
    """A loop that has nothing to do but wait is woken at once."""
    begun = threading.Event()
    reactor.callWhenRunning(begun.set)

    def wake():
        begun.wait()
        reactor.callFromThread(reactor.stop)

    thread = threading.Thread(target=wake)
    thread.start()
    reactor.run()
    thread.join()

    assert not reactor.running


def test_a_call_from_the_reactors_own_thread_is_made_later(reactor):
    """In the reactor's thread, `callFromThread` doesn't call before it returns."""
    calls = []

    def hand_over():
        reactor.callFromThread(calls.append, "handed over")
        calls.append("returned")
        reactor.callFromThread(reactor.stop)

    reactor.callWhenRunning(hand_over)
    reactor.run()

    assert calls == ["returned", "handed over"]


def test_a_call_keeps_its_context(reactor):
    """A call sees the context variables of where it was handed over, before the run and in it."""
    seen = []

    def hand_over(value, then):
        VARIABLE.set(value)
        reactor.callFromThread(lambda: (seen.append(VARIABLE.get()), then()))

    in_threads(lambda: hand_over("before", lambda: None))
    thread = threading.Thread(target=hand_over, args=("running", reactor.stop))
    reactor.callWhenRunning(thread.start)
    reactor.run()
    thread.join()

    assert seen == ["before", "running"]
    assert VARIABLE.get() == "unset"


def test_keyword_arguments_are_passed(reactor):
    """Arguments of both kinds reach the call."""
    seen = []
    reactor.callFromThread(lambda *args, **kw: seen.append((args, kw)), 1, two=2)
    reactor.callFromThread(reactor.stop)

    reactor.run()

    assert seen == [((1,), {"two": 2})]


def test_calls_reach_a_guest(run):
    """Threads hand over to a reactor in a host's loop."""

    async def host():
        called = asyncio.get_running_loop().create_future()
        own = current_reactor()
        await asyncio.to_thread(own.callFromThread, called.set_result, "called")
        return await called

    assert run(host()) == "called"


# ── a loop in each thread ────────────────────────────────────────────────────────────────


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Once(Protocol):
    """Sends a line, keeps what comes back, and closes."""

    def __init__(self, answers):
        self.answers = answers

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.answers.append(data)
        self.transport.loseConnection()


def talk(own, answers):
    """Let a reactor serve a client of its own, and stop."""
    server = Factory.forProtocol(Echo)
    client = ClientFactory()
    client.buildProtocol = lambda address: Once(answers)
    client.clientConnectionLost = lambda connector, reason: own.stop()
    server.noisy = client.noisy = False
    port = own.listenTCP(0, server, interface="127.0.0.1")
    own.connectTCP("127.0.0.1", port.getHost().port, client)


def test_reactors_run_side_by_side(loop_factory, log):
    """Several threads run a reactor each, at the same time."""
    answers = [[] for _ in range(4)]

    def work(mine):
        own = Reactor(loop_factory())
        talk(own, mine)
        own.run()

    in_threads(*(lambda mine=mine: work(mine) for mine in answers))

    assert answers == [[b"hello"]] * 4


def test_hosts_in_threads_have_a_reactor_each(loop_factory, log):
    """The front door stands, in each thread's loop, for that loop's reactor."""
    found = []
    met = threading.Barrier(3)

    async def host():
        found.append(current_reactor())
        called = asyncio.get_running_loop().create_future()
        reactor.callLater(0, called.set_result, None)
        await called
        assert current_reactor() in found
        met.wait(30)

    def work():
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(host())

    in_threads(work, work, work)

    assert len(set(found)) == 3


def test_front_door_serves_each_threads_own_loop(loop_factory, log):
    """Servers and clients in threads, all through the front door, don't meet."""
    answers = [[] for _ in range(3)]

    async def host(mine):
        done = asyncio.Event()
        server = Factory.forProtocol(Echo)
        client = ClientFactory()
        client.buildProtocol = lambda address: Once(mine)
        client.clientConnectionLost = lambda connector, reason: done.set()
        server.noisy = client.noisy = False
        port = reactor.listenTCP(0, server, interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, client)
        await done.wait()

    def work(mine):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(host(mine))

    in_threads(*(lambda mine=mine: work(mine) for mine in answers))

    assert answers == [[b"hello"]] * 3


def test_loops_hand_over_to_each_other(loop_factory, log):
    """A reactor in one thread calls into another's, and is answered."""
    seen = []
    first, second = Reactor(loop_factory()), Reactor(loop_factory())

    def answer():
        seen.append(("second", current_reactor() is second))
        first.callFromThread(finish)

    def finish():
        seen.append(("first", current_reactor() is first))
        second.callFromThread(second.stop)
        first.stop()

    first.callWhenRunning(second.callFromThread, answer)
    in_threads(first.run, second.run)

    assert seen == [("second", True), ("first", True)]


# ── what only the reactor's own thread may do ────────────────────────────────────────────


def served():
    """A factory of protocols that do nothing."""
    return Factory.forProtocol(Protocol)


ASKED_ELSEWHERE = {
    "listenTCP": lambda reactor, _: reactor.listenTCP(0, served()),
    "listenSSL": lambda reactor, _: reactor.listenSSL(
        0, served(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ),
    "adoptStreamConnection": lambda reactor, theirs: reactor.adoptStreamConnection(
        theirs.fileno(), socket.AF_INET, served()
    ),
    "connectTCP": lambda reactor, _: reactor.connectTCP("127.0.0.1", 9, ClientFactory()),
    "listenUDP": lambda reactor, _: reactor.listenUDP(0, DatagramProtocol()),
    "adoptDatagramPort": lambda reactor, theirs: reactor.adoptDatagramPort(
        theirs.fileno(), socket.AF_INET, DatagramProtocol()
    ),
    "spawnProcess": lambda reactor, _: reactor.spawnProcess(ProcessProtocol(), "true", ["true"]),
    "addReader": lambda reactor, theirs: reactor.addReader(theirs),
    "addWriter": lambda reactor, theirs: reactor.addWriter(theirs),
    "callLater": lambda reactor, _: reactor.callLater(0, pytest.fail),
    "resolve": lambda reactor, _: reactor.resolve("localhost"),
    "iterate": lambda reactor, _: reactor.iterate(),
    "crash": lambda reactor, _: reactor.crash(),
}


@pytest.mark.parametrize("name", ASKED_ELSEWHERE)
def test_wrong_thread_is_told_of_the_right_call(name, reactor):
    """What would go wrong in another thread says so there, and opens nothing."""
    told, left = [], []

    def ask():
        with socket.socket(type=socket.SOCK_DGRAM) as theirs:
            try:
                ASKED_ELSEWHERE[name](reactor, theirs)
            except RuntimeError as exc:
                told.append(str(exc))
        reactor.callFromThread(look)

    def look():
        left.extend([*reactor.removeAll(), *reactor.getDelayedCalls()])
        reactor.stop()

    asking = threading.Thread(target=ask, name="asking")
    reactor.callWhenRunning(asking.start)
    reactor.run()
    asking.join()

    assert left == []
    assert len(told) == 1
    assert "'asking'" in told[0]
    assert f"reactor.callFromThread(reactor.{name}, ...)" in told[0]


@pytest.mark.parametrize("name", ["write", "loseConnection", "loseWriteConnection"])
def test_transport_is_the_reactors_thread_only(name, reactor):
    """A transport refuses a thread that isn't the reactor's, and goes on as if not asked."""
    told, received = [], []
    server, client = Factory(), ClientFactory()
    server.buildProtocol = lambda _: talking
    client.buildProtocol = lambda _: hearing
    talking, hearing = Protocol(), Protocol()

    def ask():
        call = getattr(talking.transport, name)
        try:
            call(b"from a thread") if name == "write" else call()
        except RuntimeError as exc:
            told.append(str(exc))
        reactor.callFromThread(talking.transport.write, b"from the loop")

    def hear(data):
        received.append(data)
        reactor.stop()

    asking = threading.Thread(target=ask)
    talking.connectionMade = lambda: reactor.callLater(0, asking.start)
    hearing.dataReceived = hear
    port = reactor.listenTCP(0, server, interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", port.getHost().port, client)
    reactor.run()
    asking.join()

    assert len(told) == 1
    assert f"reactor.callFromThread(transport.{name}, ...)" in told[0]
    assert received == [b"from the loop"]


def test_asked_of_a_reactor_that_waits_in_any_thread(reactor):
    """A reactor that doesn't run may be set up by a thread that isn't the one to run it."""
    connected = []

    def set_up():
        port = reactor.listenTCP(0, served(), interface="127.0.0.1")
        factory = ClientFactory()
        factory.buildProtocol = lambda _: (connected.append("connected"), reactor.stop())[1]
        reactor.connectTCP("127.0.0.1", port.getHost().port, factory)

    in_threads(set_up)
    reactor.run()

    assert connected == ["connected"]


def test_guest_is_stopped_from_a_thread(run):
    """`stop` may be called from any thread, in a host's loop too."""

    async def main():
        async with Reactor() as own:
            ended = asyncio.get_running_loop().create_future()
            own.addSystemEventTrigger(
                "during", "shutdown", lambda: ended.set_result(threading.current_thread())
            )
            await asyncio.to_thread(own.stop)
            return await ended

    assert run(main()) is threading.current_thread()


@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_port_is_the_reactors_thread_only(kind, reactor):
    """A port refuses to be stopped by a thread that isn't the reactor's, and can be by that."""
    told, stopped = [], []
    if kind == "TCP":
        port = reactor.listenTCP(0, served())
    else:
        port = reactor.listenUDP(0, DatagramProtocol())

    def ask():
        try:
            port.stopListening()
        except RuntimeError as exc:
            told.append(str(exc))
        reactor.callFromThread(stop)

    def stop():
        port.stopListening().addCallback(stopped.append).addCallback(lambda _: reactor.stop())

    asking = threading.Thread(target=ask)
    reactor.callWhenRunning(asking.start)
    reactor.run()
    asking.join()

    assert stopped == [None]
    assert len(told) == 1
    assert "reactor.callFromThread(port.stopListening, ...)" in told[0]


@pytest.mark.parametrize("name", ["write", "closeStdin"])
def test_child_s_input_is_the_reactors_thread_only(name, reactor):
    """A child's transport refuses a thread that isn't the reactor's, as if it was not asked."""
    told, out = [], []
    reading = ProcessProtocol()
    reading.outReceived = out.append
    reading.processEnded = lambda _: reactor.stop()
    child = reactor.spawnProcess(reading, "cat", ["cat"], os.environ)

    def ask():
        try:
            child.write(b"from a thread") if name == "write" else child.closeStdin()
        except RuntimeError as exc:
            told.append(str(exc))
        reactor.callFromThread(child.write, b"from the loop")
        reactor.callFromThread(child.closeStdin)

    asking = threading.Thread(target=ask)
    reactor.callWhenRunning(reactor.callLater, 0, asking.start)
    reactor.run()
    asking.join()

    assert b"".join(out) == b"from the loop"
    assert len(told) == 1
    assert "reactor.callFromThread(transport." in told[0]
