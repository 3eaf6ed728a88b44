"""Play ways of ending with many connections each, in one process, and tell what is left.

    python -X dev -W error -m tests.soak.play SIDE LOOP COUNT WAY...

SIDE is `twisted` or `reactorlite`, LOOP `asyncio` or `uvloop` (Twisted's own reactor takes no heed
of it). Prints a line of JSON for each way.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.soak.leftovers import Holdings, cycles, descriptors, least
from tests.soak.ways import WAYS, Way

PATIENCE = 10.0
"""Seconds without an ending after which a way counts as stuck."""

Log = Counter[str]


def side_of(name: str, loop: str) -> SimpleNamespace:
    """The modules of one side, and its reactor."""
    api = SimpleNamespace(side=name)
    api.protocol = importlib.import_module(f"{name}.internet.protocol")
    api.interfaces = importlib.import_module(f"{name}.internet.interfaces")
    api.implementer = importlib.import_module("zope.interface").implementer
    if name == "reactorlite" and loop == "uvloop":
        asyncioreactor = importlib.import_module("reactorlite.internet.asyncioreactor")
        asyncioreactor.install(importlib.import_module("uvloop").new_event_loop())
    importlib.import_module(f"{name}.internet.reactor")
    api.reactor = importlib.import_module(f"{name}.internet").reactor
    return api


class _ToCounter(logging.Handler):
    def __init__(self, told: Log) -> None:
        super().__init__(logging.WARNING)
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.name.startswith("asyncio") and text.startswith("Executing <"):
            return  # debug mode's remark on slow machines
        if record.exc_info and record.exc_info[1] is not None:
            text = type(record.exc_info[1]).__name__
        self.told[text] += 1


def listen(side: str) -> Log:
    """Count what is logged as a warning or worse, by the error's name."""
    told: Log = Counter()
    logging.getLogger().addHandler(_ToCounter(told))
    if side == "twisted":
        log = importlib.import_module("twisted.python.log")

        def observe(event: dict[str, Any]) -> None:
            if event.get("isError"):
                failure = event.get("failure")
                told[
                    log.textFromEventDict(event) if failure is None else failure.type.__name__
                ] += 1

        log.startLoggingWithObserver(observe, setStdout=False)

    def unraisable(args: Any) -> None:
        told[f"unraisable {args.exc_value!r}"] += 1

    sys.unraisablehook = unraisable
    return told


