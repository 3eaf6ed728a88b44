"""Child processes: what their protocols see, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reactorlite.internet import error
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ProcessProtocol
from reactorlite.internet.task import deferLater
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes are not watched there")


class Recorder(ProcessProtocol):
    """Keeps what it hears; `ended` fires at the very end."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.data: dict[int, bytes] = {}
        self.reason: Any = None
        self.exited: Deferred[Any] = Deferred()
        self.ended: Deferred[Any] = Deferred()
        self.some: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        self.events.append("made")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.data[childFD] = self.data.get(childFD, b"") + data
        if not self.some.called:
            self.some.callback(None)

    def childConnectionLost(self, childFD: int) -> None:
        self.events.append(f"lost {childFD}")

    def processExited(self, reason: Any) -> None:
        self.events.append("exited")
        self.reason = reason
        self.exited.callback(None)

    def processEnded(self, reason: Any) -> None:
        self.events.append("ended")
        self.ended.callback(None)


@pytest.fixture
def host(run: Any) -> Any:
    """Runs `main(reactor)` with a reactor of its own, as a host does."""

    def host(main: Any) -> Any:
        async def inside() -> Any:
            async with Reactor() as reactor:
                return await main(reactor)

        return run(inside())

    return host


def shell(reactor: Any, script: str, **options: Any) -> Recorder:
    """A shell that runs `script`."""
    protocol = Recorder()
    options.setdefault("env", None)
    reactor.spawnProcess(protocol, "/bin/sh", ["sh", "-c", script], **options)
    return protocol


def descriptors() -> set[str]:
    """This process's open descriptors, and what they are."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
            if target != "/dev/null":  # uvloop opens it once, for good
                found.add(f"{name} {target}")
        except FileNotFoundError:
            continue  # the one that listed them
    return found


def children() -> list[int]:
    """The numbers of this process's children, zombies included."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += map(int, Path(f"/proc/self/task/{thread}/children").read_text().split())
    return found


def reaped_soon() -> bool:
    """Whether no child is left, now or after a little while."""
    late = time.monotonic() + PATIENCE
    while children() and time.monotonic() < late:
        time.sleep(0.005)
    return not children()


# -- a life


def test_output_error_and_exit(host: Any) -> None:
    """Output and error output come apart, then the exit code; the number is gone at the end."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo out; echo err >&2; exit 3")
        assert child.transport.pid > 0
        await child.ended
        return child

    child = host(main)

    reason = child.reason
    assert child.data == {1: b"out\n", 2: b"err\n"}
    assert reason.check(error.ProcessTerminated)
    assert (reason.value.exitCode, reason.value.signal, reason.value.status) == (3, None, 3 << 8)
    assert child.transport.pid is None
    assert child.events[0] == "made"
    assert child.events[-1] == "ended"
    assert sorted(child.events[1:-1]) == ["exited", "lost 0", "lost 1", "lost 2"]


def test_done(host: Any) -> None:
    """An exit code of 0 is `ProcessDone`."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "exit 0")
        await child.ended
        return child.reason

    reason = host(main)

    assert reason.check(error.ProcessDone)
    assert (reason.value.exitCode, reason.value.signal, reason.value.status) == (0, None, 0)


