"""One connection, two sides, and chance: what holds whatever both sides do.

Actions are done from the loop, or planned for the next time that one of a side's callbacks is
called. The sides themselves notice what is out of order; the machine checks what must come about.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reactorlite.bridge.flow import MARK
from reactorlite.bridge.inbound import StreamAdapter
from reactorlite.bridge.outbound import StreamTransport
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.interfaces import IHalfCloseableProtocol
from reactorlite.internet.protocol import ClientFactory, Protocol, ServerFactory
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

PATIENCE = 30.0
"""Seconds within which what must come about does."""

STREAM = random.Random(1).randbytes(1 << 20)
SIZES = [1, 10, 1000, MARK, MARK + 1, 200_000, 2_000_000]
CALLBACKS = ["data", "lost", "read_lost", "write_lost", "pause", "resume", "stop"]
Action = tuple[str, Any]

ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(SIZES)),
    st.tuples(st.just("write"), st.sampled_from(SIZES[:3])),
    st.tuples(st.just("write_sequence"), st.lists(st.sampled_from(SIZES[:5]), max_size=4)),
    st.tuples(st.sampled_from(["pause", "resume", "unregister"]), st.none()),
    st.tuples(st.sampled_from(["lose", "half", "abort"]), st.none()),
    st.tuples(st.just("push"), st.sampled_from([0, 10, 100_000])),
    st.tuples(st.just("pull"), st.sampled_from([10, 100_000])),
)


class Producer:
    """Writes a few times when asked, and notices what it should not be told."""

    rounds = 3

    def __init__(self, side: Side, streaming: bool, size: int) -> None:
        self.side = side
        self.streaming = streaming
        self.size = size
        self.paused = False
        self.registered = True
        self.stopped = 0
        self.written = 0

    def resumeProducing(self) -> None:
        self._told("resume")
        self.paused = False
        if self.written < self.rounds and self.size:
            self.written += 1
            self.side.write(self.size)
        elif not self.streaming:
            self.side.unregister(None)
        self.side.called("resume")

    def pauseProducing(self) -> None:
        self._told("pause")
        if not self.streaming:
            self.side.wrong("a pull producer was paused")
        self.paused = True
        self.side.called("pause")

    def stopProducing(self) -> None:
        self._told("stop")
        self.stopped += 1
        self.side.called("stop")

    def _told(self, what: str) -> None:
        self.side.events.append(what)
        if not self.registered:
            self.side.wrong(f"{what} of an unregistered producer")
        if self.stopped:
            self.side.wrong(f"{what} of a stopped producer")


class Side(Protocol):
    """One end of the connection, which keeps the books of its own."""

    other: Side

    def __init__(self) -> None:
        self.events: list[str] = []
        self.faults: list[str] = []
        self.plans: dict[str, list[Action]] = {}
        self.received = 0
        self.written = 0
        self.owed = 0  # of `written`, what was written before this side ended anything
        self.paused = self.losing = self.halved = self.aborted = False
        self.lost = 0
        self.producer: Producer | None = None

    @property
    def ended(self) -> bool:
        """Whether this side has asked for any end."""
        return self.losing or self.halved or self.aborted

    def wrong(self, what: str) -> None:
        """Note what is out of order."""
        self.faults.append(f"{what} (after {self.events[-8:]})")

    # ── what the transport calls

    def dataReceived(self, data: bytes) -> None:
        self.events.append(f"data {len(data)}")
        if self.paused:
            self.wrong("data while paused")
        if self.losing or self.aborted or self.lost:
            self.wrong("data after the end")
        if data != piece(self.received, len(data)):
            self.wrong(f"other bytes than were sent, at {self.received}")
        self.received += len(data)
        if self.received > self.other.written:
            self.wrong("more than was sent")
        self.called("data")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.events.append(f"lost {reason.type.__name__}")
        self.lost += 1
        self.called("lost")

    def called(self, callback: str) -> None:
        """Do what was planned for this callback."""
        if self.lost and callback not in ("lost", "stop"):
            self.wrong(f"{callback} after the loss")
        for action in self.plans.pop(callback, ()):
            self.do(action)

    # ── what chance does

    def do(self, action: Action) -> None:
        """Do one thing."""
        name, argument = action
        self.events.append(f"<{name} {argument}>")
        getattr(self, name)(argument)

    def write(self, size: int) -> None:
        """Send the next `size` bytes of the stream."""
        self._count(size)
        self.transport.write(piece(self.written - size, size))
        producer = self.producer
        # What waits counts from what the loop has taken; a single large write is enough.
        if producer and producer.streaming and size > 1_000_000 and self._open_to_write():
            self._check_paused(producer)

    def _open_to_write(self) -> bool:
        return not self.lost and not self.ended

    def _check_paused(self, producer: Producer) -> None:
        # Resumed within the very call if the system took it all: then nothing waits.
        if not producer.paused and self.transport._asyncio.get_write_buffer_size() > MARK:
            self.wrong("a push producer goes on above the mark")

    def write_sequence(self, sizes: list[int]) -> None:
        """Send in pieces."""
        at, pieces = self.written, []
        for size in sizes:
            pieces.append(piece(at, size))
            at += size
        self._count(sum(sizes))
        self.transport.writeSequence(pieces)

    def _count(self, size: int) -> None:
        # From the peer's end to the loss is a turn, in which writing is in vain already.
        over = self.ended or self.lost or self.transport._asyncio.is_closing()
        if self.owed == self.written and not over:
            self.owed += size
        self.written += size

    def pause(self, _: None) -> None:
        self.paused = True
        self.transport.pauseProducing()

    def resume(self, _: None) -> None:
        self.paused = False
        self.transport.resumeProducing()

    def lose(self, _: None) -> None:
        self.losing = True
        self.transport.loseConnection()

    def half(self, _: None) -> None:
        self.halved = True
        self.transport.loseWriteConnection()

    def abort(self, _: None) -> None:
        self.aborted = True
        self.transport.abortConnection()

    def push(self, size: int) -> None:
        self._register(True, size)

    def pull(self, size: int) -> None:
        self._register(False, size)

    def _register(self, streaming: bool, size: int) -> None:
        if self.producer is None:
            self.producer = Producer(self, streaming, size)
            self.transport.registerProducer(self.producer, streaming)

    def unregister(self, _: None) -> None:
        """Take the producer away, as its own doing."""
        if self.producer is not None:
            self.producer.registered = False
            self.producer = None
        self.transport.unregisterProducer()


@implementer(IHalfCloseableProtocol)
class HalfSide(Side):
    """One that goes on when the other's half ends."""

    read_lost = 0

    def readConnectionLost(self) -> None:
        self.events.append("read_lost")
        self.read_lost += 1
        if self.received < self.other.owed:
            self.wrong("the end came before the data")
        if self.paused:
            self.wrong("the end while paused")
        self.called("read_lost")

    def writeConnectionLost(self) -> None:
        self.events.append("write_lost")
        self.called("write_lost")


