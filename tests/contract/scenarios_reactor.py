"""The reactor's end, and what connections hear of it. Each has a process of its own."""

from __future__ import annotations

import socket
from typing import Any

from stage import Stage, differs, scenario


@scenario(alone=True)
def stop_before_run(api: Stage) -> None:
    """`stop` of a reactor that does not run is an error."""
    api.attempt("reactor", "stop", api.reactor.stop)
    api.reactor.callWhenRunning(api.reactor.stop)
    api.reactor.run()


@scenario(alone=True)
def stop_twice(api: Stage) -> None:
    """A second `stop` is an error, within the same call and later."""

    def stop() -> None:
        api.attempt("reactor", "first", api.reactor.stop)
        api.attempt("reactor", "second", api.reactor.stop)

    def in_shutdown() -> None:
        api.attempt("reactor", "in shutdown", api.reactor.stop)

    api.reactor.addSystemEventTrigger("during", "shutdown", in_shutdown)
    api.reactor.callLater(0, stop)
    api.reactor.run()
    api.attempt("reactor", "afterwards", api.reactor.stop)


@scenario(alone=True)
def stop_returns_before_shutdown(api: Stage) -> None:
    """`stop` only asks; calls due at once still run; the triggers run on a later turn."""

    def stop() -> None:
        api.reactor.stop()
        api.record("trigger", "stop returned", bool(api.reactor.running))
        api.reactor.callLater(0, api.record, "trigger", "made after stop")

    api.trigger("before", "shutdown", "one")
    api.reactor.callLater(0, stop)
    api.reactor.callLater(0, api.record, "trigger", "due at once")
    api.reactor.run()


@scenario(alone=True)
def stop_with_everything_alive(api: Stage) -> None:
    """What ports, connections, producers and attempts hear when the reactor stops."""
    plain = api.plain_listener()

    class Producer:
        def pauseProducing(self) -> None:
            api.record("server", "pauseProducing")

        def resumeProducing(self) -> None:
            api.record("server", "resumeProducing")

        def stopProducing(self) -> None:
            api.record("server", "stopProducing")

    def started() -> None:
        server = api.server(made=lambda p: p.transport.registerProducer(Producer(), True))
        for name, actor in (("server", server), ("client", api.client(server.number))):
            party = f"{name}'s factory"
            actor.factory.stopFactory = lambda party=party: api.record(party, "stopFactory")
        both = api.seen("server", "connectionMade").addCallback(
            lambda _: api.seen("client", "connectionMade")
        )
        both.addCallback(lambda _: stop())

    def stop() -> None:
        api.client(plain.number, "connecting")
        api.reactor.stop()

    api.trigger("before", "shutdown", "one")
    api.trigger("during", "shutdown", "two")
    api.trigger("after", "shutdown", "three")
    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("trigger", "returned")
    # Which reason ends an attempt that the reactor's end meets is a matter of the moment.
    api.events["connecting"] = api.events["connecting"][:1]


@scenario(
    differs(
        "peer",
        "b'answer'",
        "b''",
        because="what was written before `stop` is sent, where Twisted drops it",
    ),
    alone=True,
)
def writes_before_stop(api: Stage) -> None:
    """What was written just before `stop` is it sent?"""
    answers: list[bytes] = []

    def started() -> None:
        server = api.server(data=data)
        sock = socket.create_connection(("127.0.0.1", server.number), 3)
        sock.sendall(b"?")
        answers.append(sock)  # type: ignore[arg-type]

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"answer")
        api.reactor.stop()

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    sock: Any = answers[0]
    api.record("peer", sock.recv(100))
    api.record("peer", sock.recv(100))
    sock.close()


@scenario(
    differs(
        "peer",
        "b'answer'",
        because="what was written before `stop` is sent, where Twisted drops it",
    ),
    alone=True,
)
def lose_connection_before_stop(api: Stage) -> None:
    """What was written before `loseConnection` and `stop` in one call."""
    sockets: list[Any] = []

    def started() -> None:
        server = api.server(data=data)
        sock = socket.create_connection(("127.0.0.1", server.number), 3)
        sock.sendall(b"?")
        sockets.append(sock)

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.write(b"answer")
        protocol.transport.loseConnection()
        api.reactor.stop()

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("peer", sockets[0].recv(100))
    sockets[0].close()


@scenario(alone=True)
def stop_in_connection_lost(api: Stage) -> None:
    """The article's ending: the client stops the reactor when its connection is lost."""

    def started() -> None:
        server = api.server(data=lambda p, d: p.transport.loseConnection())
        api.client(
            server.number,
            made=lambda p: p.transport.write(b"hello"),
            client_lost=lambda connector, reason: api.reactor.stop(),
        )

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("reactor", "returned")


