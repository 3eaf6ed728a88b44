"""What pytest knows of reactorlite where that is installed: an option, and a setting.

`--reactorlite=LOOP`, or `reactorlite = LOOP` in pytest's configuration, runs a project's tests on
reactorlite in the place of Twisted, in the workers of pytest-xdist too. LOOP is asyncio (as the
platform has it) or uvloop. Else this does nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_addoption", "pytest_load_initial_conftests", "pytest_report_header"]

_PLUGIN = "reactorlite.porting.pytest_plugin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the setting."""
    text = "run the tests on reactorlite in the place of Twisted, on a loop: asyncio or uvloop"
    parser.getgroup("reactorlite").addoption("--reactorlite", metavar="LOOP", help=text)
    parser.addini("reactorlite", text)


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Do what is asked before the first `conftest.py` is imported.

    Raises `pytest.UsageError` where Twisted was imported before, or there is no such loop.
    """
    loop = _wanted(early_config)
    # A worker of pytest-xdist loads what `-p` named after the first conftest.py only.
    if loop is None and _PLUGIN not in early_config.known_args_namespace.plugins:
        return
    from reactorlite.porting.finder import install_as_twisted
    from reactorlite.porting.running import NoSuchLoopError, choose_loop

    try:
        choose_loop(loop or "asyncio")
        install_as_twisted()
    except NoSuchLoopError as problem:
        raise _usage_error(f"reactorlite: {problem}") from problem
    except RuntimeError as problem:
        raise _usage_error(
            f"{problem}. Another plug-in of pytest's may have done so: `-p {_PLUGIN}` comes first"
        ) from problem


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say on what the tests run."""
    loop = _wanted(config)
    return None if loop is None else f"reactorlite stands in the place of Twisted, on {loop}"


def _usage_error(text: str) -> Exception:
    error: Exception = import_module("pytest").UsageError(text)
    return error


def _wanted(config: pytest.Config) -> str | None:
    """The kind of loop that the option, or else the setting, names."""
    options: Any = config.known_args_namespace
    return options.reactorlite or config.getini("reactorlite") or None
