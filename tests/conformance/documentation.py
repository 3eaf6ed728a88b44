"""`python -m tests.conformance.documentation SOURCES [NAME…]`: run Twisted's own examples.

They are those of its documents: SOURCES is the unpacked source distribution of Twisted. Each example is run as it stands, on
Twisted and hosted by reactorlite, with the same peers; what they printed and what the peers
received is compared. `NOT_RUN` says of the others why they aren't. The examples use fixed
ports, so that nothing runs beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LIMIT = 20
ROOT = Path(__file__).parents[2]
SIDES = ("twisted", "reactorlite")
TWISTD = "twistd"


class Peer(NamedTuple):
    """What speaks to a server: it sends `says`, and hears until it is quiet for `quiet` seconds."""

    port: int
    says: bytes
    quiet: float = 0.6


class Story(NamedTuple):
    """Examples that belong together: a server, and who speaks to it, one after the other.

    Without a server the programs run alone. `inputs` is what they read from standard input.
    """

    name: str
    server: list[str] = []
    programs: list[list[str]] = []
    peers: list[Peer] = []
    port: int = 0  # to wait for, before anybody speaks to the server
    inputs: bytes | None = None
    needs: list[str] = []  # files to be made, with any content


def get(port: int, path: str = "/", headers: str = "") -> Peer:
    """A request for a page."""
    request = f"GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n"
    return Peer(port, request.encode("ascii"))


def tac(path: str) -> list[str]:
    """An application run in the foreground."""
    return [TWISTD, "-n", "--pidfile=", "-y", path]


XMLRPC = (
    b"<methodCall><methodName>echo</methodName><params>"
    b"<param><int>1</int></param></params></methodCall>"
)
POST = b"POST / HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s"
BASIC = "Authorization: Basic am9lOmJsb2dncw==\r\n"
PAGE = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port=8088)"

# fmt: off
# ruff: noqa: E501
STORIES = [
    Story("core/ampclient", ["ampserver.py"], [["ampclient.py"]], port=1234),
    Story("core/chatserver", tac("chatserver.py"), peers=[Peer(1025, b"hello\r\n")], port=1025),
    Story("core/cred", ["cred.py"], peers=[Peer(4738, b"ANON\r\nPRIVS\r\n")], port=4738),
    Story("core/echoclient", ["echoserv.py"], [["echoclient.py"]], port=8000),
    Story("core/echoclient, no server", [], [["echoclient.py"]]),
    Story("core/echoclient_ssl", ["echoserv_ssl.py"], [["echoclient_ssl.py"]], port=8000),
    Story("core/echoclient_udp", ["echoserv_udp.py"], [["echoclient_udp.py"]]),
    Story("core/filewatch", ["filewatch.py", "simple.tac"]),
    Story("core/ftpclient", ["ftpserver.py"], [["ftpclient.py"]], port=21, needs=["pass.dat"]),
    Story("core/longex", ["longex.py"], peers=[Peer(1234, b"2 3 7\r\n")], port=1234),
    Story("core/longex2", ["longex2.py"], peers=[Peer(1234, b"2 3 7\r\n")], port=1234),
    Story("core/pb_exceptions", [], [["pb_exceptions.py"]]),
    Story("core/pbechoclient", ["pbecho.py"], [["pbechoclient.py"]], port=8787),
    Story("core/pbsimpleclient", ["pbsimple.py"], [["pbsimpleclient.py"]], port=8789),
    Story("core/postfix", ["postfix.py", "a=b"], peers=[Peer(4242, b"get a\nget c\n")], port=4242),
    Story("core/ptyserv", ["ptyserv.py"], peers=[Peer(5823, b"echo $((6*7))\n")], port=5823),
    Story("core/recvfd", ["sendfd.py", "fd.sock", "server.pem"], [["recvfd.py", "fd.sock"]]),
    Story("core/rotatinglog", [], [["rotatinglog.py"]]),
    Story("core/shaper", ["shaper.py"], peers=[get(8000, "/absent")], port=8000),
    Story("core/simple.tac", tac("simple.tac"), peers=[Peer(8080, b"echo")], port=8080),
    Story("core/simpleclient", ["simpleserv.py"], [["simpleclient.py"]], port=8000),
    Story("core/ssl_clientauth", ["ssl_clientauth_server.py"], [["ssl_clientauth_client.py"]], port=8000),
    Story("core/starttls", ["starttls_server.py"], [["starttls_client.py"]], port=8000),
    Story("core/stdin", [], [["stdin.py"]], inputs=b"a line\nanother\n"),
    Story("core/stdiodemo", [], [["stdiodemo.py"]], inputs=b"help\nfrobnicate\nquit\n"),
    Story("core/streaming", ["streaming.py"], peers=[Peer(1234, b"0\r\n")], port=1234),
    Story("core/testlogging", [], [["testlogging.py"]]),
    Story("core/tls_alpn", ["tls_alpn_server.py"], [["tls_alpn_client.py"]], port=8080, needs=["server-cert.pem"]),
    Story("core/twistd-logging", tac("twistd-logging.tac")),
    Story("core/udpbroadcast", tac("udpbroadcast.py")),
    Story("web/httpclient", [], [["httpclient.py", "http://127.0.0.1:1/"]]),
    Story("web/httpclient, a page", ["-c", PAGE], [["httpclient.py", "http://127.0.0.1:8088/index.rst"]], port=8088),
    Story("web/logging-proxy", ["logging-proxy.py"], peers=[get(8080, "http://127.0.0.1:1/")], port=8080),
    Story("web/proxy", ["proxy.py"], peers=[get(8080, "http://127.0.0.1:1/")], port=8080),
    Story("web/rootscript", tac("rootscript.py"), peers=[get(80)], port=80),
    Story("web/silly-web", ["silly-web.py"], peers=[get(19988, "/index.rst")], port=19988, needs=["static/index.rst"]),
    Story("web/web", ["web.py"], peers=[get(1999, "/index.rst")], port=1999, needs=["static/index.rst"]),
    Story("web/webguard", ["webguard.py"], peers=[get(8889), get(8889, headers=BASIC)], port=8889),
    Story("web/xmlrpcserver", ["xmlrpcserver.py"], peers=[Peer(7080, POST % (len(XMLRPC), XMLRPC))], port=7080),
    Story("web/*.rpy", [TWISTD, "-n", "--pidfile=", "web", "--path", ".", "--listen", "tcp:8080"],
          peers=[get(8080, "/report.rpy"), get(8080, "/users.rpy/"), get(8080, "/fortune.rpy")], port=8080),
    Story("conch/telnet_echo", tac("telnet_echo.tac"), peers=[Peer(6023, b"hello")], port=6023),
    Story("conch/sshsimpleserver", ["sshsimpleserver.py"], peers=[Peer(5022, b"SSH-2.0-peer\r\n")], port=5022, needs=["ssh-keys"]),
    Story("mail/emailserver", tac("emailserver.tac"), peers=[Peer(2500, b"EHLO there\r\nQUIT\r\n")], port=2500),
    Story("names/gethostbyname", [], [["gethostbyname.py", "localhost"]]),
    Story("names/multi_reverse_lookup, usage", [], [["multi_reverse_lookup.py"]]),
    Story("words/ircLogBot, usage", [], [["ircLogBot.py"]]),
]
# fmt: on

_NETWORK = "speaks to a named host in the Internet"
_SCREEN = "needs a screen, or a toolkit for one"
NOT_RUN = {
    "core/bananabench": "measures an encoding, with no reactor",
    "core/courier": "wants the directories of a mail server that isn't here",
    "core/dbcred": "wants a database server",
    "core/pbbenchclient, pbbenchserver": "print numbers that are never the same, for ever",
    "core/pbgtk2, pyuidemo, tkinterdemo, wxdemo, wxacceptance, threadedselect": _SCREEN,
    "core/pbinterop": "a server for a client in another language",
    "core/shoutcast": "wants a Shoutcast server",
    "web/advogato, dlpage, getpage, xmlrpc-debug, xmlrpcclient, reverse-proxy": _NETWORK,
    "web/websocket": "a browser is its client",
    "words/cursesclient, minchat, pb_client, xmpp_client": f"{_SCREEN}, or {_NETWORK}",
    "mail/imap4client, sendmail_*, smtpclient_*": _NETWORK,
    "conch/demo*.tac, window.tac, sshsimpleclient": _SCREEN,
    "names/dns-service, testdns": _NETWORK,
    "pair/pairudp": "wants a network interface of its own",
}
"""Examples, and why they aren't run."""