def test_echo(host: Any) -> None:
    """What is written comes back; `closeStdin` ends it, with all that was written before sent."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "cat")
        child.transport.write(b"one ")
        child.transport.writeSequence([b"two ", b"three "])
        child.transport.writeToChild(0, b"x" * 300_000)
        child.transport.closeStdin()
        await child.ended
        return child.data[1]

    assert host(main) == b"one two three " + b"x" * 300_000


def test_other_descriptors(host: Any) -> None:
    """`childFDs` gives the child pipes of any number, either way."""

    async def main(reactor: Any) -> Any:
        fds = {0: "w", 1: "r", 2: "r", 3: "r", 4: "w", 9: "r"}
        child = shell(reactor, "cat <&4 >&3; echo nine >&9", childFDs=fds)
        child.transport.writeToChild(4, b"for four")
        child.transport.closeChildFD(4)
        await child.ended
        return child

    child = host(main)

    assert child.data == {3: b"for four", 9: b"nine\n"}
    assert "lost 4" in child.events


def test_descriptors_of_ours(host: Any) -> None:
    """A number in `childFDs` is a descriptor of ours, under another number in the child."""
    reading, writing = os.pipe()

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo one; echo two >&2; echo five >&5", childFDs={1: writing, 5: 1})
        await child.ended
        return child

    with open(reading, "rb", 0) as read:
        child = host(main)
        os.close(writing)

        assert read.read(100) == b"one\n"
    assert child.data == {}
    assert child.events == ["made", "exited", "ended"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize("fds", [{0: "w", 1: "r", 2: "r"}, {1: "r"}, {1: "r", 3: "w", 7: "r"}])
def test_child_has_no_other_descriptor(host: Any, fds: Any) -> None:
    """The child has those that `childFDs` names, inheritable ones of ours or not."""
    inheritable = os.dup(0)
    os.set_inheritable(inheritable, True)

    async def main(reactor: Any) -> Any:
        here = "os.path.exists(f'/proc/{os.getpid()}/fd/{n}')"
        code = f"import os; print([n for n in range(99) if {here}])"
        child = Recorder()
        reactor.spawnProcess(child, sys.executable, ["python", "-ISc", code], childFDs=fds)
        await child.ended
        return child.data[1]

    assert host(main) == f"{sorted(fds)}\n".encode()
    os.close(inheritable)


def test_environment(host: Any) -> None:
    """`env` is all the child has; empty by default, this process's with None."""

    async def main(reactor: Any) -> Any:
        given = [{}, {"A": "1", b"B": b"2"}, None]
        spawned = [Recorder() for _ in given]
        for protocol, env in zip(spawned, given, strict=True):
            reactor.spawnProcess(protocol, "/usr/bin/env", ["env"], env)
        for protocol in spawned:
            await protocol.ended
        return [protocol.data.get(1, b"").splitlines() for protocol in spawned]

    empty, some, ours = host(main)

    assert empty == []
    assert sorted(some) == [b"A=1", b"B=2"]
    assert set(ours) >= {b"PATH=" + os.environb[b"PATH"]}


def test_directory_and_name(host: Any) -> None:
    """`path` is where the child runs; a program's name alone is looked up in PATH."""

    async def main(reactor: Any) -> Any:
        child = Recorder()
        reactor.spawnProcess(child, b"pwd", [b"pwd"], path=b"/usr")
        await child.ended
        return child.data[1]

    assert host(main) == b"/usr\n"


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="takes root")
def test_as_somebody_else(host: Any) -> None:
    """`uid` and `gid` are whom the child runs as, with the user's groups and none of ours."""

    async def main(reactor: Any) -> Any:
        said = []
        for options in ({"uid": 1}, {"gid": 1}, {"uid": 54321, "gid": 5}):
            child = shell(reactor, "id -u; id -g; id -G", **options)
            await child.ended
            said.append(child.data[1].split())
        return said

    assert host(main) == [[b"1", b"0", b"0"], [b"0", b"1", b"1"], [b"54321", b"5", b"5"]]


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGUSR1])
def test_signals_that_we_ignore(host: Any, ignored: signal.Signals) -> None:
    """A signal that this process ignores ends the child all the same."""
    before = signal.signal(ignored, signal.SIG_IGN)

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo ready; exec sleep 9")
        await child.some
        child.transport.signalProcess(ignored)
        await child.ended
        return child.reason

    try:
        reason = host(main)
    finally:
        signal.signal(ignored, before)

    assert reason.value.signal == ignored


