"""What `write` takes, of transports of every kind."""

from __future__ import annotations

from typing import Any


def bytes_from(data: Any, where: str = "write") -> bytes:
    """`data`, copied if it could change; `TypeError` for what is no bytes, from `where`."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    wrong = TypeError("Data must be bytes")  # which is what programs, and their tests, go by
    way = f": encode the text first, as in {data[:20]!r}.encode()" if isinstance(data, str) else ""
    wrong.add_note(f"{where}() takes bytes, not {type(data).__name__}{way}")
    raise wrong
