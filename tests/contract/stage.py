"""What a contract scenario plays on: one side's modules, a record of events, and actors.

A scenario is a function of a `Stage`. It never names Twisted or reactorlite: it uses
`api.reactor`, `api.protocol`, `api.error` and so on, and the side is chosen by who plays it. A
generator scenario yields Deferreds and runs inside a running reactor, among others; one marked
`alone` is called before the reactor runs, in a process of its own.

Events are kept per *party* ("server", "client", "log" …), because only the order within one
party is promised. Ports, file descriptors and paths differ from run to run, so events name them.
"""

from __future__ import annotations

import importlib
import socket
import struct
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

SCENARIOS: dict[str, Scenario] = {}
PATIENCE = 30.0
"""Seconds after which what a scenario waits for counts as never happening."""


@dataclass(frozen=True)
class Difference:
    """What a party sees on reactorlite where that is, on purpose, not what it sees on Twisted."""

    party: str
    ours: tuple[str, ...]
    because: str
    loops: tuple[str, ...]


def differs(
    party: str, *ours: str, because: str, loops: tuple[str, ...] = ("asyncio", "uvloop")
) -> Difference:
    """Say that a party's events are these on reactorlite, and why Twisted's are not kept."""
    return Difference(party, ours, because, loops)


@dataclass(frozen=True)
class Scenario:
    """A story to be played on both sides."""

    name: str
    act: Callable[[Stage], Any]
    alone: bool
    differs: tuple[Difference, ...]


def scenario(*differences: Difference, alone: bool = False) -> Callable[[Any], Any]:
    """Register a scenario, with its known differences. `alone` gives it its own process."""

    def register(act: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        name = act.__name__
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, act, alone, differences)
        return act

    return register


class Never(Exception):
    """What a scenario waited for did not happen in time."""


class Boom(Exception):
    """What actors raise on purpose."""


@dataclass
class Actor:
    """A factory, its connections and what was made for it."""

    factory: Any
    name: str
    protocols: list[Any] = field(default_factory=list)
    port: Any = None
    connector: Any = None

    @property
    def number(self) -> int:
        """The port number listened on."""
        return int(self.port.getHost().port)

    @property
    def transport(self) -> Any:
        """The transport of the latest connection."""
        return self.protocols[-1].transport


class Peer:
    """A plain socket that the scenario holds: it shows what really is on the wire."""

    def __init__(self, stage: Stage, sock: socket.socket) -> None:
        self._stage = stage
        self.sock = sock
        self.data = b""
        self.end = ""
        sock.setblocking(False)

    def take(self) -> None:
        """Receive what is there, and notice how the stream ends."""
        while not self.end:
            try:
                piece = self.sock.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                self.end = "RST"
            else:
                self.data += piece
                self.end = "" if piece else "FIN"

    def received(self, count: int) -> Any:
        """A Deferred that fires when `count` bytes have come in all, or the end."""

        def enough() -> bool:
            self.take()
            return len(self.data) >= count or bool(self.end)

        return self._stage.until(enough, f"peer gets {count} bytes")

    def ended(self) -> Any:
        """A Deferred that fires with how the stream ended, FIN or RST."""

        def over() -> str:
            self.take()
            return self.end

        return self._stage.until(over, "peer sees an end")

    def send(self, data: bytes) -> None:
        """Send a little."""
        assert self.sock.send(data) == len(data)

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Close."""
        self.sock.close()

    def finish(self) -> None:
        """Send FIN and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)


HOOKS = ("made", "data", "lost", "build", "started", "failed", "client_lost")


