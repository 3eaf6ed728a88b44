"""The server and the client that go wherever their command lines say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reactorlite.internet import asyncioreactor


def test_over_tcp(start: Any) -> None:
    """On two ports at once, by address and by name."""
    server = start("anywhere_server", "tcp:0:interface=127.0.0.1", "tcp:0:interface=127.0.0.1")
    for host in ("127.0.0.1", "localhost"):
        client = start("anywhere_client", f"tcp:{host}:{server.port()}", "hello", "world")

        assert client.rest() == ["HELLO", "WORLD"]

    assert server.interrupt() == []


@pytest.mark.skipif(
    not hasattr(asyncioreactor.Reactor, "listenUNIX"), reason="there are no UNIX sockets here"
)
def test_over_a_unix_socket(start: Any, tmp_path: Path) -> None:
    """At a path."""
    server = start("anywhere_server", f"unix:{tmp_path}/capitals")
    assert server.line() == f"listening on {tmp_path}/capitals"

    client = start("anywhere_client", f"unix:{tmp_path}/capitals", "hello", "world")

    assert client.rest() == ["HELLO", "WORLD"]
    assert server.interrupt() == []


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="there is no openssl here to make a certificate"
)
def test_over_tls(start: Any, tmp_path: Path) -> None:
    """With TLS, by a certificate for the name that the client asks for and verifies."""
    new = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    command = ["openssl", "req", "-x509", *new, *named, *files]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    server = start("anywhere_server", f"tls:{tmp_path}:0:interface=127.0.0.1")

    where = f"tls:localhost:{server.port()}:trustRoots={tmp_path}"
    client = start("anywhere_client", where, "hello", "world")

    assert client.rest() == ["HELLO", "WORLD"]
    assert server.interrupt() == []


def test_cannot_listen(start: Any) -> None:
    """A port that can't be had is told of, and ends the server."""
    server = start("anywhere_server", "tcp:0:interface=192.0.2.1")

    assert server.rest()[0].startswith("Couldn't listen on 192.0.2.1:0")
