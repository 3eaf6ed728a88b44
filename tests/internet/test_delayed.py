"""The queue of delayed calls, moved by a clock that the test holds."""

import gc
import weakref
from contextvars import ContextVar
from random import Random

import pytest

from reactorlite.internet import error
from reactorlite.internet._delayed import CallQueue

VARIABLE = ContextVar("VARIABLE", default="unset")


class Moved:
    """A queue, a clock for it, and a record of calls."""

    def __init__(self):
        self.now = 0.0
        self.queue = CallQueue(lambda: self.now)
        self.calls = []

    def later(self, delay, name, *then):
        """Ask for a call that is recorded, and calls what follows."""

        def call():
            self.calls.append(name)
            for each in then:
                each()

        return self.queue.call_later(delay, call, (), {})

    def advance(self, to):
        """Set the clock, and run what is due."""
        self.now = to
        self.queue.run_due()


@pytest.fixture
def moved():
    """An empty queue at the time 0."""
    return Moved()


def entries(queue):
    """How much room the queue takes: the entries it holds, dead ones included."""
    return len(queue._entries)


# ── order ────────────────────────────────────────────────────────────────────────────────


def test_calls_wait_for_their_time(moved):
    """A call is made when its time has come, and not before."""
    moved.later(1, "call")
    moved.advance(0.999)
    early = list(moved.calls)

    moved.advance(1)

    assert (early, moved.calls) == ([], ["call"])


def test_calls_are_made_in_the_order_of_their_times(moved):
    """What is due first is called first, whatever was asked for first."""
    for delay in (3, 1, 2):
        moved.later(delay, delay)

    moved.advance(5)

    assert moved.calls == [1, 2, 3]


def test_equal_times_keep_the_order_of_asking(moved):
    """Calls due together are made in the order in which they were asked for."""
    for number in range(100):
        moved.later(1, number)

    moved.advance(1)

    assert moved.calls == list(range(100))


def test_random_calls_are_sorted_by_time_then_asking(moved):
    """The same holds with many calls at few times, some of them cancelled."""
    random = Random(7)
    asked = [(random.randrange(5), number) for number in range(300)]
    calls = {number: moved.later(delay, number) for delay, number in asked}
    gone = {number for number in calls if random.random() < 0.4}
    for number in gone:
        calls[number].cancel()

    moved.advance(10)

    assert moved.calls == [number for _, number in sorted(asked) if number not in gone]


def test_calls_made_by_calls_wait_for_the_next_round(moved):
    """A call asked for while the queue runs is made the next time, even if it is due at once."""
    moved.later(0, "outer", lambda: moved.later(0, "inner"))
    moved.advance(0)
    first = list(moved.calls)

    moved.advance(0)

    assert (first, moved.calls) == (["outer"], ["outer", "inner"])


def test_call_moved_back_in_a_round_waits(moved):
    """A call that was due and is reset by an earlier one of the same round isn't made in it."""
    later = moved.later(1, "moved")
    moved.queue.call_later(0.5, later.reset, (10,), {})

    moved.advance(2)

    assert moved.calls == []
    assert later.getTime() == 12


def test_call_cancelled_in_a_round_is_not_made(moved):
    """A call that is cancelled by an earlier one of the same round isn't made."""
    moved.later(1, "first", lambda: second.cancel())
    second = moved.later(1, "second")

    moved.advance(1)

    assert moved.calls == ["first"]


# ── moving ───────────────────────────────────────────────────────────────────────────────


def test_reset_counts_from_now(moved):
    """`reset` makes a call due so many seconds from now."""
    call = moved.later(1, "call")
    moved.advance(0.5)

    call.reset(1)

    assert call.getTime() == 1.5
    moved.advance(1.4)
    assert moved.calls == []
    moved.advance(1.5)
    assert moved.calls == ["call"]


def test_delay_counts_from_the_call(moved):
    """`delay` makes a call due so many seconds later than it was."""
    call = moved.later(1, "call")
    moved.advance(0.5)

    call.delay(1)

    assert call.getTime() == 2


@pytest.mark.parametrize("move", [lambda call: call.reset(0.25), lambda call: call.delay(-0.75)])
def test_call_moved_forward_is_made_sooner(moved, move):
    """A call that is moved to an earlier time is made then, once."""
    move(moved.later(1, "call"))

    moved.advance(0.25)
    moved.advance(2)

    assert moved.calls == ["call"]


