"""What `python -m reactorlite` does with its arguments."""

from __future__ import annotations

import sys
from typing import NoReturn

from reactorlite.porting import running

__all__ = ["main"]

USAGE = """\
usage: python -m reactorlite run [--loop LOOP] [-m MODULE | SCRIPT | -] [ARG ...]

  run      run a program that uses Twisted's names, on reactorlite

  -m MODULE    the program is a module: `run -m twisted.trial mytests`
  SCRIPT       the program is a file, a directory or a zip file; of a file that ends in .tac,
               the `application` that it makes is run, in front
  -            the program comes from standard input
  ARG ...      what the program finds in sys.argv
  --loop LOOP  the kind of event loop: asyncio (as the platform has it) or uvloop
"""
EXIT_USAGE = 2


def main() -> None:
    """Do what the command line says. It ends as the program that it runs ends."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        raise SystemExit(0 if arguments else EXIT_USAGE)
    command, *rest = arguments
    if command != "run":
        _refuse(_unknown(command))
    _run(rest)


def _run(arguments: list[str]) -> None:
    loop, left = "asyncio", list(arguments)
    while left and left[0].startswith("-") and left[0] not in ("-", "-m"):
        option, equals, value = left.pop(0).partition("=")
        if option in ("-h", "--help"):
            print(USAGE, end="")
            raise SystemExit(0)
        if option.startswith("-m") and not option.startswith("--") and not equals:
            left[:0] = ["-m", option[2:]]  # as python reads it
            break
        if option != "--loop":
            _refuse(f"run has no option {option!r}; a program's own stand after the program")
        if not equals and not left:
            _refuse("--loop wants the kind of loop: asyncio or uvloop")
        loop = value if equals else left.pop(0)
    if not left:
        _refuse("run what? Say a script, `-m` and a module, or `-` for standard input")
    if left[0] == "-m" and len(left) == 1:
        _refuse("-m wants the name of a module")
    try:
        running.choose_loop(loop)
    except running.NoSuchLoopError as problem:
        _refuse(str(problem))
    running.run(left)


def _unknown(command: str) -> str:
    from difflib import get_close_matches  # needed for mistakes only

    hint = ""
    if get_close_matches(command, ["run"]):
        hint = ". Did you mean `run`?"
    elif command == "-m" or command.endswith(".py"):
        hint = f". To run a program: python -m reactorlite run {' '.join(sys.argv[1:])}"
    return f"{command!r} is no command of reactorlite: there is `run`{hint}"


def _refuse(problem: str) -> NoReturn:
    print(f"reactorlite: {problem}\n\n{USAGE}", end="", file=sys.stderr)
    raise SystemExit(EXIT_USAGE)
