"""Several programs that know only Twisted, as guests of one asyncio application."""

from __future__ import annotations

import ftplib
import http.client
import smtplib
from pathlib import Path
from typing import Any

import pytest

from tests.hosting.conftest import EVERY_WAY, HERE
from tests.hosting.test_irc import Person
from tests.programs import LIMIT

pytest.importorskip("twisted")

WAYS = [way for way in EVERY_WAY if "guest" in way]


def test_servers_together(way: str, serve: Any, directory: Path) -> None:
    """Servers of four protocols live in one loop, beside the application's own."""
    programs = ["web_server", directory, HERE, ",", "irc_server", HERE]
    programs += [",", "ftp_server", directory, HERE, ",", "smtp_server", "", HERE]
    host = serve(*programs)
    web, irc, ftp, mail = (host.port() for _ in range(4))

    client = http.client.HTTPConnection("127.0.0.1", web, timeout=LIMIT)
    client.request("GET", "/")
    person = Person(irc, "ann")
    with smtplib.SMTP("127.0.0.1", mail, "peer", LIMIT) as post, ftplib.FTP(timeout=LIMIT) as files:
        files.connect("127.0.0.1", ftp)

        assert client.getresponse().read() == b"hello\n"
        assert files.login().startswith("230")
        assert post.mail("bob@example.org")[0] == 250
        person.send("JOIN #rain\r")
        assert "#rain" in person.wait(" 366 ")
    person.close()
    client.close()