# -- endings


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "HUP", "SIGTERM", signal.SIGQUIT, 9])
def test_signals(host: Any, name: Any) -> None:
    """A signal is sent by its name or number; the reason says which it was."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "exec sleep 9")
        child.transport.signalProcess(name)
        await child.ended
        return child.reason

    reason = host(main)

    assert reason.check(error.ProcessTerminated)
    assert reason.value.exitCode is None
    assert reason.value.signal in (9, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def test_signal_after_the_end(host: Any) -> None:
    """Once the child has exited there is nobody to signal."""

    async def main(reactor: Any) -> None:
        child = shell(reactor, "true")
        await child.exited
        with pytest.raises(error.ProcessExitedAlready):
            child.transport.signalProcess("TERM")
        await child.ended

    host(main)


def test_signal_that_is_none(host: Any) -> None:
    """A name that no signal has, or something else, is an error that says what to give."""

    async def main(reactor: Any) -> None:
        child = shell(reactor, "exec sleep 9")
        with pytest.raises(ValueError, match=r"BOGUS.*use one as 'TERM'"):
            child.transport.signalProcess("BOGUS")
        with pytest.raises(TypeError, match="name or number"):
            child.transport.signalProcess(None)
        child.transport.signalProcess("KILL")
        await child.ended

    host(main)


def test_lose_connection(host: Any) -> None:
    """All three pipes are closed, what was written is sent before, and the child goes on."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "test $(wc -c) = 200000 && exit 5")
        child.transport.write(b"x" * 200_000)
        child.transport.loseConnection()
        await child.ended
        return child.events, child.reason.value.exitCode

    events, code = host(main)

    assert code == 5
    assert set(events[1:4]) == {"lost 0", "lost 1", "lost 2"}


def test_child_closes_its_input(host: Any) -> None:
    """That the child reads no longer is heard at once, and what is written then goes nowhere."""

    async def main(reactor: Any) -> Any:
        child = shell(
            reactor, "exec <&-; echo closed; read x <&3", childFDs={0: "w", 1: "r", 3: "w"}
        )
        await child.some
        while "lost 0" not in child.events:
            await deferLater(reactor, 0.001)
        child.transport.write(b"lost")
        with pytest.raises(KeyError):
            child.transport.writeToChild(0, b"lost")
        child.transport.writeToChild(3, b"\n")
        await child.ended
        return child.events

    assert host(main)[:2] == ["made", "lost 0"]


def test_grandchild_keeps_a_pipe(host: Any) -> None:
    """The exit is told at once, the end when the last pipe is closed, with the data before it."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "(read x; echo late) <&3 & exit 0", childFDs={1: "r", 3: "w"})
        await child.exited
        before = list(child.events)
        child.transport.writeToChild(3, b"\n")
        child.transport.closeChildFD(3)
        await child.ended
        return before, child

    before, child = host(main)

    assert before == ["made", "exited"]
    assert child.data == {1: b"late\n"}
    assert child.events[-1] == "ended"


def test_callbacks_that_raise(host: Any, log: Any) -> None:
    """What a callback raises is logged, and the others are still called."""

    class Raising(Recorder):
        def connectionMade(self) -> None:
            super().connectionMade()
            raise RuntimeError("made")

        def childConnectionLost(self, childFD: int) -> None:
            super().childConnectionLost(childFD)
            raise RuntimeError("lost")

        def processExited(self, reason: Any) -> None:
            super().processExited(reason)
            raise RuntimeError("exited")

        def processEnded(self, reason: Any) -> None:
            super().processEnded(reason)
            raise RuntimeError("ended")

    async def main(reactor: Any) -> Any:
        child = Raising()
        reactor.spawnProcess(child, "/bin/true", ["true"])
        await child.ended
        await deferLater(reactor, 0)
        return child.events

    events = host(main)

    assert events[-1] == "ended"
    assert len(events) == 6
    assert set(log.take()) == {
        f"RuntimeError('{name}')" for name in ("made", "lost", "exited", "ended")
    }


def test_data_received_raises(host: Any, log: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The pipe whose data a protocol can't bear is closed."""

    class Raising(Recorder):
        def childDataReceived(self, childFD: int, data: bytes) -> None:
            raise RuntimeError("data")

    async def main(reactor: Any) -> Any:
        child = Raising()
        reactor.spawnProcess(child, "/bin/sh", ["sh", "-c", "echo x; exec cat"])
        while "lost 1" not in child.events:
            await deferLater(reactor, 0.001)
        child.transport.closeStdin()
        await child.ended
        return child.events

    assert host(main)[:2] == ["made", "lost 1"]
    assert "Raising.childDataReceived" in caplog.text
    assert log.take() == ["RuntimeError('data')"]


