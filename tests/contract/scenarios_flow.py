"""Back-pressure in both directions: producers, and reading that is paused."""

from __future__ import annotations

from typing import Any

from stage import Stage, differs, scenario


class Producer:
    """Records what it is told; `resumed` is called on each `resumeProducing`."""

    def __init__(self, api: Stage, party: str, resumed: Any = None) -> None:
        self.api = api
        self.party = party
        self.resumed = resumed

    def resumeProducing(self) -> None:
        self.api.record(self.party, "resumeProducing")
        if self.resumed is not None:
            self.resumed()

    def pauseProducing(self) -> None:
        self.api.record(self.party, "pauseProducing")

    def stopProducing(self) -> None:
        self.api.record(self.party, "stopProducing")


# ── push producers ───────────────────────────────────────────────────────────────────────


@scenario()
def push_producer_is_paused_inside_write(api: Stage) -> Any:
    """Writing beyond 64 KiB pauses a push producer before `write` returns."""

    def made(protocol: Any) -> None:
        transport = protocol.transport
        transport.registerProducer(Producer(api, "server"), True)
        api.record("server", "registered")
        for size in (65536, 1, 1):
            transport.write(b"x" * size)
            api.record("server", f"wrote {size}")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(65538)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()


@scenario()
def push_producer_is_paused_by_one_large_write(api: Stage) -> Any:
    """One write of more than 64 KiB pauses, and all sent resumes."""

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server"), True)
        protocol.transport.write(b"x" * 20_000_000)
        api.record("server", "wrote")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "wrote")
    yield api.turn(5)
    api.record("server", "reading")
    yield peer.received(20_000_000)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()


@scenario()
def push_producer_is_paused_by_write_sequence(api: Stage) -> Any:
    """`writeSequence` counts as its whole."""

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server"), True)
        protocol.transport.writeSequence([b"x" * 1000] * 100)
        api.record("server", "wrote")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(100_000)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()


@scenario()
def push_producer_is_paused_in_data_received(api: Stage) -> Any:
    """The same inside `dataReceived`, where writes are gathered."""

    def data(protocol: Any, _: bytes) -> None:
        for _ in range(3):
            protocol.transport.write(b"x" * 40_000)
            api.record("server", "wrote")

    server = api.server(
        made=lambda p: p.transport.registerProducer(Producer(api, "server"), True), data=data
    )
    peer = api.peer(server.number)
    peer.send(b"?")
    yield peer.received(120_000)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()


@scenario()
def push_producer_that_writes_when_resumed(api: Stage) -> Any:
    """A producer may write in `resumeProducing`, be paused there, and come to its end."""
    left = [5]

    def produce() -> None:
        while left[0]:
            left[0] -= 1
            server.transport.write(b"x" * 100_000)
            api.record("server", "wrote")
            if paused():
                return
        server.transport.unregisterProducer()
        server.transport.loseConnection()

    def paused() -> bool:
        return "pauseProducing" in api.events["server"][-2:]

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server", produce), True)
        produce()

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def small_writes_never_pause(api: Stage) -> Any:
    """A producer that stays under the mark hears nothing."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    for _ in range(5):
        server.transport.write(b"x" * 10_000)
        yield api.turn(2)
    yield peer.received(50_000)
    yield api.turn(5)
    server.transport.unregisterProducer()


@scenario()
def producer_registered_with_much_unsent(api: Stage) -> Any:
    """A push producer that comes when the buffer is full is paused when it writes."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 5_000_000)
        protocol.transport.registerProducer(Producer(api, "server"), True)
        api.record("server", "registered")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "registered")
    yield api.turn(5)
    api.record("server", "write")
    server.transport.write(b"y")
    api.record("server", "wrote")
    yield peer.received(5_000_001)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()


@scenario()
def peer_closes_on_push_producer(api: Stage) -> Any:
    """`stopProducing` comes before `connectionLost`."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def peer_resets_paused_push_producer(api: Stage) -> Any:
    """The same for one that is paused, when the peer resets."""

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server"), True)
        protocol.transport.write(b"x" * 5_000_000)

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(1)
    peer.reset()
    yield api.seen("server", "connectionLost")


@scenario()
def abort_with_producer(api: Stage) -> Any:
    """`abortConnection` stops the producer, and when."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.abortConnection()
    api.record("server", "returned")
    yield api.seen("server", "connectionLost")
    api.record("peer", (yield peer.ended()))


