"""What receivers share: keeping what waits, pausing, and knowing when to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Held = bytes | bytearray


def joined(held: Held, start: int, data: bytes) -> Held:
    """What is held from `start` on, and `data` after it.

    Takes time in proportion to `data`, on the whole: pieces smaller than what is held are
    gathered in a bytearray, which grows in place.
    """
    if type(held) is bytearray:
        del held[:start]
        held += data
        return held
    left = len(held) - start
    if left <= len(data):
        return held[start:] + data if left else data
    grown = bytearray(memoryview(held)[start:])
    grown += data
    return grown


class _PauseableMixin:
    """A receiver that is a push producer: what it produces are calls of the application."""

    paused: bool = False
    transport: Any
    dataReceived: Callable[[bytes], Any]

    def pauseProducing(self) -> None:
        """Deliver nothing, and have the transport receive nothing, until `resumeProducing`."""
        self.paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on, beginning with what was received and not yet delivered."""
        self.paused = False
        self.transport.resumeProducing()
        self.dataReceived(b"")

    def stopProducing(self) -> None:
        """Deliver nothing any more, and close the connection."""
        self.paused = True
        self.transport.stopProducing()


def not_bytes(call: str, given: object) -> TypeError:
    """The error to raise for what can't be sent, because it is no bytes."""
    how = f": encode the text first, as in {given[:20]!r}.encode()" if type(given) is str else ""
    return TypeError(f"{call}() takes bytes, not {type(given).__name__}{how}")


def is_closing(transport: Any) -> bool:
    """Whether the connection's end is decided, as far as the transport tells."""
    # Not every transport tells. A mock's answer is true and no number, and does not mean it.
    return bool(getattr(transport, "disconnecting", False) == 1)