# -- flow


def test_paused(host: Any) -> None:
    """Nothing is received while paused; all of it afterwards."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo out; echo err >&2")
        child.transport.pauseProducing()
        await child.exited
        await deferLater(reactor, 0.01)
        before = dict(child.data)
        child.transport.resumeProducing()
        await child.ended
        return before, child.data

    assert host(main) == ({}, {1: b"out\n", 2: b"err\n"})


def test_paused_and_resumed_at_once(host: Any) -> None:
    """Pausing and resuming before the loop has the pipes changes nothing."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo out")
        child.transport.pauseProducing()
        child.transport.resumeProducing()
        await child.ended
        return child.data

    assert host(main) == {1: b"out\n"}


class Source:
    """A producer of a million bytes, which notes what it is told."""

    def __init__(self, transport: Any, streaming: bool = True) -> None:
        self.transport = transport
        self.streaming = streaming
        self.left = 1_000_000
        self.told: list[str] = []
        self.paused = False

    def resumeProducing(self) -> None:
        self.told.append("resume")
        self.paused = False
        while self.left and not self.paused:
            self.paused = not self.streaming  # one that is pulled writes once
            piece = min(self.left, 30_000)
            self.left -= piece
            self.transport.write(b"x" * piece)
        if not self.left:
            self.transport.unregisterProducer()
            self.transport.closeStdin()

    def pauseProducing(self) -> None:
        self.told.append("pause")
        self.paused = True

    def stopProducing(self) -> None:
        self.told.append("stop")


@pytest.mark.parametrize("streaming", [True, False])
def test_producer(host: Any, streaming: bool) -> None:
    """A producer is held to the child's pace, and all that it writes arrives."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "sleep 0.05; wc -c")
        source = Source(child.transport, streaming)
        child.transport.registerProducer(source, streaming)
        if streaming:
            source.resumeProducing()
        before = source.left
        await child.ended
        return before, source.told, child.data[1]

    before, told, counted = host(main)

    assert before > 800_000
    assert len(told) > 4
    assert int(counted) == 1_000_000


def test_producer_of_a_child_that_ends(host: Any) -> None:
    """A producer is stopped when the child reads no longer; at once, if it doesn't already."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "exec true")
        early, late = Source(child.transport), Source(child.transport)
        child.transport.registerProducer(early, True)
        await child.ended
        child.transport.registerProducer(late, True)
        child.transport.unregisterProducer()
        return early.told, late.told

    assert host(main) == (["stop"], ["stop"])


