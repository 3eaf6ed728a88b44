"""A directory of certificates, of which a server shows the one that is asked for."""

import contextlib
import os
import shutil
import ssl
import subprocess

import pytest

from reactorlite.internet._servernames import context_by_server_name
from reactorlite.internet.endpoints import serverFromString
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.testing import MemoryReactor

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="`openssl` makes the certificates"
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A function that gives key and certificate for some names, each made once."""
    where = tmp_path_factory.mktemp("certificates")

    def make(*names):
        key, certificate = (
            where / f"{names[0].replace('*', 'any')}.{kind}" for kind in ("key", "crt")
        )
        if not key.exists():
            told = ",".join(f"DNS:{name}" for name in names)
            command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-days", "30"]
            command += ["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=test"]
            command += ["-addext", f"subjectAltName={told}", "-keyout", key, "-out", certificate]
            subprocess.run(command, check=True, capture_output=True)
        return key.read_text(), certificate.read_text()

    return make


def shown(server, name, *trusted):
    """The names of the certificate that `server` shows to a client that asks for `name`."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if trusted:
        client.load_verify_locations(cadata="".join(trusted))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    while True:
        with contextlib.suppress(ssl.SSLWantReadError):
            one.do_handshake()
            break
        with contextlib.suppress(ssl.SSLError):  # the client is told
            other.do_handshake()
    return [value for _, value in one.getpeercert()["subjectAltName"]]


def test_certificate_by_name(tmp_path, certificates):
    """The certificate for the name that is asked for is shown; a wildcard serves one label."""
    own, any_of = certificates("example.com", "www.example.com"), certificates("*.example.net")
    tmp_path.joinpath("a.pem").write_text("".join(own))
    tmp_path.joinpath("b.pem").write_text("".join(any_of))
    trusted = own[1], any_of[1]

    context = context_by_server_name(str(tmp_path))

    assert shown(context, "www.example.com", *trusted) == ["example.com", "www.example.com"]
    assert shown(context, "EXAMPLE.com", *trusted) == ["example.com", "www.example.com"]
    assert shown(context, "mail.example.net", *trusted) == ["*.example.net"]


@pytest.mark.parametrize("name", ["example.org", "a.b.example.net", "example.net"])
def test_name_that_no_certificate_has(tmp_path, certificates, name):
    """A client that asks for another name is refused, and told so."""
    tmp_path.joinpath("a.pem").write_text("".join(certificates("*.example.net")))

    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized"):
        shown(context_by_server_name(str(tmp_path)), name, certificates("*.example.net")[1])


def test_no_name(tmp_path, certificates):
    """A client that asks for no name is shown the first certificate."""
    own, other = certificates("example.com", "www.example.com"), certificates("*.example.net")
    tmp_path.joinpath("b.pem").write_text("".join(own))
    tmp_path.joinpath("a.pem").write_text("".join(other))

    assert shown(context_by_server_name(str(tmp_path)), None, own[1], other[1]) == ["*.example.net"]


def test_key_in_another_file(tmp_path, certificates):
    """A key and its certificate may be in two files, among other keys and other files."""
    own, other = certificates("example.com", "www.example.com"), certificates("*.example.net")
    tmp_path.joinpath("1.pem").write_text(other[0])
    tmp_path.joinpath("2.pem").write_text(own[1])
    tmp_path.joinpath("3.pem").write_text(own[0])
    tmp_path.joinpath("4.pem").write_text("neither")
    tmp_path.joinpath("readme.txt").write_text(other[1])

    context = context_by_server_name(str(tmp_path))

    assert shown(context, None, own[1]) == ["example.com", "www.example.com"]


def test_changed_directory(tmp_path, certificates):
    """A certificate that comes later, or in another's place, is shown from then on."""
    own, other = certificates("example.com", "www.example.com"), certificates("*.example.net")
    file = tmp_path / "a.pem"
    file.write_text("".join(own))
    context = context_by_server_name(str(tmp_path))
    before = shown(context, None, own[1])

    file.write_text("".join(other))
    os.utime(file, ns=(1, 1))

    assert before == ["example.com", "www.example.com"]
    assert shown(context, None, other[1]) == ["*.example.net"]


def test_no_certificate(tmp_path):
    """An empty directory is no error yet, but everybody is refused."""
    context = context_by_server_name(str(tmp_path))

    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized"):
        shown(context, "example.com")


def test_described(tmp_path, certificates):
    """`tls:` and a directory listen with TLS on port 443 of all addresses, if nothing is said."""
    tmp_path.joinpath("a.pem").write_text("".join(certificates("example.com", "www.example.com")))
    reactor = MemoryReactor()
    factory = Factory.forProtocol(Protocol)

    serverFromString(reactor, f"tls:{tmp_path}").listen(factory)
    serverFromString(reactor, f"tls:{tmp_path}:44:backlog=7:interface=127.0.0.1").listen(factory)

    (one, two) = reactor.sslServers
    assert (one[0], *one[3:]) == (443, 50, "::")
    assert (two[0], *two[3:]) == (44, 7, "127.0.0.1")
    assert isinstance(one[2], ssl.SSLContext)


def test_no_directory(tmp_path):
    """A directory that isn't there raises where the description is read."""
    with pytest.raises(FileNotFoundError):
        serverFromString(MemoryReactor(), f"tls:{tmp_path}/none")
