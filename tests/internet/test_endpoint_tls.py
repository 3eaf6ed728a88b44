"""`ssl:` and `tls:` endpoints: the files they name, and what is verified by whom."""

import asyncio
import shutil
import ssl
import subprocess

import pytest

from reactorlite import Reactor
from reactorlite.internet import defer, error
from reactorlite.internet.endpoints import clientFromString, connectProtocol, serverFromString
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.testing import MemoryReactor

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="`openssl` makes the certificates"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A directory with an authority, in `roots`, and with what it signed for "localhost"."""
    where = tmp_path_factory.mktemp("files")
    where.joinpath("roots").mkdir()
    where.joinpath("both").mkdir()

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=where)

    new = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl(
        *("req", "-x509", *new, "-subj", "/CN=authority", "-days", "30"),
        *("-keyout", "authority.key", "-out", "roots/authority.pem"),
    )
    for name in ("localhost", "client"):
        openssl("req", *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "request")
        where.joinpath("names").write_text(f"subjectAltName=DNS:{name}\n")
        openssl(
            *("x509", "-req", "-in", "request", "-CA", "roots/authority.pem", "-days", "30"),
            *("-CAkey", "authority.key", "-CAcreateserial", "-extfile", "names"),
            *("-out", f"{name}.crt"),
        )
        both = where.joinpath(f"{name}.key").read_text() + where.joinpath(f"{name}.crt").read_text()
        where.joinpath(f"{name}.pem").write_text(both)
    shutil.copy(where / "localhost.pem", where / "both")
    return where


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Asking(Protocol):
    """Says something, and fires `answered` with the answer or the reason of the end."""

    def __init__(self):
        self.answered = defer.Deferred()

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.answered.callback(data)
        self.answered = None
        self.transport.loseConnection()

    def connectionLost(self, reason):
        if self.answered is not None:
            self.answered.errback(reason)


def asked(run, server, client):
    """What a client that is described gets from a server that is described, or its exception."""

    async def main():
        async with Reactor() as reactor:
            port = await serverFromString(reactor, server).listen(Factory.forProtocol(Echo))
            described = client.replace("PORT", str(port.getHost().port))
            endpoint = clientFromString(reactor, described)
            protocol = Asking()
            answered = protocol.answered
            await connectProtocol(endpoint, protocol)
            try:
                return await asyncio.wait_for(answered.asFuture(asyncio.get_running_loop()), 10)
            except (error.ConnectionClosed, ssl.SSLError) as exc:
                return exc

    return run(main())


OPEN = "interface=127.0.0.1"


def test_ssl(run, files):
    """A server with a key and a certificate, and a client that verifies its name."""
    server = f"ssl:0:privateKey={files}/localhost.key:certKey={files}/localhost.crt:{OPEN}"
    client = f"ssl:127.0.0.1:PORT:hostname=localhost:caCertsDir={files}/roots"

    assert asked(run, server, client) == b"hello"


def test_ssl_with_both_in_one_file(run, files):
    """Key and certificate may be in one file; without `hostname` and roots nothing is verified."""
    assert (
        asked(run, f"ssl:0:privateKey={files}/localhost.pem:{OPEN}", "ssl:127.0.0.1:PORT")
        == b"hello"
    )


def test_ssl_with_another_name(run, files):
    """A client that verifies another name ends the connection."""
    server = f"ssl:0:privateKey={files}/localhost.pem:{OPEN}"
    client = f"ssl:127.0.0.1:PORT:hostname=example.com:caCertsDir={files}/roots"

    assert isinstance(asked(run, server, client), Exception)


def test_ssl_with_a_chain(run, files):
    """Further certificates are shown with the first."""
    server = (
        f"ssl:0:privateKey={files}/localhost.pem:extraCertChain={files}/roots/authority.pem"
        f":sslmethod=TLSv1_2_METHOD:{OPEN}"
    )
    client = f"ssl:127.0.0.1:PORT:hostname=localhost:caCertsDir={files}/roots"

    assert asked(run, server, client) == b"hello"


def test_ssl_with_a_clients_certificate(run, files):
    """A client may show a certificate of its own."""
    server = f"ssl:0:privateKey={files}/localhost.pem:{OPEN}"
    client = (
        f"ssl:127.0.0.1:PORT:caCertsDir={files}/roots"
        f":certKey={files}/client.crt:privateKey={files}/client.key"
    )

    assert asked(run, server, client) == b"hello"


def test_tls(run, files):
    """A server with a directory of certificates, and a client with one of authorities."""
    server = f"tls:{files}/both:0:{OPEN}"
    client = f"tls:localhost:PORT:trustRoots={files}/roots"

    assert asked(run, server, client) == b"hello"


def test_tls_over_another_endpoint(run, files):
    """A client's TLS goes over whatever endpoint is described inside."""
    server = f"tls:{files}/both:0:{OPEN}"
    client = (
        f"tls:localhost:PORT:trustRoots={files}/roots:certificate={files}/client.pem"
        r":endpoint=tcp\:127.0.0.1\:PORT"
    )

    assert asked(run, server, client) == b"hello"


def test_tls_is_verified(run, files):
    """A client without roots of its own trusts the platform's, and not the server's."""
    server = f"tls:{files}/both:0:{OPEN}"

    assert isinstance(asked(run, server, "tls:localhost:PORT"), Exception)


@pytest.mark.parametrize(
    "description",
    [
        "ssl:0:privateKey=FILES/none",
        "ssl:0:privateKey=FILES/localhost.key:certKey=FILES/none",
        "ssl:0:privateKey=FILES/localhost.pem:extraCertChain=FILES/none",
        "ssl:0",
    ],
)
def test_missing_file(files, description, monkeypatch, tmp_path):
    """A file that isn't there raises where the description is read."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(FileNotFoundError):
        serverFromString(MemoryReactor(), description.replace("FILES", str(files)))


@pytest.mark.parametrize(
    ("description", "says"),
    [
        (
            "ssl:0:privateKey=FILES/localhost.pem:extraCertChain=FILES/names",
            "no certificate in PEM",
        ),
        ("ssl:0:privateKey=FILES/localhost.pem:sslmethod=SSLv3_METHOD", "TLS 1.2 and up"),
        ("ssl:0:privateKey=FILES/names", ""),
    ],
)
def test_useless_file(files, description, says):
    """A file that holds something else raises where the description is read."""
    with pytest.raises(ValueError, match=says or None):
        serverFromString(MemoryReactor(), description.replace("FILES", str(files)))


@pytest.mark.parametrize(
    "description",
    [
        "ssl:h:443:certKey=FILES/none",
        "ssl:h:443:caCertsDir=FILES/none",
        "tls:h:443:trustRoots=FILES/none",
        "tls:h:443:certificate=FILES/none",
    ],
)
def test_clients_missing_file(files, description):
    """A client's file or directory that isn't there raises where the description is read."""
    with pytest.raises(FileNotFoundError):
        clientFromString(MemoryReactor(), description.replace("FILES", str(files)))
