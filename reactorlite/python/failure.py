"""An exception with its traceback, as an object that can be passed on and asked.

Making a `Failure` is cheap: it takes three references. Frames, names and texts are worked out
when somebody asks for them.
"""

from __future__ import annotations

import copyreg
import itertools
import linecache
import logging
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import cached_property
from io import StringIO
from types import FrameType, TracebackType
from typing import Any, NoReturn, Protocol, TypeVar

__all__ = [
    "DO_POST_MORTEM",
    "Failure",
    "Frame",
    "NoCurrentExceptionError",
    "format_frames",
    "startDebugMode",
]

T = TypeVar("T")

#: A function's name, its file, the line, and pairs of name and value: its locals, its globals.
Frame = tuple[str, str, int, Sequence[tuple[str, Any]], Sequence[tuple[str, Any]]]

#: Whether `startDebugMode` means it; set to False to make new failures quiet again.
DO_POST_MORTEM = True

_log = logging.getLogger("reactorlite")
_numbers = itertools.count(1)


class NoCurrentExceptionError(Exception):
    """A `Failure` was made without an exception, and none is being handled."""


class _Writer(Protocol):
    def write(self, text: str, /) -> object: ...


def _nameOf(kind: object) -> str:
    """`module.Class`; what is no class (a remote failure's `type`) speaks for itself."""
    return f"{kind.__module__}.{kind.__name__}" if isinstance(kind, type) else _textOf(kind)


