"""The examples in datagrams, with plain sockets for peers."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import Any

import pytest


def test_udp_echo(start: Any) -> None:
    """Each datagram comes back, also empty ones, to whichever of the peers sent it."""
    server = start("udp_echo", 0)
    address = ("127.0.0.1", server.port())
    with (
        socket.socket(type=socket.SOCK_DGRAM) as ann,
        socket.socket(type=socket.SOCK_DGRAM) as bob,
    ):
        for peer, datagrams in ((ann, [b"one", b"", b"x" * 8000]), (bob, [b"two"])):
            peer.settimeout(30)
            for datagram in datagrams:
                peer.sendto(datagram, address)
                assert peer.recvfrom(10000) == (datagram, address)

    assert server.interrupt() == []


@pytest.mark.skipif(shutil.which("nc") is None, reason="needs nc")
def test_udp_echo_to_netcat(start: Any) -> None:
    """netcat reads what it has sent."""
    server = start("udp_echo", 0)

    said = subprocess.run(
        ["nc", "-u", "-w", "1", "127.0.0.1", str(server.port())],
        input=b"hello\n",
        capture_output=True,
        timeout=40,
        check=False,
    )

    assert said.stdout == b"hello\n"
    assert server.interrupt() == []


def test_discovery(start: Any) -> None:
    """Every service of the group is found, and then it ends."""
    lines = start("discovery", "one", "two", "three").rest()

    assert sorted(lines) == ["found one", "found three", "found two"]