class Soak:
    """One way, played with `count` connections after some to warm up."""

    def __init__(self, api: Any, way: Way, count: int, done: Callable[[], None]) -> None:
        self.api = api
        self.way = way
        self.count = count
        self.done = done
        self.server_ends = self.client_ends = self.opened = self.limit = 0
        self.over: Callable[[], None] | None = None
        self.report: dict[str, Any] = {"way": way.name, "count": count}
        self.Server = self._protocol("server")
        self.Client = self._protocol("client")

    # ── the course of it

    def begin(self) -> None:
        """Listen, and warm up."""
        self.descriptors = descriptors()
        self.port = self.api.reactor.listenTCP(0, self._server(), interface="127.0.0.1")
        self.way.prepare(self.api, self.port.getHost().port)
        self.progress = (0, 0)
        self.watch = self.api.reactor.callLater(PATIENCE, self._look)
        self._open(min(self.count, 4 * self.way.width), self._warm)

    def _open(self, count: int, over: Callable[[], None]) -> None:
        self.limit += count
        self.over = over
        for _ in range(min(count, self.way.width)):
            self._next()

    def _next(self) -> None:
        if self.opened < self.limit:
            self.opened += 1
            self.way.connect(self._client())

    def _look(self) -> None:
        """Give up when nothing has happened for long."""
        progress = (self.server_ends, self.client_ends)
        if progress == self.progress:
            self.report["stuck"] = f"of {self.opened}, server {progress[0]}, client {progress[1]}"
            self._leave()
            return
        self.progress = progress
        self.watch = self.api.reactor.callLater(PATIENCE, self._look)

    def server_ended(self) -> None:
        """A server's connection has been lost."""
        self.server_ends += 1
        self._maybe_over()

    def client_ended(self) -> None:
        """An attempt or a client's connection is over."""
        self.client_ends += 1
        # Not from here: an attempt that fails at once would begin the next inside itself.
        self.api.reactor.callLater(0, self._next)
        self._maybe_over()

    def _maybe_over(self) -> None:
        served = self.way.served
        if self.client_ends == self.limit and (
            served is None or self.server_ends == served * self.limit
        ):
            over, self.over = self.over, None  # what comes late changes nothing
            if over is not None:
                self._settle(10, over)

    def _settle(self, turns: int, then: Callable[[], None]) -> None:
        if turns:
            self.api.reactor.callLater(0.001, self._settle, turns - 1, then)
        else:
            then()

    def _warm(self) -> None:
        gc.collect()
        gc.disable()
        self.before = Holdings.now(self.api.reactor)
        self.before.blocks = sys.getallocatedblocks()  # with what these counts take
        self.begun = time.process_time()
        self._open(self.count, self._measure)

    def _measure(self) -> None:
        elapsed = time.process_time() - self.begun
        self.report["ms"] = round(elapsed / self.count * 1000, 3)
        holdings = Holdings.now(self.api.reactor)
        self.report["left"] = holdings.since(self.before, self.count)
        del holdings
        held = cycles()
        self.report["cycles"] = {k: n for k, n in held.items() if n >= least(self.count)}
        left = Holdings.now(self.api.reactor).since(self.before, self.count)
        self.report["left_after_gc"] = left
        self._leave()

    def _leave(self) -> None:
        gc.enable()
        self.way.finish()
        if self.watch.active():
            self.watch.cancel()
        self.port.stopListening().addCallback(lambda _: self._settle(5, self._left))

    def _left(self) -> None:
        self.report["open"] = descriptors() - self.descriptors
        self.done()

    # ── the actors

    def _server(self) -> Any:
        soak = self

        class Server(self.api.protocol.ServerFactory):  # type: ignore[misc,name-defined]
            noisy = False

            def buildProtocol(self, addr: Any) -> Any:
                return soak.way.server_build(soak.Server)

        return Server()

    def _client(self) -> Any:
        factory = self.Factory()
        factory.over = False
        return factory

    @property
    def Factory(self) -> type:
        """The class of the clients' factories."""
        if "_Factory" not in self.__dict__:
            self._Factory = self._factory()
        return self._Factory

    def _factory(self) -> type:
        soak, way = self, self.way

        class Client(self.api.protocol.ClientFactory):  # type: ignore[misc,name-defined]
            noisy = False

            def buildProtocol(self, addr: Any) -> Any:
                protocol = way.client_build(soak.Client)
                if protocol is not None:
                    protocol.factory = self
                return protocol

            def startedConnecting(self, connector: Any) -> None:
                way.started(connector)

            def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
                try:
                    way.failed(connector)
                finally:
                    if connector.state == "disconnected":
                        soak.client_ended()

            def clientConnectionLost(self, connector: Any, reason: Any) -> None:
                try:
                    way.client_over(connector)
                finally:
                    if connector.state == "disconnected":
                        soak.client_ended()

        return Client

    def _protocol(self, side: str) -> type:
        soak, way = self, self.way
        made, data, lost = (getattr(way, f"{side}_{what}") for what in ("made", "data", "lost"))

        class Played(self.api.protocol.Protocol):  # type: ignore[misc,name-defined]
            def connectionMade(self) -> None:
                made(self)

            def dataReceived(self, received: bytes) -> None:
                data(self, received)

            def connectionLost(self, reason: Any) -> None:
                try:
                    lost(self, reason)
                finally:
                    if side == "server":
                        soak.server_ended()

        if way.half_closeable in (side, "both"):
            read_lost = getattr(way, f"{side}_read_lost")
            write_lost = getattr(way, f"{side}_write_lost")
            Played.readConnectionLost = lambda self: read_lost(self)
            Played.writeConnectionLost = lambda self: write_lost(self)
            self.api.implementer(self.api.interfaces.IHalfCloseableProtocol)(Played)
        return Played


def main(side: str, loop: str, count: int, names: list[str]) -> None:
    """Play, and print."""
    told = listen(side)
    api = side_of(side, loop)
    # The first one, which isn't told of, opens and makes what is made once.
    begun: list[bool] = []
    waiting = iter(["by-name", *names])

    def begin() -> None:
        name = next(waiting, None)
        if name is None:
            api.reactor.stop()
            return
        faulthandler.dump_traceback_later(PATIENCE * 3 + count / 50, exit=True)
        told.clear()
        soak = Soak(api, WAYS[name], count, lambda: end(soak))
        soak.begin()

    def end(soak: Soak) -> None:
        gc.collect()
        if not begun:
            begun.append(True)
            gc.freeze()  # what is there by now need not be looked through again and again
        else:
            print(json.dumps({**soak.report, "log": dict(told)}), flush=True)
        api.reactor.callLater(0, begin)

    api.reactor.callWhenRunning(begin)
    api.reactor.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:] or list(WAYS))
