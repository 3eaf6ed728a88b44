"""Failures that outlive their traceback: cleaned, copied, pickled."""

import copy
import gc
import pickle
import traceback
import weakref

import pytest

from reactorlite.python.failure import Failure


class Inexpressible(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    def __repr__(self):
        raise RuntimeError("no repr")


class Broken(Exception):
    """Can't be pickled."""

    def __init__(self):
        super().__init__()
        self.live = lambda: None


class Special(Failure):
    def __init__(self, why):
        super().__init__(ValueError(why))
        self.why = why


def fall(depth=1):
    """Raise from some calls below."""
    local = "kept"
    if depth:
        fall(depth - 1)
    else:
        raise ValueError(f"fell, {local}")


def fallen(make=Failure, **kwargs):
    """A failure of a fall, caught here."""
    try:
        fall()
    except ValueError:
        return make(**kwargs)


@pytest.fixture(scope="module")
def theirs():
    """Twisted's module, where Twisted is installed."""
    return pytest.importorskip("twisted.python.failure")


def test_clean_lets_go_of_what_the_frames_held():
    """After `cleanFailure` nothing in the frames is kept alive."""

    class Held:
        pass

    def holding():
        held = Held()
        watched.append(weakref.ref(held))
        fall()

    watched = []
    try:
        holding()
    except ValueError:
        made = Failure()
    assert watched[0]() is not None

    made.cleanFailure()
    gc.collect()

    assert watched[0]() is None
    assert (made.tb, made.value.__traceback__, made.pickled) == (None, None, 1)


def test_clean_keeps_the_texts():
    """What a failure prints, and its parents, outlive the traceback."""
    made = fallen()
    before = (made.getTraceback(), str(made), made.parents)

    made.cleanFailure()

    assert (made.getTraceback(), str(made), made.parents) == before


def test_clean_keeps_variables_as_text():
    """Captured variables are kept as their `repr`, and print as before."""
    made = fallen(captureVars=True)
    lines = [line for line in made.getTraceback(detail="verbose").splitlines() if "kept" in line]

    made.cleanFailure()

    assert ("local", "'kept'") in made.frames[-1][3]
    assert lines
    assert set(lines) <= set(made.getTraceback(detail="verbose").splitlines())


def test_clean_survives_what_has_no_repr():
    """A variable that can't be shown doesn't stop the rest from being kept."""
    odd = Inexpressible()
    try:
        raise KeyError("k")
    except KeyError:
        made = Failure(captureVars=True)

    made.cleanFailure()

    assert "repr() raised" in dict(made.frames[0][3])["odd"]
    assert isinstance(odd, Inexpressible)


def test_clean_of_what_is_no_exception():
    """A failure of a plain string can be cleaned."""
    made = Failure("text")

    made.cleanFailure()

    assert made.getErrorMessage() == "text"


def test_traceback_object():
    """A failure gives its traceback; one that never had any gives None."""
    made = fallen()

    assert made.getTracebackObject() is made.tb
    assert Failure(ValueError()).getTracebackObject() is None


def test_traceback_object_after_cleaning():
    """A traceback made anew shows the same functions, files and lines, and the source."""
    made = fallen()
    before = [frame[:4] for frame in map(tuple, traceback.extract_tb(made.tb))]

    made.cleanFailure()

    assert [tuple(frame) for frame in traceback.extract_tb(made.getTracebackObject())] == before


def test_traceback_object_after_cleaning_can_be_raised():
    """A traceback made anew is a real one: raise, print_exception and logging take it."""
    made = fallen()
    made.cleanFailure()

    try:
        raise made.value.with_traceback(made.getTracebackObject())
    except ValueError as error:
        text = "".join(traceback.format_exception(error))

    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  File")] == [
        "test_traceback_object_after_cleaning_can_be_raised",
        "fallen",
        "fall",
        "fall",
    ]


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy]
    + [
        lambda made, p=protocol: pickle.loads(pickle.dumps(made, p))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ],
)
def test_copies(duplicate):
    """A copied or unpickled failure has no traceback and prints the same."""
    made = fallen(captureVars=False)
    made.note = "more"

    other = duplicate(made)

    assert other.tb is None
    assert other.value.args == made.value.args
    assert (other.type, other.note, other.count) == (made.type, "more", made.count)
    assert (other.frames, other.parents, other.pickled) == (made.frames, made.parents, 1)
    assert other.getTraceback() == made.getTraceback()
    assert made.tb is not None


def test_state_as_in_twisted(theirs):
    """The state has Twisted's keys, so that what reads it finds them."""
    assert set(fallen().__getstate__()) == set(fallen(theirs.Failure).__getstate__())


def test_a_pickled_failure_says_so():
    """The verbose form marks a failure that went through pickle."""
    made = pickle.loads(pickle.dumps(fallen(captureVars=True)))

    assert f"#{made.count} (pickled)" in made.getTraceback(detail="verbose")


def test_a_subclass_is_pickled_without_its_constructor():
    """A subclass with a constructor of its own comes back as it was."""
    made = pickle.loads(pickle.dumps(Special("why")))

    assert (type(made), made.why, made.value.args) == (Special, "why", ("why",))


def test_what_cannot_be_pickled():
    """A failure whose exception can't be pickled can't either."""
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(Failure(Broken()))
