"""System events: their three phases, without a reactor."""

import pytest

from reactorlite.internet._phases import SystemEvent
from reactorlite.internet.defer import Deferred, fail, succeed


class Story:
    """An event, and a record of what was called."""

    def __init__(self):
        self.left = []
        self.event = SystemEvent(self.left.append)
        self.calls = []

    def add(self, phase, name, result=None):
        """Add a trigger that records its name and returns something."""

        def trigger():
            self.calls.append(name)
            if isinstance(result, BaseException):
                raise result
            return result

        self.event.add(phase, (trigger, (), {}))
        return (trigger, (), {})


@pytest.fixture
def story():
    """An event without triggers."""
    return Story()


def test_phases_come_in_order(story):
    """ "before", "during" and "after" follow each other; in each, triggers keep their order."""
    for phase in ("after", "during", "before"):
        for number in (1, 2):
            story.add(phase, f"{phase} {number}")

    story.event.fire()

    assert story.calls == [
        "before 1",
        "before 2",
        "during 1",
        "during 2",
        "after 1",
        "after 2",
    ]


def test_triggers_are_called_once(story):
    """An event that is fired again calls what was added since."""
    story.add("before", "first")
    story.event.fire()
    story.add("during", "second")

    story.event.fire()

    assert story.calls == ["first", "second"]


def test_arguments_are_passed(story):
    """A trigger is called with the arguments it was added with."""
    story.event.add(
        "during", (lambda *args, **kw: story.calls.append((args, kw)), (1,), {"two": 2})
    )

    story.event.fire()

    assert story.calls == [((1,), {"two": 2})]


def test_deferreds_of_before_are_waited_for(story):
    """ "during" begins when every Deferred that "before" returned has fired."""
    one, two = Deferred(), Deferred()
    story.add("before", "one", one)
    story.add("before", "two", two)
    story.add("during", "during")
    story.event.fire()
    states = [list(story.calls)]
    two.callback(None)
    states.append(list(story.calls))

    one.callback(None)

    assert states == [["one", "two"]] * 2
    assert story.calls == ["one", "two", "during"]


def test_fired_deferreds_are_not_waited_for(story):
    """A Deferred that has a result already holds nothing up."""
    story.add("before", "before", succeed(5))
    story.add("after", "after")

    story.event.fire()

    assert story.calls == ["before", "after"]


def test_failing_deferred_holds_nothing_up(story):
    """A "before" trigger whose Deferred fails is like one whose Deferred succeeds."""
    failing = fail(ValueError("trigger"))
    story.add("before", "before", failing)
    story.add("during", "during")

    story.event.fire()
    failing.addErrback(lambda _: None)

    assert story.calls == ["before", "during"]


def test_deferreds_of_during_are_not_waited_for(story):
    """Only "before" can hold an event up."""
    story.add("during", "during", Deferred())
    story.add("after", "after")

    story.event.fire()

    assert story.calls == ["during", "after"]


def test_first_of_during_is_waited_for(story):
    """What the event's owner does first in "during" is waited for like a "before" trigger."""
    closed = Deferred()
    story.add("before", "before")
    story.add("during", "during")
    story.event.fire(first=lambda: (story.calls.append("first"), closed)[1])
    waiting = list(story.calls)

    closed.callback(None)

    assert waiting == ["before", "first"]
    assert story.calls == ["before", "first", "during"]


def test_first_that_fails_is_logged(story, log):
    """If the owner's part fails, the error is logged and the event goes on."""
    story.add("during", "during")

    story.event.fire(first=lambda: fail(ValueError("owner")))

    assert story.calls == ["during"]
    assert log.take() == ["ValueError('owner')"]


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_trigger_that_raises_is_logged(story, log, phase):
    """An error in a trigger is logged; the others are called."""
    story.add(phase, "bad", ValueError("bad"))
    story.add(phase, "good")

    story.event.fire()

    assert story.calls == ["bad", "good"]
    assert log.take() == ["ValueError('bad')"]


@pytest.mark.parametrize("phase", ["before", "during", "after"])
@pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_exit_in_a_trigger_is_handed_on(story, phase, leaving):
    """`SystemExit` and `KeyboardInterrupt` go to who can leave; the other triggers are called."""
    story.add(phase, "leaves", leaving)
    story.add(phase, "goes on")

    story.event.fire()

    assert story.calls == ["leaves", "goes on"]
    assert story.left == [leaving]


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_trigger_added_in_its_own_phase_is_called(story, phase):
    """A trigger that another one of the same phase adds is called in it."""
    story.event.add(phase, (lambda: story.add(phase, "added"), (), {}))

    story.event.fire()

    assert story.calls == ["added"]


def test_removed_trigger_is_not_called(story):
    """What was taken back isn't called."""
    gone = story.add("during", "gone")
    story.add("during", "stays")

    story.event.remove("during", gone)
    story.event.fire()

    assert story.calls == ["stays"]


def test_removing_twice_is_refused(story):
    """What was taken back, or called, can't be taken back."""
    gone = story.add("during", "gone")
    story.event.remove("during", gone)

    with pytest.raises(ValueError, match="no trigger"):
        story.event.remove("during", gone)


def test_equal_triggers_are_removed_one_at_a_time(story):
    """Of two triggers that are alike, removing one leaves the other."""
    one = story.add("during", "twice")
    story.event.add("during", one)

    story.event.remove("during", one)
    story.event.fire()

    assert story.calls == ["twice"]


def test_unknown_phase_is_refused(story):
    """A phase that isn't one is a `KeyError` that names those that are."""
    with pytest.raises(KeyError, match="before, during, after"):
        story.add("never", "x")


def test_waiting_names(story):
    """The event tells by name what waits to be called."""
    story.event.add("after", (print, (), {}))

    assert story.event.waiting() == ["print"]
