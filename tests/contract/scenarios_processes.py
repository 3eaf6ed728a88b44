"""Child processes: what their protocols hear, what their transports answer, how they end.

Nothing is promised about the order between one pipe, another, and the exit: each is a party.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from stage import Stage, boom, differs, nothing, scenario


def _protocol(api: Stage, **hooks: Any) -> Any:
    """A recording process protocol; `hooks` are called after what they are named for."""

    class Recording(api.protocol.ProcessProtocol):  # type: ignore[misc,name-defined]
        def connectionMade(self) -> None:
            api.record("life", "connectionMade", self.transport.pid is not None)
            hooks.get("made", nothing)(self)

        def childDataReceived(self, childFD: int, data: bytes) -> None:
            party = f"fd {childFD}"
            pieces = self.__dict__.setdefault("pieces", {})
            joined = pieces.get(childFD, b"") + data
            if childFD in pieces:
                api.events[party].pop()
            pieces[childFD] = joined
            api.record(party, "data", joined)
            hooks.get("data", nothing)(self, childFD, data)

        def childConnectionLost(self, childFD: int) -> None:
            api.record(f"fd {childFD}", "lost")
            super().childConnectionLost(childFD)

        def inConnectionLost(self) -> None:
            api.record("fd 0", "inConnectionLost")

        def outConnectionLost(self) -> None:
            api.record("fd 1", "outConnectionLost")

        def errConnectionLost(self) -> None:
            api.record("fd 2", "errConnectionLost")

        def processExited(self, reason: Any) -> None:
            value = reason.value
            api.record("life", "processExited", reason, value.exitCode, value.signal, value.status)
            api.record("life", "pid", self.transport.pid)
            hooks.get("exited", nothing)(self)

        def processEnded(self, reason: Any) -> None:
            api.record("life", "processEnded", reason, self.transport.pid)
            hooks.get("ended", nothing)(self)

    return Recording()


def _shell(api: Stage, script: str, hooks: Any = None, **options: Any) -> Any:
    """The transport of a shell that runs `script`; it is killed when the scenario is over."""
    options.setdefault("env", None)
    made = api.reactor.spawnProcess(
        _protocol(api, **(hooks or {})), "/bin/sh", ["sh", "-c", script], **options
    )

    def kill() -> None:
        if made.pid is not None:
            made.signalProcess("KILL")

    api.afterwards(kill)
    return made


@scenario()
def process_life(api: Stage) -> Any:
    """Made, data and ends of each pipe, exited, ended."""
    _shell(api, "echo out; echo err >&2; exit 3")
    yield api.seen("life", "processEnded")


@scenario()
def process_done(api: Stage) -> Any:
    """Exit code 0."""
    _shell(api, "exit 0", childFDs={})
    yield api.seen("life", "processEnded")


@scenario()
def process_stdin(api: Stage) -> Any:
    """All that is written before and after `closeStdin`, in one breath, is sent."""

    def made(protocol: Any) -> None:
        transport = protocol.transport
        transport.write(b"one ")
        transport.writeSequence([b"two ", b"three "])
        transport.writeToChild(0, b"x" * 200_000)
        transport.closeStdin()

    _shell(api, "cat; exit 1", {"made": made})
    yield api.seen("life", "processEnded")


@scenario()
def process_descriptors(api: Stage) -> Any:
    """`childFDs`: pipes of any number, and descriptors of ours."""
    reading, writing = os.pipe()
    fds = {0: "w", 1: writing, 3: "r", 4: "w", 8: 1}
    child = _shell(api, "echo one; echo three >&3; cat <&4 >&3", childFDs=fds)
    os.close(writing)
    child.writeToChild(4, b"four")
    child.closeChildFD(4)
    yield api.seen("life", "processEnded")
    api.record("ours", os.read(reading, 100))
    os.close(reading)


@scenario()
def process_signals(api: Stage) -> Any:
    """By name and by number; and once it is gone."""
    for name in ("KILL", "TERM", "INT", "HUP", signal.SIGUSR1):
        child = _shell(api, "exec sleep 9", childFDs={})
        api.attempt("signal", str(name), child.signalProcess, name)
        yield api.seen("life", "processEnded", ("KILL", "TERM", "INT", "HUP", 10).index(name) + 1)
        api.attempt("signal", "afterwards", child.signalProcess, name)


@scenario()
def process_lose_connection(api: Stage) -> Any:
    """All standard pipes are closed, with what was written sent; the child goes on."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 150_000)
        protocol.transport.loseConnection()

    _shell(api, "test $(wc -c) = 150000 && exit 5", {"made": made})
    yield api.seen("life", "processEnded")


