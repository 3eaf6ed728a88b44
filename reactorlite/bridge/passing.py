"""Descriptors that are sent along with the bytes of a UNIX socket's connection.

asyncio's transports know nothing of them. What sends or receives them does that on a duplicate of
the socket, which the loop doesn't take for the transport's own.
"""

from __future__ import annotations

import array
import asyncio
import os
import socket
from typing import Any

from reactorlite.bridge.endings import Ending, reason_for
from reactorlite.bridge.flow import MARK
from reactorlite.bridge.inbound import ClientAdapter, StreamAdapter
from reactorlite.bridge.loops import can_receive_descriptors
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.bridge.reporting import kind_of
from reactorlite.internet import error
from reactorlite.python import log
from reactorlite.python.components import adapted, implementer
from reactorlite.python.failure import Failure

#: As many descriptors as Linux passes in one message.
_MOST = 253

#: Descriptors that are received aren't for programs that this one starts. Not on macOS.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


@implementer("IUNIXTransport")
class UNIXTransport(StreamTransport):
    """A connection over a UNIX socket, seen from its protocol."""

    # Few connections ever send a descriptor.
    _descriptors: list[int] | None = None
    _side: socket.socket | None = None

    def __init__(
        self,
        adapter: StreamAdapter,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        protocol: Any,
        peer: Any,
        host: Any,
    ) -> None:
        if takes_descriptors(protocol):
            transport = DescriptorReader(transport, adapter, loop)
        super().__init__(adapter, transport, loop, protocol, peer, host)

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Send a descriptor along with the next byte that is written, of which there must be one.

        The peer's protocol gets it before that byte; several go with one byte. It is duplicated,
        so that it may be closed after this call. One that no byte follows is never sent, and
        `loseConnection` then ends with `FileDescriptorOverrun`. Raises `OSError` for what is no
        descriptor, and does nothing on a connection that is closed.
        """
        if not isinstance(descriptor, int):
            raise TypeError(
                f"sendFileDescriptor() takes a descriptor's number, not {descriptor!r}:"
                " a file's is its fileno()"
            )
        duplicate = os.dup(descriptor)
        if not self.connected or self._shut:
            os.close(duplicate)
            return
        self._send()
        if self._descriptors is None:
            self._descriptors = []
        self._descriptors.append(duplicate)

    def flush(self) -> None:
        """End a callback or a turn, as soon as the descriptors have gone."""
        if self._descriptors and self._first is not None and not self._have_gone():
            self._gathering = False
            self._pause_producer()
            return
        super().flush()

    def _settle(self) -> None:
        super()._settle()
        if self._descriptors and self._shut and self.disconnecting and self.ending is Ending.NONE:
            self.ending = Failure(error.FileDescriptorOverrun())

    def _pause_producer(self) -> None:
        # However few the bytes are: the descriptors that wait for room are open, and many.
        flow = self._flow
        if flow is not None and not flow.is_due:
            self._unsettled = True
            flow.fill()

    def _send(self) -> None:
        if not self._descriptors or self._first is None or self._have_gone():
            super()._send()

    def _have_gone(self) -> bool:
        """Send the descriptors with the first of the bytes; whether none is left."""
        self._tell_when_empty()
        while self._descriptors and self._first:
            if self._asyncio.get_write_buffer_size():
                return False  # `drained` tells when these bytes have gone, which come before
            data = self._first if self._more is None else b"".join(self._more)
            batch = self._descriptors[:_MOST]
            try:
                # More descriptors than one message takes go with a byte for each message.
                sent = self._send_with(data if len(batch) < _MOST else data[:1], batch)
            except BlockingIOError:
                self._go_on_when_writable()
                return False
            except OSError as exc:
                self.end(reason_for(exc, Ending.NONE))
                return True
            del self._descriptors[:_MOST]
            for each in batch:
                os.close(each)
            self._first, self._more, self._size = data[sent:] or None, None, 0
        return not self._descriptors or self._first is None

    def _send_with(self, data: bytes, descriptors: list[int]) -> int:
        numbers = array.array("i", descriptors)
        message = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
        return self._own_socket().sendmsg([data], message)

    def _own_socket(self) -> socket.socket:
        """A duplicate of the socket: asyncio's own has no `sendmsg`, and is the loop's to watch."""
        if self._side is None:
            self._side = socket.socket(fileno=os.dup(self.fileno()))
        return self._side

    def _go_on_when_writable(self) -> None:
        # asyncio, which has nothing to write itself, doesn't tell.
        self._loop.add_writer(self._own_socket(), self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._own_socket())
        if not self._gathering:
            self.flush()

    def lost(self) -> None:
        """Accept nothing any longer, and let go of what was not sent."""
        super().lost()
        for each in self._descriptors or ():
            os.close(each)
        self._descriptors = None
        if self._side is not None:
            self._loop.remove_writer(self._side)
            self._side.close()
            self._side = None
        if isinstance(self._asyncio, DescriptorReader):
            self._asyncio.leave()


class DescriptorReader:
    """asyncio's transport, but for reading: that goes on here, to find descriptors.

    asyncio's own way of reading would let the system close what descriptors come along.
    """

    def __init__(
        self, transport: Any, adapter: StreamAdapter, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport = transport
        self._adapter = adapter
        self._loop = loop
        self._side: socket.socket | None = socket.socket(
            fileno=os.dup(transport.get_extra_info("socket").fileno())
        )
        self._reads = False
        self._has_ended = False
        transport.pause_reading()
        self.resume_reading()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""
        if self._side is not None and self._reads:
            self._reads = False
            self._loop.remove_reader(self._side)

    def resume_reading(self) -> None:
        """Read again."""
        if self._side is not None and not self._reads and not self._has_ended:
            self._reads = True
            self._loop.add_reader(self._side, self._read)

    def close(self) -> None:
        """Read no more, and close when all is written."""
        self.pause_reading()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.leave()
        self._transport.abort()

    def leave(self) -> None:
        """Read no more, for the connection is over."""
        self.pause_reading()
        side, self._side = self._side, None
        if side is not None:
            side.close()

    def _read(self) -> None:
        assert self._side is not None
        try:
            data, found, _, _ = socket.recv_fds(self._side, MARK, _MOST, _CLOSE_ON_EXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            out = self._adapter.out
            if out is not None:
                out.end(reason_for(exc, Ending.NONE))
            return
        self._deliver(found)
        if data:
            self._adapter.data_received(data)
        else:
            self._has_ended = True
            self.pause_reading()
            if not self._adapter.eof_received():
                self._transport.close()

    def _deliver(self, found: list[int]) -> None:
        for each in found:
            out = self._adapter.out
            if out is None or out.is_ending:
                os.close(each)
                continue
            receiver = adapted("IFileDescriptorReceiver", out.protocol)
            if receiver is None:  # another protocol has the connection by now
                log.msg(f"{out!r} got a descriptor that its protocol doesn't take", isError=True)
                os.close(each)
                continue
            self._adapter.call(receiver.fileDescriptorReceived, each)


class UNIXAdapter(StreamAdapter):
    """An accepted connection over a UNIX socket."""

    __slots__ = ()

    transport = UNIXTransport

    def _built(self, address: Any) -> Any:
        return _servable(super()._built(address))


class UNIXClientAdapter(ClientAdapter):
    """A connection over a UNIX socket that a connector made."""

    __slots__ = ()

    transport = UNIXTransport

    def _built(self, address: Any) -> Any:
        return _servable(super()._built(address))


def _servable(protocol: Any) -> Any:
    """`protocol`, or None, which closes, when the loop would drop descriptors sent to it."""
    if takes_descriptors(protocol) and not can_receive_descriptors(asyncio.get_running_loop()):
        impossible = NotImplementedError(
            f"{kind_of(protocol)} can't receive descriptors on this loop: on uvloop a connection"
            " is read before it can be watched, and Windows has none to send; use stock asyncio"
        )
        log.err(Failure(impossible), "A connection over a UNIX socket was closed")
        return None
    return protocol


def takes_descriptors(protocol: Any) -> bool:
    """Whether `protocol` provides `IFileDescriptorReceiver`."""
    return adapted("IFileDescriptorReceiver", protocol) is not None
