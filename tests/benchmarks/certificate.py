"""A certificate that the `openssl` command makes for one run."""

from __future__ import annotations

import atexit
import shutil
import ssl
import subprocess
import tempfile

SECURE = "secure-"
"""What the names of cases begin with that are another one's over TLS."""


def pem() -> str:
    """The path of a file with a key and its certificate; it goes with the process."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = f"{directory}/own.pem"
    made = f"{directory}/certificate"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-subj", "/CN=localhost", "-days", "1", "-out", made],
        check=True,
        capture_output=True,
    )
    with open(path, "a") as whole, open(made) as certificate:
        whole.write(certificate.read())
    return path


def server_context() -> ssl.SSLContext:
    """A server's context that shows one, and gives out no tickets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem())
    context.num_tickets = 0
    return context


def client_context() -> ssl.SSLContext:
    """A client's context that takes any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