@scenario(alone=True)
def listen_and_connect_before_run(api: Stage) -> None:
    """Ports and clients set up before `run` are served when it runs."""
    server = api.server(data=lambda p, d: p.transport.write(d))

    def data(protocol: Any, _: bytes) -> None:
        protocol.transport.loseConnection()

    client = api.client(
        server.number,
        made=lambda p: p.transport.write(b"early bird"),
        data=data,
        client_lost=lambda connector, reason: served().addCallback(lambda _: api.reactor.stop()),
    )

    def served() -> Any:
        return api.seen("server", "dataReceived b'before")

    api.record("client", "before run", client.connector.state)
    peer = socket.create_connection(("127.0.0.1", server.number), 3)
    peer.sendall(b"before anybody ran")
    api.reactor.run()
    api.record("peer", peer.recv(100))
    peer.close()
    api.events["server"] = sorted(e for e in api.events["server"] if "Lost" not in e)


@scenario(alone=True)
def stop_listening_before_run(api: Stage) -> None:
    """A port may be stopped before the reactor ever ran."""
    server = api.server()
    server.factory.stopFactory = lambda: api.record("server", "stopFactory")
    deferred = server.port.stopListening()
    api.outcome("server", "d", deferred)
    api.record("server", "returned")
    api.reactor.callLater(0.01, api.reactor.stop)
    api.reactor.run()


@scenario(alone=True)
def crash(api: Stage) -> None:
    """`crash` returns from `run` at once, with no shutdown events."""
    api.trigger("during", "shutdown", "one")
    api.reactor.callWhenRunning(api.server)
    api.reactor.callLater(0.01, api.reactor.crash)
    api.reactor.callLater(5, api.record, "trigger", "never")
    api.reactor.run()
    api.record("trigger", "returned", bool(api.reactor.running))


@scenario(
    differs(
        "trigger",
        "shutdown during one False",
        "returned as before True",
        because="signals are as they were when `run` returns",
    ),
    alone=True,
)
def keyboard_interrupt(api: Stage) -> None:
    """SIGINT stops the reactor, with all that belongs to stopping."""
    import os
    import signal

    api.trigger("during", "shutdown", "one")
    # Whoever started this process in the background may have had SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGINT)
    api.reactor.callLater(0.01, os.kill, os.getpid(), signal.SIGINT)
    try:
        api.reactor.run()
    except KeyboardInterrupt:
        api.record("trigger", "KeyboardInterrupt came out")
    api.record("trigger", "returned", "as before", signal.getsignal(signal.SIGINT) == before)


@scenario(alone=True)
def terminated(api: Stage) -> None:
    """SIGTERM stops the reactor."""
    import os
    import signal

    api.trigger("during", "shutdown", "one")
    api.reactor.callLater(0.01, os.kill, os.getpid(), signal.SIGTERM)
    api.reactor.run()
    api.record("trigger", "returned")


@scenario(alone=True)
def no_signals_wanted(api: Stage) -> None:
    """`run(installSignalHandlers=False)` leaves signals alone."""
    import signal

    before = signal.getsignal(signal.SIGTERM)
    same: list[bool] = []
    api.reactor.callLater(0, lambda: same.append(signal.getsignal(signal.SIGTERM) == before))
    api.reactor.callLater(0.01, api.reactor.stop)
    api.reactor.run(installSignalHandlers=False)
    api.record("trigger", "untouched", *same)


@scenario(alone=True)
def call_from_thread_after_stop(api: Stage) -> None:
    """Calls from threads made too late are not run, and do not raise."""
    api.reactor.callLater(0, api.reactor.stop)
    api.reactor.run()
    api.attempt("call", "late", api.reactor.callFromThread, api.record, "call", "never")


@scenario(alone=True)
def port_stopped_before_shutdown(api: Stage) -> None:
    """Ports stopped in a `before` trigger are gone when their Deferred fires."""
    holder: list[Any] = []

    def stop_port() -> Any:
        api.record("trigger", "stop port")
        deferred = holder[0].port.stopListening()
        return deferred.addCallback(lambda _: api.record("trigger", "port stopped"))

    api.reactor.callWhenRunning(lambda: holder.append(api.server()))
    api.reactor.addSystemEventTrigger("before", "shutdown", stop_port)
    api.trigger("during", "shutdown", "two")
    api.reactor.callLater(0.01, api.reactor.stop)
    api.reactor.run()


def _raise(kind: type[BaseException], *args: Any) -> Any:
    def call(*_: Any) -> None:
        raise kind(*args)

    return call


