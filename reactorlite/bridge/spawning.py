"""Starting child processes: which program, as whom, where, and with which descriptors.

`subprocess.Popen` starts them, in C and without a fork of the whole process where that is
possible: standard input, output and error alone take no Python code in the child. Other
descriptors, a terminal, and signals that this process ignores take a few lines of it.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import ExitStack, suppress
from functools import partial
from subprocess import Popen
from typing import TYPE_CHECKING, Any

from reactorlite.bridge.loops import check_thread
from reactorlite.bridge.pipes import ReadEnd, TerminalEnd, WriteEnd
from reactorlite.bridge.processes import Process, PTYProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reactorlite.bridge.processes import Ends
    from reactorlite.bridge.scope import Scope

#: Standard input, output and error, each through a pipe.
_STANDARD = {0: "w", 1: "r", 2: "r"}

#: Those that a program may ignore on purpose, and its children would too: not the two that
#: Python ignores, which Popen sees to, nor faults and what is ignored unless asked for. They are
#: looked at for every child, so that each costs.
_NAMES = "HUP INT QUIT USR1 USR2 ALRM TERM CHLD TSTP TTIN TTOU IO VTALRM PROF"
_SIGNALS = [each for each in signal.Signals if each.name.removeprefix("SIG") in _NAMES.split()]


def spawn(
    scope: Scope,
    protocol: Any,
    executable: str | bytes,
    args: Sequence[str | bytes],
    *,
    env: Mapping[Any, Any] | None,
    path: str | bytes | None,
    uid: int | None,
    gid: int | None,
    usePTY: bool | tuple[int, int, str | bytes],
    childFDs: Mapping[int, str | int] | None,
) -> Process:
    """Start `executable`, and make its transport."""
    if sys.platform == "win32":
        raise NotImplementedError(
            "spawnProcess() needs pipes that the loop can watch, which Windows hasn't:"
            " use asyncio.create_subprocess_exec()"
        )
    check_thread(scope.loop, "reactor.spawnProcess")
    _check_protocol(protocol)
    if usePTY and childFDs is not None:
        raise ValueError("spawnProcess() takes usePTY or childFDs, not both: a terminal is one")
    plan = partial(_start, executable, _checked_args(args), env, path, uid, gid)
    if usePTY:
        pid, ends = _on_terminal(plan, usePTY)
        return PTYProcess(scope, protocol, pid, ends)
    pid, ends = _with_pipes(plan, _STANDARD if childFDs is None else _checked_map(childFDs))
    return Process(scope, protocol, pid, ends)


def _with_pipes(plan: Callable[..., int], wanted: Mapping[int, str | int]) -> tuple[int, Ends]:
    ends: Ends = {}
    given: dict[int, int] = {}
    theirs: list[int] = []
    try:
        for number, what in wanted.items():
            if isinstance(what, int):
                given[number] = what
                continue
            reading, writing = os.pipe()
            mine, given[number] = (reading, writing) if what == "r" else (writing, reading)
            theirs.append(given[number])
            ends[number] = (ReadEnd if what == "r" else WriteEnd), mine
        pid = plan(given)
    except BaseException:
        for _, mine in ends.values():
            os.close(mine)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    return pid, ends


def _on_terminal(
    plan: Callable[..., int], terminal: bool | tuple[int, int, str | bytes]
) -> tuple[int, Ends]:
    import fcntl
    import termios

    with ExitStack() as ours:
        if isinstance(terminal, tuple):
            master, slave, _ = terminal
        else:
            master, slave = os.openpty()
            ours.callback(os.close, master)
            ours.callback(os.close, slave)
        take = partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0)
        pid = plan(dict.fromkeys((0, 1, 2), slave), take)
        ours.pop_all()
    os.close(slave)
    return pid, {0: (TerminalEnd, master)}


def _start(
    executable: str | bytes,
    args: list[str | bytes],
    env: Mapping[Any, Any] | None,
    path: str | bytes | None,
    uid: int | None,
    gid: int | None,
    given: dict[int, int],
    take_terminal: Callable[[], object] | None = None,
) -> int:
    """Start the program with the descriptors of ours that are `given`, by its own numbers.

    Raises `OSError` when it can't be: no such program, or not ours to execute or to be.
    """
    steps: list[Callable[[], object]] = []
    if take_terminal is not None:
        steps.append(take_terminal)
    ignored = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    if ignored:
        steps.append(partial(_heed, ignored))
    with ExitStack() as held:
        options: dict[str, Any]
        if given.keys() == _STANDARD.keys():
            options = {"stdin": given[0], "stdout": given[1], "stderr": given[2]}
        else:
            moves = _moves(given, held)
            options = {"pass_fds": [number for number in moves if number > 2]}
            steps.append(partial(_move, moves))
        child = Popen(
            args,
            executable=_found(executable, env),
            env=env,
            cwd=path,
            start_new_session=take_terminal is not None,
            preexec_fn=partial(_take, steps) if steps else None,
            **options,
            **_identity(uid, gid),
        )
    # The child is watched elsewhere: this keeps Popen from doing so, and from a warning.
    child.returncode = 0
    return child.pid


def _moves(given: dict[int, int], held: ExitStack) -> dict[int, int]:
    """For each number that the child asks for, a descriptor that no other number overwrites."""
    import fcntl

    def hold(descriptor: int, at_least: int) -> int:
        copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, at_least)
        held.callback(os.close, copy)
        return copy

    above = max(given, default=0) + 1
    moves = {number: hold(descriptor, above) for number, descriptor in given.items()}
    for number in moves:
        if number > 2:
            # Taken here too, as Popen keeps open in the child only what is open here, and
            # lest Popen's own pipe gets the number.
            hold(moves[number], number)
    return moves


# -- in the child, between fork and exec


def _take(steps: list[Callable[[], object]]) -> None:
    for step in steps:
        step()


def _heed(ignored: list[signal.Signals]) -> None:
    """Let signals end the program that this process ignores; else they'd be ignored there too."""
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)