DIFFER = {
    "core/shaper": "it imports itself, and so runs the reactor a second time: Twisted's refuses,"
    " and ours serves again until it is interrupted again",
    "core/pbechoclient": "its mistake, text that is hashed, is reported when its Deferred is"
    " collected, which Twisted's is not as long as a cycle holds it",
}
"""Stories that go otherwise here, and why that is right."""


# -- playing


def play(story: Story, side: str, sources: Path) -> dict[str, str]:
    """What the story's programs printed and its peers heard, each by its name."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made) / "examples"
        kind = story.name.partition("/")[0]
        shutil.copytree(sources / "docs" / kind / "examples", place)
        for name in story.needs:
            make(name, place)
        seen = {}
        with served(story, side, place) as printed:
            for number, program in enumerate(story.programs):
                seen[f"program {number}"] = run(command(side, program), place, story.inputs)
            for number, peer in enumerate(story.peers):
                seen[f"peer {number}"] = converse(peer)
        return {**seen, **({"server": printed[0]} if printed else {})}


def make(name: str, place: Path) -> None:
    """Make a file, or a directory, that an example expects."""
    if name == "ssh-keys":
        (place / name).mkdir()
        for key in ("ssh_host_rsa_key", "client_rsa"):
            quietly("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", place / name / key)
    elif name == "server-cert.pem":
        files = ("-keyout", place / "server-key.pem", "-out", place / name)
        subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        quietly("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files)
    else:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("user:secret\n")


def quietly(*command: str | Path) -> None:
    """Run a command, and hear of it only if it fails."""
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)


def command(side: str, program: list[str]) -> list[str]:
    """What runs a program on one of the sides."""
    if program[0] == "-c":
        return [sys.executable, *program]
    if program[0] == TWISTD:
        program = [str(Path(sys.executable).parent / TWISTD), *program[1:]]
    hosted = ["-m", "reactorlite", "run"] if side == "reactorlite" else []
    return [sys.executable, *hosted, *program]


def environment() -> dict[str, str]:
    """The environment of the programs: this tree's reactorlite, and what they print at once."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def served(story: Story, side: str, place: Path) -> Iterator[list[str]]:
    """Run the story's server, if any; at the end interrupt it, and say what it printed."""
    printed: list[str] = []
    if not story.server:
        yield printed
        return
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    server = subprocess.Popen(
        command(side, story.server), cwd=place, env=environment(), text=True, **pipes
    )
    try:
        if story.port:
            wait_for(story.port, server)
        else:
            time.sleep(2.5)  # nobody tells when an example without a port is under way
        yield printed
    finally:
        server.send_signal(signal.SIGINT)
        try:
            output = server.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            server.kill()
            output = server.communicate()[0] + "and did not end"
    printed.append(plain(output))