def piece(start: int, size: int) -> bytes:
    """What a side sends from its byte number `start` on."""
    at = start % len(STREAM)
    data = STREAM[at : at + size]
    while len(data) < size:
        data += STREAM[: size - len(data)]
    return data


class Pair(RuleBasedStateMachine):
    """Two sides, driven by chance."""

    loop_factory: ClassVar[Callable[[], asyncio.AbstractEventLoop]]

    @initialize(halves=st.tuples(st.booleans(), st.booleans()))
    def open(self, halves: tuple[bool, bool]) -> None:
        """Connect."""
        self.runner = asyncio.Runner(loop_factory=type(self).loop_factory)
        self.kinds = tuple(HalfSide if half else Side for half in halves)
        self.run(self._opened())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the pair's loop."""
        self.runner.run(work)

    async def _opened(self) -> None:
        made: list[Side] = []
        self.reactor = await Reactor().__aenter__()
        factories = (ServerFactory(), ClientFactory())
        for factory, kind in zip(factories, self.kinds, strict=True):
            factory.noisy = False
            factory.buildProtocol = lambda _, kind=kind: made.append(kind()) or made[-1]
        port = self.reactor.listenTCP(0, factories[0], interface="127.0.0.1")
        self.reactor.connectTCP("127.0.0.1", port.getHost().port, factories[1])
        await until(lambda: len(made) == 2 and all(side.connected for side in made))
        self.sides = made
        made[0].other, made[1].other = made[1], made[0]

    @rule(side=st.integers(0, 1), action=ACTIONS)
    def act(self, side: int, action: Action) -> None:
        """Do something from a callback of the loop's."""
        self.run(self._acted(side, [action]))

    @rule(side=st.integers(0, 1), actions=st.lists(ACTIONS, min_size=2, max_size=4))
    def act_in_one_breath(self, side: int, actions: list[Action]) -> None:
        """Do several things from one callback."""
        self.run(self._acted(side, actions))

    async def _acted(self, side: int, actions: list[Action]) -> None:
        def act() -> None:
            for action in actions:
                self.sides[side].do(action)

        asyncio.get_running_loop().call_soon(act)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @rule(side=st.integers(0, 1), callback=st.sampled_from(CALLBACKS), action=ACTIONS)
    def plan(self, side: int, callback: str, action: Action) -> None:
        """Have something done inside a callback, when that is called."""
        self.sides[side].plans.setdefault(callback, []).append(action)

    @rule(count=st.integers(1, 10))
    def turn(self, count: int) -> None:
        """Let the loop turn."""
        self.run(turns(count))

    @rule()
    def settle(self) -> None:
        """Let everything come about that must."""
        self.run(self._settled())

    async def _settled(self) -> None:
        for one in self.sides:
            await until(lambda one=one: not missing(one), lambda one=one: self._story(missing(one)))

    @invariant()
    def in_order(self) -> None:
        """The sides have nothing to complain of."""
        for side in getattr(self, "sides", ()):
            assert not side.faults, self._story(side.faults[0])
            assert side.lost <= 1, self._story("lost twice")
            if side.lost:
                assert not side.transport.connected

    def _story(self, what: str) -> str:
        return "\n".join([what, *(f"{type(s).__name__}: {s.events}" for s in self.sides)])

    def teardown(self) -> None:
        """Both sides end, and nothing is left."""
        if not hasattr(self, "sides"):
            return
        try:
            self.run(self._ended())
            self.in_order()
        finally:
            self.run(self.reactor.__aexit__())
            self.runner.close()
        for side in self.sides:
            producer = side.producer
            assert producer is None or producer.stopped == 1, self._story("not stopped")
            assert side.lost == 1, self._story("never lost")

    async def _ended(self) -> None:
        for side in self.sides:
            side.plans.clear()
            side.do(("resume", None))
        await self._settled()
        for side in self.sides:
            side.do(("abort", None))
        await until(lambda: all(side.lost for side in self.sides), lambda: self._story("not lost"))
        await turns(3)
        assert not self.reactor._scope.connections, self._story("still in scope")