@scenario()
def process_closes_single_pipes(api: Stage) -> Any:
    """`closeStdout`, `closeStderr` and `closeChildFD` close one, once."""

    def made(protocol: Any) -> None:
        for name in ("closeStdout", "closeStderr", "closeStdout"):
            api.attempt("close", name, getattr(protocol.transport, name))
        api.attempt("close", "9", protocol.transport.closeChildFD, 9)

    child = _shell(api, "read x; exit 2", {"made": made})
    yield api.seen("fd 1", "lost")
    yield api.seen("fd 2", "lost")
    child.write(b"\n")
    yield api.seen("life", "processEnded")


@scenario()
def process_after_the_end(api: Stage) -> Any:
    """What a transport answers when all is over."""
    child = _shell(api, "exit 0")
    yield api.seen("life", "processEnded")
    for name, *args in (
        ("write", b"x"),
        ("writeSequence", [b"x"]),
        ("writeToChild", 0, b"x"),
        ("closeStdin",),
        ("closeChildFD", 1),
        ("loseConnection",),
        ("pauseProducing",),
        ("resumeProducing",),
        ("unregisterProducer",),
        ("signalProcess", 0),
    ):
        api.attempt("after", name, getattr(child, name), *args)


@scenario()
def process_closes_its_input(api: Stage) -> Any:
    """Heard at once, while the child goes on; what is written then goes nowhere."""
    child = _shell(api, "exec <&-; read x <&3", childFDs={0: "w", 3: "w"})
    yield api.seen("fd 0", "inConnectionLost")
    api.attempt("write", "late", child.write, b"late")
    api.attempt("write", "late to 0", child.writeToChild, 0, b"late")
    child.writeToChild(3, b"\n")
    yield api.seen("life", "processEnded")


@scenario()
def process_grandchild_keeps_a_pipe(api: Stage) -> Any:
    """`processExited` comes at the exit, `processEnded` when the last pipe is closed."""

    def exited(protocol: Any) -> None:
        api.record("life", "still open")
        protocol.transport.writeToChild(3, b"\n")
        protocol.transport.closeChildFD(3)

    script = "(read x; echo late) <&3 & exit 0"
    _shell(api, script, {"exited": exited}, childFDs={1: "r", 3: "w"})
    yield api.seen("life", "processEnded")


@scenario()
def process_paused(api: Stage) -> Any:
    """Nothing comes while paused; everything afterwards."""
    child = _shell(api, "echo out; echo err >&2")
    child.pauseProducing()
    yield api.seen("life", "processExited")
    yield api.sleep(0.02)
    api.record("fd 1", "resumed")
    api.record("fd 2", "resumed")
    child.resumeProducing()
    yield api.seen("life", "processEnded")


class _Producer:
    def __init__(self, api: Stage, transport: Any) -> None:
        self.api = api
        self.transport = transport
        self.left = 20
        self.paused = False

    def resumeProducing(self) -> None:
        self.api.record("producer", "resumed")
        self.paused = False
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(b"x" * 70_000)
        if not self.left:
            self.transport.unregisterProducer()
            self.transport.closeStdin()

    def pauseProducing(self) -> None:
        self.api.record("producer", "paused", self.left)
        self.paused = True

    def stopProducing(self) -> None:
        self.api.record("producer", "stopped")


@scenario()
def process_producer(api: Stage) -> Any:
    """A push producer is paused by each piece over the mark, and resumed when it is sent."""

    def made(protocol: Any) -> None:
        producer = _Producer(api, protocol.transport)
        protocol.transport.registerProducer(producer, True)
        producer.resumeProducing()

    _shell(api, "wc -c", {"made": made})
    yield api.seen("life", "processEnded")


@scenario()
def process_producer_stopped(api: Stage) -> Any:
    """A producer is stopped when the child reads no longer, and at once when it doesn't."""

    def made(protocol: Any) -> None:
        producer = _Producer(api, protocol.transport)
        protocol.transport.registerProducer(producer, True)

    child = _shell(api, "exec true", {"made": made})
    yield api.seen("life", "processEnded")
    child.registerProducer(_Producer(api, child), True)


@scenario()
def process_callbacks_raise(api: Stage) -> Any:
    """Logged; what follows is still called."""
    hooks = {"made": boom, "exited": boom, "ended": boom}
    _shell(api, "echo out", hooks, childFDs={1: "r"})
    yield api.seen("life", "processEnded")


@scenario()
def process_data_received_raises(api: Stage) -> Any:
    """Logged, and that pipe is closed."""
    child = _shell(api, "echo out; read x", {"data": boom}, childFDs={0: "w", 1: "r"})
    yield api.seen("fd 1", "outConnectionLost")
    child.write(b"\n")
    yield api.seen("life", "processEnded")


