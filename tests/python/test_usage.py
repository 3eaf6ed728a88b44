"""Command lines: what is read of them, what is refused, and the help."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

import reactorlite
from reactorlite.python import usage
from reactorlite.python.usage import UsageError


class Plain(usage.Options):
    """Flags, parameters and methods."""

    longdesc = "Does things.\n\nAnd more\nthings."
    optFlags = [["verbose", "v", "Say more."], ["dry-run", None, "Do nothing."], ["quick"]]
    optParameters = [
        ["port", "p", 80, "Where to listen.", int],
        ["host", "H", "localhost", "Whom to ask."],
        ["log", None, None, "Where to write."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.users: list[str] = []

    def opt_user(self, name: str) -> None:
        """Let this one in."""
        self.users.append(name)

    opt_u = opt_user

    def opt_be_nice(self) -> None:
        """Be so."""
        self["nice"] = True

    def parseArgs(self, first: str, second: str = "2", *others: str) -> None:
        self["args"] = [first, second, *others]


def read(kind: Any, *line: str) -> Any:
    """What a command line comes to."""
    options = kind()
    options.parseOptions(line)
    return options


# ── reading ──────────────────────────────────────────────────────────────────────────────


def test_defaults() -> None:
    """Flags are 0 and parameters what was said, as long as nothing else is read."""
    defaults = {
        **{"verbose": 0, "dry-run": 0, "quick": 0},
        **{"port": 80, "host": "localhost", "log": None},
    }

    options = Plain()

    assert dict(options) == options.defaults == defaults


def test_long_and_short() -> None:
    """Options may be long, abbreviated, short, and short ones together."""
    options = read(Plain, "--verb", "--host=there", "-p1", "-uann", "-u", "bob", "--dry-run", "x")

    assert (options["verbose"], options["dry-run"], options["quick"]) == (1, 1, 0)
    assert (options["host"], options["port"], options.users) == ("there", 1, ["ann", "bob"])
    assert read(Plain, "-vp2", "x")["port"] == 2


def test_methods() -> None:
    """A method is an option; what are underscores in its name are dashes there."""
    options = read(Plain, "--be-nice", "--user=ann", "x")

    assert (options["nice"], options.users) == (True, ["ann"])


@pytest.mark.parametrize(
    ("line", "args"),
    [(["a"], ["a", "2"]), (["a", "-v"], ["a", "-v"]), (["--", "-v", "b", "c"], ["-v", "b", "c"])],
)
def test_arguments(line: list[str], args: list[str]) -> None:
    """What stands behind the options, or behind two dashes, is for `parseArgs`."""
    assert read(Plain, *line)["args"] == args


def test_own_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a command line it is the program's."""
    monkeypatch.setattr("sys.argv", ["program", "-v", "x"])
    options = Plain()

    options.parseOptions()

    assert options["verbose"] == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (["--nothing"], "--nothing not recognized"),
        (["-x"], "-x not recognized"),
        (["--port"], "--port requires argument"),
        (["--verbose=1"], "--verbose must not have an argument"),
        (["--port", "x", "y"], "--port can't be 'x': invalid literal"),
        ([], "Wrong number of arguments"),
    ],
)
def test_refused(line: list[str], problem: str) -> None:
    """What is no option, lacks its value, or won't do is refused."""
    with pytest.raises(UsageError, match=problem):
        read(Plain, *line)


def test_no_arguments_unless_taken() -> None:
    """Options that don't say what they take, take nothing."""
    read(usage.Options)

    with pytest.raises(UsageError, match="Wrong number"):
        read(usage.Options, "x")


def test_errors_of_the_program_pass() -> None:
    """What a program's own methods raise is not hidden, whatever it is."""

    class Raising(usage.Options):
        optParameters = [["n", "n", None, "", lambda value: value + 1]]

        def opt_bad(self) -> None:
            raise UsageError("never")

        def parseArgs(self) -> None:
            raise TypeError("mine")

    for line, error in ((["-n", "1"], TypeError), (["--bad"], UsageError), ([], TypeError)):
        with pytest.raises(error):
            read(Raising, *line)


def test_end_of_reading() -> None:
    """`postOptions` is called when all is read, and may refuse it."""

    class Picky(Plain):
        def postOptions(self) -> None:
            raise UsageError(f"no {self['args'][0]}")

    with pytest.raises(UsageError, match="no x"):
        read(Picky, "x")


def test_subclass_adds_and_replaces() -> None:
    """Options of bases are there too; those of the same name are the subclass's."""

    class More(Plain):
        optFlags = [["more", "m"]]
        optParameters = [["port", "P", 90]]

        def opt_verbose(self) -> None:
            """Be very verbose."""
            self["verbose"] = 7

    options = read(More, "--more", "--verbose", "x")

    assert (options["more"], options["verbose"], options["port"]) == (1, 7, 90)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({"optFlags": [[]]}, "1 to 3 parts"),
        ({"optFlags": [["a", "b", "c", "d"]]}, "1 to 3 parts"),
        ({"optParameters": [["a"] * 6]}, "1 to 5 parts"),
        ({"optFlags": [["all", "al"]]}, "one letter, not 'al'"),
    ],
)
def test_what_cannot_be_an_option(entries: dict[str, Any], problem: str) -> None:
    """Entries with mistakes are refused when options are made of them."""
    with pytest.raises(ValueError, match=problem):
        type("Wrong", (usage.Options,), entries)()