@scenario(
    differs(
        "trigger",
        "shutdown during one False",
        "SystemExit 3",
        because="`SystemExit` ends the program, as everywhere in Python, after a clean shutdown",
    ),
    differs("log", because="it is not an error"),
    differs("call", because="the program has ended by then"),
    alone=True,
)
def system_exit_in_a_delayed_call(api: Stage) -> None:
    """`sys.exit(3)` in a delayed call."""
    api.trigger("during", "shutdown", "one")
    api.reactor.callLater(0, _raise(SystemExit, 3))
    api.reactor.callLater(0.05, api.record, "call", "goes on")
    api.reactor.callLater(0.1, api.reactor.stop)
    try:
        api.reactor.run()
    except SystemExit as error:
        api.record("trigger", "SystemExit", error.code)


@scenario(
    differs("log", because="it stops the reactor, and is not an error"),
    differs("call", because="the reactor has stopped by then"),
    alone=True,
)
def keyboard_interrupt_in_a_delayed_call(api: Stage) -> None:
    """`KeyboardInterrupt` raised by a delayed call."""
    api.trigger("during", "shutdown", "one")
    api.reactor.callLater(0, _raise(KeyboardInterrupt))
    api.reactor.callLater(0.05, api.record, "call", "goes on")
    api.reactor.callLater(0.1, api.reactor.stop)
    try:
        api.reactor.run()
    except KeyboardInterrupt:
        api.record("trigger", "KeyboardInterrupt")


EXITS = "`SystemExit` ends the program, after a clean shutdown, wherever it is raised"


@scenario(
    differs("trigger", "shutdown during one False", "SystemExit 3", because=EXITS),
    differs(
        "server",
        "connectionMade",
        "dataReceived b'?'",
        "connectionLost ConnectionLost",
        because=EXITS,
    ),
    differs(
        "client",
        "startedConnecting connecting",
        "connectionMade",
        "connectionLost ConnectionLost",
        "clientConnectionLost ConnectionLost disconnected",
        because=EXITS,
    ),
    differs("log", because=EXITS),
    alone=True,
)
def system_exit_in_data_received(api: Stage) -> None:
    """`sys.exit(3)` in `dataReceived`."""
    api.trigger("during", "shutdown", "one")

    def started() -> None:
        server = api.server(data=_raise(SystemExit, 3))
        api.client(server.number, made=lambda p: p.transport.write(b"?"))

    api.reactor.callWhenRunning(started)
    api.reactor.callLater(0.1, lambda: api.reactor.running and api.reactor.stop())
    try:
        api.reactor.run()
    except SystemExit as error:
        api.record("trigger", "SystemExit", error.code)


@scenario(alone=True)
def stop_while_connecting(api: Stage) -> None:
    """What a client hears whose attempt is under way when the reactor stops."""

    def started() -> None:
        client = api.client(api.silent_port())
        client.factory.stopFactory = lambda: api.record("client", "stopFactory")
        api.reactor.callLater(0.02, api.reactor.stop)

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("reactor", "returned")
    api.strike()


@scenario(alone=True)
def stop_with_much_unsent(api: Stage) -> None:
    """`stop` does not wait for a peer that does not read."""

    def started() -> None:
        server = api.server(made=lambda p: p.transport.write(b"m" * 20_000_000))
        api.peer(server.number)
        api.seen("server", "connectionMade").addCallback(lambda _: api.reactor.stop())

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("reactor", "returned")
    api.strike()


@scenario(alone=True)
def stop_in_connection_made(api: Stage) -> None:
    """`stop` in `connectionMade` of a client."""

    def started() -> None:
        plain = api.plain_listener()
        api.client(plain.number, made=lambda p: api.reactor.stop())

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("reactor", "returned")
    api.strike()


@scenario(alone=True)
def connection_lost_calls_during_shutdown(api: Stage) -> None:
    """What `connectionLost` may still do when the reactor stops: call later, listen, connect."""

    def lost(protocol: Any, reason: Any) -> None:
        api.attempt("server", "callLater", lambda: bool(api.reactor.callLater(0, _record, api)))
        api.attempt("server", "write", protocol.transport.write, b"late")
        api.attempt("server", "lose", protocol.transport.loseConnection)

    def started() -> None:
        server = api.server(lost=lost)
        api.peer(server.number)
        api.seen("server", "connectionMade").addCallback(lambda _: api.reactor.stop())

    api.reactor.callWhenRunning(started)
    api.reactor.run()
    api.record("reactor", "returned")
    api.strike()


def _record(api: Stage) -> None:
    api.record("server", "called after the end")
