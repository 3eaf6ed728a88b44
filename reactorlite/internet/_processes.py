"""The reactor's part that starts processes."""

from __future__ import annotations


class Processes:
    """What a reactor does with child processes."""
