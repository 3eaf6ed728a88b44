"""What one reactor has open: it waits for a loop, lives on it, and is closed together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from reactorlite.bridge.errands import Errand
from reactorlite.internet.defer import Deferred
from reactorlite.python import log
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from reactorlite.bridge.connecting import StreamConnector
    from reactorlite.bridge.inbound import StreamAdapter
    from reactorlite.bridge.reaching import LookUp


class Held(Protocol):
    """Something open that is neither a port, nor an attempt, nor a stream's connection."""

    def close_for_good(self) -> object:
        """Close, because the reactor ends, and leave the scope, at once or from the loop."""


class Listening(Held, Protocol):
    """A port, which knows when it was asked to close and isn't closed yet."""

    disconnecting: bool


class Scope:
    """The ports, attempts and connections of one reactor, and the loop they are on, if any."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ports: dict[Listening, None] = {}
        self.connectors: dict[StreamConnector, None] = {}
        # A dict: at some sizes a set takes four times its room.
        self.connections: dict[StreamAdapter, None] = {}
        # What else is to be closed with the reactor: it takes itself out when it is closed.
        self.held: dict[Held, None] = {}
        self._waiting: dict[object, Callable[[asyncio.AbstractEventLoop], object]] = {}
        self._errands: set[Errand] = set()
        self.closing = False
        # How names become addresses, where the loop's own resolver isn't to be asked.
        self.look_up: LookUp | None = None

    # -- the loop

    def start(self, key: object, begin: Callable[[asyncio.AbstractEventLoop], object]) -> None:
        """Call `begin(loop)`: now if there is a loop, else when there is; see `forget`."""
        if self.loop is not None:
            begin(self.loop)
        else:
            self._waiting[key] = begin

    def forget(self, key: object) -> None:
        """Take back what was to start under `key`, if it still waits."""
        self._waiting.pop(key, None)

    def soon(self, call: Callable[[], object]) -> None:
        """Call `call` on the loop's next turn, or at once when there is no loop to wait for."""
        if self.loop is not None and not self.is_closed:
            self.loop.call_soon(call)
        else:
            call()

    @property
    def is_closed(self) -> bool:
        """Whether somebody has closed the loop."""
        return self.loop is not None and self.loop.is_closed()

    def spawn(self, work: Coroutine[Any, Any, object]) -> Errand:
        """Run `work`, from now on and until it is done."""
        assert self.loop is not None
        return Errand(work, self.loop, self._errands)

    def begin(self) -> None:
        """Start what has waited for the loop, which is there now."""
        while self._waiting and self.loop is not None:
            begin = self._waiting.pop(next(iter(self._waiting)))
            try:
                begin(self.loop)
            except Exception:
                log.err(Failure(), "Unhandled error in what had waited for the loop")

    # -- the end

    def describe(self) -> list[str]:
        """What is held and was not told to close, for people to read."""
        ports = [port for port in self.ports if not port.disconnecting]
        return [repr(thing) for thing in (*ports, *self.connectors, *self.held)]

    def abandon(self) -> list[object]:
        """Begin to close everything, and answer what it was.

        A connection that is paused, or half-closed, with nothing to send is not named.
        """
        ports = [port for port in self.ports if not port.disconnecting]
        connectors = list(self.connectors)
        held = list(self.held)
        adapters = [each for each in self.connections if each.out is not None]
        transports = [each.out for each in adapters if each.out is not None]
        busy = [out for each in adapters if (out := each.out) and (each.reads or out.unsent)]
        for port in ports:
            port.close_for_good()
        for connector in connectors:
            connector.give_up()
        for each in held:
            each.close_for_good()
        if self.is_closed:
            self.connections.clear()  # which asyncio warns of; nothing can reach them any longer
            transports = busy = []
        for transport in transports:
            transport.stop()
        return [*ports, *connectors, *held, *busy]

    def close(self) -> Deferred[None]:
        """Close everything; protocols hear of it from the loop, as `ConnectionLost`.

        The Deferred fires when nothing is left. What is opened meanwhile is closed too.
        """
        self._waiting.clear()
        self.closing = True
        closed: Deferred[None] = Deferred()
        self._close_all(closed)
        return closed

    def _close_all(self, closed: Deferred[None]) -> None:
        try:
            self.abandon()
            for errand in list(self._errands):
                errand.cancel()
        finally:  # a `SystemExit` of a factory's may pass
            self._close_on(closed)

    def _close_on(self, closed: Deferred[None]) -> None:
        if (
            self.loop is not None
            and not self.is_closed
            and (self.connections or self._errands or self.ports or self.held)
        ):
            self.loop.call_soon(self._close_all, closed)
        else:
            self.closing = False
            for connector in list(self.connectors):
                connector.drop()  # asked for in the end itself, and never begun
            closed.callback(None)