def wait_for(port: int, server: subprocess.Popen[str]) -> None:
    """Wait until somebody listens on a port; asked of the system, for a visit would be printed."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until and server.poll() is None:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            if re.search(rf":{port:04X} \S+ 0A ", Path(table).read_text()):
                return
        time.sleep(0.02)


def run(command: list[str], place: Path, inputs: bytes | None) -> str:
    """Run a program to its end: what it printed, and its exit status."""
    done = subprocess.Popen(
        command,
        cwd=place,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output = done.communicate(inputs, timeout=LIMIT)[0]
    except subprocess.TimeoutExpired:
        done.kill()
        output = done.communicate()[0] + b"\nand did not end"
    return plain(f"{output.decode('utf-8', 'replace')}\nexit status {done.returncode}")


def converse(peer: Peer) -> str:
    """Say what a peer says, and hear the answer."""
    try:
        with socket.create_connection(("127.0.0.1", peer.port), timeout=5) as talking:
            talking.sendall(peer.says)
            talking.settimeout(peer.quiet)
            heard = b""
            with contextlib.suppress(TimeoutError):
                while data := talking.recv(65536):
                    heard += data
    except OSError as exc:
        return f"{type(exc).__name__}"
    return plain(heard.decode("utf-8", "replace"))


#: What is never the same twice, and what names the package that prints it.
_NOISE = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([+-]\d{4}|Z)?", "<time>"),
    (r"\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT", "<time>"),
    (r"\[\d\d/\w{3}/\d{4}:[\d:]+ [+-]\d{4}\]", "<time>"),
    (r"(Last-Modified|Content-Length|opaque|nonce)[:=].*", r"\1"),
    (r"0x[0-9a-f]+", "<id>"),
    (r"'?[0-9a-f]{8}-[0-9a-f-]{27}'?", "<uuid>"),
    (r"port=\d{5}|:\d{5}\b|, \d{5}\)", "<port>"),
    (r"\d+(\.\d+)? ?(bytes|ms|s)\b", "<number>"),
    (r"\b(reactorlite|twisted)\.", ""),
    (r'File ".*?", line \d+', "File"),
    (r"<time> \[.*?\] ", ""),
    (r"\[\d\d/\w{3}/\d{4} [\d:]+\]", "<time>"),
    (r"(?m)^(Failure: |\t)", ""),
    (r"/tmp/tmp\w+", "<place>"),
    (r"[^\n -~]+(\S{0,6}[^\n -~]+)*", "<binary>"),
]

#: Lines about starting and stopping, in which the log of a reactor is its own.
_OWN = re.compile(
    r"Unhandled [Ee]rror|(Starting|Stopping) factory|.* starting on |\(.*[Cc]losed\)$|Received SIG|Main loop"
    r"|reactor class|twistd .* starting up|\s+(File|\S.*\(|[~^.]|raise|\))"
)


def plain(text: str) -> str:
    """Text without what differs from run to run; of a traceback, only what was raised."""
    for pattern, instead in _NOISE:
        text = re.sub(pattern, instead, text)
    lines = [line.rstrip() for line in text.split("\n")]
    return "\n".join(line for line in lines if line and not _OWN.match(line))


def main() -> int:
    """Play all stories, or those whose names contain one of those asked for, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.documentation")
    parser.add_argument("sources", type=Path, help="Twisted's source distribution, unpacked")
    parser.add_argument("names", nargs="*", help="parts of names; all stories without")
    asked = parser.parse_args()
    different = 0
    for story in STORIES:
        if asked.names and not any(name in story.name for name in asked.names):
            continue
        theirs, ours = (play(story, side, asked.sources) for side in SIDES)
        same = theirs == ours
        reason = DIFFER.get(story.name)
        different += not (same or reason)
        verdict = "same" if same else "differs" if reason else "DIFFERENT"
        print(f"{verdict:10} {story.name}{'' if same or not reason else f': {reason}'}", flush=True)
        for who in () if same or reason else theirs:
            if theirs[who] != ours.get(who):
                print(f"--- {who}, Twisted:\n{theirs[who]}\n--- {who}, here:\n{ours.get(who)}")
    for name, reason in () if asked.names else NOT_RUN.items():
        print(f"{'not run':10} {name}: {reason}")
    print(f"{different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