def test_producer_that_raises(host: Any, log: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What a producer raises is logged, and closes the pipe that it should have filled."""

    class Raising(Source):
        def resumeProducing(self) -> None:
            raise RuntimeError("resume")

        def stopProducing(self) -> None:
            raise RuntimeError("stop")

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "wc -c")
        child.transport.registerProducer(Raising(child.transport), True)
        child.transport.write(b"x" * 70_000)
        await child.ended
        return child.data

    assert host(main) == {1: b"70000\n"}
    assert "Raising.resumeProducing" in caplog.text
    assert log.take() == ["RuntimeError('resume')", "RuntimeError('stop')"]


# -- what can't be


def bad(**options: Any) -> dict[str, Any]:
    """Arguments of `spawnProcess`, good but for `options`."""
    return {"executable": "/bin/true", "args": ["true"], **options}


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        (bad(executable="/nonexistent/program"), FileNotFoundError, "/nonexistent/program"),
        (bad(executable="no-such-program"), FileNotFoundError, "PATH: 'no-such-program'"),
        (bad(executable="/etc/passwd"), PermissionError, "/etc/passwd"),
        (bad(path="/nonexistent/directory"), FileNotFoundError, "/nonexistent/directory"),
        (bad(args="true"), TypeError, "sequence that begins with the program's name"),
        (bad(args=()), TypeError, "sequence that begins with the program's name"),
        (bad(args=["true", 3]), TypeError, "int"),
        (bad(args=["true", "a\0b"]), ValueError, "null byte"),
        (bad(env={"A": 1}), TypeError, "int"),
        (bad(uid="root"), TypeError, "uid as a number, not 'root'"),
        (bad(childFDs={0: "x"}), ValueError, "'r' for a pipe that we read"),
        (bad(childFDs={-1: "r"}), ValueError, "numbers, not -1"),
        (bad(childFDs={"0": "r"}), ValueError, "numbers, not '0'"),
        (bad(childFDs={5: 987}), OSError, "Bad file descriptor"),
        (bad(usePTY=True, childFDs={0: "w"}), ValueError, "usePTY or childFDs, not both"),
        (bad(usePTY=True, executable="/nonexistent/program"), FileNotFoundError, "/nonexistent"),
    ],
)
def test_bad_arguments(host: Any, arguments: Any, kind: Any, says: str) -> None:
    """What can't be started is one error in the call; nothing is called back or stays open."""

    async def main(reactor: Any) -> Any:
        before = descriptors()
        child = Recorder()
        with pytest.raises(kind, match=says):
            reactor.spawnProcess(child, **arguments)
        gc.collect()
        return child.events, descriptors() - before

    assert host(main) == ([], set())
    assert children() == []


@pytest.mark.parametrize("protocol", [None, ProcessProtocol])
def test_no_protocol(host: Any, protocol: Any) -> None:
    """Without a protocol nothing is started."""

    async def main(reactor: Any) -> None:
        with pytest.raises(TypeError, match="takes a ProcessProtocol, an object"):
            reactor.spawnProcess(protocol, "/bin/true", ["true"])

    host(main)

    assert children() == []


# -- loops


def test_before_the_loop_runs(reactor: Any) -> None:
    """A child started before `run()` runs; what was written and asked meanwhile is done."""
    child = shell(reactor, "cat; exit 4")
    child.transport.write(b"written ")
    child.transport.write(b"early" * 20_000)
    child.transport.closeStdin()
    events = list(child.events)
    child.ended.addCallback(lambda _: reactor.stop())

    reactor.run()

    assert events == ["made"]
    assert child.data == {1: b"written " + b"early" * 20_000}


def test_reactor_that_never_runs(loop_factory: Any, log: Any) -> None:
    """A child of a reactor that is buried without having run is reaped, its pipes closed."""
    before = descriptors()
    reactor = Reactor()
    child = shell(reactor, "exec cat")

    reactor.bury()

    assert reaped_soon()
    assert child.events == ["made", "lost 0", "lost 1", "lost 2"]
    assert descriptors() == before
    assert len(log.take()) == 1  # that it held a process


def test_loop_in_a_thread(loop_factory: Any) -> None:
    """A child can be started in any thread's loop."""
    seen: list[Any] = []

    def work() -> None:
        reactor = Reactor(loop_factory())
        child = shell(reactor, "echo hi; exit 1")
        child.ended.addCallback(
            lambda _: (seen.append(child.reason.value.exitCode), reactor.stop())
        )
        reactor.run(installSignalHandlers=False)
        seen.append(child.data)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [1, {1: b"hi\n"}]


def test_hosts_own_children(run: Any) -> None:
    """A host's own processes are its own to wait for, and its SIGCHLD handler stays."""

    async def main() -> Any:
        before = signal.getsignal(signal.SIGCHLD)
        own = await asyncio.create_subprocess_exec("/bin/sh", "-c", "sleep 0.02; exit 7")
        other = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 6"], os.environ)
        async with Reactor() as reactor:
            ours = [shell(reactor, f"exit {n}") for n in range(3)]
            for child in ours:
                await child.ended
            codes = [child.reason.value.exitCode for child in ours]
            code = await own.wait()
            kept = signal.getsignal(signal.SIGCHLD) == before
        return codes, code, os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]), kept

    codes, own, other, _ = run(main())

    assert (codes, own, other) == ([0, 1, 2], 7, 6)