def missing(side: Side) -> str:
    """What must still come about on the way from `side` to the other, if both are let."""
    other = side.other
    if side.aborted or other.aborted or (side.lost and other.lost):
        return ""
    if other.losing or other.lost or other.paused:
        return ""  # the other side takes nothing any longer, or not now
    if other.received < side.owed and not side.lost:
        return f"{side.owed - other.received} bytes of {side.owed} have not arrived"
    producer = side.producer
    if producer is not None:
        if side.ended or side.lost:
            return ""
        if producer.streaming and producer.paused:
            return "a push producer stays paused"
        return "" if producer.streaming else "a pull producer isn't asked for more"
    if side.losing and not side.lost:
        return "closed, and not lost"
    if (side.halved or side.lost) and not other.lost:
        if not isinstance(other, HalfSide):
            return "the other side hasn't heard of the end"
        return "" if other.read_lost else "readConnectionLost is missing"
    return ""


async def turns(count: int) -> None:
    """Let the loop turn `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool], story: Callable[[], str] = str) -> None:
    """Let the loop turn until `true()`; fail when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, story()
        await asyncio.sleep(0)


def alive() -> list[Any]:
    """The connections' objects that still exist."""
    kinds = (StreamAdapter, StreamTransport, Side, Producer)
    return [each for each in gc.get_objects() if isinstance(each, kinds)]
