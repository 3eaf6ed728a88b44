"""The reverse way: an `asyncio.Protocol` on whatever a Twisted-style factory is given to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.addresses import socket_name
from reactorlite.bridge.flow import MARK
from reactorlite.internet import error
from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.python import log
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.internet.interfaces import IAddress, IConnector
    from reactorlite.python.failure import Failure


@implementer("IHalfCloseableProtocol")
class NativeProtocol(Protocol):
    """A Twisted-style protocol that passes everything on to an asyncio one.

    Its transport may be any: a TCP connection of the reactor's, one inside TLS or a
    tunnel, or a test's `StringTransport`.
    """

    def __init__(self, native: asyncio.BaseProtocol) -> None:
        self.native: Any = native  # may be changed, by `set_protocol`
        self._left = memoryview(b"")
        self._is_passing_on = False

    def connectionMade(self) -> None:
        """Give the asyncio protocol a transport, and let it slow down through a producer."""
        self._facade = NativeTransport(self)
        self.transport.registerProducer(_Brake(self), True)
        self.native.connection_made(self._facade)

    def dataReceived(self, data: bytes) -> None:
        """Pass data on, in the way that the asyncio protocol wants it."""
        self._left = memoryview(self._left.tobytes() + data if self._left else data)
        self.pass_on()

    def pass_on(self) -> None:
        """Pass on what is left, as long as the asyncio protocol wants it."""
        if self._is_passing_on:
            return
        self._is_passing_on = True
        try:
            while self._left and self._facade.is_reading():
                self._left = self._left[self._pass_on(self._left) :]
        finally:
            self._is_passing_on = False

    def _pass_on(self, data: memoryview) -> int:
        if isinstance(self.native, asyncio.BufferedProtocol):
            return _fill(self.native, data)
        whole: Any = data.obj
        self.native.data_received(whole if len(whole) == len(data) else data.tobytes())
        return len(data)

    def readConnectionLost(self) -> None:
        """Tell of the peer's end; close unless the asyncio protocol says otherwise."""
        if not self.native.eof_received():
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing to tell: asyncio's protocols know that they ended this half."""

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # always given
        """Tell of the end as asyncio does: None for one in order, or by our own doing."""
        self._facade._closing = True
        in_order = reason.check(error.ConnectionDone, error.ConnectionAborted)
        self.native.connection_lost(None if in_order else _cause_of(reason))


class NativeTransport(asyncio.Transport):
    """asyncio's names for what a Twisted-style transport can do."""

    def __init__(self, protocol: NativeProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._transport: Any = protocol.transport
        self._closing = False
        self._reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(bytes(data))

    def can_write_eof(self) -> bool:
        return hasattr(self._transport, "loseWriteConnection")

    def write_eof(self) -> None:
        self._transport.loseWriteConnection()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            # A paused producer would be asked for more before the end.
            self._transport.unregisterProducer()
            self._transport.loseConnection()

    def abort(self) -> None:
        self._closing = True
        self._transport.abortConnection()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._transport.pauseProducing()

    def resume_reading(self) -> None:
        self._reading = True
        self._protocol.pass_on()
        if self._reading:
            self._transport.resumeProducing()

    def is_reading(self) -> bool:
        return self._reading and not self.is_closing()

    def get_write_buffer_size(self) -> int:
        unsent = getattr(self._transport, "unsent", None)
        if unsent is None:
            raise NotImplementedError(f"{self._transport!r} doesn't tell how much it has to send")
        return int(unsent)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (0, MARK)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Change nothing: writing pauses over 64 KiB, and resumes at 0, on every transport."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol.native = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol.native  # type: ignore[no-any-return]  # of either kind

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return socket_name(self._transport.getPeer())
        if name == "sockname":
            return socket_name(self._transport.getHost())
        if name == "socket" and hasattr(self._transport, "getHandle"):
            return self._transport.getHandle()
        return default


class _Brake:
    """A producer that is the asyncio protocol's `pause_writing` and `resume_writing`."""

    def __init__(self, protocol: NativeProtocol) -> None:
        self._protocol = protocol
        self._paused = False

    def pauseProducing(self) -> None:
        # Twisted repeats itself with every write; asyncio says it once.
        if not self._paused:
            self._paused = True
            self._protocol.native.pause_writing()

    def resumeProducing(self) -> None:
        if self._paused:
            self._paused = False
            self._protocol.native.resume_writing()

    def stopProducing(self) -> None:
        """The connection is lost, which `connection_lost` will say."""


class NativeFactory(ClientFactory[NativeProtocol]):
    """Makes a `NativeProtocol` around what `protocol_factory()` gives."""

    noisy = False

    def __init__(self, protocol_factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self._protocol_factory = protocol_factory

    def buildProtocol(self, addr: IAddress | None) -> NativeProtocol:
        protocol = self._protocol_factory()
        if not hasattr(protocol, "connection_made"):
            raise TypeError(
                f"as_factory() takes what makes asyncio protocols, not {protocol!r}:"
                " a Twisted-style protocol needs no bridge, Factory.forProtocol makes a factory"
            )
        return NativeProtocol(protocol)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        # An asyncio protocol never hears of a connection that didn't come about.
        log.err(reason, f"{connector!r} could not connect")


def _fill(protocol: asyncio.BufferedProtocol, data: memoryview) -> int:
    """Hand over as much of `data` as the protocol's own buffer has room for."""
    room = memoryview(protocol.get_buffer(len(data))).cast("B")
    size = min(len(room), len(data))
    if not size:
        raise RuntimeError(f"{protocol!r}.get_buffer() gave an empty buffer")
    room[:size] = data[:size]
    protocol.buffer_updated(size)
    return size


def _cause_of(reason: Failure) -> BaseException:
    """The error beneath Twisted's, which is the one that asyncio would have told of."""
    value: BaseException = reason.value
    return value.__cause__ or value