def test_stopped_while_a_child_runs(run: Any, log: Any) -> None:
    """The reactor's end closes the pipes and leaves the child to itself; it is reaped later on."""

    async def main() -> Any:
        before = descriptors()
        async with Reactor() as reactor:
            child = shell(
                reactor, "echo $$; trap '' PIPE; read x; read x <&3; exit 0", childFDs=FDS
            )
            await child.some
            keeper = os.dup(child.transport.pipes[3].fileno())
            pid = child.transport.pid
        alive = children()
        gone = descriptors() - before
        os.close(keeper)
        return child, pid, alive, len(gone)

    FDS = {0: "w", 1: "r", 3: "w"}
    child, pid, alive, kept = run(main())

    assert alive == [pid]
    assert kept == 1
    assert sorted(child.events) == ["lost 0", "lost 1", "lost 3", "made"]
    assert reaped_soon()


def test_stopped_in_the_turn_that_wrote(host: Any, tmp_path: Path) -> None:
    """What was written in the turn in which the reactor ends is sent, as far as there is room."""

    async def main(reactor: Any) -> None:
        child = shell(reactor, "echo up; cat >said; mv said done", path=str(tmp_path))
        await child.some
        child.transport.writeSequence([b"last ", b"words"])

    host(main)

    assert reaped_soon()
    assert (tmp_path / "done").read_bytes() == b"last words"


def test_stopped_in_the_turn_that_spawned(host: Any) -> None:
    """A reactor that ends before the loop has the pipes closes them, too."""

    async def main(reactor: Any) -> Any:
        return shell(reactor, "read x"), shell(reactor, "read x", usePTY=True)

    before = descriptors()
    child, on_terminal = host(main)

    assert sorted(child.events) == ["lost 0", "lost 1", "lost 2", "made"]
    assert on_terminal.events == ["made"]
    assert descriptors() - before == set()
    assert reaped_soon()


def test_many_at_once(host: Any) -> None:
    """Hundreds of children at once leave no zombie and no descriptor."""

    async def main(reactor: Any) -> Any:
        before = descriptors()
        spawned = [shell(reactor, f"echo {n}", childFDs={1: "r", 2: 2}) for n in range(150)]
        for child in spawned:
            await child.ended
        await deferLater(reactor, 0)  # the last one's pipe is closed after it has told
        return [int(child.data[1]) for child in spawned], descriptors() - before

    said, left = host(main)

    assert said == list(range(150))
    assert left == set()
    assert children() == []