def _textOf(value: object) -> str:
    """`str(value)`, whatever the value's own `__str__` does."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _attempt(str, value)


def _attempt(render: Callable[[object], str], value: object) -> str:
    try:
        return render(value)
    except Exception as error:
        what = f"{_nameOf(type(value))} object at {id(value):#x}"
        return f"<{what}, whose {render.__name__}() raised {_nameOf(type(error))}>"


class Failure(BaseException):
    """An exception together with where it happened.

    `Failure()` takes the exception that is being handled, and raises
    `NoCurrentExceptionError` if there is none; `Failure(exception)` takes that one, with the
    traceback it has by now. A `Failure` can be given in an exception's place, raised included:
    the new one is a copy of it. With `captureVars` the frames carry the variables in them,
    which keeps their values alive.

    `value`, `type` and `tb` are the exception, its class and its traceback (None if it was
    never raised, and after `cleanFailure`).
    """

    # The three that every failure has are slots and all else is made on demand: an exception's
    # dictionary would cost as much as the rest of making one.
    __slots__ = ("tb", "type", "value")

    value: BaseException
    type: type[BaseException]
    tb: TracebackType | None

    captureVars: object = False
    pickled = 0
    _parents: list[str] | None = None

    def __init__(
        self,
        exc_value: BaseException | None = None,
        exc_type: type[BaseException] | None = None,  # type: ignore[valid-type]  # the class has a `type`
        exc_tb: TracebackType | None = None,
        captureVars: object = False,
    ) -> None:
        if exc_value is None:
            exc_value = sys.exception()
            if exc_value is None:
                raise NoCurrentExceptionError(
                    "no exception is being handled here: give one, as in errback(ValueError())"
                )
            exc_type = exc_tb = None
        if isinstance(exc_value, Failure):
            self._copy(exc_value)
            return
        self.value = exc_value
        self.type = exc_value.__class__ if exc_type is None else exc_type
        try:
            self.tb = exc_value.__traceback__ if exc_tb is None else exc_tb
        except AttributeError:
            self.tb = None  # no exception, but something else that programs put in its place
        if captureVars:
            self.captureVars = captureVars

    def _copy(self, other: Failure) -> None:
        self.value, self.type, self.tb = other.value, other.type, other.tb
        # Numbered now, so that both show the same number.
        assert other.count
        self.__dict__.update(other.__dict__)

    @classmethod
    def _withoutTraceback(cls, value: BaseException) -> Failure:
        """A failure that shows no frames, whatever `value` went through. Twisted's HTTP uses it."""
        made = cls(value)
        made.tb = None
        return made

    # Only asked for what is found nowhere: slots are empty, and speak for the dictionary, in a
    # failure whose `__dict__` was put in place from outside, as perspective broker does.
    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"{_nameOf(type(self))!r} has no attribute {name!r}") from None

    @cached_property
    def count(self) -> int:
        """A number of its own, given to failures in the order in which they are asked for it."""
        return next(_numbers)

    @cached_property
    def frames(self) -> Sequence[Frame]:
        """Where it happened, outermost first: from where it was caught to where it was raised."""
        return list(_framesOf(self.tb, bool(self.captureVars)))

    @property
    def stack(self) -> Sequence[Frame]:
        """Empty unless set: no frames above the one that caught it are kept. Deprecated."""
        _warn_of_stack()
        stack: Sequence[Frame] = self.__dict__.get("stack", [])
        return stack

    @stack.setter
    def stack(self, stack: Sequence[Frame]) -> None:
        _warn_of_stack()
        self.__dict__["stack"] = stack

    # Kept under this name, for perspective broker looks it up in the instance's dictionary.
    @property
    def parents(self) -> list[str]:
        """The exception's class and its parents, by name, in order of look-up."""
        if self._parents is None:
            line = getattr(self.type, "__mro__", (self.type,))
            self._parents = [_nameOf(kind) for kind in line]
        return self._parents

    @parents.setter
    def parents(self, names: list[str]) -> None:
        self._parents = names

    def check(self, *errorTypes: Any) -> Any:
        """The first of the given types that the exception is of, or None.

        A type may be given as a class or by name, as `"module.Class"`.
        """
        line = getattr(self.type, "__mro__", ())
        for errorType in errorTypes:
            if errorType in line:
                return errorType
            # By name as well: the class may have come from a pickle, a peer or a reloaded module.
            name = errorType
            if isinstance(errorType, type):
                name = f"{errorType.__module__}.{errorType.__name__}"
            if name in (self._parents or self.parents):
                return errorType
        return None

    def trap(self, *errorTypes: Any) -> Any:
        """The first of the given types that the exception is of; else the exception is raised."""
        found = self.check(*errorTypes)
        if found is None:
            self.raiseException()
        return found

    def raiseException(self) -> NoReturn:
        """Raise the exception; its traceback goes on from where it happened."""
        raise self.value.with_traceback(self.tb)

    def throwExceptionIntoGenerator(self, g: Generator[T, Any, Any]) -> T:
        """Raise the exception where a generator or coroutine waits, and return what it yields."""
        return g.throw(self.value.with_traceback(self.tb))

    def cleanFailure(self) -> None:
        """Let go of the traceback, and so of every object its frames kept alive.

        What is printed stays the same; captured variables become their `repr`.
        """
        self.__setstate__(self.__getstate__())
        if getattr(self.value, "__traceback__", None) is not None:
            self.value.__traceback__ = None

    def __getstate__(self) -> dict[str, Any]:
        known = {name: value for name, value in self.__dict__.items() if name != "_parents"}
        return known | {
            "value": self.value,
            "type": self.type,
            "tb": None,
            "captureVars": self.captureVars,
            "stack": self.__dict__.get("stack", []),
            "count": self.count,
            "parents": self.parents,
            "frames": [(*frame[:3], *map(_shown, frame[3:])) for frame in self.frames],
            "pickled": 1,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:  # type: ignore[override]  # never None
        for name, value in state.items():
            if name != "stack":
                setattr(self, name, value)
            elif value:
                # No warning is due to anybody for what he set himself, and has.
                self.__dict__["stack"] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]  # typeshed lacks it

    def getTracebackObject(self) -> TracebackType | None:
        """The traceback, made anew from the frames if it was let go; None if there is neither."""
        if self.tb is None and self.frames:
            return _rebuilt(self.frames)
        return self.tb

    def getErrorMessage(self) -> str:
        """The exception's text."""
        if isinstance(self.value, Failure):
            return self.value.getErrorMessage()
        return _textOf(self.value)

    def getBriefTraceback(self) -> str:
        """The exception, and one line `file:line:function` for each frame."""
        file = StringIO()
        self.printBriefTraceback(file)
        return file.getvalue()

    def getTraceback(self, elideFrameworkCode: object = 0, detail: str = "default") -> str:
        """The traceback and the exception as text, in one of three forms.

        "default" is like Python's own, "brief" has one line per frame, "verbose" shows the
        variables of each frame where `captureVars` kept them. `ValueError` for another detail.
        No frames are above the one that caught the exception, so there are none to elide.
        It is what `printTraceback` writes: a subclass that overrides that changes both.
        """
        file = StringIO()
        self.printTraceback(file, elideFrameworkCode, detail)
        return file.getvalue()

    def _described(self, detail: str) -> str:
        lines: list[str] = []
        kept = detail != "verbose" or self.captureVars
        format_frames(self.frames, lines.append, detail if kept else "verbose-vars-not-captured")
        body, text = "".join(lines), self.getErrorMessage()
        if detail == "brief":
            note = "" if self.frames else " (failure with no frames)"
            # The class itself, as Twisted shows it; it may have a metaclass whose str() raises.
            return f"Traceback{note}: {_textOf(self.type)}: {text}\n{body}"
        notes = getattr(self.value, "__notes__", None)
        text = "\n".join([text, *notes]) if isinstance(notes, list) else text
        body += f"{'' if self.frames else 'Failure: '}{_nameOf(self.type)}: {text}\n"
        if detail == "verbose":
            name, note = f"Failure #{self.count}", " (pickled)" if self.pickled else ""
            return f"*--- {name}{note} ---\n{body}*--- End of {name} ---\n"
        return f"Traceback (most recent call last):\n{body}"

    def printTraceback(
        self,
        file: _Writer | None = None,
        elideFrameworkCode: object = False,
        detail: str = "default",
    ) -> None:
        """Write the text that `getTraceback` gives to a file, or to the log as an error."""
        text = self._described(detail)
        if file is None:
            _log.error("%s", text.rstrip("\n"))
        else:
            file.write(text)

    def printBriefTraceback(
        self, file: _Writer | None = None, elideFrameworkCode: object = 0
    ) -> None:
        """Write the brief form to a file, or to the log as an error."""
        self.printTraceback(file, elideFrameworkCode, detail="brief")

    def printDetailedTraceback(
        self, file: _Writer | None = None, elideFrameworkCode: object = 0
    ) -> None:
        """Write the verbose form to a file, or to the log as an error."""
        self.printTraceback(file, elideFrameworkCode, detail="verbose")

    def __repr__(self) -> str:
        return f"<{_nameOf(type(self))} {_nameOf(self.type)}: {self.getErrorMessage()}>"

    def __str__(self) -> str:
        return f"[Failure instance: {self.getBriefTraceback()}]"


