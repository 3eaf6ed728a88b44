"""Twisted's SSH server meets OpenSSH's ssh and sftp, and asyncssh; its client meets asyncssh."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.hosting.conftest import HERE
from tests.programs import LIMIT

NEEDS = ["cryptography", "bcrypt"]  # as Twisted's extra "conch" has it

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's ssh isn't there")
needs_sftp = pytest.mark.skipif(shutil.which("sftp") is None, reason="OpenSSH's sftp isn't there")

OPTIONS = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": os.devnull,
    "LogLevel": "ERROR",
    "IdentitiesOnly": "yes",
    "ConnectTimeout": int(LIMIT),
    "User": "ann",
}


class Said(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    text: bytes
    complaints: bytes


@pytest.fixture(scope="module")
def key(directory: Path) -> Path:
    """The file of a private key, beside that of the public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    path = directory / "key"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    path.with_suffix(".pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    )
    return path


@pytest.fixture(scope="module")
def port(serve: Any, directory: Path, key: Path) -> int:
    """The port of the server."""
    return int(serve("ssh_server", directory, key.with_suffix(".pub"), HERE).port())


@pytest.fixture
def openssh(port: int, key: Path, tmp_path: Path) -> Callable[..., Said]:
    """Runs ssh or sftp, by key or by password."""

    def run(command: str, *arguments: str, password: str = "", stdin: bytes = b"") -> Said:
        options = {**OPTIONS, "Port": port}
        environment = dict(os.environ)
        if password:
            ask = tmp_path / "ask"
            ask.write_text(f"#!/bin/sh\necho {password}\n")
            ask.chmod(0o700)
            environment |= {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
            options |= {"PubkeyAuthentication": "no", "NumberOfPasswordPrompts": 1}
        else:
            options |= {"IdentityFile": key, "BatchMode": "yes"}
        told = [word for each in options.items() for word in ("-o", "{}={}".format(*each))]
        done = subprocess.run(
            [command, "-F", os.devnull, *told, *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@needs_ssh
@pytest.mark.parametrize("password", ["", "secret"], ids=["key", "password"])
def test_ssh_runs_a_command(openssh: Any, password: str) -> None:
    """OpenSSH comes in by a key or by a password, and hears what its command says."""
    said = openssh("ssh", "127.0.0.1", "weather today", password=password)

    assert said == (0, b"ann asks for weather today\n", b"")


@needs_ssh
def test_ssh_refuses(openssh: Any) -> None:
    """A wrong password doesn't let anyone in."""
    said = openssh("ssh", "127.0.0.1", "weather", password="guessed")

    assert said.status == 255
    assert b"Permission denied" in said.complaints


@needs_ssh
def test_ssh_passes_much(openssh: Any) -> None:
    """A megabyte goes there and comes back, through SSH's own windows."""
    data = os.urandom(1 << 20)

    said = openssh("ssh", "127.0.0.1", "cat", stdin=data)

    assert said == (0, data, b"")


@needs_sftp
@pytest.mark.parametrize("password", ["", "secret"], ids=["key", "password"])
def test_sftp(openssh: Any, directory: Path, tmp_path: Path, password: str) -> None:
    """OpenSSH's sftp lists, gets, puts, renames and removes."""
    (tmp_path / "mine").write_bytes(os.urandom(1 << 20))
    commands = ["ls", f"get rain.txt {tmp_path}/yours", f"put {tmp_path}/mine theirs"]
    commands += ["rename theirs second", f"get second {tmp_path}/back", "rm second", ""]

    batch = [] if password else ["-b", "-"]
    said = openssh(
        "sftp", *batch, "127.0.0.1", password=password, stdin="\n".join(commands).encode()
    )

    assert said.status == 0, said.complaints
    assert b"rain.txt" in said.text
    assert (tmp_path / "yours").read_bytes() == b"take an umbrella\r\n"
    assert (tmp_path / "back").read_bytes() == (tmp_path / "mine").read_bytes()
    assert not (directory / "second").exists()


def test_asyncssh_with_the_server(port: int, key: Path) -> None:
    """asyncssh's client runs several commands at once by one connection."""
    asyncssh = pytest.importorskip("asyncssh")

    async def main() -> list[str]:
        async with asyncssh.connect(
            "127.0.0.1", port, username="ann", client_keys=[str(key)], known_hosts=None, config=None
        ) as connection:
            done = await asyncio.gather(*(connection.run(f"number {i}") for i in range(5)))
            return [each.stdout for each in done]

    assert asyncio.run(main()) == [f"ann asks for number {i}\n" for i in range(5)]


@pytest.fixture
def asyncssh_port(key: Path) -> Iterator[int]:
    """The port of asyncssh's server, which runs in another thread."""
    asyncssh = pytest.importorskip("asyncssh")
    loop, ports = asyncio.new_event_loop(), []
    started, ended = threading.Event(), asyncio.Event()

    class Server(asyncssh.SSHServer):  # type: ignore[misc]  # it may not be installed
        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, offered: Any) -> bool:
            return username == "ann" and offered == asyncssh.read_public_key(f"{key}.pub")

    async def answer(process: Any) -> None:
        process.stdout.write(f"you want {process.command}\n" * 1000)
        process.exit(0)

    async def main() -> None:
        own = asyncssh.generate_private_key("ssh-ed25519")
        async with await asyncssh.create_server(
            Server, "127.0.0.1", 0, server_host_keys=[own], process_factory=answer
        ) as server:
            ports.append(server.get_port())
            started.set()
            await ended.wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        thread = threading.Thread(target=runner.run, args=[main()])
        thread.start()
        assert started.wait(LIMIT)
        yield ports[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def test_client_with_asyncssh(play: Any, asyncssh_port: int, key: Path) -> None:
    """Twisted's client runs a command at asyncssh's server, and hears all it says."""
    client = play("ssh_client", "127.0.0.1", asyncssh_port, "ann", key, "umbrellas")

    assert client.rest() == ["said: you want umbrellas"] + ["you want umbrellas"] * 999


def test_client_with_its_server(play: Any, port: int, key: Path) -> None:
    """Twisted's client speaks with Twisted's server."""
    client = play("ssh_client", "127.0.0.1", port, "ann", key, "weather")

    assert client.rest() == ["said: ann asks for weather"]
