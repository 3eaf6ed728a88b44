"""Standard input and output as one transport.

It stands on descriptors that the loop watches, and not on asyncio's transports for pipes: these
take no files, and leave a terminal in the mode that they set, for the shell to find.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet._constants import CONNECTION_DONE
from reactorlite.internet._current import current_reactor
from reactorlite.internet.abstract import FileDescriptor
from reactorlite.internet.fdesc import readFromFD, writeToFD
from reactorlite.python import log
from reactorlite.python._saying import name_of
from reactorlite.python.components import adapted, implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["PipeAddress", "StandardIO"]


@implementer("IAddress")
class PipeAddress:
    """The address of either side of standard input and output, of which nothing is known."""


@implementer("ITransport", "IPushProducer", "IConsumer", "IHalfCloseableDescriptor")
class StandardIO:
    """Connects `proto` to standard input and output: terminals, pipes, sockets, files.

    The protocol gets what is read, and what it writes is written; `connectionMade` is called at
    once. At the end of the input the connection ends when all is written, but an
    `IHalfCloseableProtocol` hears `readConnectionLost` and goes on. Nobody hears that the output
    is of no use any more but such a protocol, by `writeConnectionLost`. `stdin` and `stdout` are
    descriptors; they stay open at the end, and are set back to blocking if they were. Raises
    `OSError` for one that is closed.
    """

    disconnected = False
    disconnecting = False

    def __init__(self, proto: Any, stdin: int = 0, stdout: int = 1, reactor: Any = None) -> None:
        self.protocol = proto
        self.reactor: Any = current_reactor() if reactor is None else reactor
        self._blocking = {
            stdin: _mode(stdin, "stdin", sys.__stdin__ is None and stdin == 0),
            stdout: _mode(stdout, "stdout", sys.__stdout__ is None and stdout == 1),
        }
        for descriptor in self._blocking:
            os.set_blocking(descriptor, False)
        self._reader = Input(self, stdin)
        self._writer = Output(self, stdout)
        # What is paused is watched by nobody, who could tell it that the reactor ends.
        self._trigger: Any = self.reactor.addSystemEventTrigger(
            "during", "shutdown", self.connectionLost, Failure(error.ConnectionLost())
        )
        try:
            self._reader.startReading()
            self._writer.watch_other_end()
        except BaseException:
            self._let_go()
            raise
        proto.makeConnection(self)

    # -- writing

    def write(self, data: bytes) -> None:
        """Write `data`; nothing happens once the output has ended. `TypeError` for text."""
        self._writer.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write all of `data`, as `write` does."""
        self._writer.writeSequence(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` write, and be paused while too much waits."""
        self._writer.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let the producer go, which has no more to write."""
        self._writer.unregisterProducer()

    def loseWriteConnection(self) -> None:
        """Write nothing more than what waits; the descriptor stays open, as it does at the end."""
        if self._writer.connected:
            self._writer.loseWriteConnection()

    # -- reading

    def pauseProducing(self) -> None:
        """Read nothing for now."""
        self._reader.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        if not self.disconnecting:
            self._reader.resumeProducing()

    def stopProducing(self) -> None:
        """End, when all is written."""
        self.loseConnection()

    def startReading(self) -> None:
        """Read again; another name for `resumeProducing`."""
        self.resumeProducing()

    def stopReading(self) -> None:
        """Read nothing for now; another name for `pauseProducing`."""
        self.pauseProducing()

    # -- ending

    def loseConnection(self) -> None:
        """End when all is written; `connectionLost` follows, from the loop."""
        if self.disconnected or self.disconnecting:
            return
        self.disconnecting = True
        self._reader.stopReading()
        if self._writer.connected:
            self._writer.loseConnection()
        else:
            self.reactor.callLater(0, self.connectionLost, Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        """End now, for that reason: called when either descriptor fails, or the reactor ends."""
        if self.disconnected:
            return
        self.disconnected = True
        for half in (self._reader, self._writer):
            half.end(reason)
            half._owner = None
        self._let_go()
        protocol, self.protocol = self.protocol, None
        try:
            protocol.connectionLost(reason)
        except Exception:
            log.err(Failure(), "Unhandled error in the connectionLost of a protocol on StandardIO")

    def readConnectionLost(self, reason: Failure) -> None:
        """Called at the end of the input."""
        listener = adapted("IHalfCloseableProtocol", self.protocol)
        if listener is None:
            self.loseConnection()
        else:
            self._half_ended(listener.readConnectionLost, self._writer, reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Called when nothing can be written any longer, or nothing is to be."""
        listener = adapted("IHalfCloseableProtocol", self.protocol)
        if self.disconnecting:
            self.connectionLost(reason)
        elif listener is not None:
            self._half_ended(listener.writeConnectionLost, self._reader, reason)

    def getPeer(self) -> PipeAddress:
        """A `PipeAddress`."""
        return PipeAddress()

    def getHost(self) -> PipeAddress:
        """A `PipeAddress`."""
        return PipeAddress()

    # -- inside

    def _half_ended(self, tell: Callable[[], object], other: Half, reason: Failure) -> None:
        try:
            tell()
        except Exception:
            failure = Failure()
            log.err(failure, f"Unhandled error in {name_of(tell)}")
            self.connectionLost(failure)
            return
        if not other.connected:
            self.connectionLost(reason)

    def _let_go(self) -> None:
        for descriptor, blocking in self._blocking.items():
            with suppress(OSError):  # of one that somebody has closed, who needs no mode
                os.set_blocking(descriptor, blocking)
        try:
            self.reactor.removeSystemEventTrigger(self._trigger)
        except ValueError:
            return  # it is what calls us
        finally:
            self._trigger = None


class Half(FileDescriptor):
    """One of the two descriptors, which it never closes."""

    def __init__(self, owner: StandardIO, descriptor: int) -> None:
        super().__init__(owner.reactor)
        self.connected = 1
        self._owner: Any = owner  # none, once both have ended
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor's number, or -1 when this half has ended."""
        return self._descriptor if self.connected else -1

    def end(self, reason: Failure) -> None:
        """Be watched no longer, and let the producer go."""
        if self.connected:
            super().connectionLost(reason)


class Input(Half):
    """Standard input."""

    def doRead(self) -> Exception | None:
        """Read, and hand on what was read."""
        return readFromFD(self._descriptor, self._owner.protocol.dataReceived)

    def readConnectionLost(self, reason: Failure) -> None:
        """Called at the end of the input."""
        self.end(reason)
        self._owner.readConnectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """Called when reading fails, or what reads: the protocol's `dataReceived`."""
        self.end(reason)
        self._owner.connectionLost(reason)


class Output(Half):
    """Standard output."""

    def watch_other_end(self) -> None:
        """Notice when nobody can read any longer what is written to a pipe."""
        # A pipe's writing end is never readable but then. Sockets and terminals are.
        if stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            self.startReading()

    def doRead(self) -> Exception | None:
        """Called when a pipe's other end was closed."""
        return error.ConnectionLost()

    def writeSomeData(self, data: bytes) -> int | Exception:
        """Write what there is room for."""
        return writeToFD(self._descriptor, data)

    def _closeWriteConnection(self) -> Exception | None:
        return CONNECTION_DONE

    def connectionLost(self, reason: Failure) -> None:
        """Called when writing fails, and when all is written that was to be."""
        if self.connected:
            self.end(reason)
            self._owner.writeConnectionLost(reason)


def _mode(descriptor: int, name: str, was_closed: bool) -> bool:
    """Whether a descriptor blocks; `OSError` if there is none."""
    # The number of one that was closed when the program began may by now be of the loop's own.
    try:
        if was_closed:
            raise OSError
        return os.get_blocking(descriptor)
    except OSError:
        raise OSError(
            errno.EBADF,
            f"StandardIO has no {name}: descriptor {descriptor} is closed. Start the program with"
            f" one, be it {os.devnull}, or give another as `{name}`",
        ) from None