def _warn_of_stack() -> None:
    from reactorlite.python._deprecations import warn_of  # seldom needed

    warn_of("twisted.python.failure.Failure.stack", "24.10.0", stacklevel=3)


def _framesOf(tb: TracebackType | None, captureVars: bool) -> Iterable[Frame]:
    while tb is not None:
        frame = tb.tb_frame
        where = (frame.f_code.co_name, frame.f_code.co_filename, tb.tb_lineno)
        if captureVars:
            yield *where, list(frame.f_locals.items()), list(frame.f_globals.items())
        else:
            yield *where, (), ()
        tb = tb.tb_next


class _Shown(str):
    """The `repr` of a variable that was let go; its own is the same text, not quoted again."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(variables: Sequence[tuple[str, Any]]) -> Sequence[tuple[str, _Shown]]:
    return tuple((name, _Shown(_attempt(repr, value))) for name, value in variables)


def _rebuilt(frames: Iterable[Frame]) -> TracebackType | None:
    """A traceback that prints as those frames, with no variables in them."""
    tb: TracebackType | None = None
    for name, filename, line, *_ in reversed(list(frames)):
        # Instruction -1 is none at all, so the line is taken as given.
        tb = TracebackType(tb, _frameNamed(name, filename), -1, line)
    return tb


_LOOK = compile("frame = look()", "", "exec")


def _frameNamed(name: str, filename: str) -> FrameType:
    """A real frame, for only a real traceback can be given to `raise` and to `logging`."""
    code = _LOOK.replace(co_name=name, co_qualname=name, co_filename=filename)
    space: dict[str, Any] = {"look": sys._getframe}
    exec(code, space)
    frame: FrameType = space.pop("frame")
    space.clear()
    return frame


def format_frames(
    frames: Iterable[Frame], write: Callable[[str], object], detail: str = "default"
) -> None:
    """Write frames as text, in pieces.

    For `detail` see `Failure.getTraceback`; "verbose-vars-not-captured" is the verbose form
    without the variables.
    """
    if detail not in _FORMS:
        raise ValueError(f"detail is one of {', '.join(_FORMS)}, not {detail!r}")
    frames = list(frames)
    for frame in frames:
        _FORMS[detail](frame, write)
    if frames and detail == "verbose-vars-not-captured":
        write(" [No variables here: they are kept with captureVars=True]\n")


def _default(frame: Frame, write: Callable[[str], object]) -> None:
    name, filename, line, *_ = frame
    source = linecache.getline(filename, line).strip()
    write(f'  File "{filename}", line {line}, in {name}\n    {source}\n')


def _brief(frame: Frame, write: Callable[[str], object]) -> None:
    name, filename, line, *_ = frame
    write(f"{filename}:{line}:{name}\n")


def _bare(frame: Frame, write: Callable[[str], object]) -> None:
    name, filename, line, *_ = frame
    write(f"{filename}:{line}: {name}(...)\n")


def _verbose(frame: Frame, write: Callable[[str], object]) -> None:
    _bare(frame, write)
    for title, variables in ((" [ Locals ]", frame[3]), (" ( Globals )", frame[4])):
        if variables:
            write(f"{title}\n")
        for name, value in variables:
            write(f"  {name} : {_attempt(repr, value)}\n")


_FORMS = {
    "default": _default,
    "brief": _brief,
    "verbose": _verbose,
    "verbose-vars-not-captured": _bare,
}


def _inspected(failure: Failure, *args: Any, **kwargs: Any) -> None:
    """Make a failure, then look at it in the debugger if it was made where it happened."""
    _init(failure, *args, **kwargs)
    if DO_POST_MORTEM and failure.tb is not None and failure.value is sys.exception():
        import pdb  # needed here only, and slow to import

        print(f"post-mortem of {_nameOf(failure.type)}: {failure.getErrorMessage()}")
        pdb.post_mortem(failure.tb)


_init = Failure.__init__


def startDebugMode() -> None:
    """Enter `pdb` at every `Failure` that is made while its exception is being handled."""
    Failure.__init__ = _inspected  # type: ignore[assignment]  # that is debug mode
