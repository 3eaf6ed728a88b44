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

    __slots__ = ("is_due", "is_push", "producer", "waiting")

    def __init__(self, producer: Any, is_push: bool, waiting: int) -> None:
        self.producer = producer
        self.is_push = is_push
        #: Whether the producer is to be asked for more once nothing waits: a push producer
        #: that is paused, and a pull producer that has written since it was asked.
        self.is_due = False
        #: Bytes that wait to be sent: what did when the turn began, and all written in it.
        self.waiting = waiting

    def fill(self) -> None:
        """Have the producer wait: it has written all that there is room for, or all it will."""
        self.is_due = True
        if self.is_push:
            self.producer.pauseProducing()

    def drained(self) -> None:
        """Ask for more: nothing waits any longer."""
        self.is_due = False
        self.waiting = 0
        self.producer.resumeProducing()
