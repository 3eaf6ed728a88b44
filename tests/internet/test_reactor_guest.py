"""A reactor in a host's loop: adoption, stopping, and a clean end when the host just ends."""

import asyncio
import gc
import signal
import socket
import threading
import warnings

import pytest

from reactorlite import Reactor
from reactorlite.internet import _residence, error, reactor
from reactorlite.internet.asyncioreactor import current_reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol

pytestmark = pytest.mark.usefixtures("fresh_default")


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Tells(Protocol):
    """Tells futures of its beginning and its end."""

    def __init__(self):
        self.made = asyncio.get_running_loop().create_future()
        self.lost = asyncio.get_running_loop().create_future()

    def connectionMade(self):
        self.made.set_result(self)

    def connectionLost(self, reason):
        self.lost.set_result(reason)


def quiet(factory):
    """A factory that doesn't log its beginning and end."""
    factory.noisy = False
    return factory


def echo_port(reactor=reactor):
    """A port that echoes, and its number."""
    port = reactor.listenTCP(0, quiet(Factory.forProtocol(Echo)), interface="127.0.0.1")
    return port, port.getHost().port


async def echoed(number, data=b"hello"):
    """What comes back from a port for some data, over asyncio's own streams."""
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(data)
    answer = await reader.readexactly(len(data))
    writer.close()
    await writer.wait_closed()
    return answer


async def connected(number, reactor=reactor):
    """A client's protocol, connected through the reactor."""
    protocol = Tells()
    factory = quiet(ClientFactory.forProtocol(lambda: protocol))
    reactor.connectTCP("127.0.0.1", number, factory)
    return await protocol.made


@pytest.fixture(autouse=True)
def _no_residue():
    """Nothing may be left of a guest when its host has gone."""
    yield
    gc.collect()
    assert not [loop for loop in _residence.residents if loop.is_closed()]


# ── use ──────────────────────────────────────────────────────────────────────────────────


def test_serves_in_the_hosts_loop(run):
    """A port opened in a host's loop is served there, with no `run`."""

    async def host():
        _, number = echo_port()
        return await echoed(number)

    assert run(host()) == b"hello"


def test_runs_as_soon_as_it_is_used(run):
    """In a loop the reactor is running, so that what waits for its start is called at once."""

    async def host():
        calls = []
        reactor.callWhenRunning(calls.append, "called")
        return reactor.running, calls

    assert run(host()) == (True, ["called"])


def test_is_one_per_loop(run):
    """A loop has one reactor, in all its tasks."""

    async def ask():
        return current_reactor()

    async def host():
        return await asyncio.gather(ask(), ask(), asyncio.create_task(ask()))

    first, *others = run(host())

    assert all(other is first for other in others)


def test_delayed_calls_in_the_hosts_loop(run):
    """`callLater` works on the host's loop."""

    async def host():
        called = asyncio.get_running_loop().create_future()
        reactor.callLater(0.001, called.set_result, "called")
        return await called

    assert run(host()) == "called"


def test_crash_as_a_guest_is_refused(run):
    """The host's loop isn't the reactor's to end; the error says what is."""

    async def host():
        with pytest.raises(RuntimeError, match=r"stop\(\)"):
            reactor.crash()

    run(host())


def test_run_as_a_guest_is_refused(run):
    """`run` in a host's loop says to leave it out."""

    async def host():
        with pytest.raises(RuntimeError, match=r"leave run\(\) out"):
            reactor.run()

    run(host())


def test_signals_are_the_hosts(run):
    """A guest never touches signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}

    async def host():
        host_int = signal.getsignal(signal.SIGINT)
        _, number = echo_port()
        await echoed(number)
        assert signal.getsignal(signal.SIGINT) is host_int
        assert {number: signal.getsignal(number) for number in before} == before
        reactor.stop()
        assert signal.getsignal(signal.SIGINT) is host_int

    run(host())


def test_keyboard_interrupt_is_the_hosts(run):
    """Control-C in a host is what asyncio makes of it, and the guest ends cleanly."""

    async def host():
        echo_port()
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run(host())


def test_system_exit_is_the_hosts(run):
    """`SystemExit` in a delayed call leaves a host's loop as asyncio lets it."""

    async def host():
        echo_port()

        def leave():
            raise SystemExit(4)

        reactor.callLater(0, leave)
        await asyncio.Event().wait()

    with pytest.raises(SystemExit) as caught:
        run(host())

    assert caught.value.code == 4


# ── stop() ───────────────────────────────────────────────────────────────────────────────


