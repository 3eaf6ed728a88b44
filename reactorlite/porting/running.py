"""Running a program as `python` itself would, with reactorlite in the place of Twisted."""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
import warnings
from importlib import import_module
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader
from pkgutil import get_importer, read_code
from types import CodeType, ModuleType, TracebackType
from typing import Any

from reactorlite.porting.applications import run_application
from reactorlite.porting.finder import install_as_twisted

__all__ = ["NoSuchLoopError", "choose_loop", "run"]


class NoSuchLoopError(Exception):
    """A kind of event loop that nobody has, or nobody has installed."""


def choose_loop(kind: str) -> None:
    """Let `asyncio.new_event_loop` make loops of a kind, "asyncio" or "uvloop", from now on."""
    if kind == "asyncio":
        return
    if kind != "uvloop":
        raise NoSuchLoopError(f"there is no loop {kind!r}: it is asyncio or uvloop")
    try:
        policy = import_module("uvloop").EventLoopPolicy()
    except ImportError as missing:
        raise NoSuchLoopError("uvloop is not installed: `pip install uvloop`") from missing
    # asyncio is imported here: a program that does without it doesn't wait for it.
    with warnings.catch_warnings():
        # Python 3.14 warns of policies. They alone reach loops that the program makes itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module("asyncio").set_event_loop_policy(policy)


def run(program: list[str]) -> None:
    """Run `program`, a command line as `python` takes it: `[-m MODULE | SCRIPT | -] ARG...`.

    A file that ends in `.tac` makes an `application`, which is run. Else the program is all there
    is: it is `__main__`, finds its arguments in `sys.argv` and its directory in `sys.path`, and
    ends as it would under `python`: what it raises passes through here, and is shown
    without the frames that led to it.
    """
    main = ModuleType("__main__")
    namespace = vars(main)
    namespace["__builtins__"] = builtins
    if sys.version_info < (3, 14):
        namespace["__annotations__"] = {}
    sys.modules["__main__"] = main
    install_as_twisted()
    try:
        _execute(program, namespace)
    except SystemExit:
        raise
    except BaseException:
        _show_from_the_program_on()
        raise


def _execute(program: list[str], namespace: dict[str, Any]) -> None:
    first, *arguments = program
    if first == "-m":
        module, *arguments = arguments
        sys.argv[:] = ["-m", *arguments]
        _as_module(module)
    elif first == "-":
        sys.argv[:] = program
        _put_on_path("")
        code = compile(sys.stdin.read(), "<stdin>", "exec")
        exec(code, _told(namespace))
    elif get_importer(first) is not None and os.path.exists(first):
        # A directory or a zip file, to be run by the `__main__` in it.
        sys.argv[:] = program
        _put_on_path(os.path.abspath(first))
        _as_module("__main__", False)
    else:
        sys.argv[:] = program
        path = os.path.abspath(first)
        code = _code_of(path)
        _put_on_path(os.path.dirname(os.path.realpath(first)))
        exec(code, _told(namespace, path))
        if path.endswith(".tac"):
            run_application(namespace.get("application"), first)


#: What `python -m` itself calls, and so what gives its errors and tracebacks.
_as_module: Any = runpy._run_module_as_main  # type: ignore[attr-defined]


def _code_of(path: str) -> CodeType:
    try:
        with io.open_code(path) as file:
            code: CodeType | None = read_code(file)
            if code is None:
                file.seek(0)
                code = compile(file.read(), path, "exec")
            return code
    except OSError as problem:
        raise SystemExit(_cannot_open(path, problem)) from None


def _cannot_open(path: str, problem: OSError) -> int:
    """Say so in python's words, and answer its exit status."""
    import shutil  # needed for mistakes only

    text = f"{sys.executable}: can't open file {path!r}: [Errno {problem.errno}] {problem.strerror}"
    command = shutil.which(os.path.basename(path))
    if command is not None:
        text += f"\n(the command is run by its path: {command})"
    print(text, file=sys.stderr)
    return 2


def _told(namespace: dict[str, Any], path: str | None = None) -> dict[str, Any]:
    """Add to a namespace what `python` tells a program about itself."""
    loader: Any = BuiltinImporter
    if path is not None:
        kind = SourcelessFileLoader if path.endswith(".pyc") else SourceFileLoader
        loader = kind("__main__", path)
    namespace.update(__file__=path or "<stdin>", __cached__=None, __loader__=loader)
    return namespace


def _put_on_path(first: str) -> None:
    """Replace the directory that `python -m reactorlite` put first on the path."""
    if not sys.flags.safe_path:
        sys.path[0] = first


def _show_from_the_program_on() -> None:
    """Let the hook that shows what nobody caught see a traceback that begins in the program."""
    hook = sys.excepthook

    def show(kind: type[BaseException], exc: BaseException, tb: TracebackType | None) -> None:
        sys.excepthook = hook
        while tb is not None and tb.tb_frame.f_code is not _execute.__code__:
            tb = tb.tb_next
        while tb is not None and tb.tb_frame.f_globals is globals():
            tb = tb.tb_next
        exc.__traceback__ = sys.last_traceback = tb
        hook(kind, exc, tb)

    sys.excepthook = show
