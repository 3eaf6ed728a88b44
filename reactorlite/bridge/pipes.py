"""Our ends of the pipes to a child, or of its terminal, as descriptors that the loop watches.

asyncio's transports for pipes take several turns, a future and a look at the file for each end,
which together cost as much as starting the child; and uvloop's for writing reads as well, so
that a terminal, which is one for both ways, would lose its input there. Loops that have
processes watch descriptors.

An end can be written to, paused and closed before there is a loop.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.flow import MARK
from reactorlite.bridge.loops import check_thread
from reactorlite.bridge.reporting import kind_of, log_raised, report
from reactorlite.internet._constants import CONNECTION_DONE
from reactorlite.internet.abstract import FileDescriptor
from reactorlite.internet.fdesc import writeToFD
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from reactorlite.bridge.processes import Process


class PipeEnd(FileDescriptor):
    """What the child has as its descriptor `name`, on our side.

    `process` hears of what comes by `received(name, data)`, and of the end, by `end_lost(name)`.
    Who opens it has `begin` called when there is a loop.
    """

    #: Whether data comes from here.
    reads = False

    connected = 1
    _loop: asyncio.AbstractEventLoop | None = None
    _is_read = True  # to be; it is when there is a loop
    _is_written = False  # to be; when there is a loop, by the turn that is due or by a watch
    _turn: asyncio.Handle | None = None

    def __init__(self, process: Process, name: int, descriptor: int) -> None:
        super().__init__(process.reactor)
        self.name = name
        self._process = process
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do on `loop` what was asked for until now, and all that will be."""
        self._loop = loop
        if self._is_read:
            loop.add_reader(self._descriptor, self._step, self.doRead)
        if self._is_written:
            self._turn = loop.call_soon(self._send)

    def fileno(self) -> int:
        """The descriptor, or -1 once it is closed."""
        return self._descriptor if self.connected else -1

    def stop(self) -> None:
        """Close because the reactor ends; what can be sent at once still is."""
        if self.connected:
            if self._is_written:
                rest = b"".join([self.dataBuffer[self.offset :], *self._waiting])
                writeToFD(self._descriptor, rest)
            self.close()

    def close(self) -> None:
        """Close now, dropping what waits."""
        self.stopReading()
        self.stopWriting()
        self.connected, self.disconnected = 0, 1
        os.close(self._descriptor)
        producer, self.producer = self.producer, None
        if producer is not None:
            try:
                producer.stopProducing()
            except Exception:
                log_raised(producer, "stopProducing")
        self._process.end_lost(self.name)

    def loseConnection(self, _connDone: Failure | None = None) -> None:
        """Close, when everything that waits has been written."""
        check_thread(self._loop, "transport.loseConnection")
        super().loseConnection(_connDone)

    # -- what `FileDescriptor` asks for

    def startReading(self) -> None:
        """Have `doRead` called when there is something to read."""
        if not self._is_read:
            self._is_read = True
            if self._loop is not None:
                self._loop.add_reader(self._descriptor, self._step, self.doRead)

    def stopReading(self) -> None:
        """Have `doRead` called no more."""
        if self._is_read:
            self._is_read = False
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)

    def startWriting(self) -> None:
        """Have `doWrite` called at the end of the turn, and then whenever there is room."""
        if not self._is_written:
            self._is_written = True
            if self._loop is not None:
                self._turn = self._loop.call_soon(self._send)

    def stopWriting(self) -> None:
        """Have `doWrite` called no more."""
        if not self._is_written:
            return
        self._is_written = False
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.cancel()
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.remove_writer(self._descriptor)

    def writeSomeData(self, data: bytes) -> int | Exception:
        """Write what there is room for."""
        return writeToFD(self._descriptor, data)

    # -- inside

    def _wait(self, *pieces: bytes) -> None:
        if not self._is_written:
            check_thread(self._loop, "transport.write")
        super()._wait(*pieces)

    def _send(self) -> None:
        """Write what the turn has brought, and watch for room if there wasn't enough."""
        turn = self._turn
        self._step(self.doWrite)
        if turn is not None and self._turn is turn:
            self._turn = None
            assert self._loop is not None
            self._loop.add_writer(self._descriptor, self._step, self.doWrite)

    def _step(self, work: Callable[[], Any]) -> None:
        try:
            is_over = work()
        except BaseException:
            is_over = report(Failure(), f"{kind_of(self.producer)}.resumeProducing")
        if is_over and self.connected:
            self.close()


class ReadEnd(PipeEnd):
    """An end that data comes from."""

    reads = True

    def doRead(self) -> Any:
        """Read, and hand on what was read; what is answered, if anything, ends it."""
        try:
            data = os.read(self._descriptor, MARK)
        except BlockingIOError:
            return None
        except OSError as exc:  # a terminal that is hung up, too
            return exc
        return self._process.received(self.name, data) if data else CONNECTION_DONE

    def doWrite(self) -> Exception | int | None:
        """Called when it is to be closed: there is nothing to write."""
        return CONNECTION_DONE


class WriteEnd(PipeEnd):
    """An end that data goes to; closed, too, when nobody reads the other."""

    def doRead(self) -> Exception:
        """Called when the other end was closed: else there is never anything to read."""
        return CONNECTION_DONE


class TerminalEnd(ReadEnd):
    """Our side of a terminal, which data comes from and goes to."""

    doWrite = PipeEnd.doWrite

    def writeSomeData(self, data: bytes) -> int | Exception:
        """Write what there is room for; nowhere once it is hung up."""
        taken = super().writeSomeData(data)
        # A child that is gone may have left something to be read: reading tells of the end.
        if isinstance(taken, Exception) or (not taken and _is_hung_up(self._descriptor)):
            return len(data)
        return taken


def _is_hung_up(descriptor: int) -> bool:
    """Whether nobody is at the other side of a terminal.

    When what was written last fills it, it takes no more and doesn't say why, and yet the loop
    calls it ready each turn.
    """
    looking = select.poll()
    looking.register(descriptor, 0)
    return bool(looking.poll(0))
