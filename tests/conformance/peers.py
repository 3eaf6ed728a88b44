"""`python -m tests.conformance.peers NAME ...`: peers for the plays, that know no Twisted."""

from __future__ import annotations

import ast
import ftplib
import smtplib
import socket
import sys
import time
import urllib.request
import xmlrpc.client
from contextlib import suppress

LIMIT = 9.0
"""Seconds for an answer."""


def get(*urls: str) -> None:
    """Print some pages."""
    for url in urls:
        print(urllib.request.urlopen(url, timeout=LIMIT).read().decode())


def digest(url: str, user: str, password: str) -> None:
    """Print a page for which one has to log in."""
    auth = urllib.request.HTTPDigestAuthHandler()
    auth.add_password("example.com", url, user, password)
    print(urllib.request.build_opener(auth).open(url, timeout=LIMIT).read().decode())


def via(proxy: str, url: str) -> None:
    """Print a page that a proxy fetches."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    print(opener.open(url, timeout=LIMIT).read().decode())


def rpc(url: str, name: str, *arguments: str) -> None:
    """Print what a call by XML-RPC gives."""
    call = getattr(xmlrpc.client.ServerProxy(url), name)
    print(call(*map(ast.literal_eval, arguments)))


def ftp() -> None:
    """Log in to an FTP server, and out."""
    with ftplib.FTP(timeout=LIMIT) as server:
        server.connect("127.0.0.1", 21)
        print(server.login(), server.pwd())


def mail(user: str, password: str) -> None:
    """Log in to an SMTP server at port 2500, and send a message."""
    with smtplib.SMTP("127.0.0.1", 2500, timeout=LIMIT) as server:
        print(server.login(user, password))
        print(server.sendmail("me@example.com", ["you@example.com"], "Subject: x\r\n\r\nhello"))


def say(port: str, *lines: str) -> None:
    """Print what a server says to some lines."""
    heard = bytearray()
    with socket.create_connection(("127.0.0.1", int(port)), LIMIT) as there:
        there.settimeout(0.7)
        # A greeting comes first, where there is one.
        for line in ("", *lines):
            there.sendall(line.encode() + b"\r\n" if line else b"")
            with suppress(TimeoutError):
                while data := there.recv(9999):
                    heard += data
    print(bytes(heard))


def datagram(port: str, text: str) -> None:
    """Print what comes back for a datagram."""
    with socket.socket(type=socket.SOCK_DGRAM) as there:
        there.settimeout(LIMIT)
        time.sleep(1)  # nobody can tell when the other is there
        there.sendto(text.encode(), ("127.0.0.1", int(port)))
        print(there.recv(9999))


PEERS = {each.__name__: each for each in (get, digest, via, rpc, ftp, mail, say, datagram)}

if __name__ == "__main__":
    try:
        PEERS[sys.argv[1]](*sys.argv[2:])
    except (OSError, ftplib.Error, xmlrpc.client.Error) as problem:
        sys.exit(f"{type(problem).__name__}: {problem}")