def test_options_are_themselves() -> None:
    """Options can be keys, and are their own `opts`."""
    one, other = Plain(), Plain()

    assert len({one: 1, other: 2}) == 2
    assert one.opts is one


# ── sub-commands ─────────────────────────────────────────────────────────────────────────


class Add(usage.Options):
    """Options of a sub-command."""

    optFlags = [["force", "f", "Whatever happens."]]

    def parseArgs(self, *names: str) -> None:
        self["names"] = names
        self["seen"] = self.parent["verbose"]


class Main(usage.Options):
    """Options with sub-commands."""

    optFlags = [["verbose", "v", "Say more."]]
    subCommands = [["remove", None, Plain, "Take away."], ["add", "a", Add, "Put there."]]


@pytest.mark.parametrize("name", ["add", "a"])
def test_command_reads_the_rest(name: str) -> None:
    """What stands behind a command, or its shortcut, is its own; it sees what was read before."""
    options = read(Main, "-v", name, "-f", "x", "y")

    assert options.subCommand == "add"
    assert options.subOptions.parent is options
    assert dict(options.subOptions) == {"force": 1, "names": ("x", "y"), "seen": 1}


def test_commands_end_is_read_first() -> None:
    """When `postOptions` is called the command has been read."""

    class Ordered(Main):
        def postOptions(self) -> None:
            self["then"] = self.subOptions["names"]

    assert read(Ordered, "add", "x")["then"] == ("x",)


def test_no_command() -> None:
    """Without a command there is none; unless one is taken by default."""

    class Usual(Main):
        defaultSubCommand = "a"

    assert read(Main, "-v").subCommand is None
    assert read(Usual).subCommand == "add"
    with pytest.raises(UsageError, match="Unknown command: x"):
        read(Main, "x")


# ── help ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def _called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/tool"])
    monkeypatch.delenv("COLUMNS", raising=False)


def test_help() -> None:
    """The help lists the options by their letters and names, with what is said of them."""
    assert str(Plain()) == textwrap.dedent("""\
        Usage: tool [options]
        Options:
          -H, --host=    Whom to ask. [default: localhost]
              --be-nice  Be so.
              --dry-run  Do nothing.
              --help     Display this help and exit.
              --log=     Where to write.
          -p, --port=    Where to listen. [default: 80]
              --quick
          -u, --user=    Let this one in.
          -v, --verbose  Say more.
              --version  Display the version of reactorlite and exit.

        Does things.

        And more things.
        """)


def test_help_of_commands() -> None:
    """Commands follow, each with a line, and a command's own help says how one gets there."""
    options = read(Main, "add")

    assert str(options).endswith(
        "\nCommands:\n    add         Put there.\n    remove      Take away.\n"
    )
    assert options.subOptions.getSynopsis() == "Usage: tool [options] add [options]"


def test_own_synopsis() -> None:
    """A synopsis of one's own stands first; a command's, behind its name."""

    class Short(Add):
        synopsis = "NAMES"

    class Top(Main):
        synopsis = "Usage: this way"
        subCommands = [["add", None, Short, "Put there."]]

    assert read(Top, "add").subOptions.getSynopsis() == "Usage: this way add NAMES"


def test_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are as wide as is asked for, or as the terminal is."""

    class Long(usage.Options):
        longdesc = "word " * 50
        optFlags = [["flag", "f", "word " * 50]]

    narrow = Long().getUsage(40)
    monkeypatch.setenv("COLUMNS", "50")

    assert max(map(len, narrow.splitlines())) in range(36, 41)
    assert max(map(len, Long().getUsage().splitlines())) in range(46, 51)
    assert max(map(len, Long().getUsage(1).splitlines())) < 40


def test_what_coercing_wants_is_said() -> None:
    """What a coercing function says of itself stands in the help."""

    class Ports(usage.Options):
        optParameters = [["port", "p", 1, "The port.", usage.portCoerce]]

    text = " ".join(Ports().getUsage().split())

    assert "The port. [default: 1]. A number from 0 to 65535." in text


@pytest.mark.parametrize(("option", "said"), [("--help", "Say more."), ("--version", "")])
def test_telling_ends_the_program(option: str, said: str, capsys: Any) -> None:
    """Help and version are printed, and the program ends well."""
    with pytest.raises(SystemExit) as ending:
        read(Main, option)

    assert ending.value.code == 0
    assert (said or reactorlite.__version__) in capsys.readouterr().out


# ── what else programs use ───────────────────────────────────────────────────────────────


def test_ports() -> None:
    """A port is a number in its range."""
    assert usage.portCoerce("0") == 0
    assert usage.portCoerce("65535") == 65535
    for wrong in ("-1", "65536", "x", ""):
        with pytest.raises(ValueError, match=r".+"):
            usage.portCoerce(wrong)


def test_which_functions_are_flags() -> None:
    """A function without an argument is a flag's, one with one a parameter's."""
    assert usage.flagFunction(lambda: None)
    assert not usage.flagFunction(lambda value: None)
    with pytest.raises(UsageError, match="for much"):
        usage.flagFunction(lambda one, two: None, "much")
    assert usage.error is UsageError


def test_what_is_missing() -> None:
    """Completion for shells is not there, and what to do about it is said."""
    with pytest.raises(AttributeError, match="leave `compData` out"):
        usage.Completions  # noqa: B018  # it is what raises
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        usage.nothing  # noqa: B018  # it is what raises