def test_stop_ends_the_reactors_and_not_the_loop(run):
    """`stop` in a host's loop closes ports, connections and timers; the loop goes on."""

    async def host():
        port, number = echo_port()
        client = await connected(number)
        late = reactor.callLater(60, pytest.fail)
        calls = []
        reactor.addSystemEventTrigger("during", "shutdown", calls.append, "shutdown")
        handle = port.getHandle()
        reactor.stop()
        reason = await client.lost
        await asyncio.sleep(0.01)
        return reason.type, late.cancelled, calls, handle.fileno()

    reason, cancelled, calls, descriptor = run(host())

    assert reason in (error.ConnectionLost, error.ConnectionDone)
    assert cancelled
    assert calls == ["shutdown"]
    assert descriptor == -1


def test_stop_leaves_the_hosts_own_alone(run):
    """What the host itself opened outlives `stop`."""

    async def answer(reader, writer):
        writer.write(await reader.readexactly(5))
        writer.close()

    async def host():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, fired.set)
        echo_port()
        reactor.stop()
        await fired.wait()
        async with server:
            return await echoed(server.sockets[0].getsockname()[1])

    assert run(host()) == b"hello"


def test_stop_twice_is_refused(run):
    """While the reactor stops it can't be stopped again."""

    async def host():
        own = current_reactor()
        own.stop()
        with pytest.raises(error.ReactorNotRunning):
            own.stop()

    run(host())


def test_use_after_stop_starts_anew(run):
    """In the same loop, the reactor may be used again after `stop`."""

    async def host():
        echo_port()
        reactor.stop()
        await asyncio.sleep(0.01)
        _, number = echo_port()
        return await echoed(number)

    assert run(host()) == b"hello"


def test_bare_close_after_stop(loop_factory, log):
    """A host that closes its loop itself calls `stop` before: nothing is left open."""
    loop = loop_factory()

    async def host():
        _, number = echo_port()
        client = await connected(number)
        client.transport.write(b"unread")

    loop.run_until_complete(host())

    async def end():
        reactor.stop()
        await asyncio.sleep(0.01)

    loop.run_until_complete(end())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loop.close()
        gc.collect()

    assert log.take() == []


def test_bare_close_right_after_stop(loop_factory, log):
    """Even if `stop` is the last thing that the host's loop runs, the descriptors are closed."""
    loop = loop_factory()
    ports = []

    async def host():
        port, _ = echo_port()
        ports.append(port.getHandle())
        reactor.stop()

    loop.run_until_complete(host())
    loop.close()
    gc.collect()

    assert ports[0].fileno() == -1
    assert log.take() == []


# ── the host just ends ───────────────────────────────────────────────────────────────────


def test_host_that_ends_leaves_nothing(run, log):
    """Ports, connections and attempts are closed when the host's loop ends."""
    seen = {}

    async def host():
        port, number = echo_port()
        seen["client"] = await connected(number)
        seen["call"] = reactor.callLater(60, pytest.fail)
        seen["connecting"] = reactor.connectTCP("192.0.2.1", 9, quiet(ClientFactory()))
        seen["port"] = port.getHandle()
        await asyncio.sleep(0)

    run(host())
    gc.collect()

    assert seen["client"].lost.done()
    assert seen["call"].cancelled
    assert seen["connecting"].state == "disconnected"
    assert seen["port"].fileno() == -1
    assert log.take() == []


def test_host_that_fails_leaves_nothing(run, log):
    """The same when the host's coroutine raises."""
    seen = {}

    async def host():
        port, number = echo_port()
        seen["client"] = await connected(number)
        seen["port"] = port.getHandle()
        raise ValueError("the host's")

    with pytest.raises(ValueError, match="the host's"):
        run(host())
    gc.collect()

    assert seen["client"].lost.done()
    assert seen["port"].fileno() == -1
    assert log.take() == []


def test_shutdown_triggers_are_called_when_the_host_ends(run):
    """A host that ends is a shut-down: the triggers run, and Deferreds are waited for."""
    calls = []

    async def host():
        def wait():
            done = Deferred()
            reactor.callLater(0.005, lambda: (calls.append("waited"), done.callback(None)))
            return done

        reactor.addSystemEventTrigger("before", "shutdown", wait)
        reactor.addSystemEventTrigger("after", "shutdown", calls.append, "after")

    run(host())

    assert calls == ["waited", "after"]


def test_asyncio_run(log):
    """`asyncio.run` hosts a reactor and ends cleanly."""

    async def host():
        _, number = echo_port()
        client = await connected(number)
        client.transport.write(b"in flight")
        return await echoed(number)

    answer = asyncio.run(host(), debug=True)
    gc.collect()

    assert answer == b"hello"
    assert log.take() == []


