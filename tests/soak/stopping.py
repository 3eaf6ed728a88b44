"""Stop the reactor with many connections alive, run it again, and tell what is left.

    python -X dev -W error -m tests.soak.stopping LOOP COUNT

Prints a line of JSON, as `tests.soak.play` does for a way.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import sys
from collections import Counter
from typing import Any

from tests.soak.leftovers import Holdings, cycles, descriptors, least
from tests.soak.play import listen, side_of

MOST = 500
"""Connections that are alive at a time."""


HELLO = b"hello"


class Round:
    """One run of the reactor, which ends when `count` connections are in use."""

    def __init__(self, api: Any, protocol: type, count: int) -> None:
        self.api = api
        self.protocol = protocol
        self.count = count
        self.heard = 0
        self.ended: Counter[str] = Counter()

    def run(self) -> None:
        """Run and stop."""
        reactor = self.api.reactor
        port = reactor.listenTCP(0, self._factory(self.api.protocol.ServerFactory), backlog=MOST)
        number = port.getHost().port
        for _ in range(self.count):
            reactor.connectTCP("127.0.0.1", number, self._factory(self.api.protocol.ClientFactory))
        reactor.callLater(3600, reactor.crash)
        reactor.run()
        assert self.ended == {"ConnectionLost": 2 * self.count}, self.ended

    def _factory(self, base: type) -> Any:
        factory = base()
        factory.protocol, factory.noisy, factory.round = self.protocol, False, self
        return factory


def alive(api: Any) -> type:
    """The protocol of both sides: every second has a producer, and two of three are paused."""

    class Alive(api.protocol.Protocol):  # type: ignore[misc,name-defined]
        def connectionMade(self) -> None:
            if self.transport.getPeer().port % 2:
                self.transport.registerProducer(self.transport, True)
            self.transport.write(HELLO)

        def dataReceived(self, data: bytes) -> None:
            this = self.factory.round
            this.heard += len(data)
            if self.transport.getPeer().port % 3:
                self.transport.pauseProducing()
            if this.heard == 2 * len(HELLO) * this.count:
                api.reactor.stop()

        def connectionLost(self, reason: Any) -> None:
            self.factory.round.ended[reason.type.__name__] += 1

    return Alive


def main(loop: str, count: int) -> None:
    """Run again and again until there have been `count` connections."""
    faulthandler.dump_traceback_later(60 + count / 50, exit=True)
    told = listen("reactorlite")
    api = side_of("reactorlite", loop)
    most = min(count, MOST)
    protocol = alive(api)
    Round(api, protocol, most).run()
    Holdings.now(api.reactor)  # what counting makes once is no leftover
    cycles()
    gc.freeze()
    gc.disable()
    opened = descriptors()
    before = Holdings.now(api.reactor)
    before.blocks = sys.getallocatedblocks()
    for _ in range(count // most):
        Round(api, protocol, most).run()
    report: dict[str, Any] = {"way": "stop-with-all-alive", "count": count}
    report["left"] = Holdings.now(api.reactor).since(before, count)
    held = cycles()
    report["cycles"] = {kind: n for kind, n in held.items() if n >= least(count)}
    report["left_after_gc"] = Holdings.now(api.reactor).since(before, count)
    report["open"] = descriptors() - opened
    print(json.dumps({**report, "log": dict(told)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