@scenario()
def process_environment(api: Stage) -> Any:
    """`env` given as text and bytes, empty by default; `path`."""
    for env in ({"A": "1", b"B": b"2"}, {}):
        child = api.reactor.spawnProcess(_protocol(api), "/usr/bin/env", ["env"], env)
        yield api.until(lambda child=child: child.pid is None and not child.pipes)
    child = api.reactor.spawnProcess(_protocol(api), "/bin/pwd", ["pwd"], path="/usr")
    yield api.until(lambda: child.pid is None and not child.pipes)


@scenario()
def process_terminal(api: Stage) -> Any:
    """A terminal's data is standard output; no single end is told; input is typed."""
    script = "stty -echo; test -t 0 && echo tty >/dev/tty; read x; echo got $x; exit 2"

    def data(protocol: Any, childFD: int, data: bytes) -> None:
        if data.endswith(b"tty\r\n"):
            protocol.transport.write(b"hello\n")

    child = _shell(api, script, {"data": data}, usePTY=True)
    api.record("life", "fileno", child.fileno() > 2)
    yield api.seen("life", "processEnded")


@scenario()
def process_terminal_hangs_up(api: Stage) -> Any:
    """`loseConnection` hangs up; `closeStdin` and its siblings do nothing."""
    child = _shell(api, "echo ready; exec cat", usePTY=True)
    yield api.seen("fd 1", "data")
    for name, *args in (("closeStdin",), ("closeStdout",), ("closeStderr",), ("closeChildFD", 0)):
        api.attempt("close", name, getattr(child, name), *args)
    api.attempt("close", "writeToChild", child.writeToChild, 0, b"x")
    child.loseConnection()
    yield api.seen("life", "processEnded")


@scenario()
def process_bad_arguments(api: Stage) -> Any:
    """What can't be started raises, and is never heard of."""
    for label, args, options in (
        ("no such program", ("/nonexistent/x", ["x"]), {}),
        ("no such name", ("no-such-program", ["x"]), {}),
        ("not to be executed", ("/etc/passwd", ["x"]), {}),
        ("null byte", ("/bin/true", ["a\0b"]), {}),
        ("number", ("/bin/true", ["a", 3]), {}),
        ("text for arguments", ("/bin/true", "true"), {}),
        ("environment", ("/bin/true", ["true"], {"A": 1}), {}),
        ("terminal and descriptors", ("/bin/true", ["x"]), {"usePTY": 1, "childFDs": {0: "w"}}),
    ):
        api.attempt(
            "spawn",
            label,
            lambda args=args, options=options: api.reactor.spawnProcess(
                _protocol(api), *args, **options
            ),
        )
    yield api.turn()


@scenario(
    differs(
        "spawn",
        "no such directory raises builtins.FileNotFoundError",
        because="Twisted raises what can't be started, or has a traceback written into the"
        " child's pipes when it forks in Python; an error in the call is clear in both cases",
    ),
    differs("life", because="nothing was started"),
    differs("fd 0", because="nothing was started"),
    differs("fd 1", because="nothing was started"),
    differs("fd 2", because="nothing was started"),
)
def process_bad_directory(api: Stage) -> Any:
    """A `path` that isn't there."""

    def spawn() -> None:
        _shell(api, "true", {"data": _forget(api)}, path="/nonexistent/directory")

    api.attempt("spawn", "no such directory", spawn)
    yield api.sleep(0.2)


def _forget(api: Stage) -> Any:
    """Take back a traceback, which differs from run to run."""

    def forget(protocol: Any, childFD: int, data: bytes) -> None:
        api.events[f"fd {childFD}"][-1] = "data"

    return forget


@scenario(alone=True)
def process_before_the_reactor_runs(api: Stage) -> None:
    """It runs at once; what is written meanwhile is sent when the reactor runs."""
    child = _shell(api, "cat; exit 1", {"ended": lambda _: api.reactor.stop()})
    child.write(b"early")
    child.closeStdin()
    api.record("life", "not running yet")
    api.reactor.run()


@scenario(alone=True)
def process_outlives_the_reactor(api: Stage) -> None:
    """The reactor's end closes the pipes; nothing is heard of the child then, which lives on."""

    def data(protocol: Any, childFD: int, data: bytes) -> None:
        api.reactor.stop()

    child = _shell(api, "echo ready; exec sleep 9", {"data": data})
    api.reactor.run()
    api.record("life", "returned", child.pid is not None)
    os.kill(child.pid, signal.SIGKILL)
