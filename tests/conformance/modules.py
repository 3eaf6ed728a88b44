"""The modules of Twisted's that judge, and the tests in them that can't.

The rule: a test judges reactorlite when it could tell that the reactor under it, or a module
that reactorlite has in Twisted's place, is another. Three kinds can't, and leave both sides,
those that pass here as well:

1. variants of a test for a reactor of Twisted's other than its asyncio one (`_OTHER_REACTORS`);
2. tests of Twisted's other reactors and of the inner modules on which they stand, which programs
   don't use and reactorlite leaves alone, of private modules, and of private classes (`INNER`);
3. tests of Twisted's log, which stays Twisted's wherever Twisted is (`INNER` too).
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

INNER = {
    "_threads.test": "private",
    "internet.test.test_abstract": "under other reactors",
    "internet.test.test_asyncioreactor": "another reactor's own tests",
    "internet.test.test_base": "under other reactors",
    "internet.test.test_baseprocess": "under other reactors",
    "internet.test.test_cfreactor": "another reactor",
    "internet.test.test_default": "which of Twisted's reactors is the default",
    "internet.test.test_epollreactor": "another reactor",
    "internet.test.test_filedescriptor": "under other reactors",
    "internet.test.test_gireactor": "another reactor",
    "internet.test.test_glibbase": "another reactor",
    "internet.test.test_iocp": "another reactor",
    "internet.test.test_kqueuereactor": "another reactor",
    "internet.test.test_pollingfile": "under other reactors",
    "internet.test.test_posixbase": "under other reactors",
    "internet.test.test_posixprocess": "under other reactors",
    "internet.test.test_reactormixins": "of Twisted's tests themselves",
    "internet.test.test_resolver": "private",
    "internet.test.test_sigchld": "under other reactors",
    "internet.test.test_udp_internals": "under other reactors",
    "internet.test.test_win32events": "another reactor",
    "logger.test": "its log",
    "test.test_abstract": "under other reactors",
    "test.test_log": "its log",
    "test.test_tcp_internals": "under other reactors",
}
"""Modules, or packages of them, without the first `twisted.`, that leave both sides, and why."""

INNER_CLASSES = {
    "internet.test.test_endpoints.HostnameEndpointFallbackNameResolutionTests": (
        "calls nothing but a private method, _fallbackNameResolution"
    ),
    "internet.test.test_newtls.ProducerTestsMixin": (
        "compares private attributes of the private classes _ProducerMembrane and _PullToPush, to"
        " see by which of its own objects Twisted's transport passes a producer on"
    ),
    "protocols.test.test_tls.NonStreamingProducerTests": "of the private class _PullToPush",
    "protocols.test.test_tls._AggregateSmallWritesTests": "of the private class of that name",
    "test.test_failure.FakeAttributesTests": "of the private classes _Frame and _Code",
    "test.test_failure.FormattableTracebackTests": "of the private class _Traceback",
    "test.test_process.MockProcessTests": (
        "puts fakes for os, fcntl, pty and signal into twisted.internet.process, an inner module,"
        " and compares the list of the system calls that it makes"
    ),
    "test.test_sni.PEMCollectionTests": "of the private module protocols._sni",
}
"""Classes of tests that leave both sides, each as a whole, and why.

A class of which one test judges what a program can see stays; its others are in the ledger.
"""

#: What `ReactorBuilder` adds to the name of a class, for a reactor.
_VARIANT = re.compile(r"_[A-Za-z]+Reactor(Tests)?\.")

_OTHER_REACTORS = re.compile(r"_(?!Asyncio)[A-Za-z]+Reactor(Tests)?\.")


def all_modules() -> list[str]:
    """The names of all modules of tests that the installed Twisted has and that can judge."""
    spec = find_spec("twisted")
    if spec is None or spec.origin is None:
        raise RuntimeError("Twisted is not installed, whose tests these are")
    root = Path(spec.origin).parent
    files = (file.relative_to(root) for file in root.rglob("test/test_*.py"))
    names = ("twisted." + ".".join(file.with_suffix("").parts) for file in files)
    return sorted(name for name in names if can_judge(name))


def can_judge(name: str) -> bool:
    """Whether a test, or a module of them, is of what reactorlite replaces or stands under."""
    if _OTHER_REACTORS.search(name) is not None:
        return False
    rest = _VARIANT.sub(".", name.removeprefix("twisted.") + ".")
    return not any(rest.startswith(f"{inner}.") for inner in (*INNER, *INNER_CLASSES))


def package_of(name: str) -> str:
    """The part of Twisted, such as "web", to which a module or a test belongs."""
    return name.removeprefix("twisted.").partition(".")[0]
