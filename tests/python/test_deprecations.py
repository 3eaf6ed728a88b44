"""Warnings of what is deprecated: their words, and of which line they are."""

from __future__ import annotations

import threading

import pytest

from reactorlite.python._deprecations import warn_of
from reactorlite.python.threadpool import ThreadPool


@pytest.mark.parametrize(
    ("instead", "text"),
    [
        ("", "a.b was deprecated in Twisted 1.2.0"),
        ("c.d", "a.b was deprecated in Twisted 1.2.0; please use c.d instead"),
    ],
)
def test_words(instead, text):
    """A warning says what is deprecated, since when, and what there is instead."""

    def deprecated():
        warn_of("a.b", "1.2.0", instead)

    with pytest.warns(DeprecationWarning, match="deprecated") as warned:
        deprecated()

    assert [str(each.message) for each in warned] == [text]
    assert warned[0].filename == __file__


def test_thread_of_a_pool():
    """`ThreadPool.currentThread` answers, and warns that it is the standard library's."""
    with pytest.warns(DeprecationWarning, match=r"22\.1\.0; .*threading\.current_thread instead"):
        thread = ThreadPool.currentThread()

    assert thread is threading.current_thread()
