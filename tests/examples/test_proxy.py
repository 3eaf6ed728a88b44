"""The proxy: everything comes through, and it holds little of it at any time."""

from __future__ import annotations

import hashlib
import os
import re
import select
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MIB = 1 << 20
BLOCK = os.urandom(MIB)
BLOCKS = 64
ALLOWED = 4 * MIB  # of growth, while 64 MiB pass


@pytest.fixture
def pair(start: Any, connect: Any, listener: Any) -> Iterator[tuple[Any, Any, Any]]:
    """A client's socket, the target's end of its connection, and the proxy between them."""
    listener.listen()
    proxy = start("proxy", 0, *listener.getsockname())
    client = connect(proxy.port()).socket
    target, _ = listener.accept()
    with target:
        target.settimeout(30)
        yield client, target, proxy


def test_both_ways(pair: Any) -> None:
    """What either side sends, the other gets."""
    client, target, proxy = pair

    client.sendall(b"question")
    assert target.recv(100) == b"question"
    target.sendall(b"answer")
    assert client.recv(100) == b"answer"

    assert proxy.interrupt() == []
    assert (client.recv(100), target.recv(100)) == (b"", b"")


@pytest.mark.parametrize("who", ["client", "target"])
def test_an_end_is_passed_on(pair: Any, who: str) -> None:
    """When one side has sent all, the other gets it, then the end, and may still answer."""
    client, target, proxy = pair
    sender, receiver = (client, target) if who == "client" else (target, client)

    sending = threading.Thread(target=send_the_rest, args=(sender, (BLOCKS - 4) * MIB))
    sending.start()
    received = b"".join(iter(lambda: receiver.recv(MIB), b""))
    sending.join()
    receiver.sendall(b"thanks")
    receiver.shutdown(socket.SHUT_WR)

    assert received == BLOCK * 4
    assert (sender.recv(100), sender.recv(100)) == (b"thanks", b"")
    proxy.interrupt()


def test_a_lost_side_takes_the_other_along(pair: Any) -> None:
    """When one side is gone, the other is closed."""
    client, target, proxy = pair
    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    target.close()

    assert client.recv(100) == b""
    proxy.interrupt()


def test_no_target(start: Any, connect: Any, listener: Any) -> None:
    """A client whose target can't be reached is hung up on; the proxy goes on."""
    proxy = start("proxy", 0, *listener.getsockname())
    client = connect(proxy.port())

    assert client.read() == b""

    assert proxy.line().startswith("no connection to the target: Connection was refused")
    assert proxy.interrupt() == []


def test_usage(start: Any) -> None:
    """Without its three arguments the proxy says what they are."""
    proxy = start("proxy")

    assert proxy.process.wait(30) == 1
    assert proxy.errors() == "usage: python proxy.py LISTEN_PORT TARGET_HOST TARGET_PORT\n"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("who", ["client", "target"])
def test_memory_stays_flat(pair: Any, who: str) -> None:
    """64 MiB to a side that reads nothing, and then reads, hardly show in the proxy's memory."""
    client, target, proxy = pair
    sender, receiver = (client, target) if who == "client" else (target, client)
    before = peak_memory(proxy)

    sent = send_until_stuck(sender)
    assert sent < BLOCKS * MIB, "everything was taken, although nobody reads"
    stuck = peak_memory(proxy)
    sending = threading.Thread(target=send_the_rest, args=(sender, sent))
    sending.start()
    received = digest(iter(lambda: receiver.recv(MIB), b""))
    sending.join()

    assert received == digest(iter([BLOCK] * BLOCKS))
    assert stuck - before < ALLOWED
    assert peak_memory(proxy) - before < ALLOWED


def test_ends_with_data_on_its_way(pair: Any) -> None:
    """Ctrl-C ends the proxy also when one side is paused and the other has much to read."""
    client, _target, proxy = pair
    send_until_stuck(client)

    assert proxy.interrupt() == []


def send_until_stuck(sender: socket.socket) -> int:
    """Send, until nothing is taken for half a second; the number of bytes that were."""
    sent = 0
    sender.setblocking(False)
    while sent < BLOCKS * MIB and select.select([], [sender], [], 0.5)[1]:
        sent += sender.send(memoryview(BLOCK)[sent % MIB :])
    sender.settimeout(30)
    return sent


def send_the_rest(sender: socket.socket, sent: int) -> None:
    """Send what is left of all blocks, then no more."""
    while sent < BLOCKS * MIB:
        sent += sender.send(memoryview(BLOCK)[sent % MIB :])
    sender.shutdown(socket.SHUT_WR)


def digest(pieces: Iterator[bytes]) -> str:
    """A fingerprint of everything in `pieces`."""
    known = hashlib.sha256()
    for piece in pieces:
        known.update(piece)
    return known.hexdigest()


def peak_memory(program: Any) -> int:
    """The most that the program has had in memory so far, in bytes."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024