def test_call_moved_to_the_past_is_made_at_once(moved):
    """A call that is moved to before now is due."""
    call = moved.later(5, "call")

    call.delay(-10)
    moved.advance(0)

    assert moved.calls == ["call"]


def test_call_moved_to_and_fro_is_made_once(moved):
    """However often a call is moved, it is made once, at its last time."""
    call = moved.later(5, "call")
    for seconds in (9, 2, 7, 1, 4):
        call.reset(seconds)

    for now in (1, 2, 3.9):
        moved.advance(now)
    early = list(moved.calls)
    for now in (4, 5, 7, 9):
        moved.advance(now)

    assert (early, moved.calls) == ([], ["call"])


def test_next_due(moved):
    """The queue tells the time of its next call, and None when there is none."""
    assert moved.queue.next_due() is None
    first = moved.later(1, "first")
    moved.later(2, "second")
    assert moved.queue.next_due() == 1

    first.delay(5)

    assert moved.queue.next_due() == 2


# ── states ───────────────────────────────────────────────────────────────────────────────


def test_call_is_active_until_made(moved):
    """A call is active while it waits, and not while it is being made."""
    seen = []
    call = moved.later(1, "call", lambda: seen.append(call.active()))

    before = call.active()
    moved.advance(1)

    assert (before, seen, call.active()) == (True, [False], False)
    assert (call.called, call.cancelled) == (1, 0)


@pytest.mark.parametrize(
    "change", [lambda c: c.cancel(), lambda c: c.reset(1), lambda c: c.delay(1)]
)
def test_made_call_refuses_changes(moved, change):
    """Once made, a call can't be cancelled or moved."""
    call = moved.later(1, "call")
    moved.advance(1)

    with pytest.raises(error.AlreadyCalled):
        change(call)


@pytest.mark.parametrize(
    "change", [lambda c: c.cancel(), lambda c: c.reset(1), lambda c: c.delay(1)]
)
def test_cancelled_call_refuses_changes(moved, change):
    """Once cancelled, a call can't be cancelled again or moved."""
    call = moved.later(1, "call")
    call.cancel()

    with pytest.raises(error.AlreadyCancelled):
        change(call)


@pytest.mark.parametrize("delay", [-1, -0.001, float("nan")])
def test_delay_must_not_be_negative(moved, delay):
    """A negative delay, or one that is no number, is refused."""
    with pytest.raises(AssertionError):
        moved.later(delay, "call")


@pytest.mark.parametrize("delay", [None, "1", [], lambda: None])
def test_delay_must_be_a_number(moved, delay):
    """What is no number is refused in the words of the call, and nothing is to come."""
    with pytest.raises(TypeError, match=r"callLater\(\) takes a delay in seconds, not "):
        moved.later(delay, "call")

    assert moved.queue.active_calls() == []


def test_call_that_raises_is_logged_and_others_go_on(moved, log):
    """An error in one call doesn't keep the queue from the others."""

    def bad():
        raise ValueError("bad")

    moved.queue.call_later(1, bad, (), {})
    moved.later(1, "good")

    moved.advance(1)

    assert moved.calls == ["good"]
    assert log.take() == ["ValueError('bad')"]


@pytest.mark.parametrize("leaving", [SystemExit, KeyboardInterrupt])
def test_exit_passes_and_leaves_the_rest(moved, leaving):
    """`SystemExit` and `KeyboardInterrupt` pass through; what was due too still waits."""

    def leave():
        raise leaving

    moved.queue.call_later(1, leave, (), {})
    moved.later(1, "rest")
    with pytest.raises(leaving):
        moved.advance(1)
    assert moved.calls == []

    moved.advance(1)

    assert moved.calls == ["rest"]


def test_call_keeps_its_context(moved):
    """A call sees the context variables of where it was asked for; what it sets stays its own."""
    seen = []

    def look():
        seen.append(VARIABLE.get())
        VARIABLE.set("changed")

    token = VARIABLE.set("asked")
    moved.queue.call_later(1, look, (), {})
    VARIABLE.reset(token)
    moved.advance(1)

    assert seen == ["asked"]
    assert VARIABLE.get() == "unset"


