"""Twisted's documentation examples, unmodified, played on Twisted and on reactorlite.

`python -m tests.conformance.examples DOCS` plays them, `DOCS` being the folder `docs` of Twisted's
source distribution, and says where what came out differs. A play is a server, ended by SIGTERM,
or a program that ends by itself; a server is met by another example, or by a peer of ours.
What can't be played stands in `NOT_PLAYED`, with the reason.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.conformance.judging import ROOT
from tests.conformance.peers import PEERS
from tests.conformance.plays import NOT_PLAYED, PLAYS, Play

PATIENCE = 20.0
"""Seconds for a program to end, or to listen."""
TWISTD = "from twisted.scripts.twistd import run\nrun()\n"
PAGE = "web/examples/static/index.html"


class Came(NamedTuple):
    """What came out of a play: for each program its exit status and its output."""

    server: tuple[int, str] | None
    client: tuple[int, str] | None


def main() -> int:
    """Play them all, or those that are named, and answer 1 if any differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.examples")
    parser.add_argument("docs", type=Path)
    parser.add_argument("names", nargs="*", help="of plays; all, when none is named")
    parser.add_argument("--loop", default="asyncio")
    asked = parser.parse_args()
    names = asked.names or list(PLAYS)
    ours = ["-m", "reactorlite", "run", "--loop", asked.loop]
    same = [name for name in names if _is_same(name, asked.docs, ours)]
    print(f"{len(same)} of {len(names)} plays come out the same")
    for name, why in NOT_PLAYED.items():
        print(f"not played: {name}: {why}")
    return 0 if len(same) == len(names) else 1


def _is_same(name: str, docs: Path, ours: list[str]) -> bool:
    theirs, here = _came(PLAYS[name], docs, []), _came(PLAYS[name], docs, ours)
    print(f"{'same' if theirs == here else 'DIFFERS':8} {name}", flush=True)
    if theirs != here:
        print(f"--- Twisted\n{_shown(theirs)}\n--- reactorlite\n{_shown(here)}")
    return theirs == here


def _shown(came: Came) -> str:
    return "\n".join(f"{status}: {text}" for status, text in filter(None, came))


def _came(play: Play, docs: Path, how: list[str]) -> Came:
    with tempfile.TemporaryDirectory(prefix="examples-") as name:
        folder = Path(name) / "docs"
        shutil.copytree(docs, folder)
        (folder / "twistd.py").write_text(TWISTD)
        (folder / PAGE).parent.mkdir()
        (folder / PAGE).write_text("a page")
        return _played(play, folder, how)


def _played(play: Play, docs: Path, how: list[str]) -> Came:
    server = client = None
    process = _start(play.server, play.folder, docs, how) if play.server else None
    try:
        if process is not None:
            _wait_for(process, play.port)
        if play.client:
            running = _start(play.client, play.folder, docs, how)
            client = _end_of(running, play.stdin)
    finally:
        if process is not None:
            process.terminate()
            server = _end_of(process)
    # Whatever a server says of itself differs in words; what it does, its clients see.
    return Came((server[0], "") if server else None, client)


def _start(
    command: tuple[str, ...], folder: str, docs: Path, how: list[str]
) -> subprocess.Popen[str]:
    program, *arguments = command
    if program in PEERS:
        whole = ["-m", "tests.conformance.peers", *command]
    else:
        script = str(docs / "twistd.py") if program == "twistd" else program
        whole = [*how, script, *arguments]
    return subprocess.Popen(
        [sys.executable, "-u", *whole],
        cwd=docs / folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/bin", "TERM": "dumb"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        if not port:  # datagrams: nobody can tell
            time.sleep(1.5)
            return
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)


def _end_of(process: subprocess.Popen[str], stdin: str = "") -> tuple[int, str]:
    try:
        output = process.communicate(stdin, timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        output = process.communicate()[0] + "\n(it did not end by itself)"
    return process.returncode, _plain(output)


#: What may differ from run to run, and names that say where a class is from.
_ACCIDENTAL = [
    (r"0x[0-9a-f]+", "0x"),
    (r"\d{4}-\d\d-\d\d[ T][\d:.+]+", "(time)"),
    (r"\breactorlite\.", "twisted."),
    (r"(port=|:)\d{5}\b", r"\1(port)"),
    (r"\d+\.\d{3,}", "(seconds)"),
    (r"/tmp/examples-\w+", "(folder)"),
    (r"\w{3} \w{3} +\d+ [\d:]{8} \d{4}|\w{3}, \d+ \w{3} \d{4} [\d:]{8}", "(time)"),
    (r"(?m)^.*Main loop terminated\.\n", ""),
]


def _plain(text: str) -> str:
    for pattern, instead in _ACCIDENTAL:
        text = re.sub(pattern, instead, text)
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
