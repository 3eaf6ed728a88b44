"""Odds and ends that programs use. Twisted's own answers to the name in `twisted`."""

from __future__ import annotations

import os

__all__ = ["sibpath"]


def sibpath(path: str, sibling: str) -> str:
    """Return the path of a file beside another: `sibpath(__file__, "data.txt")`."""
    return os.path.join(os.path.dirname(os.path.abspath(path)), sibling)
