"""The reactor's part that watches descriptors."""

from __future__ import annotations


class Descriptors:
    """What a reactor does with descriptors."""
