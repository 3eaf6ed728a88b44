"""The reactor's part that opens datagram ports."""

from __future__ import annotations


class Datagrams:
    """What a reactor does with datagrams."""
