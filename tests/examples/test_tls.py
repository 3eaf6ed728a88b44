"""The programs that show TLS: from the first byte on, and in the middle of a connection."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl command makes the certificates"
)


def test_tls_echo(start: Any) -> None:
    """The client hears its echo, and one that asks for another host gets nowhere."""
    lines = start("tls_echo").rest()

    assert lines[:2] == ["the server says: hello", "localhost: Connection was closed cleanly."]
    assert lines[2].startswith("example.com: ")
    assert "not valid for 'example.com'" in lines[2]
    assert len(lines) == 3


def test_starttls(start: Any) -> None:
    """What is said before is plain text, and what is said after is in TLS."""
    lines = start("starttls").rest()

    assert lines == [
        "server: STARTTLS (in plain text)",
        "client: go ahead",
        "client: the server is who it says",
        "server: my password (in TLS)",
        "client: welcome",
    ]
