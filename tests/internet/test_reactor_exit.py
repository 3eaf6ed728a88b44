"""How a process ends that used the reactor: its exit code, and what it says on stderr."""

import subprocess
import sys
import textwrap

import pytest

from tests.programs import LIMIT, complaints

PROLOGUE = """
import asyncio, logging, os, signal, sys, threading
from reactorlite.internet import reactor, protocol
protocol.Factory.noisy = False
class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)
echo = protocol.Factory.forProtocol(Echo)
"""


def ended(code):
    """A process that ran some code: its exit code, and both its outputs."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROLOGUE + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout, complaints(done.stderr)


def test_unused_reactor_is_silent():
    """A process that only imports the reactor says nothing."""
    assert ended("") == (0, "", "")


def test_used_and_stopped_reactor_is_silent():
    """A process whose reactor ran and stopped ends without a word."""
    code = """
        reactor.listenTCP(0, echo, interface="127.0.0.1")
        reactor.callLater(0.001, reactor.stop)
        reactor.run()
    """

    assert ended(code) == (0, "", "")


def test_reactor_that_never_started_says_what_it_held():
    """A default reactor that was given work and never run says so at exit, on stderr."""
    status, out, err = ended("""
        port = reactor.listenTCP(0, echo, interface="127.0.0.1")
        reactor.callLater(5, print, "delayed")
        reactor.connectTCP("127.0.0.1", 9, protocol.ClientFactory())
        def begin(): pass
        reactor.callWhenRunning(begin)
        def hand_over(): pass
        reactor.callFromThread(hand_over)
        print(port.getHost().port)
    """)

    assert status == 0
    assert "never ran" in err
    assert "reactor.run()" in err
    assert "asyncio.run()" in err
    for held in (f"on {out.strip()}", "print('delayed')", "127.0.0.1:9", "begin", "hand_over"):
        assert held in err
    assert "Warning" not in err
    assert "Traceback" not in err


def test_what_waits_for_another_run_is_reported():
    """A port that was opened after the run, or at its very end, is told of; calls are not."""
    status, _, err = ended("""
        reactor.callLater(5, print, "left over")
        reactor.callLater(0, reactor.stop)
        reactor.run()
        reactor.listenTCP(0, echo, interface="127.0.0.1")
    """)

    assert status == 0
    assert "set up and never ran again: call reactor.run()" in err
    assert "<Port of" in err
    assert "left over" not in err


def test_only_what_never_started_is_reported():
    """Work that was taken back is no work."""
    code = """
        reactor.callLater(5, print).cancel()
        reactor.listenTCP(0, echo, interface="127.0.0.1").stopListening()
        reactor.removeSystemEventTrigger(reactor.callWhenRunning(print))
    """

    assert ended(code) == (0, "", "")


def test_adopted_work_is_not_reported():
    """What a host's loop adopted has started."""
    code = """
        reactor.listenTCP(0, echo, interface="127.0.0.1")
        async def host():
            reactor.seconds()
        asyncio.run(host(), debug=True)
    """

    assert ended(code) == (0, "", "")


def test_work_no_host_took_is_reported():
    """A host that never asks for the reactor takes nothing over, and the exit says so."""
    status, _, err = ended("""
        reactor.callLater(5, print, "forgotten")
        async def host():
            await asyncio.sleep(0)
        asyncio.run(host())
    """)

    assert status == 0
    assert "print('forgotten')" in err


@pytest.mark.parametrize("how", ["reactor.crash()", "reactor.callLater(0.001, reactor.crash)"])
def test_crashed_reactor_is_silent_at_exit(how):
    """A reactor that crashed and was never run again leaves nothing for asyncio to warn of."""
    code = f"""
        reactor.listenTCP(0, echo, interface="127.0.0.1")
        reactor.callLater(60, print)
        reactor.callWhenRunning(lambda: {how})
        reactor.run()
    """

    assert ended(code) == (0, "", "")


