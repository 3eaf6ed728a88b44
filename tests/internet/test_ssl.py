"""TLS's settings: what they make of keys, certificates and wishes, and what they refuse."""

import os
import ssl as stdlib
import stat
import subprocess
import sys
import tempfile

import pytest

from reactorlite.internet import _credentials, ssl
from reactorlite.internet.defer import succeed
from reactorlite.internet.error import CertificateError, VerifyError
from reactorlite.internet.ssl import (
    DN,
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    CertificateRequest,
    KeyPair,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
)

pytest.importorskip("cryptography", reason="the certificates are made with it")


@pytest.fixture(scope="module")
def own():
    """A certificate for "localhost" that is made for the run."""
    return KeyPair.generate(size=2048).selfSignedCert(7, CN="localhost", O="Test")


@pytest.fixture(scope="module")
def other():
    """Another one."""
    return KeyPair.generate(size=2048).selfSignedCert(8, CN="other.example")


# -- certificates and keys


def test_certificate_is_read(own):
    """What a certificate says can be asked without any package but the standard library."""
    code = f"""if True:
        import sys
        sys.modules["cryptography"] = sys.modules["OpenSSL"] = None
        from reactorlite.internet.ssl import Certificate
        read = Certificate.loadPEM({own.dump(1)!r})
        print(read.getSubject(), read.getIssuer().CN, read.serialNumber(), read.digest("sha256"))
    """

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    subject = "<DN 'commonName': b'localhost', 'organizationName': b'Test'>"
    assert said.stdout == f"{subject} b'localhost' 7 {own.digest('sha256')}\n"


def test_certificate_and_key_survive_being_written_down(own):
    """What is dumped can be loaded, as text and as DER, and is the same."""
    again = PrivateCertificate.loadPEM(own.dumpPEM())

    assert again == own
    assert again.privateKey.matches(own.privateKey)
    assert Certificate.load(own.dump()) == Certificate(own.original)
    assert KeyPair.load(own.privateKey.dump()).matches(own.privateKey)
    assert own.getPublicKey().matches(own.privateKey)


def test_foreign_objects_are_taken(own):
    """Certificates and keys of cryptography and of pyOpenSSL serve as ours do."""
    crypto = pytest.importorskip("OpenSSL.crypto")
    certificate = own.original.to_cryptography()
    key = own.privateKey.original.to_cryptography_key()
    theirs = crypto.PKey.from_cryptography_key(key), crypto.X509.from_cryptography(certificate)

    made = [
        CertificateOptions(key, certificate),
        CertificateOptions(
            crypto.PKey.from_cryptography_key(key), crypto.X509.from_cryptography(certificate)
        ),
        CertificateOptions(*theirs),
        CertificateOptions(own.privateKey.dump(1), own.dump(1).decode()),
        CertificateOptions(own.privateKey.original, own.original),
    ]

    assert all(isinstance(options.getContext(), stdlib.SSLContext) for options in made)
    assert Certificate(certificate) == Certificate(own.original)


@pytest.mark.parametrize(
    ("load", "complaint"),
    [
        (lambda: Certificate.loadPEM(b"nothing"), "BEGIN CERTIFICATE"),
        (lambda: Certificate.load(b"nothing"), "not a certificate"),
        (lambda: KeyPair.load(b"nothing", 1), "BEGIN PRIVATE KEY"),
        (lambda: KeyPair.load(b"nothing"), "not a private key"),
        (lambda: PrivateCertificate.loadPEM("nothing"), "BEGIN CERTIFICATE"),
    ],
)
def test_what_is_no_certificate_or_key(load, complaint):
    """What can't be read is said to be what it isn't."""
    with pytest.raises(ValueError, match=complaint):
        load()


@pytest.mark.parametrize("size", range(0, 700, 53))
def test_certificate_that_is_cut_short(own, size):
    """A certificate of which a part is missing is none."""
    with pytest.raises(ValueError, match="not a certificate"):
        Certificate.load(own.dump()[:size])


def test_name():
    """A name's parts can be given and asked for by long and short names, and no others."""
    name = DN(CN="host", organizationName=b"Org")

    assert (name.commonName, name.O) == (b"host", b"Org")
    assert name == DN(commonName="host", O="Org")
    assert "Common Name: host" in name.inspect()
    with pytest.raises(AttributeError, match="no part"):
        name.shoeSize = "44"
    with pytest.raises(AttributeError):
        _ = name.OU


