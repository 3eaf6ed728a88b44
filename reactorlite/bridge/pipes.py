"""Ends of pipes on the loop: streams that go one way, or a terminal's two.

An end can be written to, paused and closed before the loop has it, and before there is a loop.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.endings import Ending
from reactorlite.bridge.flow import MARK
from reactorlite.bridge.inbound import StreamAdapter
from reactorlite.bridge.loops import is_closing, is_uvloop
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.bridge.terminals import TerminalWriter
from reactorlite.internet.address import _ProcessAddress

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from reactorlite.bridge.scope import Scope
    from reactorlite.python.failure import Failure


def open_end(scope: Scope, way: str, descriptor: int, protocol: Any) -> PipeTransport:
    """The transport of our end of a pipe, which we read ("r") or write to ("w").

    A terminal or a socket will do as well. `protocol` has `dataReceived(data)` and
    `connectionLost(reason)`. The descriptor is the transport's from here on. Who opens it
    closes it with the reactor, by its `stop()`.
    """
    end = (
        ReadEnd(scope, descriptor, protocol)
        if way == "r"
        else WriteEnd(scope, descriptor, protocol)
    )
    assert end.out is not None
    return end.out


class PipeEnd(StreamAdapter):
    """Our end of a pipe, seen from the event loop."""

    __slots__ = ("_opening",)

    out: PipeTransport | None
    #: Whether the loop reads from it, else it writes to it.
    reads: bool

    def __init__(self, scope: Scope, descriptor: int, protocol: Any) -> None:
        super().__init__(None, scope)
        self._opening = _Opening(self, descriptor)
        self.out = PipeTransport(self, self._opening, protocol)
        scope.start(self, self._begin)

    # -- asyncio's callbacks

    def connection_made(self, transport: Any) -> None:
        if hasattr(transport, "max_size"):
            transport.max_size = MARK  # see `StreamAdapter`
        if self.out is not None:
            self.out._loop = loop = asyncio.get_running_loop()
            if self.reads or self.out.is_untouched:
                self._settle_in(transport)
                return
            # Not at once: stock asyncio will watch a pipe after this, even one that is closed
            # by then, and take a later one with its number for one that it watches already.
            loop.call_soon(self._settle_in, transport)

    def eof_received(self) -> bool:
        return False  # the end of a pipe is the end of it all

    def connection_lost(self, exc: BaseException | None) -> None:
        work, self._opening.work = self._opening.work, None
        if work is not None:
            work.close()
        self._opening.end = None  # else each would keep the other until they are collected
        super().connection_lost(exc)

    # -- what the transport calls

    def resume_reading(self) -> None:
        if self.out is not None and self.out._loop is None:
            self._held = None  # nothing has come yet
        else:
            super().resume_reading()

    def rest(self) -> None:
        if self.reads:
            super().rest()

    def give_up(self) -> None:
        """Close what the loop doesn't have yet."""
        assert self.scope is not None
        self.scope.forget(self)
        self._opening.file.close()
        self.scope.soon(self._given_up)

    # -- inside

    def _settle_in(self, transport: Any) -> None:
        out = self.out
        if out is None:
            return
        opening = self._opening
        out._asyncio = transport
        if self._held is not None and self.reads:
            transport.pause_reading()
        if opening.is_over:
            out.stop()
            return
        if opening.waiting:
            transport.write(b"".join(opening.waiting))
        if opening.is_asked:
            out._tell_when_empty()
        out.flush()

    def _given_up(self) -> None:
        self.connection_lost(None)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        opening = self._opening
        opening.is_begun = True
        # It has no more to do but to wait for `connection_made`, and is spared the turns that
        # this would take. Held, as it would close the transport when it is collected.
        opening.work = work = self._put_on(loop, opening.file)
        try:
            waits_for = work.send(None)
        except StopIteration:
            opening.work = None
        except Exception as exc:
            opening.work = None
            opening.file.close()
            loop.call_soon(self.connection_lost, exc)
        else:
            waits_for._asyncio_future_blocking = False

    async def _put_on(self, loop: asyncio.AbstractEventLoop, file: Any) -> None:
        raise NotImplementedError


