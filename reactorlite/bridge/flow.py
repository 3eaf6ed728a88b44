"""Producers: who fills a connection, and when it is told to wait and to go on."""

from __future__ import annotations

from typing import Any

#: Bytes that may wait to be sent before a push producer is paused, and the size of a read.
MARK = 65536


class Flow:
    """The producer registered with a connection.

    A push producer is paused while more than `MARK` bytes wait and resumed when none do;
    a pull producer is asked for more each time none do.
    """

    __slots__ = ("_paused", "_streaming", "producer")

    def __init__(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        self._streaming = streaming
        self._paused = False

    def waiting(self, size: int) -> None:
        """Note that `size` bytes wait to be sent."""
        if self._streaming and size > MARK:
            self._paused = True
            self.producer.pauseProducing()

    @property
    def is_due(self) -> bool:
        """Whether the producer is to be asked for more once nothing waits."""
        return self._paused or not self._streaming

    def drained(self) -> None:
        """Ask for more: nothing waits any longer."""
        self._paused = False
        self.producer.resumeProducing()