class Stage:
    """One side's modules and the record of one scenario."""

    def __init__(self, side: str) -> None:
        def module(path: str) -> Any:
            return importlib.import_module(f"{side}.{path}")

        self.side = side
        self.protocol = module("internet.protocol")
        self.error = module("internet.error")
        self.defer = module("internet.defer")
        self.interfaces = module("internet.interfaces")
        self.address = module("internet.address")
        self.Failure = module("python.failure").Failure
        self.log = module("python.log")
        self.implementer = importlib.import_module("zope.interface").implementer
        self.reactor: Any = None
        self.events: dict[str, list[str]] = {}
        self._names: dict[int, str] = {}
        self._left: list[Callable[[], object]] = []
        self._over = False

    # ── recording ────────────────────────────────────────────────────────────────────────

    def record(self, party: str, *event: Any) -> None:
        """Add an event; pieces of a stream that follow each other become one."""
        if self._over:
            return
        events = self.events.setdefault(party, [])
        events.append(" ".join(self.plain(part) for part in event))

    def plain(self, value: Any) -> str:
        """What is the same on every run and on both sides."""
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return repr(value) if len(value) <= 40 else f"<{len(value)} {zlib.crc32(value):08x}>"
        if isinstance(value, self.Failure):
            return self._error(value.type)
        if isinstance(value, BaseException):
            return self._error(type(value))
        if isinstance(value, type):
            return self._error(value)
        if isinstance(value, (self.address.IPv4Address, self.address.IPv6Address)):
            kind = type(value).__name__
            return f"{kind}({value.type} {value.host} {self._port(value.port)})"
        if isinstance(value, tuple) and len(value) >= 2 and isinstance(value[0], str):
            rest = ", ".join(map(self.plain, value[2:]))
            return f"({value[0]}, {self._port(value[1])}{', ' + rest if rest else ''})"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(map(self.plain, value)) + "]"
        if value is None or isinstance(value, (bool, int, float)):
            return repr(value)
        return f"a {type(value).__name__}"

    def _error(self, kind: type) -> str:
        # Names that the builtins have too must say whose they are.
        foreign = issubclass(kind, OSError) and kind.__module__ == "builtins"
        return f"builtins.{kind.__name__}" if foreign else kind.__name__

    def _port(self, port: Any) -> str:
        if not isinstance(port, int) or port == 0:
            return repr(port)
        return self._names.get(port, "PORT")

    def name(self, port: int, name: str) -> None:
        """Have a port number appear in events by this name."""
        self._names[port] = name

    def attempt(self, party: str, label: str, call: Callable[..., Any], *args: Any) -> Any:
        """Call, record what came back or was raised, and return it."""
        try:
            result = call(*args)
        except Exception as error:
            self.record(party, label, "raises", error)
            return error
        if isinstance(result, self.defer.Deferred):
            self.record(party, label, "-> Deferred")
        else:
            self.record(party, label, "->", result)
        return result

    def outcome(self, party: str, label: str, deferred: Any) -> Any:
        """Record when, in the party's order, a Deferred fires and with what."""

        def fired(result: Any) -> None:
            self.record(party, label, "fired", result)

        return deferred.addBoth(fired)

    def trigger(self, phase: str, event: str, name: str, action: Any = None) -> Any:
        """Add a trigger that records when it runs, then acts."""

        def run() -> Any:
            self.record("trigger", event, phase, name, bool(self.reactor.running))
            return None if action is None else action()

        return self.reactor.addSystemEventTrigger(phase, event, run)

    # ── waiting ──────────────────────────────────────────────────────────────────────────

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """A Deferred that fires with the first true result of `condition`."""
        deferred = self.defer.Deferred()
        limit = self.reactor.seconds() + PATIENCE

        def look() -> None:
            result = condition()
            if result:
                deferred.callback(result)
            elif self.reactor.seconds() > limit:
                deferred.errback(self.Failure(Never(what)))
            else:
                self.reactor.callLater(0.001, look)

        look()
        return deferred

    def seen(self, party: str, event: str, times: int = 1) -> Any:
        """A Deferred that fires when the party has an event beginning so."""

        def happened() -> bool:
            return sum(e.startswith(event) for e in self.events.get(party, ())) >= times

        return self.until(happened, f"{party}: {event}")

    def sleep(self, seconds: float) -> Any:
        """A Deferred that fires after so many seconds, and ten turns of the loop at least.

        A process that the machine has let wait does at once all that is due.
        """
        deferred = self.defer.Deferred()

        def rest(steps: int) -> None:
            if steps:
                self.reactor.callLater(seconds / 10, rest, steps - 1)
            else:
                deferred.callback(None)

        rest(10)
        return deferred

    def turn(self, turns: int = 1) -> Any:
        """A Deferred that fires some turns of the loop later."""
        deferred = self.defer.Deferred()

        def count(left: int) -> None:
            if left:
                self.reactor.callLater(0, count, left - 1)
            else:
                deferred.callback(None)

        count(turns)
        return deferred

    # ── actors ───────────────────────────────────────────────────────────────────────────

    def Protocol(self, actor: Actor, hooks: dict[str, Any], interfaces: tuple[Any, ...]) -> type:
        """A protocol class that records what happens to it, then calls the hooks."""
        stage, name = self, actor.name

        class Recording(self.protocol.Protocol):  # type: ignore[misc,name-defined]
            def connectionMade(self) -> None:
                stage.record(name, "connectionMade")
                hooks.get("made", nothing)(self)

            def dataReceived(self, data: bytes) -> None:
                stage.stream(name, self, data)
                hooks.get("data", nothing)(self, data)

            def connectionLost(self, reason: Any) -> None:
                stage.record(name, "connectionLost", reason)
                hooks.get("lost", nothing)(self, reason)

        if stage.interfaces.IHalfCloseableProtocol in interfaces:

            def read_lost(self: Any) -> None:
                stage.record(name, "readConnectionLost")
                hooks.get("read_lost", nothing)(self)

            def write_lost(self: Any) -> None:
                stage.record(name, "writeConnectionLost")
                hooks.get("write_lost", nothing)(self)

            Recording.readConnectionLost = read_lost
            Recording.writeConnectionLost = write_lost
        return self.implementer(*interfaces)(Recording) if interfaces else Recording

    def stream(self, party: str, protocol: Any, data: bytes) -> None:
        """Record data received, joined with what that connection received just before."""
        if self._over:
            return
        events = self.events.setdefault(party, [])
        before: bytes = getattr(protocol, "got", b"")
        joins = bool(before) and bool(events) and events[-1] == self._data(before)
        protocol.got = before + data if joins else bytes(data)
        if joins:
            events.pop()
        events.append(self._data(protocol.got))

    def _data(self, data: bytes) -> str:
        return f"dataReceived {self.plain(data)}"

    def actor(self, base: type, name: str, hooks: dict[str, Any], interfaces: Any = ()) -> Actor:
        """A recording factory of the class `base`, not yet in use."""
        actor = Actor(None, name)
        made = self.Protocol(actor, hooks, tuple(interfaces))

        class Recording(base):  # type: ignore[misc,valid-type]
            noisy = False

            def buildProtocol(self, addr: Any) -> Any:
                if "build" in hooks:
                    return hooks["build"](self, addr)
                protocol = made()
                protocol.factory = self
                actor.protocols.append(protocol)
                return protocol

        if issubclass(base, self.protocol.ClientFactory):
            self._told(Recording, name, hooks)
        actor.factory = Recording()
        actor.factory.make = made
        return actor

    def _told(self, factory: Any, name: str, hooks: dict[str, Any]) -> None:
        stage = self

        def startedConnecting(self: Any, connector: Any) -> None:
            stage.record(name, "startedConnecting", connector.state)
            hooks.get("started", nothing)(connector)

        def clientConnectionFailed(self: Any, connector: Any, reason: Any) -> None:
            stage.record(name, "clientConnectionFailed", reason, connector.state)
            hooks.get("failed", nothing)(connector, reason)

        def clientConnectionLost(self: Any, connector: Any, reason: Any) -> None:
            stage.record(name, "clientConnectionLost", reason, connector.state)
            hooks.get("client_lost", nothing)(connector, reason)

        factory.startedConnecting = startedConnecting
        factory.clientConnectionFailed = clientConnectionFailed
        factory.clientConnectionLost = clientConnectionLost

    def server(
        self, name: str = "server", interfaces: Any = (), interface: str = "127.0.0.1", **hooks: Any
    ) -> Actor:
        """A recording server, listening."""
        actor = self.actor(self.protocol.ServerFactory, name, hooks, interfaces)
        actor.port = self.reactor.listenTCP(0, actor.factory, interface=interface)
        self.name(actor.number, name.upper())
        self._left.append(lambda: actor.port.stopListening())
        self._left.append(lambda: self._abort(actor))
        return actor

    def client(
        self,
        port: int,
        name: str = "client",
        host: str = "127.0.0.1",
        interfaces: Any = (),
        timeout: float = 30,
        bindAddress: Any = None,
        **hooks: Any,
    ) -> Actor:
        """A recording client, connecting."""
        actor = self.actor(self.protocol.ClientFactory, name, hooks, interfaces)
        self._left.append(lambda: self._abort(actor))
        actor.connector = self.reactor.connectTCP(host, port, actor.factory, timeout, bindAddress)
        return actor

    def _abort(self, actor: Actor) -> None:
        for protocol in actor.protocols:
            if protocol.transport is not None:
                protocol.transport.abortConnection()
        if actor.connector is not None and actor.connector.state == "connecting":
            actor.connector.stopConnecting()

    def peer(self, port: int, host: str = "127.0.0.1", receive_buffer: int = 0) -> Peer:
        """A plain socket connected to a port of ours."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect((host, port))
        self._left.append(sock.close)
        self.name(sock.getsockname()[1], "PEER")
        return Peer(self, sock)

    def plain_listener(self, backlog: int = 5, receive_buffer: int = 0) -> Any:
        """A plain listening socket with its `number` and a way to `accept` a `Peer`."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        sock.setblocking(False)
        self._left.append(sock.close)
        number = sock.getsockname()[1]
        self.name(number, "PLAIN")

        def accept() -> Any:
            return self.until(take, "accept")

        def take() -> Peer | None:
            try:
                accepted, _ = sock.accept()
            except BlockingIOError:
                return None
            self._left.append(accepted.close)
            return Peer(self, accepted)

        return SimpleNamespace(number=number, accept=accept, close=sock.close)

    def silent_port(self) -> int:
        """A port that answers nobody: its queue of connections is full."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self._left.append(listener.close)
        number = int(listener.getsockname()[1])
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", number))
            self._left.append(waiting.close)
        return number

    def free_port(self) -> int:
        """A port number that nobody listens on."""
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            number = int(sock.getsockname()[1])
        self.name(number, "FREE")
        return number

    def afterwards(self, call: Callable[[], object]) -> None:
        """Call when the scenario is over."""
        self._left.append(call)

    # ── the end ──────────────────────────────────────────────────────────────────────────

    def strike(self) -> None:
        """Stop recording, and close what is left."""
        self._over = True
        for close in reversed(self._left):
            close()
        self._left.clear()


def nothing(*args: Any) -> None:
    """A hook that is not there."""


def boom(*args: Any) -> None:
    """A hook that raises."""
    raise Boom("on purpose")


def drive(stage: Stage, steps: Generator[Any, Any, None], done: Callable[[], None]) -> None:
    """Run a generator scenario: each Deferred's result goes back in, on a turn of its own."""

    def resume(result: Any) -> None:
        try:
            if isinstance(result, stage.Failure):
                deferred = steps.throw(result.value)
            else:
                deferred = steps.send(result)
        except StopIteration:
            done()
        except Exception as error:
            stage.record("scenario", f"raised {error!r}")
            done()
        else:
            deferred.addBoth(later)

    def later(result: Any) -> None:
        stage.reactor.callLater(0, resume, result)

    resume(None)
