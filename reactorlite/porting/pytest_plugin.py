"""`pytest -p reactorlite.porting.pytest_plugin`: a project's tests on reactorlite.

It puts reactorlite in the place of Twisted before other plug-ins are loaded, which may import
Twisted. `python -m reactorlite run -m pytest` does so too. See `pytest_option` for the way to
write it into a project's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactorlite.porting.finder import install_as_twisted

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_addoption", "pytest_report_header"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Put reactorlite in the place of Twisted: no hook of a plug-in's is called before this."""
    install_as_twisted()


def pytest_report_header() -> str:
    """Say on what the tests run."""
    return "reactorlite stands in the place of Twisted"