def _move(moves: dict[int, int]) -> None:
    """Give the descriptors their numbers, and leave no other standard one open."""
    for number in (0, 1, 2):
        if number not in moves:
            with suppress(OSError):
                os.close(number)
    for number, descriptor in moves.items():
        os.dup2(descriptor, number)


# -- what is asked for


def _identity(uid: int | None, gid: int | None) -> dict[str, Any]:
    """What Popen is told, for the child to be that user with all of the user's groups."""
    if uid is None and gid is None:
        return {}
    for name, number in (("uid", uid), ("gid", gid)):
        if not isinstance(number, int | None):
            raise TypeError(f"spawnProcess() takes {name} as a number, not {number!r}")
    uid = os.geteuid() if uid is None else uid
    gid = os.getegid() if gid is None else gid
    identity: dict[str, Any] = {"user": uid, "group": gid}
    if os.geteuid() == 0:  # nobody else may choose groups
        identity["extra_groups"] = _groups(uid, gid)
    return identity


def _groups(uid: int, gid: int) -> list[int]:
    import pwd

    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:  # a number that no user has
        return [gid]


def _found(executable: str | bytes, env: Mapping[Any, Any] | None) -> str | bytes:
    """The program's path; a name is looked up in the child's PATH, if it has one, then in ours."""
    name = os.fsencode(executable)
    if b"/" in name:
        return executable
    paths = os.get_exec_path()
    if env is not None and ("PATH" in env or b"PATH" in env):
        paths = os.get_exec_path(env) + paths
    for path in paths:
        candidate = os.path.join(os.fsencode(path), name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(errno.ENOENT, "no such program in PATH", executable)


def _check_protocol(protocol: Any) -> None:
    if isinstance(protocol, type) or not hasattr(protocol, "makeConnection"):
        raise TypeError(
            "spawnProcess() takes a ProcessProtocol, an object with makeConnection(), not"
            f" {protocol!r}"
        )


def _checked_args(args: Any) -> list[str | bytes]:
    if isinstance(args, str | bytes) or not args:
        raise TypeError(
            "spawnProcess() takes the arguments as a sequence that begins with the program's"
            f" name, not {args!r}"
        )
    return list(args)


def _checked_map(wanted: Mapping[Any, Any]) -> Mapping[int, str | int]:
    for number, what in wanted.items():
        if not isinstance(number, int) or number < 0:
            raise ValueError(f"childFDs maps the child's descriptors, numbers, not {number!r}")
        if not isinstance(what, int) and what not in ("r", "w"):
            raise ValueError(
                f"childFDs maps {number} to {what!r}: it takes 'r' for a pipe that we read, 'w'"
                " for one that we write, or the number of a descriptor of ours"
            )
    return wanted
