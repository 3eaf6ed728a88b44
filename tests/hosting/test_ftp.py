"""Twisted's FTP server meets Python's ftplib; its client meets aioftp's server."""

from __future__ import annotations

import asyncio
import ftplib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosting.conftest import HERE
from tests.programs import LIMIT

MODES = pytest.mark.parametrize("mode", ["passive", "active"])


@pytest.fixture(scope="module")
def port(serve: Any, directory: Path) -> int:
    """The port of the server."""
    (directory / "ann").mkdir(exist_ok=True)
    return int(serve("ftp_server", directory, HERE).port())


@pytest.fixture
def client(port: int) -> Iterator[ftplib.FTP]:
    """Python's client, which has not logged in."""
    with ftplib.FTP(timeout=LIMIT) as client:
        client.connect("127.0.0.1", port)
        yield client


@MODES
def test_anonymous_reads(client: ftplib.FTP, mode: str) -> None:
    """Anonymous lists and reads, and may not write."""
    read: list[bytes] = []
    client.set_pasv(mode == "passive")
    client.login()

    assert "rain.txt" in client.nlst(".")
    client.retrbinary("RETR rain.txt", read.append)
    assert b"".join(read) == b"take an umbrella\r\n"
    with pytest.raises(ftplib.error_perm, match="550"):
        client.storbinary("STOR mine", io.BytesIO(b"x"))


@MODES
def test_person_writes(client: ftplib.FTP, directory: Path, mode: str) -> None:
    """A person stores a large file, makes directories, renames and deletes."""
    content = os.urandom(3_000_000)
    client.set_pasv(mode == "passive")
    client.login("ann", "secret")

    client.storbinary("STOR first", io.BytesIO(content))
    client.mkd("inner")
    client.rename("first", "inner/second")

    assert (directory / "ann" / "inner" / "second").read_bytes() == content
    assert client.size("inner/second") == len(content)
    client.delete("inner/second")
    client.rmd("inner")
    assert client.nlst(".") == []


def test_wrong_password(client: ftplib.FTP) -> None:
    """A wrong password is refused."""
    with pytest.raises(ftplib.error_perm, match="530"):
        client.login("ann", "guessed")


@pytest.fixture
def aioftp_port(tmp_path: Path) -> Iterator[int]:
    """The port of aioftp's server in another thread, whose files are in `tmp_path`."""
    aioftp = pytest.importorskip("aioftp")
    user = aioftp.User("ann", "secret", base_path=tmp_path)
    loop, ports = asyncio.new_event_loop(), []
    started = threading.Event()

    async def main() -> None:
        server = aioftp.Server([user])
        await server.start("127.0.0.1", 0)
        ports.append(server.server_port)
        ended.append(asyncio.Event())
        started.set()
        await ended[0].wait()
        await server.close()

    ended: list[asyncio.Event] = []
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        thread = threading.Thread(target=runner.run, args=[main()])
        thread.start()
        assert started.wait(LIMIT)
        yield ports[0]
        loop.call_soon_threadsafe(ended[0].set)
        thread.join()


def test_client_with_aioftp(play: Any, aioftp_port: int, tmp_path: Path) -> None:
    """Twisted's client lists, reads and stores at aioftp's server."""
    content = os.urandom(300_000)
    (tmp_path / "file").write_bytes(content)

    client = play("ftp_client", f"tcp:127.0.0.1:{aioftp_port}", "ann", "secret", "file")

    assert client.rest() == ["there are: file", "read: 300000", "stored"]
    assert (tmp_path / "file.copy").read_bytes() == content


@MODES
def test_client_with_its_server(play: Any, port: int, directory: Path, mode: str) -> None:
    """Twisted's client lists, reads and stores at Twisted's server, in both modes."""
    (directory / "ann" / "file").write_bytes(b"x" * 300_000)
    try:
        client = play("ftp_client", f"tcp:127.0.0.1:{port}", "ann", "secret", "file", mode)

        assert client.rest() == ["there are: file", "read: 300000", "stored"]
        assert (directory / "ann" / "file.copy").stat().st_size == 300_000
    finally:
        for each in (directory / "ann").iterdir():
            each.unlink()
