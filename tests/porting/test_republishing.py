"""Hosted beside Twisted, what reactorlite logs is in Twisted's log."""

from __future__ import annotations

from tests.porting.conftest import with_twisted

pytestmark = with_twisted

OBSERVED = """
import gc, logging
from twisted.internet import defer
from twisted.python import log
from reactorlite.python import log as ours
events = []
log.addObserver(events.append)
root = []
class Root(logging.Handler):
    def emit(self, record):
        root.append(record.getMessage())
logging.getLogger().addHandler(Root())
"""


def test_message_is_an_event(hosted):
    """A message comes to Twisted's observers, with what was said beside it."""
    text = OBSERVED + (
        "ours.msg('starting', factory='F')\n"
        "e = events[-1]\n"
        "print(log.textFromEventDict(e), e['isError'], e['factory'], root)"
    )

    assert hosted("-", stdin=text) == (0, "starting 0 F []\n", "")


def test_format_is_told(hosted):
    """An event's format comes to Twisted's observers, who tell events apart by it."""
    text = OBSERVED + (
        "ours.msg('two', number=2, log_format='{number}')\n"
        "e = events[-1]\n"
        "print(log.textFromEventDict(e), e['log_format'], e['log_level'].name)"
    )

    assert hosted("-", stdin=text) == (0, "two {number} info\n", "")


def test_error_is_a_failure(hosted):
    """An error comes with its failure and its reason, as an error."""
    text = OBSERVED + (
        "try:\n    1 / 0\n"
        "except ZeroDivisionError:\n    ours.err(None, 'in vain')\n"
        "e = events[-1]\n"
        "print(e['isError'], e['why'], e['failure'].check(ZeroDivisionError).__name__)\n"
        "print(e['failure'].getTraceback().count('1 / 0'), root)"
    )

    ended = hosted("-", stdin=text)

    assert ended.status == 0
    assert ended.out.splitlines()[0] == "1 in vain ZeroDivisionError"
    assert ended.out.splitlines()[1].endswith("[]")


def test_error_without_exception(hosted):
    """What is only said to be an error is one."""
    text = OBSERVED + "ours.msg('bad', isError=True)\nprint(events[-1]['isError'])"

    assert hosted("-", stdin=text).out == "1\n"


def test_unhandled_error_is_two_events(hosted):
    """An unhandled error in a Deferred is told as Twisted tells it: a line, then the failure."""
    text = OBSERVED + (
        "defer.fail(KeyError('x'))\ngc.collect()\n"
        "for e in events:\n    print(log.textFromEventDict(e).splitlines()[0])"
    )

    assert hosted("-", stdin=text).out == "Unhandled error in Deferred:\nUnhandled Error\n"


def test_stacks_are_told_when_debugging(hosted):
    """With debugging on the failure comes with where the Deferred was made."""
    text = OBSERVED + (
        "defer.setDebugging(True)\n"
        "defer.fail(KeyError('x'))\ngc.collect()\n"
        "print(log.textFromEventDict(events[-1]).splitlines()[0])"
    )

    assert hosted("-", stdin=text).out.startswith("(debug:  C: Deferred was created:")


def test_trial_finds_the_errors(hosted, tmp_path):
    """A test under trial fails for an error that was logged, unless it takes it."""
    (tmp_path / "test_mine.py").write_text(
        "from twisted.trial.unittest import SynchronousTestCase\n"
        "from twisted.internet import defer\n"
        "class MineTests(SynchronousTestCase):\n"
        "    def test_taken(self):\n"
        "        defer.fail(KeyError('x'))\n"
        "        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)\n"
        "    def test_left(self):\n"
        "        defer.fail(KeyError('x'))\n"
    )

    ended = hosted("-m", "twisted.trial", "test_mine")

    assert ended.status == 1
    assert "FAILED (errors=1, successes=1)" in ended.out
    assert "test_mine.MineTests.test_left" in ended.out
