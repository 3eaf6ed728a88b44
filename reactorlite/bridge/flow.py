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

    __slots__ = ("_streaming", "is_due", "producer")

    def __init__(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        self._streaming = streaming
        #: Whether the producer is to be asked for more once nothing waits: a push producer
        #: that is paused, and a pull producer that has written since it was asked.
        self.is_due = False

    def written(self, waiting: int) -> None:
        """Note that something was written, and that `waiting` bytes are still to be sent."""
        if not self._streaming:
            self.is_due = True
        elif self.is_due or waiting > MARK:
            self.is_due = True
            self.producer.pauseProducing()

    def drained(self) -> None:
        """Ask for more: nothing waits any longer."""
        self.is_due = False
        self.producer.resumeProducing()
