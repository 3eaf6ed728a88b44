"""Serial ports, where pyserial is installed; elsewhere to import this is an `ImportError`.

Programs ask for it that way: they import this module, and do without serial ports if they can't.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reactorlite.internet.abstract import FileDescriptor
from reactorlite.internet.fdesc import readFromFD, writeToFD
from reactorlite.python import log
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable


def _pyserial() -> Any:
    try:
        import serial
    except ImportError as exc:
        raise ImportError(
            "internet.serialport needs pyserial: install it (`pip install pyserial`)"
        ) from exc
    return serial


serial = _pyserial()

EIGHTBITS = serial.EIGHTBITS
FIVEBITS = serial.FIVEBITS
PARITY_EVEN = serial.PARITY_EVEN
PARITY_NONE = serial.PARITY_NONE
PARITY_ODD = serial.PARITY_ODD
SEVENBITS = serial.SEVENBITS
SIXBITS = serial.SIXBITS
STOPBITS_ONE = serial.STOPBITS_ONE
STOPBITS_TWO = serial.STOPBITS_TWO

__all__ = [
    "EIGHTBITS",
    "FIVEBITS",
    "PARITY_EVEN",
    "PARITY_NONE",
    "PARITY_ODD",
    "SEVENBITS",
    "SIXBITS",
    "STOPBITS_ONE",
    "STOPBITS_TWO",
    "BaseSerialPort",
    "SerialPort",
    "serial",
]


class BaseSerialPort(FileDescriptor):
    """What is said to the port itself, by pyserial: its speed, its buffers, its lines."""

    #: Opens the port; for tests to override.
    _serialFactory: Callable[..., Any] = serial.Serial
    _serial: Any

    def setBaudRate(self, baudrate: int) -> None:
        """Change the speed, in bits a second."""
        self._serial.baudrate = baudrate

    def inWaiting(self) -> int:
        """How many bytes have come and weren't read yet."""
        return int(self._serial.in_waiting)

    def flushInput(self) -> None:
        """Drop what has come and wasn't read yet."""
        self._serial.reset_input_buffer()

    def flushOutput(self) -> None:
        """Drop what the system has to send and hasn't sent yet."""
        self._serial.reset_output_buffer()

    def sendBreak(self) -> None:
        """Send a break; takes a quarter of a second, in which nothing else happens."""
        self._serial.send_break()

    def getDSR(self) -> bool:
        """Whether the line Data Set Ready is on."""
        return bool(self._serial.dsr)

    def getCD(self) -> bool:
        """Whether the line Carrier Detect is on."""
        return bool(self._serial.cd)

    def getRI(self) -> bool:
        """Whether the line Ring Indicator is on."""
        return bool(self._serial.ri)

    def getCTS(self) -> bool:
        """Whether the line Clear To Send is on."""
        return bool(self._serial.cts)

    def setDTR(self, on: bool = True) -> None:
        """Switch the line Data Terminal Ready."""
        self._serial.dtr = bool(on)

    def setRTS(self, on: bool = True) -> None:
        """Switch the line Request To Send."""
        self._serial.rts = bool(on)


class SerialPort(BaseSerialPort):
    """Connects `protocol` to a serial port: a device's name, with its speed and its framing.

    The protocol's `connectionMade` is called at once. Raises pyserial's `SerialException`, an
    `OSError`, when the port can't be opened, and `NotImplementedError` on Windows, whose ports
    no loop can watch.
    """

    connected = 1

    def __init__(
        self,
        protocol: Any,
        deviceNameOrPortNumber: Any,
        reactor: Any,
        baudrate: int = 9600,
        bytesize: int = EIGHTBITS,
        parity: str = PARITY_NONE,
        stopbits: float = STOPBITS_ONE,
        timeout: float | None = 0,
        xonxoff: bool = False,
        rtscts: bool = False,
    ) -> None:
        super().__init__(reactor)
        if os.name == "nt":
            raise NotImplementedError(
                "SerialPort needs a descriptor to watch, which Windows' ports don't have: read"
                " the port with pyserial in a thread, see internet.threads.deferToThread"
            )
        self._serial = type(self)._serialFactory(
            deviceNameOrPortNumber,
            baudrate=baudrate,
            bytesize=bytesize,
            parity=parity,
            stopbits=stopbits,
            timeout=timeout,
            xonxoff=xonxoff,
            rtscts=rtscts,
        )
        self.protocol = protocol
        self.flushInput()
        self.flushOutput()
        try:
            self.startReading()
        except BaseException:
            self._serial.close()
            raise
        protocol.makeConnection(self)

    def fileno(self) -> int:
        """The descriptor's number; -1 when the port is closed."""
        return int(self._serial.fileno()) if self.connected else -1

    def doRead(self) -> Exception | None:
        """Read, and hand on what has come."""
        return readFromFD(self.fileno(), self.protocol.dataReceived)

    def writeSomeData(self, data: bytes) -> int | Exception:
        """Write what there is room for."""
        return writeToFD(self.fileno(), data)

    def connectionLost(self, reason: Failure) -> None:
        """Called when the port is to be closed, or has failed: close it, and tell the protocol."""
        if not self.connected:
            return
        super().connectionLost(reason)
        self._serial.close()
        try:
            self.protocol.connectionLost(reason)
        except Exception:
            log.err(Failure(), "Unhandled error in the connectionLost of a protocol on SerialPort")
