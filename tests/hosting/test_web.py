"""Twisted's HTTP server meets curl and Python's http.client; its Agent meets http.server."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.hosting.conftest import EVERY_WAY, HERE
from tests.programs import LIMIT

WAYS = EVERY_WAY
MIB = 1 << 20
DOWNLOAD = int(os.environ.get("REACTORLITE_DOWNLOAD_MIB", "64")) * MIB
"""How much is downloaded. 1024 MiB take some seconds, and no more memory."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def server(serve: Any, directory: Path) -> Any:
    """The server, with a large file among its files."""
    with open(directory / "large", "wb") as large:
        large.truncate(DOWNLOAD)
    return serve("web_server", directory, HERE)


@pytest.fixture(scope="module")
def port(server: Any) -> int:
    """Its port."""
    return int(server.port())


@pytest.fixture
def curl(port: int) -> Callable[..., bytes]:
    """Runs curl with some arguments, where `{}` stands for the server; what it says."""

    def curl(*arguments: str) -> bytes:
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", str(LIMIT)]
        command += [each.replace("{}", f"http://127.0.0.1:{port}") for each in arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    return curl


@needs_curl
def test_curl_keeps_its_connection(curl: Any) -> None:
    """Several requests of curl's go by one connection."""
    connections = ["-w", "%{num_connects}"]

    said = curl("{}/", *connections, "--next", "--silent", "{}/", *connections)

    assert said == b"hello\n1hello\n0"


@needs_curl
def test_curl_reads_chunks(curl: Any) -> None:
    """An answer whose length isn't known comes in chunks, each when it is written."""
    said = curl("--raw", "--include", "{}/count?to=3")

    head, _, body = said.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"2\r\n1\n\r\n2\r\n2\n\r\n2\r\n3\n\r\n0\r\n\r\n"


@needs_curl
@pytest.mark.parametrize("size", [0, 10, 3 * MIB])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_curl_posts(curl: Any, tmp_path: Path, size: int, coding: str) -> None:
    """What is posted comes back, after `100 Continue` and in chunks too."""
    (tmp_path / "body").write_bytes(os.urandom(size))
    chunked = ["--header", "Transfer-Encoding: chunked"] if coding == "chunked" else []

    said = curl("--data-binary", f"@{tmp_path / 'body'}", *chunked, "{}/echo")

    assert said == (tmp_path / "body").read_bytes()


@needs_curl
def test_curl_gets_a_range(curl: Any) -> None:
    """A part of a file is sent when a part is asked for."""
    said = curl("--range", "5-6", "--include", "{}/files/rain.txt")

    head, _, body = said.partition(b"\r\n\r\n")
    assert b"206 Partial Content" in head
    assert b"bytes 5-6/18" in head
    assert body == b"an"


@needs_curl
def test_curl_asks_for_the_head(curl: Any) -> None:
    """HEAD gets the length, and no body."""
    said = curl("--head", "{}/files/rain.txt")

    assert b"content-length: 18\r\n" in said.lower()


@needs_curl
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_download_at_flat_memory(curl: Any, server: Any) -> None:
    """A large file goes out no faster than it is read, and hardly shows in memory."""
    curl("{}/files/rain.txt")
    before = peak_memory(server)

    size = curl("--output", os.devnull, "-w", "%{size_download}", "{}/files/large")

    assert int(size) == DOWNLOAD
    assert peak_memory(server) - before < 8 * MIB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_slow_reader_at_flat_memory(port: int, server: Any) -> None:
    """What a client doesn't read stays in the file, while others are served."""
    test_http_client(port)
    before = peak_memory(server)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    client.request("GET", "/files/large")
    response = client.getresponse()
    read = len(response.read(1000))

    for _ in range(20):
        test_http_client(port)
    kept = peak_memory(server) - before
    while piece := response.read(MIB):
        read += len(piece)
    client.close()

    assert kept < 8 * MIB
    assert read == DOWNLOAD


@needs_curl
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_curl_by_unix_socket(play: Any, directory: Path, tmp_path: Path) -> None:
    """A server listens at a path, and takes it away when it ends."""
    path = tmp_path / "web.sock"
    server = play("web_server", directory, f"unix:{path}")
    assert server.line() == f"port {path}"

    command = ["curl", "--silent", "--unix-socket", str(path), "http://localhost/"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT).stdout

    assert said == b"hello\n"
    assert server.interrupt() == []
    assert not path.exists()


def test_http_client(port: int) -> None:
    """Python's own client posts and gets by one connection."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    answers = []
    for method, path, body in [("POST", "/echo", b"x" * 100_000), ("GET", "/", None)]:
        client.request(method, path, body)
        answers.append(client.getresponse().read())
    connected = client.sock
    client.close()

    assert answers == [b"x" * 100_000, b"hello\n"]
    assert connected is not None


def test_reader_that_leaves(port: int) -> None:
    """A client that goes in the middle of an answer harms nobody."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    client.request("GET", "/files/large")
    client.getresponse().read(1000)
    client.close()

    test_http_client(port)


class Answers(BaseHTTPRequestHandler):
    """Counts its connections; answers with chunks, and to a post with its length."""

    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    def do_POST(self) -> None:
        answer = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def http_server() -> Iterator[ThreadingHTTPServer]:
    """Python's server, with a count of connections that begins at 0."""
    Answers.connections = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_agent(play: Any, http_server: Any) -> None:
    """Twisted's client gets and posts, by one connection as long as one will do."""
    client = play("web_client", f"http://localhost:{http_server.server_address[1]}/")

    assert client.rest() == [
        "got 200 b'abcde'",
        "again 200 b'abcde'",
        "posted 201 100000",
        "at once 5 {200}",
    ]
    assert Answers.connections == 5


def peak_memory(program: Any) -> int:
    """The most that the program has had in memory so far, in bytes."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024


def test_ends_with_an_answer_on_its_way(play: Any, directory: Path) -> None:
    """Ctrl-C ends a server in order while one client doesn't read and another counts."""
    with open(directory / "large", "wb") as large:
        large.truncate(DOWNLOAD)
    server = play("web_server", directory, HERE)
    number = server.port()
    clients = []
    for path in ("/files/large", "/count?to=100000"):
        clients.append(http.client.HTTPConnection("127.0.0.1", number, timeout=LIMIT))
        clients[-1].request("GET", path)
        clients[-1].getresponse().read(2)

    assert server.interrupt() == []

    for client in clients:
        client.close()
