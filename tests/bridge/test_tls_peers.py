"""TLS with those who have an implementation of their own of it: openssl's commands, and curl."""

import asyncio
import contextlib
import datetime
import shutil
import ssl

import pytest

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet.protocol import ClientFactory, Factory, Protocol
from reactorlite.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture
def own(certificate):
    """The certificate for "localhost", with its key."""
    return PrivateCertificate.loadPEM(certificate.read_bytes())


@pytest.fixture
def play(run):
    """Plays a coroutine on a reactor."""

    def play(story):
        async def main():
            async with Reactor() as reactor:
                return await asyncio.wait_for(story(reactor), timeout=40)

        return run(main())

    return play


class Answering(Protocol):
    """Answers one line, or one page, and closes."""

    def connectionMade(self):
        self.factory.protocols.append(self)

    def dataReceived(self, data):
        self.factory.received += data
        if b"\n" in self.factory.received:
            self.factory.shown = self.transport.getPeerCertificate()
            self.transport.write(b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nsecret\n")
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.factory.lost.set_result(reason.value)


def answering():
    """A factory that keeps what its one connection got, and how it ended."""
    factory = Factory.forProtocol(Answering)
    factory.noisy = False
    factory.protocols, factory.received, factory.shown = [], b"", None
    factory.lost = asyncio.get_running_loop().create_future()
    return factory


@contextlib.asynccontextmanager
async def program(*command):
    """A program that runs beside, with pipes; it is ended at the end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(*command, asked=b""):
    """All that a program says when it is told something."""
    async with program(*command) as process:
        output, _ = await process.communicate(asked)
        return process.returncode, output


def listening(reactor, factory, options):
    """The number of a port that speaks TLS."""
    return reactor.listenSSL(0, factory, options, interface="127.0.0.1").getHost().port


def s_client(port, *more):
    """The command for a client."""
    where = f"localhost:{port}"
    return ("openssl", "s_client", "-connect", where, "-servername", "localhost", *more)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_client(play, own, certificate, version):
    """`openssl s_client` verifies us, is answered, and sees a clean end."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options())
        trusting = ("-CAfile", str(certificate), "-verify_return_error", "-quiet", version)
        code, output = await said(*s_client(port, *trusting), asked=b"question\n")
        return code, output, factory.received, await factory.lost

    code, output, received, reason = play(story)

    assert code == 0
    assert b"secret\n" in output
    assert received == b"question\n"
    assert type(reason) is error.ConnectionDone


def test_openssl_client_that_is_too_old(play, own):
    """A client that speaks nothing newer than TLS 1.1 is turned away, and we say why."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options())
        old = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        code, _ = await said(*s_client(port, *old), asked=b"question\n")
        return code, await factory.lost, factory.received

    code, reason, received = play(story)

    assert code != 0
    assert isinstance(reason, ssl.SSLError)
    assert "protocol" in str(reason)
    assert received == b""


def test_openssl_client_with_a_certificate(play, own, certificate):
    """A client's certificate is asked for, verified, and shown to the protocol."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options(Certificate.load(own.dump())))
        showing = ("-cert", str(certificate), "-key", str(certificate), "-quiet")
        await said(*s_client(port, *showing), asked=b"question\n")
        await factory.lost
        return Certificate(factory.shown)

    assert play(story) == Certificate.load(own.dump())


def test_openssl_client_without_the_certificate_that_is_wanted(play, own):
    """A client that has none to show is turned away."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options(Certificate.load(own.dump())))
        await said(*s_client(port, "-quiet"), asked=b"question\n")
        return await factory.lost, factory.received

    reason, received = play(story)

    assert isinstance(reason, ssl.SSLError)
    assert "did not return a certificate" in str(reason)
    assert received == b""


def test_openssl_client_agrees_on_a_protocol(play, own):
    """ALPN with `openssl s_client`."""

    async def story(reactor):
        factory = answering()
        options = CertificateOptions(own.privateKey, own, acceptableProtocols=[b"h2", b"echo/1"])
        port = listening(reactor, factory, options)
        _, output = await said(*s_client(port, "-alpn", "echo/1,http/1.1"), asked=b"question\n")
        return output, factory.protocols[0].transport.negotiatedProtocol

    output, agreed = play(story)

    assert b"ALPN protocol: echo/1" in output
    assert agreed == b"echo/1"


def test_server_chooses_by_the_name_that_a_client_asks_for(play, own, certificate):
    """The name in SNI reaches `contextForServerName`, whose context is used."""
    asked = []

    async def story(reactor):
        other = own.options().getContext()

        def choose(name):
            asked.append(name)
            return other

        options = CertificateOptions(own.privateKey, own, contextForServerName=choose)
        factory = answering()
        port = listening(reactor, factory, options)
        trusting = ("-CAfile", str(certificate), "-verify_return_error", "-quiet")
        code, _ = await said(*s_client(port, *trusting), asked=b"question\n")
        return code

    assert play(story) == 0
    assert asked == [b"localhost"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(play, own, certificate):
    """curl gets a page over TLS from a host that it verifies."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options())
        trusting = ("--cacert", str(certificate), "--noproxy", "*")
        return await said("curl", "-sS", "-4", *trusting, f"https://localhost:{port}/")

    assert play(story) == (0, b"secret\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_that_does_not_trust(play, own):
    """curl that doesn't trust us gets nothing, and we are told that it didn't."""

    async def story(reactor):
        factory = answering()
        port = listening(reactor, factory, own.options())
        code, output = await said(
            "curl", "-sS", "-4", "--noproxy", "*", f"https://localhost:{port}/"
        )
        return code, output, await factory.lost

    code, output, reason = play(story)

    assert code == 60
    assert b"certificate" in output
    assert "unknown ca" in str(reason)


# -- openssl as the server


class Asking(Protocol):
    """Sends a line, and keeps what comes."""

    def connectionMade(self):
        self.transport.write(b"question\n")

    def dataReceived(self, data):
        self.factory.received += data
        if b"answer" in self.factory.received:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.factory.lost.set_result(reason.value)


@contextlib.asynccontextmanager
async def s_server(path):
    """`openssl s_server` with the key and certificate in a file; and the port's number."""
    command = ("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", path, "-key", path)
    async with program(*map(str, command)) as process:
        while True:
            line = await process.stdout.readline()
            assert line, "openssl s_server has ended"
            if line.startswith(b"ACCEPT "):
                yield process, int(line.rpartition(b":")[2])
                return


async def asked(reactor, port, options):
    """What becomes of a client that asks."""
    factory = ClientFactory.forProtocol(Asking)
    factory.noisy = False
    factory.received = b""
    factory.lost = asyncio.get_running_loop().create_future()
    reactor.connectSSL("127.0.0.1", port, factory, options)
    return factory


def test_openssl_server(play, own, certificate):
    """`openssl s_server` gets our question, and its answer arrives."""

    async def story(reactor):
        async with s_server(certificate) as (process, port):
            factory = await asked(reactor, port, optionsForClientTLS("localhost", own))
            while b"question" not in await process.stdout.readline():
                pass
            process.stdin.write(b"answer\n")
            return await factory.lost, factory.received

    reason, received = play(story)

    assert type(reason) is error.ConnectionDone
    assert received == b"answer\n"


def test_openssl_server_that_is_not_trusted(play, certificate):
    """A server whose certificate nobody vouches for gets nothing of what was written."""

    async def story(reactor):
        async with s_server(certificate) as (_, port):
            factory = await asked(reactor, port, optionsForClientTLS("localhost"))
            return await factory.lost, factory.received

    reason, received = play(story)

    assert type(reason) is ssl.SSLCertVerificationError
    assert received == b""


def test_openssl_server_whose_certificate_has_expired(play, tmp_path):
    """A certificate that is out of date is refused, and the reason says so."""
    pytest.importorskip("cryptography", reason="the certificate is made with it")
    path = tmp_path / "expired.pem"
    path.write_bytes(expired())

    async def story(reactor):
        async with s_server(path) as (_, port):
            trusted = Certificate.loadPEM(path.read_bytes())
            factory = await asked(reactor, port, optionsForClientTLS("localhost", trusted))
            return await factory.lost

    reason = play(story)

    assert type(reason) is ssl.SSLCertVerificationError
    assert "expired" in str(reason)


def expired():
    """A key, and a certificate for "localhost" that was good for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    then = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), 1, then, then + datetime.timedelta(1)
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + made.public_bytes(serialization.Encoding.PEM)