def test_active_calls(moved):
    """The queue lists the calls that are still to come, each once."""
    kept, gone, moved_on = (moved.later(seconds, seconds) for seconds in (1, 2, 3))
    gone.cancel()
    moved_on.reset(0.5)

    assert set(moved.queue.active_calls()) == {kept, moved_on}
    assert len(moved.queue.active_calls()) == 2


def test_clear_cancels_all(moved):
    """`clear` leaves no call, and each knows that it was cancelled."""
    calls = [moved.later(seconds, seconds) for seconds in range(5)]

    moved.queue.clear()
    moved.advance(10)

    assert moved.calls == []
    assert all(call.cancelled for call in calls)
    assert entries(moved.queue) == 0


def test_call_that_was_cleared_may_be_moved_and_cancelled(moved):
    """Whoever has a call that `clear` took may move it, and cancel it once; nothing comes of it."""
    call = moved.later(1, "call")
    moved.queue.clear()

    call.reset(0)
    call.delay(-1)
    call.cancel()
    moved.advance(1)

    assert moved.calls == []
    assert entries(moved.queue) == 0
    with pytest.raises(error.AlreadyCancelled):
        call.cancel()


def test_repr_shows_call_and_time(moved):
    """A call's `repr` shows what it is to call and how long it waits, and later its state."""
    call = moved.queue.call_later(5, print, ("a",), {"sep": "b"})
    moved.now = 2.0
    waiting = repr(call)
    call.cancel()

    assert "3.0s" in waiting
    assert "print('a', sep='b')" in waiting
    assert "cancelled=1" in repr(call)


# ── what is kept ─────────────────────────────────────────────────────────────────────────


class Thing:
    """Something that can be watched."""

    def method(self, *args, **kw):
        """Do nothing."""


@pytest.mark.parametrize("end", ["cancel", "run"])
def test_ended_call_keeps_no_reference(moved, end):
    """Cancelled or made, a call lets go of its function and arguments, though it is kept itself."""
    one, two, three = Thing(), Thing(), Thing()
    watched = [weakref.ref(thing) for thing in (one, two, three)]
    call = moved.queue.call_later(1, one.method, (two,), {"three": three})
    del one, two, three

    if end == "cancel":
        call.cancel()
    else:
        moved.advance(1)
    gc.collect()

    assert [ref() for ref in watched] == [None] * 3
    assert not call.active()


def test_call_being_made_lets_go_when_it_returns(moved):
    """A call that is made keeps no reference after it, though the queue lives on."""
    thing = Thing()
    watched = weakref.ref(thing)
    moved.queue.call_later(0, thing.method, (), {})
    del thing

    moved.advance(0)
    gc.collect()

    assert watched() is None


@pytest.mark.parametrize("seconds", [5.0, 0.5], ids=["to later", "to sooner"])
def test_resets_take_no_room(moved, seconds):
    """A time-out that is reset at every read for ever doesn't fill the queue."""
    call = moved.later(1, "time-out")
    for number in range(5000):
        call.reset(seconds + 1 / (number + 1))

    assert entries(moved.queue) < 200
    assert moved.queue.active_calls() == [call]


def test_cancelled_calls_take_no_room(moved):
    """Time-outs that are set and cancelled for ever don't fill the queue."""
    stays = moved.later(1000, "stays")
    for _ in range(5000):
        moved.later(30, "cancelled").cancel()

    assert entries(moved.queue) < 200
    assert moved.queue.active_calls() == [stays]


def test_cleaning_loses_no_call(moved):
    """Among thousands of calls set, moved and cancelled, those that stay are made, in order."""
    random = Random(3)
    expected = {}
    calls = []
    for number in range(3000):
        due = random.randrange(1, 1000)
        calls.append(moved.later(due, number))
        expected[number] = due
        if random.random() < 0.6:
            gone = random.randrange(len(calls))
            if calls[gone].active():
                calls[gone].cancel()
                del expected[gone]
        if random.random() < 0.5:
            other = random.randrange(len(calls))
            if calls[other].active():
                expected[other] = random.randrange(1, 1000)
                calls[other].reset(expected[other])

    for now in range(1, 1001):
        moved.advance(now)

    assert sorted(moved.calls) == sorted(expected)
    assert [expected[number] for number in moved.calls] == sorted(expected.values())