def test_uvloop_run(log):
    """`uvloop.run` hosts a reactor and ends cleanly."""
    uvloop = pytest.importorskip("uvloop")

    async def host():
        _, number = echo_port()
        client = await connected(number)
        client.transport.write(b"in flight")
        return await echoed(number)

    answer = uvloop.run(host(), debug=True)
    gc.collect()

    assert answer == b"hello"
    assert log.take() == []


def test_runner_keeps_the_reactor_between_runs(loop_factory, log):
    """With `asyncio.Runner` the loop, and so its reactor, lasts over several runs."""

    async def begin():
        return current_reactor(), echo_port()[1]

    async def go_on(number):
        return current_reactor(), await echoed(number)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        first, number = runner.run(begin())
        second, answer = runner.run(go_on(number))

    assert second is first
    assert answer == b"hello"
    assert log.take() == []


def test_hosts_one_after_the_other(run, log):
    """Each host finds a reactor that works, however many came before."""

    async def host():
        _, number = echo_port()
        return await echoed(number)

    assert [run(host()) for _ in range(3)] == [b"hello"] * 3


def test_own_run_after_a_host(run, log):
    """The default reactor can be run by itself after it was a guest."""

    async def host():
        echo_port()

    run(host())
    calls = []
    reactor.callWhenRunning(calls.append, "ran")
    reactor.callWhenRunning(lambda: reactor.stop())

    reactor.run()

    assert calls == ["ran"]


def test_host_after_own_run(run, log):
    """A host finds a working reactor after the default was run by itself."""
    reactor.callWhenRunning(lambda: reactor.stop())
    reactor.run()

    async def host():
        _, number = echo_port()
        return await echoed(number)

    assert run(host()) == b"hello"


@pytest.mark.asyncio
async def test_pytest_asyncio():
    """pytest-asyncio hosts a reactor; the loop's end closes what the test left open."""
    _, number = echo_port()
    await connected(number)

    answer = await echoed(number)

    assert answer == b"hello"


@pytest.mark.asyncio
async def test_pytest_asyncio_again():
    """The next test, in the next loop, has a reactor of its own that holds nothing."""
    assert reactor.getDelayedCalls() == []
    assert reactor.running


# ── adoption ─────────────────────────────────────────────────────────────────────────────


def test_adopts_what_was_set_up_before(run):
    """Ports, calls and triggers from before the loop are the loop's at the first use in it."""
    calls = []
    _, number = echo_port()
    reactor.callLater(0.001, calls.append, "delayed")
    reactor.callFromThread(calls.append, "thread")
    reactor.callWhenRunning(calls.append, "running")

    async def host():
        reactor.seconds()
        answer = await echoed(number)
        await asyncio.sleep(0.01)
        return answer

    assert run(host()) == b"hello"
    assert sorted(calls) == ["delayed", "running", "thread"]


def test_adopts_an_attempt_to_connect(run):
    """A client that was set up before the loop connects in it."""
    server = socket.create_server(("127.0.0.1", 0))
    made = []

    class Client(Protocol):
        def connectionMade(self):
            made.append(self)

    reactor.connectTCP(
        "127.0.0.1", server.getsockname()[1], quiet(ClientFactory.forProtocol(Client))
    )

    async def host():
        reactor.seconds()
        while not made:
            await asyncio.sleep(0.001)

    run(host())
    server.close()

    assert len(made) == 1


def test_adopts_the_very_reactor(run):
    """The reactor in the loop is the one that was set up."""
    before = current_reactor()

    async def host():
        return current_reactor()

    assert run(host()) is before


def test_adoption_needs_no_second_thread(run):
    """A loop in another thread doesn't take what the main thread set up."""
    default = current_reactor()
    call = reactor.callLater(60, pytest.fail)
    found = []

    async def host():
        found.append((current_reactor(), reactor.getDelayedCalls()))

    thread = threading.Thread(target=asyncio.run, args=(host(),))
    thread.start()
    thread.join()
    call.cancel()

    assert found[0][0] is not default
    assert found[0][1] == []


def test_threads_own_setup_is_adopted_by_its_loop(loop_factory, log):
    """A thread that first uses the reactor and then runs a loop has its work adopted."""
    calls = []

    async def host():
        reactor.seconds()
        await asyncio.sleep(0.01)

    def work():
        reactor.callLater(0, calls.append, threading.current_thread())
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(host())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert calls == [thread]


