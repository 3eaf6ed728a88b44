"""Options on a command line, said by a class.

    class Options(usage.Options):
        optFlags = [["verbose", "v", "Say more."]]
        optParameters = [["port", "p", 8007, "The port to listen on.", int]]

        def parseArgs(self, host="127.0.0.1"):
            self["host"] = host

    options = Options()
    options.parseOptions()  # raises UsageError
    options["port"]

Every method `opt_name` is an option too, `--name`, with a value if it takes an argument; a second
name for it of one letter is a short option. Where Twisted is installed its own module answers to
the name in `twisted`.
"""

from __future__ import annotations

import getopt
import inspect
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from reactorlite.python.reflect import accumulateClassList, prefixedMethodNames

__all__ = ["Options", "UsageError", "error", "flagFunction", "portCoerce"]


if not TYPE_CHECKING:  # or checkers would take any name for one that is here

    def __getattr__(name: str) -> Any:
        if name.startswith("Complet"):
            raise AttributeError(
                f"reactorlite has no usage.{name}: shells get no completion from it, so leave"
                " `compData` out"
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class UsageError(Exception):
    """A command line is not what the program takes; its text is for who wrote that."""


error = UsageError


class _Option(NamedTuple):
    """One option; names of one letter are short, and may stand together behind one dash."""

    names: list[str]  # that for the help first
    act: Callable[[str], object]
    takes_value: bool
    doc: str

    def named(self) -> tuple[str, str]:
        """How the help shows it: by what it is sorted, and what stands in the first column."""
        long = self.names[0]
        short = next((name for name in reversed(self.names) if len(name) == 1), "")
        dashed = f"-{short}, --{long}" if short else f"    --{long}"
        return short or long, dashed + "=" * self.takes_value


class Options(dict[str, Any]):
    """A dictionary of what a command line says; what that leaves out has its default.

    `optFlags` lists flags, `[long, short, text]`, which are 0 or 1. `optParameters` lists options
    that take a value, `[long, short, default, text, coerce]`: `coerce(value)` returns what is kept
    of it, and raises `ValueError` if it won't do. All but the long name may be None, or missing at
    the end. Bases' lists count too.

    `subCommands` lists `[name, shortcut, class, text]`. What stands behind such a name is read by
    an object of that class, which becomes `subOptions`, and has this one as `parent`;
    `subCommand` is the name. `defaultSubCommand` is taken when nothing is left to be read.

    `synopsis` is the first line of the help, and `longdesc` what stands below the options, the
    docstring of the program if there is none.
    """

    subCommand: str | None = None
    defaultSubCommand: str | None = None
    parent: Any = None
    subOptions: Any

    def __init__(self) -> None:
        super().__init__()
        self.opts = self
        self.defaults: dict[str, Any] = {}
        self._options: dict[str, _Option] = {}
        for flag in self._listed("optFlags", 3):
            self._add_flag(*flag)
        for parameter in self._listed("optParameters", 5):
            self._add_parameter(*parameter)
        for names in self._methods():
            self._add_method(names)

    def __hash__(self) -> int:  # type: ignore[override]  # each is itself, whatever it holds
        return id(self)

    # -- what there is

    def _listed(self, attribute: str, length: int) -> Iterable[Sequence[Any]]:
        found: list[Any] = []
        accumulateClassList(type(self), attribute, found)
        for each in found:
            if not 1 <= len(each) <= length:
                raise ValueError(f"an entry of {attribute} has 1 to {length} parts, not {each!r}")
            yield [*each, *[None] * (length - len(each))]

    def _add(self, option: _Option) -> None:
        for name in option.names:
            self._options[name] = option

    def _add_flag(self, name: str, short: str | None, doc: str | None) -> None:
        def raise_it(_: str) -> None:
            self[name] = 1

        self[name] = self.defaults[name] = 0
        self._add(_Option(_names(name, short), raise_it, False, doc or ""))

    def _add_parameter(
        self,
        name: str,
        short: str | None,
        default: Any,
        doc: str | None,
        coerce: Any,
    ) -> None:
        def take(value: str) -> None:
            try:
                self[name] = value if coerce is None else coerce(value)
            except ValueError as why:
                raise UsageError(f"--{name} can't be {value!r}: {why}") from why

        self[name] = self.defaults[name] = default
        text = doc or ""
        if default is not None:
            text += f" [default: {default}]"
        if getattr(coerce, "coerceDoc", None):
            text = f"{text.removesuffix('.')}. {coerce.coerceDoc}".removeprefix(". ")
        self._add(_Option(_names(name, short), take, True, text))

    def _methods(self) -> Iterable[list[str]]:
        """The names of the `opt_` methods, those of one method together, the longest first."""
        of_function: dict[Any, list[str]] = {}
        for name in prefixedMethodNames(type(self), "opt_"):
            of_function.setdefault(getattr(type(self), f"opt_{name}"), []).append(name)
        return [sorted(names, key=len, reverse=True) for names in of_function.values()]

    def _add_method(self, names: list[str]) -> None:
        method = getattr(self, f"opt_{names[0]}")
        is_flag = flagFunction(method, names[0])
        dashed = [name.replace("_", "-") for name in names]
        act = (lambda _: method()) if is_flag else method
        self._add(_Option(dashed, act, not is_flag, inspect.getdoc(method) or ""))

    # -- reading a command line

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read a command line, the program's if none is given.

        The options are taken first, in their order. Of what is left either a sub-command takes
        all, or `parseArgs` gets each as an argument. `postOptions` is called at the end. Raises
        `UsageError` for what is not as it should be.
        """
        shorts = "".join(
            name + ":" * option.takes_value
            for name, option in self._options.items()
            if len(name) == 1
        )
        longs = [name + "=" * option.takes_value for name, option in self._options.items()]
        try:
            said, left = getopt.getopt(sys.argv[1:] if options is None else options, shorts, longs)
        except getopt.GetoptError as why:
            raise UsageError(str(why)) from None
        for dashed, value in said:
            self._options[dashed.lstrip("-")].act(value)
        commands = getattr(self, "subCommands", ())
        if commands and not left and self.defaultSubCommand is not None:
            left = [self.defaultSubCommand]
        if commands and left:
            self._parse_command(commands, *left)
        else:
            self._parse_arguments(left)
        self.postOptions()

    def _parse_command(self, commands: Iterable[Sequence[Any]], said: str, *left: str) -> None:
        for name, shortcut, options, _ in commands:
            if said in (name, shortcut):
                self.subCommand = name
                self.subOptions = options()
                self.subOptions.parent = self
                self.subOptions.parseOptions(left)
                return
        raise UsageError(f"Unknown command: {said}")

    def _parse_arguments(self, left: Sequence[str]) -> None:
        try:
            inspect.signature(self.parseArgs).bind(*left)
        except TypeError:
            raise UsageError("Wrong number of arguments.") from None
        self.parseArgs(*left)

    def parseArgs(self) -> None:
        """Take what stands behind the options; nothing may, unless a subclass overrides this.

        How many arguments its method takes says how many there may be.
        """

    def postOptions(self) -> None:
        """Do nothing; subclasses raise `UsageError` here if what was read doesn't fit together."""

    def opt_help(self) -> NoReturn:
        """Display this help and exit."""
        print(self)
        raise SystemExit(0)

    def opt_version(self) -> NoReturn:
        """Display the version of reactorlite and exit."""
        from reactorlite import __version__

        print(f"reactorlite version: {__version__}")
        raise SystemExit(0)

    # -- help

    def __str__(self) -> str:
        return f"{self.getSynopsis()}\n{self.getUsage()}"

    def getSynopsis(self) -> str:
        """Return the first line of the help: how to call the program."""
        if self.parent is not None:
            own = getattr(self, "synopsis", "[options]")
            return f"{self.parent.getSynopsis()} {self.parent.subCommand} {own}".rstrip()
        program = os.path.basename(sys.argv[0])
        return str(getattr(self, "synopsis", f"Usage: {program} [options]")).rstrip()

    def getUsage(self, width: int | None = None) -> str:
        """Return the rest of the help, with lines of that width; by default, of the terminal."""
        columns = int(os.environ.get("COLUMNS", 80)) if width is None else width
        options = {id(option): option for option in self._options.values()}.values()
        named = sorted((*option.named(), option.doc) for option in options)
        text = "Options:\n" + _table([(f"  {left}", doc) for _, left, doc in named], columns)
        described = getattr(self, "longdesc", None) or sys.modules["__main__"].__doc__
        if described:
            text += "\n" + _paragraphs(described, columns)
        commands = getattr(self, "subCommands", ())
        if commands:
            in_order = sorted((shortcut or name, name, doc) for name, shortcut, _, doc in commands)
            rows = [(f"    {name}    ", doc) for _, name, doc in in_order]
            text += "Commands:\n" + _table(rows, columns)
        return text


def _names(name: str, short: str | None) -> list[str]:
    if short is None:
        return [name]
    if len(short) != 1:
        raise ValueError(f"the short name of --{name} is one letter, not {short!r}")
    return [name, short]


def _table(rows: list[tuple[str, str]], width: int) -> str:
    """Two columns, the second one wrapped."""
    indent = 2 + max(len(left) for left, _ in rows)
    lines = []
    for left, doc in rows:
        wrapped = textwrap.wrap(" ".join((doc or "").split()), max(width - indent, 20)) or [""]
        for begin, line in zip([left, *[""] * (len(wrapped) - 1)], wrapped, strict=True):
            lines.append(f"{begin:{indent}}{line}".rstrip() + "\n")
    return "".join(lines)


def _paragraphs(text: str, width: int) -> str:
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(textwrap.fill(each, width) for each in paragraphs) + "\n"


def flagFunction(method: Callable[..., object], name: str | None = None) -> bool:
    """Whether a method takes no value, and so is a flag.

    Raises `UsageError` for one that takes more than one argument.
    """
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    count = sum(parameter.kind in positional for parameter in parameters)
    if count > 1:
        raise UsageError(
            f"Invalid Option function for {name or getattr(method, '__name__', method)}: it takes"
            " one argument, the value, or none"
        )
    return count == 0


def portCoerce(value: str) -> int:
    """Return the number of a port, to coerce a parameter; raises `ValueError` if it is none."""
    port = int(value)
    if not 0 <= port <= 65535:
        raise ValueError(f"Port number not in range: {value}")
    return port


portCoerce.coerceDoc = "A number from 0 to 65535."  # type: ignore[attr-defined]  # it is said so
