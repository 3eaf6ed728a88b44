"""The reactor's part that starts processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from reactorlite.bridge.processes import Process
    from reactorlite.bridge.scope import Scope


@implementer("IReactorProcess")
class Processes:
    """What a reactor does with child processes."""

    if TYPE_CHECKING:
        _scope: Scope
        _as_current: Callable[[], AbstractContextManager[None]]

    def spawnProcess(
        self,
        processProtocol: Any,
        executable: str | bytes,
        args: Sequence[str | bytes] = (),
        env: Mapping[Any, Any] | None = {},
        path: str | bytes | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool | tuple[int, int, str | bytes] = False,
        childFDs: Mapping[int, str | int] | None = None,
    ) -> Process:
        """Start a program; `args` begin with its name.

        It runs when this returns, also before the reactor does; `processProtocol` has its
        transport then, and hears of the child's output and end when there is a loop. A
        program's name without a slash is looked up in PATH. `env` None is this process's
        environment, `path` the directory to run in; `uid` and `gid` are whom to run as, which
        takes root. `childFDs` maps the child's descriptors, by default 0, 1 and 2, to "r" or
        "w" for a pipe that we read or write, or to a descriptor of ours; all others are closed.
        With `usePTY` the child has a terminal: a new one, or (master, slave, name), which are
        the reactor's from then on.

        Raises `OSError` when the program can't be started.
        """
        from reactorlite.bridge.spawning import spawn

        with self._as_current():
            return spawn(
                self._scope,
                processProtocol,
                executable,
                args,
                env=env,
                path=path,
                uid=uid,
                gid=gid,
                usePTY=usePTY,
                childFDs=childFDs,
            )
