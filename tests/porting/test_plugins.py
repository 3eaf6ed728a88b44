"""Endpoints' descriptions of kinds that Twisted's plugins know, in hosted programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.porting.conftest import Ended, with_twisted

pytestmark = with_twisted

PLUGIN = """
from zope.interface import implementer
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin

@implementer(IPlugin, IStreamServerEndpointStringParser)
class Parser:
    prefix = "parrot"

    def parseStreamServer(self, reactor, *args, **kwargs):
        return ("parrot", reactor, args, kwargs)

parser = Parser()
"""

ASKING = """
import sys
sys.path.insert(0, ".")
from twisted.internet.endpoints import clientFromString, serverFromString
print(serverFromString(None, "{}"))
"""


@pytest.fixture
def parrot(tmp_path: Path) -> None:
    """A plugin in the directory of the program."""
    plugins = tmp_path / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    plugins.joinpath("parrot.py").write_text(PLUGIN)


@pytest.mark.usefixtures("parrot")
def test_kind_of_a_plugin(hosted: Callable[..., Ended]) -> None:
    """A project's plugin parses descriptions of its kind."""
    ended = hosted("-", stdin=ASKING.format("parrot:one:two=three"))

    assert ended == (0, "('parrot', None, ('one',), {'two': 'three'})\n", "")


def test_kind_that_nobody_knows(hosted: Callable[..., Ended]) -> None:
    """A kind that no plugin knows is an error."""
    ended = hosted("-", stdin=ASKING.format("parrot:one"))

    assert "ValueError: Unknown endpoint type: 'parrot'" in ended.err


@pytest.mark.parametrize("kind", ["tcp:0", "tcp6:0", "unix:/a", "stdio:", "haproxy:tcp:0"])
def test_own_kinds(hosted: Callable[..., Ended], kind: str) -> None:
    """Kinds that are ours are so beside Twisted's plugins for them."""
    ended = hosted("-", stdin=ASKING.format(kind))

    assert ended.out.startswith("<reactorlite.")
