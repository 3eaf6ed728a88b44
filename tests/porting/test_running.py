"""`python -m reactorlite run` shows a program what `python` would show it."""

from __future__ import annotations

import os
import re
import zipfile

import pytest

PROGRAM = """
import sys
print(sorted((k, str(v)) for k, v in globals().items() if k != "sys"))
print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals())
"""

ENDINGS = {
    "falls off the end": "print('done')",
    "exit 3": "import sys; sys.exit(3)",
    "exit with a text": "import sys; sys.exit('no such thing')",
    "exit in a function": "def f(): raise SystemExit(4)\nf()",
    "error": "def f():\n    return 1 / 0\nf()",
    "error with a cause": "try:\n    {}['x']\nexcept KeyError as e:\n    raise OSError(2) from e",
    "error in an import": "import json.nothing",
    "syntax": "print('a'",
    "own hook": (
        "import sys\nsys.excepthook = lambda *a: print('hook', a[0], a[2].tb_lineno)\n1 / 0"
    ),
    "error at exit": "import atexit\natexit.register(lambda: print('bye'))\nraise OSError",
    "interrupted": "raise KeyboardInterrupt",
    "interrupted by a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
    "last traceback": (
        "import atexit, sys, traceback\n"
        "atexit.register(lambda: traceback.print_tb(sys.last_traceback))\n1 / 0"
    ),
}


def _plain(ended):
    """An ending without the addresses of objects."""
    return ended._replace(out=re.sub(r"0x[0-9a-f]+", "0x", ended.out))


@pytest.fixture
def script(tmp_path):
    """A script that tells what it is given."""
    (tmp_path / "program.py").write_text(PROGRAM)
    return "program.py"


def test_script_is_told_the_same(script, python, hosted):
    """A script finds its arguments, its directory and itself as `__main__`."""
    ended = hosted(script, "-m", "x", "--loop", "y")

    assert _plain(ended) == _plain(python(script, "-m", "x", "--loop", "y"))
    assert ended.status == 0


def test_module_is_told_the_same(script, python, hosted):
    """So does a module that is run with -m."""
    ended = hosted("-m", "program", "a", "-b")

    assert _plain(ended) == _plain(python("-m", "program", "a", "-b"))
    assert ended.status == 0


def test_module_may_be_joined_to_the_option(script, python, hosted):
    """`-mprogram` is `-m program`."""
    assert _plain(hosted("-mprogram", "a")) == _plain(python("-mprogram", "a"))


def test_standard_input_is_told_the_same(python, hosted):
    """So does a program that comes from standard input."""
    ended = hosted("-", "a", stdin=PROGRAM)

    assert _plain(ended) == _plain(python("-", "a", stdin=PROGRAM))
    assert ended.status == 0


def test_directory_is_told_the_same(tmp_path, python, hosted):
    """A directory is run by the `__main__` in it."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "__main__.py").write_text(PROGRAM)

    ended = hosted("directory", "a")

    assert _plain(ended) == _plain(python("directory", "a"))
    assert ended.status == 0


def test_zip_file_is_told_the_same(tmp_path, python, hosted):
    """A zip file is run by the `__main__` in it."""
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", PROGRAM)

    ended = hosted("program.zip", "a")

    assert _plain(ended) == _plain(python("program.zip", "a"))
    assert ended.status == 0


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_linked_script_finds_its_neighbours(tmp_path, python, hosted):
    """The directory on the path is that of the file to which a link leads."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "program.py").write_text("import neighbour")
    (tmp_path / "there" / "neighbour.py").write_text("print('here')")
    (tmp_path / "link.py").symlink_to(tmp_path / "there" / "program.py")

    assert hosted("link.py") == python("link.py") == (0, "here\n", "")


@pytest.mark.parametrize("text", ENDINGS.values(), ids=ENDINGS)
def test_script_ends_the_same(text, tmp_path, python, hosted):
    """The exit status and what is shown are python's, with no frame of ours."""
    (tmp_path / "program.py").write_text(text)

    assert hosted("program.py") == python("program.py")


@pytest.mark.parametrize("name", ["error", "exit 3", "interrupted"])
def test_module_ends_the_same(name, tmp_path, python, hosted):
    """With -m too."""
    (tmp_path / "program.py").write_text(ENDINGS[name])

    assert hosted("-m", "program") == python("-m", "program")


@pytest.mark.parametrize("command", [("nothing.py",), ("-m", "nothing"), (".",)])
def test_program_that_is_not_there(command, python, hosted):
    """What can't be found is told in python's words."""
    assert hosted(*command) == python(*command)


def test_command_is_run_by_its_path(hosted):
    """Who names a command where a file belongs is told where it is."""
    ended = hosted("python3")

    assert ended.status == 2
    assert "python3: [Errno 2]" in ended.err.replace("'", "")
    assert "(the command is run by its path: /" in ended.err


def test_coding_of_a_script(tmp_path, python, hosted):
    """A script may be written in the coding that it declares."""
    (tmp_path / "program.py").write_bytes(b"# coding: latin-1\nprint(ascii('\xe9'))")

    assert hosted("program.py") == python("program.py") == (0, "'\\xe9'\n", "")


def test_compiled_script(tmp_path, python, hosted):
    """A script may be compiled."""
    (tmp_path / "program.py").write_text("print(__file__, __loader__.__class__)")
    python("-c", "import py_compile; py_compile.compile('program.py', 'program.pyc')")

    ended = hosted("program.pyc")

    assert ended == python("program.pyc")
    assert ended.status == 0