@scenario()
def lose_connection_waits_for_push_producer(api: Stage) -> Any:
    """With a producer registered, `loseConnection` waits until it is unregistered."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseConnection()
    yield api.turn(5)
    api.record("server", "still", bool(server.transport.connected))
    server.transport.write(b"produced late")
    yield api.turn(5)
    api.record("server", "unregister")
    server.transport.unregisterProducer()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def data_while_lose_connection_waits(api: Stage) -> Any:
    """What the peer sends and does while `loseConnection` waits for a producer."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    server.transport.loseConnection()
    peer.send(b"heard?")
    yield api.sleep(0.03)
    peer.close()
    yield api.sleep(0.03)
    api.record("server", "unregister", bool(server.transport.connected))
    server.transport.unregisterProducer()
    yield api.seen("server", "connectionLost")


# ── pull producers ───────────────────────────────────────────────────────────────────────


@scenario()
def pull_producer(api: Stage) -> Any:
    """A pull producer is asked again each time the buffer has drained."""
    left = [3]

    def produce() -> None:
        left[0] -= 1
        server.transport.write(b"piece ")
        if not left[0]:
            server.transport.unregisterProducer()
            server.transport.loseConnection()

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server", produce), False)
        api.record("server", "registered")

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def large_pull_producer(api: Stage) -> Any:
    """Large pieces from a pull producer never meet: each waits for the last to be sent."""
    left = [4]

    def produce() -> None:
        left[0] -= 1
        server.transport.write(b"x" * 500_000)
        if not left[0]:
            server.transport.unregisterProducer()

    server = api.server(
        made=lambda p: p.transport.registerProducer(Producer(api, "server", produce), False)
    )
    peer = api.peer(server.number)
    yield peer.received(2_000_000)
    api.record("peer", peer.data)


@scenario()
def pull_producer_with_data_pending(api: Stage) -> Any:
    """A pull producer that comes when much is unsent: when it is asked first."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 5_000_000)
        producer = Producer(api, "server", lambda: protocol.transport.unregisterProducer())
        protocol.transport.registerProducer(producer, False)
        api.record("server", "registered")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "registered")
    yield api.turn(5)
    api.record("server", "reading")
    yield peer.received(5_000_000)
    yield api.seen("server", "resumeProducing")


@scenario()
def pull_producer_that_writes_nothing(api: Stage) -> Any:
    """A pull producer that has nothing to say is not asked again until something was sent."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "server"), False))
    peer = api.peer(server.number)
    yield api.seen("server", "resumeProducing")
    yield api.sleep(0.03)
    api.record("server", "asked", api.events["server"].count("resumeProducing") > 1)
    api.events["server"] = [e for e in api.events["server"] if e != "resumeProducing"]
    server.transport.write(b"x")
    yield peer.received(1)
    yield api.seen("server", "resumeProducing")
    server.transport.unregisterProducer()
    api.events["server"] = [e for e in api.events["server"] if e != "resumeProducing"]


