"""Failure: what Twisted's does, asked of both where that is natural."""

import contextlib
import io
import logging
import pickle

import pytest

from reactorlite.python import failure
from reactorlite.python.failure import Failure, NoCurrentExceptionError

DETAILS = ["default", "brief", "verbose", "verbose-vars-not-captured"]


class Inexpressible(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    def __repr__(self):
        raise RuntimeError("no repr")


class Outer:
    class Inner(Exception):
        """Has its name from inside another class."""


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


def names(found):
    """The functions in a failure's frames, outermost first."""
    return [frame[0] for frame in found.frames]


@pytest.fixture(scope="module")
def theirs():
    """Twisted's module, where Twisted is installed."""
    return pytest.importorskip("twisted.python.failure")


# ── making one ───────────────────────────────────────────────────────────────────────────


def test_takes_the_exception_being_handled():
    """Without arguments a failure takes the current exception, its class and traceback."""
    try:
        fall()
    except ValueError as error:
        made = Failure()
        expected = (error, ValueError, error.__traceback__)

    assert (made.value, made.type, made.tb) == expected


def test_nothing_to_take():
    """Without arguments and without a current exception there is no failure, but advice."""
    with pytest.raises(NoCurrentExceptionError, match=r"give one, as in errback\(ValueError\(\)\)"):
        Failure()


def test_takes_an_exception_that_was_never_raised():
    """A failure of a new exception has no traceback and no frames."""
    error = ValueError("new")

    made = Failure(error)

    assert (made.value, made.type, made.tb) == (error, ValueError, None)
    assert made.frames == []


def test_takes_a_raised_exception_with_its_traceback():
    """A failure of an exception that was caught before has that exception's traceback."""
    with pytest.raises(ValueError, match="fell") as caught:
        fall()

    assert Failure(caught.value).tb is caught.value.__traceback__


def test_type_and_traceback_may_be_given():
    """Class and traceback can be other than the exception's own."""
    tb = fallen().tb

    made = Failure(ValueError("v"), KeyError, tb)

    assert (made.type, made.tb) == (KeyError, tb)


def test_keeps_the_traceback_of_when_it_was_made():
    """An exception that is raised later doesn't give an older failure a traceback."""
    error = ValueError("later")
    made = Failure(error)

    with contextlib.suppress(ValueError):
        raise error

    assert error.__traceback__ is not None
    assert made.tb is None


def test_is_raised_in_an_exceptions_place():
    """A failure that was itself raised is copied, not held in another."""
    first = fallen()

    try:
        raise first
    except Failure:
        second = Failure()

    assert second is not first
    assert (second.value, second.type, second.tb) == (first.value, ValueError, first.tb)


def test_given_in_an_exceptions_place():
    """A failure of a failure is a copy with the same number and its own attributes."""
    first = fallen(captureVars=True)
    first.note = "mine"

    second = Failure(first)
    second.note = "yours"

    assert (second.value, second.count, second.captureVars) == (first.value, first.count, True)
    assert first.note == "mine"


def test_numbers_differ():
    """Each failure has a number of its own, which stays."""
    one, two = Failure(ValueError()), Failure(ValueError())

    assert one.count != two.count
    assert one.count == one.count


def test_starts_unpickled():
    """A new failure is not pickled and captures nothing."""
    made = fallen()

    assert (made.pickled, made.captureVars) == (0, False)


def test_stack_is_deprecated():
    """`stack`, the frames above the catching one, is empty unless set, and warns."""
    made, twisteds = (
        fallen(),
        r"^twisted\.python\.failure\.Failure\.stack was deprecated in Twisted",
    )

    with pytest.warns(DeprecationWarning, match=twisteds):
        before = made.stack
    with pytest.warns(DeprecationWarning, match=twisteds):
        made.stack = [("f", "file", 1, (), ())]
    made.cleanFailure()

    assert before == []
    with pytest.warns(DeprecationWarning, match=twisteds):
        assert pickle.loads(pickle.dumps(made)).stack == [("f", "file", 1, (), ())]


def test_without_traceback():
    """A failure can be made that shows none of what its exception went through."""
    assert Failure._withoutTraceback(fallen().value).frames == []


def test_no_such_attribute():
    """An attribute that a failure lacks is an AttributeError naming it."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = Failure(ValueError()).nonsense


def test_found_in_a_dictionary_put_in_place():
    """A failure whose dictionary was set from outside finds value, type and tb in it."""
    made = Failure.__new__(Failure)

    made.__dict__ = {"value": "text", "type": b"remote.Error", "tb": None, "_parents": ["a.B"]}

    assert (made.value, made.type, made.tb) == ("text", b"remote.Error", None)
    assert made.check("a.B") == "a.B"
    assert "remote.Error: text" in repr(made)


# ── asking it ────────────────────────────────────────────────────────────────────────────


def test_frames_go_from_catching_to_raising():
    """Frames name function, file and line, from where it was caught to where it was raised."""
    frames = fallen().frames

    assert [frame[0] for frame in frames] == ["fallen", "fall", "fall"]
    assert {frame[1] for frame in frames} == {__file__}
    assert [frame[3:] for frame in frames] == [((), ())] * 3


def test_frames_as_in_twisted(theirs):
    """Frames are Twisted's."""
    assert fallen().frames == fallen(theirs.Failure).frames


def test_frames_with_variables():
    """With captureVars the frames have the locals and globals in them."""
    name, _, _, variables, globals_ = fallen(captureVars=True).frames[-1]

    assert name == "fall"
    assert ("local", "kept") in variables
    assert dict(globals_)["Outer"] is Outer


def test_parents_as_in_twisted(theirs):
    """The parents are names, and Twisted's."""
    for error in (KeyError("k"), Outer.Inner()):
        assert Failure(error).parents == theirs.Failure(error).parents


def test_state_can_be_set():
    """Frames, parents, value, type and traceback are attributes that may be set."""
    made = fallen()

    made.frames, made.parents = [("f", "file", 3, (), ())], ["some.Error"]
    made.value, made.type, made.tb = KeyError("k"), KeyError, None

    assert made.getTraceback().splitlines()[1] == '  File "file", line 3, in f'
    assert made.check("some.Error")
    assert repr(made).endswith("builtins.KeyError: 'k'>")


CHECKS = [
    (ValueError,),
    (KeyError,),
    (KeyError, ValueError),
    (Exception, ValueError),
    ("builtins.ValueError",),
    ("builtins.Exception",),
    ("ValueError",),
    ((ValueError,),),
    (None,),
    (3,),
    (),
]


@pytest.mark.parametrize("asked", CHECKS, ids=repr)
def test_check_as_in_twisted(asked, theirs):
    """`check` gives the first type that fits, a class or a name, or None, as Twisted's does."""
    error = ValueError("v")

    assert Failure(error).check(*asked) == theirs.Failure(error).check(*asked)


def test_check_knows_a_class_by_its_name():
    """A class that was made twice under one name is the same to `check`."""
    one, two = (type("Reloaded", (Exception,), {}) for _ in range(2))

    assert Failure(one()).check(two) is two


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_check_of_what_is_no_exception(kind):
    """Exceptions that are no `Exception` are told apart."""
    assert Failure(kind()).check(Exception, kind) is kind


def test_every_exception_is_a_base_exception():
    """`BaseException` fits all, which Twisted, going by names, doesn't see."""
    assert fallen().check(BaseException) is BaseException


def test_trap_gives_the_type():
    """`trap` gives the type that fits."""
    assert fallen().trap(KeyError, ValueError) is ValueError


def test_trap_raises_what_does_not_fit():
    """`trap` raises the exception itself if no type fits."""
    made = fallen()

    with pytest.raises(ValueError, match="fell") as caught:
        made.trap(KeyError)

    assert caught.value is made.value


@pytest.mark.parametrize(
    "value",
    [ValueError("text"), ValueError(), ValueError("two\nlines"), KeyError("k"), "text", 3, b"raw"],
    ids=repr,
)
def test_message_as_in_twisted(value, theirs):
    """The message is the exception's text, and what is no exception has one too."""
    assert Failure(value).getErrorMessage() == theirs.Failure(value).getErrorMessage()


def test_message_of_a_failure():
    """A failure that was put in the exception's place lends its message."""
    made = fallen()
    made.value = Failure(ValueError("inner"))

    assert made.getErrorMessage() == "inner"


def test_message_of_the_inexpressible():
    """An exception that can't be printed is named, with what went wrong in printing."""
    message = Failure(Inexpressible()).getErrorMessage()

    assert "Inexpressible" in message
    assert "str() raised builtins.RuntimeError" in message


# ── printing it ──────────────────────────────────────────────────────────────────────────


def printed(found, detail):
    """The text, without the number and the one sentence that is our own."""
    lines = found.getTraceback(detail=detail).replace(f"#{found.count}", "#N").splitlines()
    return [line for line in lines if not line.startswith(" [")]


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("clean", [False, True])
def test_traceback_as_in_twisted(detail, clean, theirs):
    """All forms of the traceback are Twisted's, before and after `cleanFailure`."""
    ours, other = fallen(), fallen(theirs.Failure)
    if clean:
        ours.cleanFailure()
        other.cleanFailure()

    assert printed(ours, detail) == printed(other, detail)


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize(
    "error",
    [ValueError("never raised"), SyntaxError("x", ("f", 1, 2, "a b")), Outer.Inner("nested")],
    ids=repr,
)
def test_traceback_without_frames_as_in_twisted(detail, error, theirs):
    """What was never raised says so, as in Twisted."""
    assert printed(Failure(error), detail) == printed(theirs.Failure(error), detail)


def test_traceback_with_variables_as_in_twisted(theirs):
    """The verbose form shows every frame's variables, as in Twisted."""

    def local_lines(found):
        lines = found.getTraceback(detail="verbose").splitlines()
        return [line for line in lines if line.startswith(("  depth", "  local", " ["))]

    assert local_lines(fallen(captureVars=True)) == local_lines(
        fallen(theirs.Failure, captureVars=True)
    )


@pytest.mark.parametrize("detail", ["verbose", "verbose-vars-not-captured"])
def test_traceback_says_that_variables_are_missing(detail):
    """The verbose form says how to see the variables when it has none."""
    assert "captureVars=True" in fallen().getTraceback(detail=detail)


def test_notes_follow_the_message():
    """Notes on the exception are in its traceback, below the message."""
    failure = fallen()
    failure.value.add_note("it had nothing to hold on to")

    assert failure.getTraceback().splitlines()[-1] == "it had nothing to hold on to"


@pytest.mark.parametrize("get", ["getTraceback", "getBriefTraceback"])
def test_subclass_prints_in_its_own_words(get):
    """A subclass that overrides `printTraceback`, as remote failures do, changes both forms."""

    class Remote(Failure):
        def printTraceback(self, file=None, elideFrameworkCode=0, detail="default"):
            file.write(f"from afar, {detail}")

    told = getattr(fallen(Remote), get)()

    assert told == f"from afar, {'brief' if 'Brief' in get else 'default'}"


def test_no_such_detail():
    """A form that doesn't exist is an error naming those that do."""
    with pytest.raises(ValueError, match="brief"):
        fallen().getTraceback(detail="poetic")


def test_str_and_repr():
    """`str` has the brief traceback in it, `repr` the class and the text."""
    made = fallen()

    assert str(made) == f"[Failure instance: {made.getBriefTraceback()}]"
    assert repr(made) == "<reactorlite.python.failure.Failure builtins.ValueError: fell, kept>"


@pytest.mark.parametrize(
    ("method", "detail"),
    [
        ("printTraceback", "default"),
        ("printBriefTraceback", "brief"),
        ("printDetailedTraceback", "verbose"),
    ],
)
def test_printed_to_a_file(method, detail):
    """Each `print…` method writes its form to the file."""
    made, file = fallen(), io.StringIO()

    getattr(made, method)(file)

    assert file.getvalue() == made.getTraceback(detail=detail)


def test_printed_to_the_log(caplog):
    """Without a file the traceback goes to the log, as one error."""
    made = fallen()

    made.printTraceback()

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("reactorlite", logging.ERROR)
    assert record.getMessage() == made.getTraceback().rstrip("\n")


def test_format_frames_as_in_twisted(theirs):
    """Frames alone are written as Twisted writes them."""
    frames = [("f", "no file", 3, [("a", 1)], [("b", "two")])]

    for detail in ("default", "brief", "verbose"):
        ours, other = io.StringIO(), io.StringIO()
        failure.format_frames(frames, ours.write, detail)
        theirs.format_frames(frames, other.write, detail)

        assert ours.getvalue() == other.getvalue()


# ── raising it again ─────────────────────────────────────────────────────────────────────


def again(made, how):
    """Raise and catch once more, in a new failure."""
    try:
        how(made)
    except ValueError:
        return Failure()


def test_raised_again_goes_on_from_where_it_happened():
    """An exception raised again by its failure has old frames below the new ones."""
    made = fallen()

    second = again(made, Failure.raiseException)

    assert second.value is made.value
    assert names(second) == ["again", "raiseException", "fallen", "fall", "fall"]
    assert names(made) == ["fallen", "fall", "fall"]


def test_raised_twice_does_not_pile_up():
    """Raising again and again starts from the failure's own traceback each time."""
    made = fallen()

    first, second = (names(again(made, Failure.raiseException)) for _ in range(2))

    assert first == second


def test_thrown_into_a_generator():
    """The exception is raised where the generator waits, and the next value comes back."""

    def waiting():
        try:
            yield "first"
        except ValueError:
            yield names(Failure())

    generator = waiting()
    next(generator)

    assert fallen().throwExceptionIntoGenerator(generator) == ["waiting", "fallen", "fall", "fall"]


def test_thrown_through_a_generator():
    """A generator that doesn't catch it is in the frames."""

    def waiting():
        yield

    generator = waiting()
    next(generator)

    second = again(fallen(), lambda made: made.throwExceptionIntoGenerator(generator))

    assert second.value.args == ("fell, kept",)
    assert "waiting" in names(second)


# ── debug mode ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def debugged(monkeypatch):
    """Debug mode for one test, with a debugger that only notes what it was given."""
    seen = []
    monkeypatch.setattr("pdb.post_mortem", seen.append)
    monkeypatch.setattr(Failure, "__init__", Failure.__init__)
    failure.startDebugMode()
    return seen


def test_debug_mode_stops_where_it_happened(debugged, capsys):
    """In debug mode the debugger is entered when a failure is made of the current exception."""
    made = fallen()

    assert debugged == [made.tb]
    assert "ValueError: fell, kept" in capsys.readouterr().out


def test_debug_mode_passes_over_new_exceptions(debugged):
    """In debug mode a failure of an exception that wasn't raised is only made."""
    made = Failure(ValueError("new"))

    assert made.value.args == ("new",)
    assert debugged == []


def test_debug_mode_can_be_quieted(debugged, monkeypatch):
    """DO_POST_MORTEM switches the debugger off."""
    monkeypatch.setattr(failure, "DO_POST_MORTEM", False)

    fallen()

    assert debugged == []


@pytest.mark.parametrize("detail", ["brief", "default", "verbose"])
def test_class_that_has_no_text_is_shown(detail):
    """A traceback of an exception whose class raises in its own `str()` can be had."""

    class Mute(type):
        def __str__(cls):
            raise ValueError("no text")

    class Nameless(Exception, metaclass=Mute):
        pass

    shown = Failure(Nameless("said")).getTraceback(detail=detail)

    assert "said" in shown
    assert ("Mute" if detail == "brief" else "Nameless") in shown
