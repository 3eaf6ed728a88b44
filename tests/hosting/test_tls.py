"""TLS under Twisted's upper layers: HTTPS, HTTP/2, IMAP, POP3, and STARTTLS in SMTP."""

from __future__ import annotations

import imaplib
import importlib.util
import os
import poplib
import smtplib
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.conftest import certificate  # noqa: F401  # a fixture
from tests.hosting.conftest import HERE
from tests.hosting.test_web import DOWNLOAD, MIB, Answers, needs_curl, peak_memory
from tests.programs import LIMIT


@pytest.fixture(scope="module")
def there(certificate: Path) -> str:  # noqa: F811
    """Where servers are to listen by TLS."""
    return f"ssl:0:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:  # noqa: F811
    """A client's context that trusts them, and checks the name."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture(scope="module")
def server(serve: Any, directory: Path, there: str) -> Any:
    """The HTTP server, by TLS; its port is its attribute `number`."""
    with open(directory / "large", "wb") as large:
        large.truncate(DOWNLOAD)
    server = serve("web_server", directory, there)
    server.number = server.port()
    return server


@pytest.fixture
def curl(server: Any, certificate: Path) -> Callable[..., bytes]:  # noqa: F811
    """Runs curl with some arguments, where `{}` stands for the server; what it says."""

    def curl(*arguments: str, trusted: str = str(certificate)) -> bytes:
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", str(LIMIT)]
        secure = ["--cacert", trusted]
        command += secure
        for each in arguments:
            command += [each.replace("{}", f"https://localhost:{server.number}")]
            command += secure if each == "--next" else []
        return subprocess.run(command, capture_output=True, check=True).stdout

    return curl


@needs_curl
def test_curl(curl: Any, tmp_path: Path) -> None:
    """Several requests of curl's, one of them large, go by one connection."""
    (tmp_path / "body").write_bytes(os.urandom(MIB))
    post = ["--data-binary", f"@{tmp_path}/body", "--output", f"{tmp_path}/answer", "{}/echo"]

    said = curl("{}/count?to=3", "--next", "--silent", *post, "-w", "%{num_connects}")

    assert said == b"1\n2\n3\n0"
    assert (tmp_path / "answer").read_bytes() == (tmp_path / "body").read_bytes()


@needs_curl
@pytest.mark.skipif(importlib.util.find_spec("h2") is None, reason="h2 is not installed")
def test_http2(curl: Any) -> None:
    """HTTP/2 is agreed on inside TLS, and several requests go by one connection."""
    if b"HTTP2" not in subprocess.run(["curl", "--version"], capture_output=True).stdout:
        pytest.skip("this curl has no HTTP/2")
    told = ["-w", "%{http_version} %{num_connects}\n"]

    said = curl("{}/", *told, "--next", "--silent", "{}/count?to=2", *told)

    assert said == b"hello\n2 1\n1\n2\n2 0\n"


@needs_curl
def test_curl_that_trusts_others(curl: Any, tmp_path: Path) -> None:
    """A client that doesn't trust the certificate goes, and the next is served."""
    (tmp_path / "nobody").touch()

    with pytest.raises(subprocess.CalledProcessError, match=r"77|60"):
        curl("{}/", trusted=str(tmp_path / "nobody"))

    assert curl("{}/") == b"hello\n"


@needs_curl
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_download_at_flat_memory(curl: Any, server: Any) -> None:
    """A large file goes out no faster than it is read, and hardly shows in memory."""
    curl("{}/files/rain.txt")
    before = peak_memory(server)

    # By HTTP/2 Twisted writes what curl's window takes, which is 32 MiB.
    size = curl("--http1.1", "--output", os.devnull, "-w", "%{size_download}", "{}/files/large")

    assert int(size) == DOWNLOAD
    assert peak_memory(server) - before < 8 * MIB


def test_imaplib(serve: Any, there: str, trusting: ssl.SSLContext) -> None:
    """Python's IMAP client comes by TLS."""
    port = serve("imap_server", there).port()

    with imaplib.IMAP4_SSL("localhost", port, ssl_context=trusting, timeout=LIMIT) as client:
        client.login("ann", "secret")

        assert client.select("INBOX") == ("OK", [b"0"])


def test_poplib(serve: Any, there: str, trusting: ssl.SSLContext) -> None:
    """Python's POP3 client reads a large message by TLS."""
    client = poplib.POP3_SSL(
        "localhost", serve("pop3_server", there).port(), timeout=LIMIT, context=trusting
    )
    client.user("ann")
    client.pass_("secret")

    assert len(client.retr(2)[1]) == 50_002
    client.quit()


@pytest.fixture
def starting(serve: Any, certificate: Path) -> Iterator[smtplib.SMTP]:  # noqa: F811
    """Python's SMTP client, without TLS so far, at a server that offers it."""
    server = serve("smtp_server", certificate, HERE)
    with smtplib.SMTP("localhost", server.port(), "peer", LIMIT) as client:
        yield client
    assert server.line() == "bob@example.org to ann@example.org: 102 lines"


def test_starttls(starting: smtplib.SMTP, trusting: ssl.SSLContext) -> None:
    """Python's SMTP client turns to TLS in the middle of the conversation."""
    starting.starttls(context=trusting)
    starting.sendmail("bob@example.org", "ann@example.org", "Subject: Rain\r\n\r\n" + "x\r\n" * 99)

    assert starting.rset()[0] == 250
    assert starting.sock.version() == "TLSv1.3"


@needs_curl
def test_ends_with_an_answer_on_its_way(play: Any, directory: Path, there: str) -> None:
    """Ctrl-C ends a server in order while a client doesn't read what it asked for."""
    server = play("web_server", directory, there)
    address = f"https://localhost:{server.port()}/files/large"
    with open(directory / "large", "wb") as large:
        large.truncate(DOWNLOAD)
    # To a pipe that nobody reads. (By HTTP/2 Twisted leaves the file open.)
    command = ["curl", "--http1.1", "--silent", "--insecure", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        client.stdout.read(1)

        assert server.interrupt() == []

        client.kill()


@pytest.mark.skipif(
    importlib.util.find_spec("OpenSSL") is None,
    reason="pyOpenSSL is not installed, which Twisted's Agent looks for",
)
def test_agent(play: Any, certificate: Path) -> None:  # noqa: F811
    """Twisted's client gets and posts by TLS, at Python's server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http_server:
        http_server.socket = context.wrap_socket(http_server.socket, server_side=True)
        thread = threading.Thread(target=http_server.serve_forever, args=[0.01])
        thread.start()
        try:
            place = f"https://localhost:{http_server.server_address[1]}/"
            client = play("web_client", place, certificate)

            assert client.rest() == [
                "got 200 b'abcde'",
                "again 200 b'abcde'",
                "posted 201 100000",
                "at once 5 {200}",
            ]
        finally:
            http_server.shutdown()
            thread.join()