def test_authority(own):
    """An authority signs requests whose names are accepted, at once or by a Deferred."""
    asking = KeyPair.generate(size=2048)
    request = asking.certificateRequest(DN(CN="asking.example"))

    made = own.signCertificateRequest(request, lambda name: name.CN == b"asking.example", 3)
    later = own.signCertificateRequest(request, lambda name: succeed(True), 4)

    certificate = asking.newCertificate(made)
    assert certificate.getIssuer() == own.getSubject()
    assert certificate.getSubject().CN == b"asking.example"
    assert Certificate.load(later.result).serialNumber() == 4
    with pytest.raises(VerifyError):
        own.signCertificateRequest(request, lambda name: False, 5)
    with pytest.raises(VerifyError):
        CertificateRequest.load(b"nothing")
    with pytest.raises(VerifyError):
        CertificateRequest.load(b"nothing", 1)


def test_without_cryptography(monkeypatch):
    """What needs the package cryptography names it."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.rsa", None)

    with pytest.raises(ImportError, match=r"reactorlite\[tls\]"):
        KeyPair.generate()


def test_keys_are_gone_from_the_disk(own, monkeypatch):
    """A key passes through a file that nobody else can read, and that is gone afterwards."""
    seen = []
    made = tempfile.mkstemp

    def watched(*args, **how):
        descriptor, path = made(*args, **how)
        seen.append((path, stat.S_IMODE(os.stat(path).st_mode)))
        return descriptor, path

    monkeypatch.setattr(_credentials.tempfile, "mkstemp", watched)

    own.options().getContext()
    with pytest.raises(stdlib.SSLError):
        CertificateOptions(KeyPair.generate(size=2048), own)

    assert [mode for _, mode in seen] == [0o600, 0o600]
    assert not any(os.path.exists(path) for path, _ in seen)


def test_chain_can_be_read(own):
    """The certificates that are shown after the first can be read from the options."""
    options = CertificateOptions(own.privateKey, own, extraCertChain=[own.original])

    assert options.extraCertChain == [own.original]
    assert CertificateOptions().extraCertChain == []


def test_encrypted_key(own):
    """A key that is encrypted is refused, and nobody is asked for a password."""
    from cryptography.hazmat.primitives import serialization as form

    key = own.privateKey.original.to_cryptography_key()
    pem = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
    )

    with pytest.raises(ValueError, match="encrypted"):
        CertificateOptions(pem, own)


# -- options


def test_client_verifies_by_default():
    """optionsForClientTLS verifies chain and name, and speaks TLS 1.2 and up."""
    context = optionsForClientTLS("localhost").getContext()

    assert context.verify_mode == stdlib.CERT_REQUIRED
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.minimum_version == stdlib.TLSVersion.TLSv1_2


def test_trust_root_is_the_only_one(own):
    """With a trustRoot nobody else is trusted."""
    context = optionsForClientTLS("localhost", own).getContext()

    assert context.get_ca_certs(binary_form=True) == [own.dump()]


def test_server_asks_for_certificates_if_it_trusts_somebody(own, other):
    """A server with authorities wants its clients to show a certificate of theirs."""
    assert own.options().getContext().verify_mode == stdlib.CERT_NONE
    assert own.options(other).getContext().verify_mode == stdlib.CERT_REQUIRED
    lenient = CertificateOptions(
        own.privateKey, own, trustRoot=other, requireCertificate=False
    ).getContext()
    assert lenient.verify_mode == stdlib.CERT_OPTIONAL


@pytest.mark.parametrize(
    ("asked", "lowest", "highest"),
    [
        ({}, "TLSv1_2", "MAXIMUM_SUPPORTED"),
        ({"raiseMinimumTo": TLSVersion.TLSv1_3}, "TLSv1_3", "MAXIMUM_SUPPORTED"),
        ({"raiseMinimumTo": TLSVersion.TLSv1_0}, "TLSv1_2", "MAXIMUM_SUPPORTED"),
        ({"insecurelyLowerMinimumTo": TLSVersion.TLSv1_1}, "TLSv1_1", "MAXIMUM_SUPPORTED"),
        ({"lowerMaximumSecurityTo": TLSVersion.TLSv1_2}, "TLSv1_2", "TLSv1_2"),
        ({"method": 6}, "TLSv1_2", "TLSv1_2"),
        ({"method": 7}, "TLSv1_2", "MAXIMUM_SUPPORTED"),
    ],
)
def test_versions(asked, lowest, highest):
    """Versions are limited as asked, and never below TLS 1.2 unless by a name that warns."""
    context = CertificateOptions(**asked).getContext()

    assert context.minimum_version == stdlib.TLSVersion[lowest]
    assert context.maximum_version == stdlib.TLSVersion[highest]


def test_settings_that_go_together(own):
    """Settings that contradict each other, or lack a part, are refused at once."""
    newest = TLSVersion.TLSv1_3
    for error, settings in [
        (ValueError, {"privateKey": own.privateKey}),
        (ValueError, {"certificate": own}),
        (ValueError, {"extraCertChain": [own]}),
        (ValueError, {"verify": True}),
        (ValueError, {"method": 1234}),
        (TypeError, {"verify": True, "caCerts": [own], "trustRoot": own}),
        (TypeError, {"caCerts": [own], "trustRoot": own}),
        (TypeError, {"method": 7, "raiseMinimumTo": newest}),
        (TypeError, {"raiseMinimumTo": newest, "insecurelyLowerMinimumTo": newest}),
        (ValueError, {"raiseMinimumTo": newest, "lowerMaximumSecurityTo": TLSVersion.TLSv1_2}),
        (TypeError, {"trustRoot": 5}),
        (TypeError, {"privateKey": 5, "certificate": own}),
        (TypeError, {"privateKey": own.privateKey, "certificate": 5}),
    ]:
        with pytest.raises(error):
            CertificateOptions(**settings)


def test_wrong_calls(own):
    """Other wrong calls say what is wanted, too."""
    with pytest.raises(TypeError, match="text"):
        optionsForClientTLS(b"localhost")
    with pytest.raises(TypeError, match="Certificate"):
        ssl.trustRootFromCertificates([own.dump()])
    with pytest.raises(NotImplementedError, match="getContext"):
        ssl.ContextFactory().getContext()
    with pytest.raises(AttributeError, match="nothing"):
        _ = ssl.nothing


def test_missing_files(own, tmp_path):
    """A file that isn't there is named by the error, whichever of the two it is."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    with pytest.raises(FileNotFoundError, match=r"key\.pem"):
        ssl.DefaultOpenSSLContextFactory(key, certificate)
    key.write_bytes(own.privateKey.dump(1))
    with pytest.raises(FileNotFoundError, match=r"certificate\.pem"):
        ssl.DefaultOpenSSLContextFactory(key, certificate)
    certificate.write_bytes(own.dump(1))

    factory = ssl.DefaultOpenSSLContextFactory(str(key), str(certificate))

    assert factory.getContext() is factory.getContext()


