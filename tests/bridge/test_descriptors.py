"""Descriptors of people's own: what the loop watches, and how each comes to its end."""

import os
import socket

import pytest

from reactorlite.bridge import descriptors
from reactorlite.internet import error
from reactorlite.internet.interfaces import IHalfCloseableDescriptor, IReactorFDSet
from reactorlite.internet.main import CONNECTION_DONE, CONNECTION_LOST
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.python.components import implementer
from tests.waiting import call_when, run_until


class Watchful:
    """One end of a pair of sockets, with a list of what it was called for."""

    def __init__(self, answer=None):
        self.sock, self.peer = socket.socketpair()
        self.sock.setblocking(False)
        self.number = self.sock.fileno()
        self.answer = answer
        self.events = []
        self.reasons = []

    def fileno(self):
        return self.number

    def doRead(self):
        self.events.append("read")
        return self.answer() if self.answer else self.sock.recv(100) and None

    def doWrite(self):
        self.events.append("write")
        return self.answer() if self.answer else None

    def connectionLost(self, reason):
        self.events.append("lost")
        self.reasons.append(reason)

    def close(self):
        self.sock.close()
        self.peer.close()


@implementer(IHalfCloseableDescriptor)
class Half(Watchful):
    def readConnectionLost(self, reason):
        self.events.append("read lost")
        self.reasons.append(reason)

    def writeConnectionLost(self, reason):
        raise AssertionError("nobody ended the other half")


