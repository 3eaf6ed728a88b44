"""The errors: the same names, parents and texts as Twisted's."""

import copy
import errno
import inspect
import pickle
import socket

import pytest

from reactorlite.internet import error

CLASSES = [name for name in error.__all__ if isinstance(getattr(error, name), type)]
ARGUMENTS = [
    (),
    ("why",),
    ("why", "else"),
    ("", ""),
    (None, None),
    (111, "refused"),
    (0, ""),
    (0, "text"),
    ("tcp", 80, OSError(98, "in use")),
    ("", 80, OSError(98, "in use")),
    (1, None, 256),
    (None, 15, 15),
    (None,),
]
# Twisted prints "Uh." for the one and two full stops for the other.
OWN_TEXT = {"ConnectionFdescWentAway", "FileDescriptorOverrun"}


@pytest.fixture(scope="module")
def theirs():
    """Twisted's module, where Twisted is installed."""
    return pytest.importorskip("twisted.internet.error")


def test_twisted_has_no_other_errors(theirs):
    """Every exception class of Twisted's module is here."""
    names = {
        name
        for name, value in vars(theirs).items()
        if isinstance(value, type) and value.__module__ == theirs.__name__
    }

    assert names == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_parents(name, theirs):
    """A class has the parents that Twisted's has, so that except clauses catch the same."""
    ours, other = getattr(error, name), getattr(theirs, name)

    assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in other.__mro__]


@pytest.mark.parametrize("name", CLASSES)
def test_signature(name, theirs):
    """A class is made with the same arguments, by position and by name."""
    ours, other = getattr(error, name), getattr(theirs, name)

    assert signature(ours) == signature(other)


def signature(cls):
    """How a class is made, as far as it is not as any exception is."""
    if "__init__" not in {
        key for c in cls.__mro__ if c.__module__ != "builtins" for key in vars(c)
    }:
        return "as its builtin parent"
    parameters = inspect.signature(cls).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


def told(cls, args):
    """What an error says, or that it can't be made so, or that it can't say it."""
    try:
        made = cls(*args)
    except TypeError:
        return "not made"
    try:
        return str(made), vars(made), made.args
    except TypeError:
        return "no text", vars(made), made.args


@pytest.mark.parametrize("args", ARGUMENTS, ids=repr)
@pytest.mark.parametrize("name", sorted(set(CLASSES) - OWN_TEXT))
def test_text_and_attributes(name, args, theirs):
    """An error prints what Twisted's prints, and has the same attributes and arguments."""
    ours, other = told(getattr(error, name), args), told(getattr(theirs, name), args)

    if other[0] == "no text":
        # Twisted joins only strings; here every argument has a text.
        assert ours[0] != "no text"
        assert ours[1:] == other[1:]
    else:
        assert repr(ours) == repr(other)


@pytest.mark.parametrize("name", sorted(OWN_TEXT))
def test_text_of_our_own(name):
    """An error with a text of its own still puts its arguments after it."""
    made = getattr(error, name)("why")

    assert str(made) == f"{made.MESSAGE}: why."


def test_clean_end_is_printed_as_programs_expect():
    """The reason of a good end prints as one well-known sentence."""
    assert str(error.ConnectionDone()) == "Connection was closed cleanly."


def test_arguments_of_any_kind_have_a_text():
    """An error given numbers instead of strings prints them."""
    assert str(error.ConnectionLost(104, "reset")).endswith("fashion: 104 reset.")


@pytest.mark.parametrize("name", CLASSES)
def test_documented_in_our_words(name, theirs):
    """Every class says what it is for, and not in the text it prints."""
    doc = getattr(error, name).__doc__

    assert doc
    assert doc != getattr(theirs, name).__doc__


def test_every_error_is_exported():
    """`__all__` holds every public name of the module."""
    own = {
        name
        for name, value in vars(error).items()
        if getattr(value, "__module__", "") == error.__name__ and not name.startswith("_")
    }

    assert own | {"errnoMapping"} == set(error.__all__)


@pytest.mark.parametrize(
    "given",
    [
        OSError(errno.ECONNREFUSED, "refused"),
        OSError(errno.ETIMEDOUT, "timed out"),
        OSError(errno.ENETUNREACH, "unreachable"),
        OSError(errno.EACCES, "denied"),
        OSError(errno.ECONNREFUSED, "refused", "a file"),
        OSError("only a text"),
        OSError(),
        ValueError("no number"),
        socket.gaierror(socket.EAI_NONAME, "unknown"),
        (errno.ECONNREFUSED, "a pair"),
        (errno.ECONNREFUSED,),
    ],
    ids=repr,
)
def test_connect_error(given, theirs):
    """The class, number and text for an error of the system are Twisted's."""
    ours, other = error.getConnectError(given), theirs.getConnectError(given)

    assert type(ours).__name__ == type(other).__name__
    assert (ours.osError, ours.args, str(ours)) == (other.osError, other.args, str(other))


def test_connect_error_keeps_its_cause():
    """The system's exception is the cause of the one made from it."""
    refused = OSError(errno.ECONNREFUSED, "refused")

    assert error.getConnectError(refused).__cause__ is refused


def test_connect_error_of_a_pair_has_no_cause():
    """A pair of number and text is no exception, and no cause."""
    assert error.getConnectError((errno.ETIMEDOUT, "late")).__cause__ is None


def test_connect_error_of_nothing():
    """What is neither exception nor pair is refused."""
    with pytest.raises(TypeError):
        error.getConnectError(None)


def test_numbers_of_the_system(theirs):
    """The same error numbers are told apart as in Twisted."""
    assert {number: kind.__name__ for number, kind in error.errnoMapping.items()} == {
        number: kind.__name__ for number, kind in theirs.errnoMapping.items()
    }


@pytest.mark.parametrize("duplicate", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize(
    "made",
    [
        error.ConnectionDone("bye"),
        error.ConnectionRefusedError(111, "refused"),
        error.CannotListenError("", 80, OSError(98, "in use")),
        error.ProcessDone(0),
        error.ProcessTerminated(1, None, 256),
        error.ProcessTerminated(signal=15),
        error.ConnectingCancelledError("there"),
        error.InvalidAddressError("there", "is a name"),
    ],
    ids=repr,
)
def test_copies_are_the_same(made, duplicate):
    """A copied or unpickled error has the same text and attributes."""
    again = duplicate(made)

    assert type(again) is type(made)
    assert (str(again), repr(vars(again))) == (str(made), repr(vars(made)))


def test_windows_own_codes():
    """What Windows' proactor loop says of a refusal is known by the system's own code."""

    class FromWindows(OSError):
        winerror = 1225

    found = error.getConnectError(FromWindows(22, "refused"))

    assert type(found) is error.ConnectionRefusedError
    assert (found.osError, str(found.__cause__)) == (22, "[Errno 22] refused")
