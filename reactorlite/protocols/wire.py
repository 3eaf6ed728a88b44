"""The smallest of the internet's protocols, which are good for trying things out."""

from __future__ import annotations

import struct
import time
from typing import Any

from reactorlite.internet.protocol import Protocol
from reactorlite.python.components import implementer

__all__ = ["QOTD", "Chargen", "Daytime", "Discard", "Echo", "Time", "Who"]


class Echo(Protocol):
    """Sends back what it receives (RFC 862)."""

    def dataReceived(self, data: bytes) -> None:
        """Send `data` back."""
        self.transport.write(data)


class Discard(Protocol):
    """Takes whatever it receives and does nothing with it (RFC 863)."""

    def dataReceived(self, data: bytes) -> None:
        """Forget `data`."""


@implementer("IProducer")
class Chargen(Protocol):
    """Sends `noise` as fast as it is taken, without end (RFC 864)."""

    noise: bytes = b'@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~ !"#$%&?'

    def connectionMade(self) -> None:
        """Let the transport ask for noise."""
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Send the noise once."""
        self.transport.write(self.noise)

    def pauseProducing(self) -> None:
        """Do nothing: nothing is sent that was not asked for."""

    def stopProducing(self) -> None:
        """Do nothing: the connection is over."""


class _Answer(Protocol):
    """Sends one answer and closes."""

    def connectionMade(self) -> None:
        """Send the answer and close."""
        self.transport.write(self._answer())
        self.transport.loseConnection()

    def _answer(self) -> Any:
        raise NotImplementedError


class QOTD(_Answer):
    """Sends a quotation and closes (RFC 865)."""

    def getQuote(self) -> bytes:
        """Return what to send; override for something new each day."""
        return b"An apple a day keeps the doctor away.\r\n"

    def _answer(self) -> bytes:
        return self.getQuote()


class Who(_Answer):
    """Sends who is logged in and closes (RFC 866)."""

    def getUsers(self) -> bytes:
        """Return the names, a line each; override to tell the truth."""
        return b"root\r\n"

    def _answer(self) -> bytes:
        return self.getUsers()


class Daytime(_Answer):
    """Sends the time as text, in UTC, and closes (RFC 867)."""

    def _answer(self) -> bytes:
        return time.asctime(time.gmtime()).encode("ascii") + b"\r\n"


class Time(_Answer):
    """Sends the seconds since 1970 as four bytes, the highest first, and closes.

    RFC 868 counts from 1900; who asks this protocol expects what it always said.
    """

    def _answer(self) -> bytes:
        return struct.pack("!I", int(time.time()) & 0xFFFFFFFF)