@pytest.fixture
def pair():
    """Makes descriptors, and closes them at the end."""
    made = []

    def make(answer=None, kind=Watchful):
        made.append(kind(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def play(reactor, act, condition=lambda: True):
    """Run the reactor, with `act` called when it runs, until the condition holds."""
    reactor.callWhenRunning(act)
    run_until(reactor, condition)


# ── watching ─────────────────────────────────────────────────────────────────────────────


def test_reader_is_called_when_there_is_something(reactor, pair):
    """`doRead` is called when data has come, and the end of the reactor ends the reader."""
    one = pair()

    def send():
        one.events.append("sent")
        one.peer.send(b"x")

    def act():
        reactor.addReader(one)
        reactor.callLater(0.005, send)

    play(reactor, act, lambda: "read" in one.events)

    assert one.events == ["sent", "read", "lost"]


def test_reader_that_was_added_before_the_loop(reactor, pair):
    """A reader added before `run` is watched from its start on."""
    one = pair()
    one.peer.send(b"x")
    reactor.addReader(one)
    assert reactor.getReaders() == [one]

    play(reactor, lambda: None, lambda: one.events)

    assert one.events == ["read", "lost"]


def test_reader_that_was_removed_before_the_loop(reactor, pair):
    """A reader that is added and removed before `run` is never called."""
    one = pair()
    one.peer.send(b"x")
    reactor.addReader(one)
    reactor.removeReader(one)

    play(reactor, lambda: None)

    assert one.events == []


def test_writer_is_called_while_there_is_room(reactor, pair):
    """`doWrite` is called until the writer removes itself."""
    one = pair()
    one.answer = lambda: reactor.removeWriter(one) if one.events == ["write"] * 3 else None

    play(reactor, lambda: reactor.addWriter(one), lambda: len(one.events) == 3)

    assert one.events == ["write"] * 3


def test_one_descriptor_as_both(reactor, pair):
    """The same descriptor may be reader and writer; the end of the reactor tells it once."""
    one = pair()
    watched = []

    def remove():
        reactor.removeWriter(one)
        watched.append((reactor.getReaders(), reactor.getWriters()))

    def act():
        for _ in range(2):
            reactor.addReader(one)
            reactor.addWriter(one)
        call_when(reactor, lambda: one.events, remove)

    play(reactor, act, lambda: watched)

    assert set(one.events[:-1]) == {"write"}
    assert one.events[-1] == "lost"
    assert watched == [([one], [])]


def test_each_removes_the_other(reactor, pair):
    """Of two that are ready in one turn, the one that was removed by the other isn't called."""
    one, other = pair(), pair()

    def remove_both():
        reactor.removeReader(one)
        reactor.removeReader(other)

    one.answer = other.answer = remove_both
    for each in (one, other):
        each.peer.send(b"x")
        reactor.addReader(each)

    play(reactor, lambda: None, lambda: one.events or other.events)

    assert sorted([one.events, other.events]) == [[], ["read"]]


def test_removing_what_is_not_watched(reactor, pair):
    """Nothing happens, before anything was ever watched and afterwards."""
    one, other = pair(), pair()
    reactor.removeReader(one)
    reactor.removeWriter(one)
    assert reactor.getReaders() == reactor.getWriters() == []
    reactor.addReader(other)

    reactor.removeReader(one)
    reactor.removeWriter(other)

    assert reactor.getReaders() == [other]
    assert reactor.getWriters() == []


def test_regular_file_is_always_ready(reactor, tmp_path):
    """A file, which epoll refuses, is ready in each turn until it is removed."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    seen = []

    class Reading:
        def fileno(self):
            return file.fileno()

        def doRead(self):
            seen.append(file.read(1))
            if not seen[-1]:
                reactor.removeReader(self)
                reactor.stop()

        def connectionLost(self, reason):
            raise AssertionError("it was removed")

    with path.open("rb", buffering=0) as file:
        reactor.addReader(Reading())
        reactor.run()

    assert seen == [b"a", b"b", b"c", b""]


# ── the end of a descriptor ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda: CONNECTION_LOST, error.ConnectionLost),
        (lambda: CONNECTION_DONE, error.ConnectionDone),
        (lambda: ValueError("mine"), ValueError),
        (lambda: 17, TypeError),
    ],
)
@pytest.mark.parametrize("side", ["Reader", "Writer"])
def test_answer_ends_it(reactor, pair, answer, kind, side):
    """What a call answers removes the descriptor from both sides, and is the reason."""
    one = pair(answer)
    one.peer.send(b"x")
    left = []

    def act():
        getattr(reactor, f"add{side}")(one)
        call_when(reactor, lambda: one.reasons, look)

    def look():
        left.extend([*reactor.getReaders(), *reactor.getWriters()])

    play(reactor, act, lambda: one.reasons)

    assert one.events == ["read" if side == "Reader" else "write", "lost"]
    assert one.reasons[0].type is kind
    assert one.reasons[0].value not in (CONNECTION_LOST, CONNECTION_DONE)
    assert left == []


def test_exception_ends_it_and_is_logged(reactor, pair, log):
    """What `doRead` raises is logged, and is the reason."""
    broken = RuntimeError("broken")

    def answer():
        raise broken

    one = pair(answer)
    one.peer.send(b"x")

    play(reactor, lambda: reactor.addReader(one), lambda: one.reasons)

    assert one.events == ["read", "lost"]
    assert one.reasons[0].value is broken
    assert log.take() == ["RuntimeError('broken')"]


def test_half_closeable_descriptor_ends_by_halves(reactor, pair):
    """`CONNECTION_DONE` from `doRead` is told to `readConnectionLost`; writing goes on."""
    one = pair(lambda: CONNECTION_DONE, Half)
    one.peer.send(b"x")
    left = []

    def act():
        reactor.addReader(one)
        call_when(reactor, lambda: one.reasons, lambda: left.extend(reactor.getReaders()))

    play(reactor, act, lambda: one.reasons)

    assert one.events == ["read", "read lost"]
    assert one.reasons[0].type is error.ConnectionDone
    assert left == []


def test_connection_lost_that_raises_is_logged(reactor, pair, log):
    """An exception from `connectionLost` is logged, and the others are still told."""
    one, other = pair(), pair()
    one.connectionLost = lambda reason: 1 / 0

    def act():
        reactor.addReader(one)
        reactor.addReader(other)

    play(reactor, act)

    assert other.events == ["lost"]
    assert log.take() == ["ZeroDivisionError('division by zero')"]


@pytest.mark.parametrize("when", ["before", "in"])
def test_descriptor_that_is_gone(reactor, pair, when):
    """One whose `fileno` is -1, before a call or after it, is told `ConnectionFdescWentAway`."""
    one = pair()
    one.answer = lambda: setattr(one, "number", -1)

    def act():
        reactor.addReader(one)
        if when == "before":
            one.number = -1
        one.peer.send(b"x")

    play(reactor, act, lambda: one.reasons)

    assert one.events == [*(["read"] if when == "in" else []), "lost"]
    assert one.reasons[0].type is error.ConnectionFdescWentAway


def test_descriptor_that_moves(reactor, pair):
    """One that has another number after a call is watched by that."""
    one, other = pair(), pair()

    def move():
        one.number = other.sock.fileno()
        one.answer = lambda: reactor.removeReader(one)

    one.answer = move
    one.peer.send(b"x")
    other.peer.send(b"y")
    reactor.addReader(one)

    play(reactor, lambda: None, lambda: len(one.events) == 2)

    assert one.events == ["read", "read"]


def test_number_that_comes_up_again(reactor, pair):
    """A descriptor closed behind the reactor's back doesn't hide the next one of its number."""
    one, again = pair(), pair()
    seen = []

    def close():
        one.sock.close()
        os.dup2(again.sock.fileno(), one.number)
        again.sock.close()
        again.sock = socket.socket(fileno=one.number)
        again.number = one.number
        again.peer.send(b"x")
        reactor.addReader(again)
        seen.extend(reactor.getReaders())

    def act():
        reactor.addReader(one)
        reactor.callLater(0.005, close)

    play(reactor, act, lambda: again.events)

    assert seen == [again]
    assert again.events == ["read", "lost"]
    assert one.events == []


def test_transport_may_have_the_number_of_a_closed_reader(reactor, pair):
    """A reader that closes itself in `doRead` leaves its number to the loop's transports."""
    one = pair()
    received = []

    class Receiver(Protocol):
        def dataReceived(self, data):
            received.append(data)
            reactor.stop()

    def listen():
        factory = Factory.forProtocol(Receiver)
        factory.noisy = False
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        assert port.fileno() == number
        one.sock = socket.create_connection(("127.0.0.1", port.getHost().port))
        one.sock.send(b"hello")

    def close():
        one.sock.close()
        one.number = -1
        reactor.callLater(0, listen)

    number = one.number
    one.answer = close
    one.peer.send(b"x")
    reactor.addReader(one)
    reactor.run()

    assert received == [b"hello"]


def test_system_exit_leaves_the_reactor(reactor, pair):
    """A `SystemExit` from `doRead` ends the reactor, and the descriptor with it."""

    def answer():
        raise SystemExit(3)

    one = pair(answer)
    one.peer.send(b"x")
    reactor.addReader(one)

    with pytest.raises(SystemExit, match="3"):
        reactor.run()

    assert one.events == ["read", "lost"]
    assert one.reasons[0].type is SystemExit


# ── all of them ──────────────────────────────────────────────────────────────────────────


class Told(Protocol):
    """Calls something when it is connected."""

    def connectionMade(self):
        self.factory.then(self)


def told(then):
    """A factory of protocols that do `then` with themselves when connected."""
    factory = Factory.forProtocol(Told)
    factory.noisy, factory.then = False, then
    return factory


def connect(reactor, then):
    """A port whose first connection is given to `then`, and the peer's socket."""
    port = reactor.listenTCP(0, told(then), interface="127.0.0.1")
    return port, socket.create_connection(("127.0.0.1", port.getHost().port))


def test_ports_and_connections_are_watched(reactor):
    """`getReaders` has the ports, and the connections that aren't paused, as transports."""
    found = []

    def then(server):
        transport = server.transport
        for act in (list, transport.pauseProducing, transport.resumeProducing):
            act()
            found.append(transport in reactor.getReaders())
        found.append(port in reactor.getReaders())
        reactor.stop()

    port, peer = connect(reactor, then)
    assert reactor.getReaders() == [port]
    with peer:
        reactor.run()

    assert found == [True, False, True, True]
    assert reactor.getReaders() == []


def test_connections_that_have_something_to_send_are_watched(reactor):
    """`getWriters` has the transports whose data waits."""
    found = []

    def then(server):
        found.append(reactor.getWriters())
        server.transport.write(b"waits")
        found.append(reactor.getWriters() == [server.transport])
        reactor.stop()

    _, peer = connect(reactor, then)
    with peer:
        reactor.run()

    assert found == [[], True]


@pytest.mark.parametrize("paused", [False, True])
def test_remove_all_names_connections_that_are_in_use(reactor, paused):
    """`removeAll` closes every connection, and names those by which something may come."""
    named = []

    def then(server):
        if paused:
            server.transport.pauseProducing()
        named.append(server.transport in reactor.removeAll())
        reactor.callLater(0, reactor.stop)

    _, peer = connect(reactor, then)
    with peer:
        reactor.run()
        ended = peer.recv(1)

    assert (named, ended) == ([not paused], b"")


def test_remove_all(reactor, pair):
    """`removeAll` answers what was watched, once each, and doesn't call it."""
    one, other = pair(), pair()
    one.peer.send(b"x")
    removed = []

    def act():
        reactor.addReader(one)
        reactor.addWriter(one)
        reactor.addWriter(other)
        removed.extend(reactor.removeAll())

    play(reactor, act)

    assert set(removed) == {one, other}
    assert len(removed) == 2
    assert one.events == other.events == []


def test_crash_keeps_them(reactor, pair):
    """What is watched at a crash is watched in the next run."""
    one = pair()
    reactor.addReader(one)
    reactor.callWhenRunning(reactor.crash)
    reactor.run()
    one.peer.send(b"x")

    play(reactor, lambda: None, lambda: one.events)

    assert one.events == ["read", "lost"]


def test_host_ends(run, pair):
    """A host's end is told to what is watched."""
    from reactorlite.internet import reactor

    one = pair()

    async def main():
        reactor.addReader(one)

    run(main())

    assert one.events == ["lost"]
    assert one.reasons[0].type is error.ConnectionLost


def test_what_is_watched_is_described(reactor, pair):
    """A reactor that never ran can name the descriptors it was given."""
    one = pair()
    reactor.addReader(one)

    assert any(repr(one) in line for line in reactor._work())

    reactor.removeAll()
    assert reactor._work() == []


def test_interface_is_declared(reactor):
    """The reactor says that it is an `IReactorFDSet`."""
    assert IReactorFDSet.providedBy(reactor)


# ── what can't be watched ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [5, object(), None])
def test_what_has_no_fileno_is_refused(reactor, bad):
    """The error says what a descriptor must have."""
    with pytest.raises(TypeError, match=r"addReader\(\) takes something with fileno\(\), doRead"):
        reactor.addReader(bad)


@pytest.mark.parametrize("number", [-1, "3", None])
def test_what_is_closed_is_refused(reactor, pair, number):
    """A descriptor that is closed, or has no number, can't be added."""
    one = pair()
    one.number = number

    with pytest.raises(ValueError, match=r"addWriter\(\) can't watch .* add it while it is open"):
        reactor.addWriter(one)

    assert reactor.getWriters() == []


def test_number_that_is_not_open(reactor, pair):
    """A number that isn't open is refused by the loop, and nothing of it stays."""
    one = pair()
    one.number = 9999
    seen = []

    def act():
        with pytest.raises(OSError, match="Bad file descriptor"):
            reactor.addReader(one)
        seen.append(reactor.getReaders())

    play(reactor, act)

    assert seen == [[]]
    assert one.events == []


def test_descriptor_that_is_gone_when_the_loop_begins(reactor, pair, log):
    """What was closed between being added and the start of the loop is logged, and lost."""
    one = pair()
    reactor.addReader(one)
    one.number = -1

    play(reactor, lambda: None)

    assert one.events == ["lost"]
    assert one.reasons[0].type is error.ConnectionFdescWentAway
    assert [line.partition("(")[0] for line in log.take()] == ["ConnectionFdescWentAway"]


def test_loop_that_watches_none(reactor, pair, monkeypatch):
    """On a loop without `add_reader` the error says so, and what to do."""
    monkeypatch.setattr(descriptors, "watches_descriptors", lambda loop: False)
    one = pair()
    seen = []

    def act():
        with pytest.raises(NotImplementedError, match="SelectorEventLoop"):
            reactor.addReader(one)
        seen.append(reactor.getReaders())

    play(reactor, act)

    assert seen == [[]]