def test_setup_of_a_thread_that_ended_is_not_adopted_by_another(log):
    """A later thread isn't the one that set up, though the system gives it the same number."""
    calls = []
    first = in_thread(reactor.callWhenRunning, calls.append, "adopted")

    async def host():
        reactor.seconds()

    def work():
        if threading.get_ident() == first:
            asyncio.run(host())

    numbers = [in_thread(work) for _ in range(50)]

    assert first in numbers, "no number was given twice, so that nothing was shown"
    assert calls == []


def in_thread(call, *args):
    """Call in a new thread, and give the number that it had."""
    thread = threading.Thread(target=call, args=args)
    thread.start()
    number = thread.ident
    thread.join()
    return number


# ── async with ───────────────────────────────────────────────────────────────────────────


def test_scope_serves(run):
    """`async with Reactor()` gives a reactor that runs in the loop."""

    async def host():
        async with Reactor() as own:
            _, number = echo_port(own)
            return own.running, await echoed(number)

    assert run(host()) == (True, b"hello")


def test_scope_leaves_nothing(run, log):
    """At the end of the scope ports, connections, calls and attempts are gone."""

    async def host():
        async with Reactor() as own:
            port, number = echo_port(own)
            handle = port.getHandle()
            client = await connected(number, own)
            late = own.callLater(60, pytest.fail)
            attempt = own.connectTCP("192.0.2.1", 9, quiet(ClientFactory()))
        assert handle.fileno() == -1
        assert client.lost.done()
        assert late.cancelled
        assert attempt.state == "disconnected"
        assert not own.running
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert run(host()) == []


def test_scope_is_left_by_an_exception(run):
    """An exception passes through the scope, which is closed first."""
    handles = []

    async def host():
        async with Reactor() as own:
            port, _ = echo_port(own)
            handles.append(port.getHandle())
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        run(host())

    assert handles[0].fileno() == -1


def test_scope_is_left_by_cancelling(run):
    """A task that is cancelled inside the scope leaves it closed."""
    handles = []

    async def scoped(begun):
        async with Reactor() as own:
            port, _ = echo_port(own)
            handles.append(port.getHandle())
            begun.set()
            await asyncio.Event().wait()

    async def host():
        begun = asyncio.Event()
        task = asyncio.create_task(scoped(begun))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(host())
    assert handles[0].fileno() == -1


def test_scope_waits_for_shutdown_triggers(run):
    """Leaving the scope waits for what the triggers of shut-down wait for."""
    calls = []

    async def host():
        async with Reactor() as own:

            def wait():
                done = Deferred()
                own.callLater(0.005, lambda: (calls.append("waited"), done.callback(None)))
                return done

            own.addSystemEventTrigger("before", "shutdown", wait)
        calls.append("left")

    run(host())

    assert calls == ["waited", "left"]


def test_scope_stopped_inside(run):
    """A reactor that stops inside its scope ends there; leaving is no error."""

    async def host():
        async with Reactor() as own:
            own.stop()
            await asyncio.sleep(0.01)
            return own.running

    assert run(host()) is False


def test_scope_is_entered_again(run):
    """The same reactor may have one scope after the other."""

    async def host():
        own = Reactor()
        answers = []
        for _ in range(2):
            async with own:
                _, number = echo_port(own)
                answers.append(await echoed(number))
        return answers

    assert run(host()) == [b"hello", b"hello"]


def test_scope_inside_itself_is_refused(run):
    """A reactor that has a loop can't be entered."""

    async def host():
        async with Reactor() as own:
            with pytest.raises(error.ReactorAlreadyRunning):
                await own.__aenter__()

    run(host())


def test_scopes_side_by_side(run):
    """Two scopes in one loop hold each their own."""

    async def host():
        async with Reactor() as one:
            async with Reactor() as two:
                _, number = echo_port(one)
                late = two.callLater(60, pytest.fail)
            return late.cancelled, await echoed(number)

    assert run(host()) == (1, b"hello")


def test_scope_is_the_loops_reactor(run):
    """In a loop without a reactor so far, the front door stands for the scope's, until it ends."""

    async def host():
        async with Reactor() as own:
            inside = current_reactor()
        return inside is own, current_reactor() is own

    assert run(host()) == (True, False)


def test_scope_adopts_what_was_set_up_on_it(run):
    """What was asked of a reactor before its scope begins in it."""
    own = Reactor()
    _, number = echo_port(own)

    async def host():
        async with own:
            return await echoed(number)

    assert run(host()) == b"hello"