class ReadEnd(PipeEnd):
    """An end that data comes from."""

    __slots__ = ()
    reads = True

    async def _put_on(self, loop: asyncio.AbstractEventLoop, file: Any) -> None:
        await loop.connect_read_pipe(lambda: self, file)


class WriteEnd(PipeEnd):
    """An end that data goes to; closed, too, when nobody reads the other."""

    __slots__ = ()
    reads = False

    async def _put_on(self, loop: asyncio.AbstractEventLoop, file: Any) -> None:
        if is_uvloop(loop) and os.isatty(file.fileno()):
            TerminalWriter(loop, file, self)
        else:
            await loop.connect_write_pipe(lambda: self, file)


class PipeTransport(StreamTransport):
    """An end of a pipe, as a protocol's transport has it."""

    _adapter: PipeEnd

    def __init__(self, end: PipeEnd, opening: _Opening, protocol: Any) -> None:
        loop: Any = None  # until there is one, nothing is asked of it
        address: Any = _ProcessAddress()
        super().__init__(end, opening, loop, protocol, address, address)

    def abortConnection(self) -> None:
        """Close at once: what waits to be sent is dropped."""
        if self.connected:
            self.end(Ending.ABORT)

    def end(self, ending: Ending | Failure) -> None:
        self.ending = ending
        self._shut = True
        self._drop()
        transport = self._asyncio
        if self.reads:
            transport.close()  # asyncio's transports that only read have no `abort`
        elif not is_closing(transport) or transport.get_write_buffer_size():
            transport.abort()  # else it has ended, and stock asyncio would tell so twice

    def stop(self) -> None:
        if not self.reads and self.ending is Ending.NONE:
            self._send()
        self.end(Ending.STOP)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was written yet, nor asked."""
        return not (self._unsettled or self._shut or self.unsent)

    @property
    def reads(self) -> bool:
        """Whether data comes from here, else it goes there."""
        return self._adapter.reads

    def getHost(self) -> Any:
        """Nothing to speak of: a pipe has no address."""
        return self._peer

    def fileno(self) -> int:
        """The descriptor, or -1 once it is closed."""
        opening = self._adapter._opening
        return -1 if not self.connected else opening.file.fileno()

    def __repr__(self) -> str:
        state = "connected" if self.connected else "lost"
        way = "reading" if self.reads else "writing"
        return f"<{type(self).__name__} {way}, {state}>"


class Descriptor:
    """What the loop takes for a file: cheaper than one, and as little as it asks for."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """The descriptor, or -1 once it is closed."""
        return self._number

    def close(self) -> None:
        """Close it, once."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


class _Opening:
    """Stands for asyncio's transport until that is made."""

    __slots__ = ("end", "file", "is_asked", "is_begun", "is_over", "waiting", "work")

    def __init__(self, end: PipeEnd, descriptor: int) -> None:
        self.end: PipeEnd | None = end
        self.file = Descriptor(descriptor)
        self.waiting: list[bytes] = []
        self.is_asked = False  # to tell when nothing waits any longer
        self.is_begun = False
        self.is_over = False
        self.work: Coroutine[Any, Any, None] | None = None

    def write(self, data: bytes) -> None:
        self.waiting.append(data)

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.waiting))

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        self.is_asked = True

    def pause_reading(self) -> None:
        """Nothing is read yet."""

    def is_closing(self) -> bool:
        return self.is_over

    def get_extra_info(self, name: str) -> None:
        return None

    def abort(self) -> None:
        if not self.is_over:
            self.is_over = True
            if self.end is not None and not self.is_begun:
                self.end.give_up()

    close = abort