def test_ciphers():
    """A choice of ciphers is the context's, as far as versions let one choose."""
    chosen = AcceptableCiphers.fromOpenSSLCipherString("ECDHE-RSA-AES256-GCM-SHA384")

    context = CertificateOptions(acceptableCiphers=chosen).getContext()

    names = [each["name"] for each in context.get_ciphers()]
    assert [name for name in names if not name.startswith("TLS_")] == [
        "ECDHE-RSA-AES256-GCM-SHA384"
    ]
    assert AcceptableCiphers.fromOpenSSLCipherString("no-such-cipher").selectCiphers([]) == ()


def test_no_tickets_unless_asked(own):
    """Sessions aren't resumed unless that is asked for."""
    assert own.options().getContext().num_tickets == 0
    asked = CertificateOptions(own.privateKey, own, enableSessionTickets=True)
    assert asked.getContext().num_tickets > 0


def test_peer_from_transport_without_certificate():
    """A peer that has shown none has no certificate."""

    class Transport:
        def getPeerCertificate(self):
            return None

    with pytest.raises(CertificateError):
        Certificate.peerFromTransport(Transport())


@pytest.mark.parametrize(("given", "told"), [(None, 7), (6, 6)])
def test_method_can_be_read(given, told):
    """`method` is what was asked for, or pyOpenSSL's number for any version: never None."""
    options = CertificateOptions(method=given)

    assert options.method == told
