"""Child processes, seen from their protocols: data, endings, signals, and how they exited.

`bridge.spawning` starts them. What is here is on the loop, or waits for one.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.pipes import PipeEnd
from reactorlite.bridge.reaping import ExitWatch, reap_in_thread
from reactorlite.bridge.reporting import kind_of, log_raised, report
from reactorlite.internet import error
from reactorlite.internet.address import _ProcessAddress
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from reactorlite.bridge.scope import Scope

    #: By the child's descriptors: what our end is, and its descriptor.
    Ends = dict[int, tuple[type[PipeEnd], int]]


@implementer("IProcessTransport", "IConsumer", "IPushProducer")
class Process:
    """One child process.

    `pid` is its number until it has exited, then None; `status` is what `os.waitpid` said, and
    -1 until then. `pipes` has our ends that are open, by the child's descriptors.
    """

    def __init__(self, scope: Scope, protocol: Any, pid: int, ends: Ends) -> None:
        self.proto = protocol
        self.pid: int | None = pid
        self.status: int | None = -1
        self._scope = scope
        self._watch: ExitWatch | None = None
        self._is_watched = True  # until it has exited, or nobody asks any longer
        self._reason: Failure | None = None
        scope.held[self] = None
        self.pipes: dict[int, PipeEnd] = {
            name: kind(self, name, descriptor) for name, (kind, descriptor) in ends.items()
        }
        scope.start(self, self._begin)
        try:
            protocol.makeConnection(self)
        except Exception:
            log_raised(protocol, "makeConnection")

    # -- what protocols call: data

    def write(self, data: bytes) -> None:
        """Send `data` to the child's standard input; nowhere once that is closed."""
        if 0 in self.pipes:
            self.pipes[0].write(data)

    def writeSequence(self, seq: Iterable[bytes]) -> None:
        """Send the pieces of `seq` to the child's standard input."""
        if 0 in self.pipes:
            self.pipes[0].writeSequence(seq)

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """Send `data` to a descriptor of the child's. Raises `KeyError` if no pipe leads there."""
        pipe = self.pipes[childFD]
        if pipe.reads:
            raise KeyError(f"{childFD} is a descriptor that the child writes to")
        pipe.write(data)

    # -- what protocols call: endings

    def closeChildFD(self, descriptor: int) -> None:
        """Close our end of a pipe once everything written to it has been sent.

        Nothing happens when it is closed already, or when there is none.
        """
        if descriptor in self.pipes:
            self.pipes[descriptor].loseConnection()

    def closeStdin(self) -> None:
        """Let the child read to the end of its standard input."""
        self.closeChildFD(0)

    def closeStdout(self) -> None:
        """Read the child's standard output no longer."""
        self.closeChildFD(1)

    def closeStderr(self) -> None:
        """Read the child's standard error no longer."""
        self.closeChildFD(2)

    def loseConnection(self) -> None:
        """Close standard input, output and error. The child goes on, if it doesn't mind."""
        self.closeStdin()
        self.closeStderr()
        self.closeStdout()

    def signalProcess(self, signalID: str | int) -> None:
        """Send a signal: a number, or a name as "TERM", "KILL", "INT" or "HUP".

        Raises `ProcessExitedAlready` when the child is gone, `ValueError` for a name that no
        signal has.
        """
        if self.pid is None:
            raise error.ProcessExitedAlready
        try:
            os.kill(self.pid, _number_of(signalID))
        except ProcessLookupError:
            raise error.ProcessExitedAlready from None

    # -- what protocols call: flow

    def pauseProducing(self) -> None:
        """Read nothing from the child until `resumeProducing`."""
        for pipe in self._readers():
            pipe.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        for pipe in self._readers():
            pipe.resumeProducing()

    def stopProducing(self) -> None:
        """Close, as `loseConnection` does."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill the child's standard input: push if `streaming`, else pull.

        It is stopped at once when standard input is closed.
        """
        if 0 in self.pipes:
            self.pipes[0].registerProducer(producer, streaming)
        else:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer; a close that waited for it goes ahead."""
        if 0 in self.pipes:
            self.pipes[0].unregisterProducer()

    # -- what protocols call: who

    def getPeer(self) -> Any:
        """An address that says nothing: a process has none."""
        return _ProcessAddress()

    def getHost(self) -> Any:
        """An address that says nothing: pipes have none."""
        return _ProcessAddress()

    @property
    def reactor(self) -> Any:
        """The reactor that spawned it."""
        return self._scope.reactor

    def __repr__(self) -> str:
        return f"<{type(self).__name__} pid={self.pid} status={self.status}>"

    # -- what the scope and the ends call

    def close_for_good(self) -> None:
        """Close our ends because the reactor ends. The child goes on, and will be reaped."""
        if self._is_watched:
            self._is_watched = False
            self._give_up_watching()
        for pipe in list(self.pipes.values()):
            pipe.stop()
        self._leave()

    def received(self, name: int, data: bytes) -> Failure | None:
        """Tell of data; answers what the protocol raised, which closes the end."""
        return self.call("childDataReceived", name, data)

    def end_lost(self, name: int) -> None:
        """Tell that an end is closed; and that all is over, if that was the last of it."""
        del self.pipes[name]
        self.call("childConnectionLost", name)
        self._leave()

    def call(self, name: str, *args: Any) -> Failure | None:
        """Call the protocol back; what it raises is logged, and answered."""
        try:
            getattr(self.proto, name)(*args)
        except BaseException:
            reason = Failure()
            if report(reason, f"{kind_of(self.proto)}.{name}"):
                return reason
        return None

    # -- inside

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self.pid is not None
        for end in self.pipes.values():
            end.begin(loop)
        self._watch = ExitWatch(loop, self.pid, self._exited)

    def _give_up_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.give_up()
        elif self.pid is not None:
            self._scope.forget(self)
            reap_in_thread(self.pid)

    def _exited(self, status: int | None) -> None:
        if status is None:
            log.msg(f"somebody else has reaped process {self.pid}: its exit status is lost")
        self._watch = self.pid = None
        self._is_watched = False
        self.status = status
        self._reason = _reason_for(status)
        self.call("processExited", self._reason)
        self._leave()

    def _leave(self) -> None:
        """End, if the ends are closed and the exit is known, or never will be."""
        if self.pipes or self._is_watched:
            return
        if self._scope.held.pop(self, self) is None and self._reason is not None:
            self.call("processEnded", self._reason)
        self.proto = None  # else each would keep the other until they are collected

    def _readers(self) -> list[PipeEnd]:
        return [pipe for pipe in self.pipes.values() if pipe.reads]


@implementer("IProcessTransport", "IConsumer", "IPushProducer")
class PTYProcess(Process):
    """One child process on a terminal of its own.

    All that the child writes comes as its standard output. The protocol doesn't hear of single
    descriptors being closed.
    """

    def closeStdin(self) -> None:
        """Do nothing: the terminal is one, and `loseConnection` closes it."""

    closeStdout = closeStderr = closeStdin

    def closeChildFD(self, descriptor: int) -> None:
        """Raise `NotImplementedError`: the terminal is one, and `loseConnection` closes it."""
        raise NotImplementedError("a terminal has no single descriptors: use loseConnection()")

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """Raise `NotImplementedError`: `write` is what types at the terminal."""
        raise NotImplementedError("a terminal has no single descriptors: use write()")

    def loseConnection(self) -> None:
        """Hang up, once everything written has been sent; the child gets SIGHUP."""
        if 0 in self.pipes:
            self.pipes[0].loseConnection()

    def fileno(self) -> int:
        """The terminal's descriptor on our side, or -1 once it is closed."""
        return self.pipes[0].fileno() if self.pipes else -1

    def received(self, name: int, data: bytes) -> Failure | None:
        """Tell of data, as of standard output's."""
        return super().received(1, data)

    def end_lost(self, name: int) -> None:
        """End, if the exit is known, too."""
        del self.pipes[name]
        self._leave()


def _number_of(signal_id: Any) -> int:
    if isinstance(signal_id, str):
        name = signal_id if signal_id.startswith("SIG") else f"SIG{signal_id}"
        found = getattr(signal, name, None)
        if not isinstance(found, signal.Signals):
            raise ValueError(f"signalProcess() knows no signal {signal_id!r}: use one as 'TERM'")
        return found
    if not isinstance(signal_id, int):
        raise TypeError(f"signalProcess() takes a signal's name or number, not {signal_id!r}")
    return signal_id


def _reason_for(status: int | None) -> Failure:
    if status is None:
        return Failure(error.ProcessTerminated())
    if status == 0:
        return Failure(error.ProcessDone(status))
    if os.WIFEXITED(status):
        return Failure(error.ProcessTerminated(os.WEXITSTATUS(status), None, status))
    return Failure(error.ProcessTerminated(None, os.WTERMSIG(status), status))