def test_iterated_reactor_is_silent_at_exit():
    """A reactor that was only iterated leaves nothing for asyncio to warn of."""
    code = """
        reactor.listenTCP(0, echo, interface="127.0.0.1")
        for _ in range(3):
            reactor.iterate()
    """

    assert ended(code) == (0, "", "")


def test_host_that_ends_with_connections_is_silent():
    """`asyncio.run` ends with ports and connections open: no warning, no task destroyed."""
    code = """
        async def host():
            port = reactor.listenTCP(0, echo, interface="127.0.0.1")
            reader, writer = await asyncio.open_connection("127.0.0.1", port.getHost().port)
            client = protocol.ClientFactory.forProtocol(Echo)
            reactor.connectTCP("127.0.0.1", port.getHost().port, client)
            reactor.connectTCP("192.0.2.1", 9, client)
            writer.write(b"hello")
            print(await reader.readexactly(5))
            writer.close()
            await writer.wait_closed()
        asyncio.run(host(), debug=True)
    """

    assert ended(code) == (0, "b'hello'\n", "")


def test_host_on_uvloop_that_ends_with_connections_is_silent():
    """The same with `uvloop.run`."""
    pytest.importorskip("uvloop")
    code = """
        import uvloop
        async def host():
            port = reactor.listenTCP(0, echo, interface="127.0.0.1")
            client = protocol.ClientFactory.forProtocol(Echo)
            reactor.connectTCP("127.0.0.1", port.getHost().port, client)
            reactor.connectTCP("192.0.2.1", 9, client)
            await asyncio.sleep(0.01)
        uvloop.run(host(), debug=True)
    """

    assert ended(code) == (0, "", "")


def test_bare_close_after_stop_is_silent():
    """A host that calls `stop` and then closes its loop by itself is not warned."""
    code = """
        loop = asyncio.new_event_loop()
        async def host():
            port = reactor.listenTCP(0, echo, interface="127.0.0.1")
            client = protocol.ClientFactory.forProtocol(Echo)
            reactor.connectTCP("127.0.0.1", port.getHost().port, client)
            await asyncio.sleep(0.01)
            reactor.stop()
        loop.run_until_complete(host())
        loop.close()
    """

    assert ended(code) == (0, "", "")


def test_system_exit_is_the_processes_exit_code():
    """`sys.exit` in a callback shuts down in order, and its code is the process's."""
    code = """
        reactor.addSystemEventTrigger("during", "shutdown", print, "shut down")
        reactor.listenTCP(0, echo, interface="127.0.0.1")
        reactor.callLater(0, sys.exit, 7)
        reactor.run()
    """

    assert ended(code) == (7, "shut down\n", "")


def test_system_exit_with_a_message():
    """`sys.exit("text")` prints the text and exits with 1, as anywhere."""
    code = """
        reactor.callLater(0, sys.exit, "that was all")
        reactor.run()
    """

    assert ended(code) == (1, "", "that was all\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_ends_the_process_in_order(name):
    """A signal shuts the reactor down, and the program goes on after `run`."""
    code = f"""
        reactor.addSystemEventTrigger("during", "shutdown", print, "shut down")
        reactor.callLater(0.001, os.kill, os.getpid(), signal.{name})
        reactor.run()
        print("after run")
    """

    assert ended(code) == (0, "shut down\nafter run\n", "")


def test_thread_that_lives_on_does_not_keep_the_process():
    """A daemon thread that hands calls over while the process ends does no harm."""
    code = """
        def hand_over():
            while True:
                reactor.callFromThread(int)
        threading.Thread(target=hand_over, daemon=True).start()
        reactor.callLater(0.01, reactor.stop)
        reactor.run()
        os._exit(0)
    """

    assert ended(code) == (0, "", "")


def test_unhandled_error_is_on_stderr():
    """With no logging set up, an error in a callback is shown on stderr and the reactor goes on."""
    status, out, err = ended("""
        def bad():
            raise ValueError("seen by nobody")
        reactor.callLater(0, bad)
        reactor.callLater(0.005, reactor.stop)
        reactor.run()
        print("went on")
    """)

    assert (status, out) == (0, "went on\n")
    assert "ValueError: seen by nobody" in err