def test_without_a_descriptor_for_the_exit(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no descriptor to tell of an exit, a thread waits for the child."""
    monkeypatch.delattr(os, "pidfd_open")

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo hi; read x; exit 3")
        await child.some
        threads = [each.name for each in threading.enumerate()]
        child.transport.closeStdin()
        await child.ended
        return child, threads

    child, threads = host(main)

    assert child.reason.value.exitCode == 3
    assert child.data == {1: b"hi\n"}
    assert any(name.startswith("waits for process") for name in threads)
    assert children() == []


def test_reaped_by_somebody_else(host: Any, log: Any) -> None:
    """A status that somebody else has taken is unknown; the end is told all the same."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "exit 3")
        os.waitpid(child.transport.pid, 0)
        await child.ended
        return child.reason

    reason = host(main)

    assert reason.check(error.ProcessTerminated)
    assert (reason.value.exitCode, reason.value.signal) == (None, None)


# -- terminals


def test_terminal(host: Any) -> None:
    """With `usePTY` the child's standard descriptors are its controlling terminal."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "test -t 0 && echo tty >/dev/tty; read x; echo got $x", usePTY=True)
        child.transport.write(b"hello\n")
        fileno = child.transport.fileno()
        await child.ended
        return fileno, child

    fileno, child = host(main)

    assert fileno > 2
    assert set(child.data) == {1}
    assert child.data[1].replace(b"hello\r\n", b"", 1) == b"tty\r\ngot hello\r\n"
    assert child.events == ["made", "exited", "ended"]
    assert child.reason.check(error.ProcessDone)


def test_terminal_of_ours(host: Any) -> None:
    """A terminal may be given; both its descriptors are the reactor's to close."""

    async def main(reactor: Any) -> Any:
        before = descriptors()
        master, slave = os.openpty()
        name = os.ttyname(slave)
        child = shell(reactor, "tty", usePTY=(master, slave, name), path="/usr")
        await child.ended
        await deferLater(reactor, 0)
        return child.data[1] == f"{name}\r\n".encode(), descriptors() - before

    assert host(main) == (True, set())


def test_terminal_hangs_up(host: Any) -> None:
    """`loseConnection` hangs up, after what was written; no single descriptor can be closed."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "exec cat", usePTY=True)
        child.transport.closeStdin()
        with pytest.raises(NotImplementedError, match="loseConnection"):
            child.transport.closeChildFD(0)
        with pytest.raises(NotImplementedError, match="write"):
            child.transport.writeToChild(0, b"x")
        child.transport.loseConnection()
        await child.ended
        return child.reason

    assert host(main).value.signal == signal.SIGHUP


def test_terminal_takes_its_time(host: Any) -> None:
    """More is written to a terminal than it takes at once, and all that it says is received."""

    async def main(reactor: Any) -> Any:
        script = "stty raw -echo; echo up; sleep 0.02; head -c 100000 | tr x y; exit 3"
        child = shell(reactor, script, usePTY=True)
        await child.some
        child.transport.write(b"x" * 100_000)
        await child.ended
        return child.reason.value.exitCode, child.data[1].count(b"y")

    assert host(main) == (3, 100_000)


@pytest.mark.parametrize("how", ["loseConnection", "pauseProducing"])
def test_terminal_full(host: Any, how: str) -> None:
    """What a child leaves unread when it exits goes nowhere, and doesn't keep the loop awake."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo up; sleep 0.05", usePTY=True)
        await child.some
        child.transport.write(b"line\n" * 100_000)
        getattr(child.transport, how)()
        await child.exited
        used = time.thread_time()
        await deferLater(reactor, 0.1)
        used = time.thread_time() - used
        child.transport.resumeProducing()
        await child.ended
        return used

    assert host(main) < 0.08


def test_terminal_paused(host: Any) -> None:
    """A terminal is paused and resumed like pipes are."""

    async def main(reactor: Any) -> Any:
        child = shell(reactor, "echo out; read x", usePTY=True)
        child.transport.pauseProducing()
        await deferLater(reactor, 0.05)
        before = dict(child.data)
        child.transport.resumeProducing()
        await child.some
        child.transport.write(b"\n")
        await child.ended
        return before, child.data[1]

    before, data = host(main)

    assert before == {}
    assert data.startswith(b"out\r\n")