@scenario()
def pull_producer_that_waits_for_what_is_pending(api: Stage) -> Any:
    """A pull producer that writes nothing while much is unsent is asked again when it is sent."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 5_000_000)
        protocol.transport.registerProducer(Producer(api, "server"), False)
        api.record("server", "registered")

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(5_000_000)
    yield api.seen("server", "resumeProducing", 2)
    server.transport.unregisterProducer()
    api.events["server"] = api.events["server"][:4]


@scenario()
def lose_connection_with_pull_producer(api: Stage) -> Any:
    """`loseConnection` lets a pull producer finish."""
    left = [3]

    def produce() -> None:
        left[0] -= 1
        server.transport.write(b"piece ")
        if not left[0]:
            server.transport.unregisterProducer()

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server", produce), False)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def lose_connection_with_a_pull_producer_that_is_not_ready(api: Stage) -> Any:
    """A pull producer that writes nothing yet is waited for until it unregisters."""

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server"), False)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield api.seen("server", "resumeProducing")
    yield api.sleep(0.03)
    server.transport.write(b"at last")
    server.transport.unregisterProducer()
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")
    # How often it was asked meanwhile is between the reactor and itself.
    api.events["server"] = [e for e in api.events["server"] if e != "resumeProducing"]


@scenario()
def peer_closes_on_pull_producer(api: Stage) -> Any:
    """A pull producer whose connection is lost is stopped."""
    server = api.server(
        data=lambda p, d: p.transport.registerProducer(Producer(api, "server"), True)
    )
    peer = api.peer(server.number)
    peer.send(b"?")
    peer.close()
    yield api.seen("server", "connectionLost")


# ── registering ──────────────────────────────────────────────────────────────────────────


@scenario()
def register_twice(api: Stage) -> Any:
    """A second producer is refused, and the first stays."""
    server = api.server(made=lambda p: p.transport.registerProducer(Producer(api, "first"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    second = Producer(api, "second")
    api.attempt("server", "second", server.transport.registerProducer, second, True)
    api.attempt("server", "second pull", server.transport.registerProducer, second, False)
    peer.close()
    yield api.seen("server", "connectionLost")


@scenario()
def register_again_after_unregister(api: Stage) -> Any:
    """Producers may follow each other."""
    server = api.server()
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    transport = server.transport
    api.attempt("server", "unregister none", transport.unregisterProducer)
    transport.registerProducer(Producer(api, "first"), True)
    transport.unregisterProducer()
    transport.registerProducer(Producer(api, "second"), True)
    peer.close()
    yield api.seen("server", "connectionLost")
    api.attempt("server", "unregister after loss", transport.unregisterProducer)


@scenario()
def register_after_loss(api: Stage) -> Any:
    """A producer registered when all is over is stopped at once."""
    server = api.server()
    api.peer(server.number).close()
    yield api.seen("server", "connectionLost")
    for streaming in (True, False):
        producer = Producer(api, "server")
        api.attempt("server", "register", server.transport.registerProducer, producer, streaming)
    api.attempt("server", "unregister", server.transport.unregisterProducer)


@scenario()
def register_in_connection_lost(api: Stage) -> Any:
    """A producer registered in `connectionLost`."""
    server = api.server(
        lost=lambda p, r: api.attempt(
            "server", "register", p.transport.registerProducer, Producer(api, "server"), True
        )
    )
    api.peer(server.number).close()
    yield api.seen("server", "register ")


@scenario()
def register_after_lose_connection(api: Stage) -> Any:
    """A producer registered while the connection is closing."""

    def made(protocol: Any) -> None:
        protocol.transport.write(b"x" * 3_000_000)
        protocol.transport.loseConnection()
        producer = Producer(api, "server")
        api.attempt("server", "register", protocol.transport.registerProducer, producer, True)

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(3_000_000)
    yield api.sleep(0.03)
    api.record("server", "still", bool(server.transport.connected))
    server.transport.unregisterProducer()
    yield api.seen("server", "connectionLost")


@scenario()
def producer_that_unregisters_when_paused(api: Stage) -> Any:
    """A producer may give up inside `pauseProducing`."""

    class Quitter(Producer):
        def pauseProducing(self) -> None:
            super().pauseProducing()
            server.transport.unregisterProducer()

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Quitter(api, "server"), True)
        protocol.transport.write(b"x" * 200_000)
        protocol.transport.write(b"x" * 200_000)
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def producer_that_raises_when_paused(api: Stage) -> Any:
    """What `pauseProducing` raises comes out of `write`."""

    class Raiser(Producer):
        def pauseProducing(self) -> None:
            super().pauseProducing()
            raise ValueError

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Raiser(api, "server"), True)
        api.attempt("server", "write", protocol.transport.write, b"x" * 100_000)
        protocol.transport.unregisterProducer()
        protocol.transport.loseConnection()

    server = api.server(made=made)
    peer = api.peer(server.number)
    api.record("peer", (yield peer.ended()), peer.data)
    yield api.seen("server", "connectionLost")


@scenario()
def producer_that_raises_when_resumed(api: Stage) -> Any:
    """What `resumeProducing` raises ends the connection."""

    def resumed() -> None:
        raise ValueError

    def made(protocol: Any) -> None:
        protocol.transport.registerProducer(Producer(api, "server", resumed), True)
        protocol.transport.write(b"x" * 100_000)

    server = api.server(made=made)
    peer = api.peer(server.number)
    yield peer.received(100_000)
    yield api.seen("server", "connectionLost")


@scenario(
    differs(
        "server",
        "connectionMade",
        "stopProducing",
        "connectionLost ConnectionDone",
        because="`connectionLost` comes exactly once, whatever the producer does",
    ),
)
def producer_that_raises_when_stopped(api: Stage) -> Any:
    """What `stopProducing` raises does not keep `connectionLost` from coming."""

    class Raiser(Producer):
        def stopProducing(self) -> None:
            super().stopProducing()
            raise ValueError

    server = api.server(made=lambda p: p.transport.registerProducer(Raiser(api, "server"), True))
    peer = api.peer(server.number)
    yield api.seen("server", "connectionMade")
    peer.close()
    yield api.seen("server", "stopProducing")
    yield api.sleep(0.03)
