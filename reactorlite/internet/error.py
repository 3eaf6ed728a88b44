"""The exceptions of Twisted-style networking: names, parents and texts as in Twisted.

    Exception
        BindError
            CannotListenError
        MulticastJoinError
        MessageLengthError
        ConnectInProgressError
        ConnectError                    every failed attempt to connect; `getConnectError` picks one
            ConnectBindError, UnknownHostError, NoRouteError, ConnectionRefusedError,
            TCPTimedOutError, BadFileError, ServiceNameUnknownError, SSLError
            UserError
                TimeoutError
        VerifyError
            PeerVerifyError
        CertificateError
        ConnectionClosed                every reason for the end of a connection
            ConnectionDone
                ProcessDone
            ConnectionLost
                ConnectionAborted, ConnectionFdescWentAway, FileDescriptorOverrun
                ProcessTerminated
        ConnectingCancelledError, ProcessExitedAlready, AlreadyListened, NoProtocol,
        UnsupportedAddressFamily, UnsupportedSocketType
    OSError: DNSLookupError
    ValueError: AlreadyCalled, AlreadyCancelled, InvalidAddressError
    RuntimeError: NotConnectingError, NotListeningError, ReactorNotRunning,
        ReactorNotRestartable, ReactorAlreadyRunning
    AssertionError: ReactorAlreadyInstalledError

A class with a `MESSAGE` prints it, then what it was given: `Connection was closed cleanly: bye.`
"""

from __future__ import annotations

import copyreg
import errno
import socket
from collections.abc import Iterable
from typing import Any

__all__ = [
    "AlreadyCalled",
    "AlreadyCancelled",
    "AlreadyListened",
    "BadFileError",
    "BindError",
    "CannotListenError",
    "CertificateError",
    "ConnectBindError",
    "ConnectError",
    "ConnectInProgressError",
    "ConnectingCancelledError",
    "ConnectionAborted",
    "ConnectionClosed",
    "ConnectionDone",
    "ConnectionFdescWentAway",
    "ConnectionLost",
    "ConnectionRefusedError",
    "DNSLookupError",
    "FileDescriptorOverrun",
    "InvalidAddressError",
    "MessageLengthError",
    "MulticastJoinError",
    "NoProtocol",
    "NoRouteError",
    "NotConnectingError",
    "NotListeningError",
    "PeerVerifyError",
    "ProcessDone",
    "ProcessExitedAlready",
    "ProcessTerminated",
    "ReactorAlreadyInstalledError",
    "ReactorAlreadyRunning",
    "ReactorNotRestartable",
    "ReactorNotRunning",
    "SSLError",
    "ServiceNameUnknownError",
    "TCPTimedOutError",
    "TimeoutError",
    "UnknownHostError",
    "UnsupportedAddressFamily",
    "UnsupportedSocketType",
    "UserError",
    "VerifyError",
    "errnoMapping",
    "getConnectError",
]


def _told(error: Any) -> str:
    """`MESSAGE`, and after a colon the arguments: the text of most classes here."""
    if error.args:
        return f"{error.MESSAGE}: {' '.join(map(str, error.args))}."
    return f"{error.MESSAGE}."


# An exception is rebuilt by calling its class with its `args`, which suits only classes that
# pass on just what they were given.
def _as_it_is(error: Any) -> tuple[Any, ...]:
    """What `copy` and `pickle` need to rebuild an error without calling its `__init__`."""
    return copyreg.__newobj__, (type(error), *error.args), error.__dict__  # type: ignore[attr-defined]  # typeshed lacks it


class BindError(Exception):
    """An interface and port could not be bound."""

    MESSAGE = "An error occurred binding to an interface"
    __str__ = _told


class CannotListenError(BindError):
    """Listening could not start: the address is taken, forbidden or not ours.

    `socketError` is the operating system's reason.
    """

    def __init__(self, interface: object, port: object, socketError: object) -> None:
        super().__init__(interface, port, socketError)
        self.interface = interface
        self.port = port
        self.socketError = socketError

    def __str__(self) -> str:
        return f"Couldn't listen on {self.interface or 'any'}:{self.port}: {self.socketError}."


class MulticastJoinError(Exception):
    """A multicast group could not be joined or left."""


class MessageLengthError(Exception):
    """A datagram or message is longer than its carrier takes."""

    MESSAGE = "Message is too long to send"
    __str__ = _told


class DNSLookupError(OSError):
    """A host name has no address, as far as its name servers say."""

    MESSAGE = "DNS lookup failed"
    __str__ = _told


class ConnectInProgressError(Exception):
    """`connect()` was called while an attempt was still under way, or had succeeded."""


class ConnectError(Exception):
    """An attempt to connect failed.

    `osError` is the number (or text) the operating system gave, or None.
    """

    MESSAGE = "An error occurred while connecting"

    def __init__(self, osError: Any = None, string: Any = "") -> None:
        super().__init__(string)
        self.osError = osError

    def __str__(self) -> str:
        details = [self.MESSAGE]
        if self.osError:
            details.append(str(self.osError))
        if self.args[0]:
            details.append(str(self.args[0]))
        return ": ".join(details) + "."

    __reduce__ = _as_it_is


class ConnectBindError(ConnectError):
    """The local end of an outgoing connection could not be bound."""

    MESSAGE = "Couldn't bind"


class UnknownHostError(ConnectError):
    """The resolver knows no address of that name."""

    MESSAGE = "Hostname couldn't be looked up"


class NoRouteError(ConnectError):
    """The network of the peer can't be reached from here."""

    MESSAGE = "No route to host"


class ConnectionRefusedError(ConnectError):
    """The peer's machine answered, and nothing listens on that port."""

    MESSAGE = "Connection was refused by other side"


class TCPTimedOutError(ConnectError):
    """The operating system gave up waiting for the peer's answer."""

    MESSAGE = "TCP connection timed out"


class BadFileError(ConnectError):
    """The path of a UNIX socket leads to something that is not one."""

    MESSAGE = "File used for UNIX socket is no good"


class ServiceNameUnknownError(ConnectError):
    """A port was given as the name of a service, and no such service is known."""

    MESSAGE = "Service name given as port is unknown"


class UserError(ConnectError):
    """The application called the attempt off."""

    MESSAGE = "User aborted connection"


class TimeoutError(UserError):
    """The time the application allowed for the attempt is over."""

    MESSAGE = "User timeout caused connection failure"


class SSLError(ConnectError):
    """TLS could not be set up on a new connection."""

    MESSAGE = "An SSL error occurred"


class VerifyError(Exception):
    """A signature or certificate did not pass verification."""


class PeerVerifyError(VerifyError):
    """The other side says that our certificate did not pass its verification."""


class CertificateError(Exception):
    """There is no certificate where one is needed."""


_CODES: list[tuple[str, type[ConnectError]]] = [
    ("ENETUNREACH", NoRouteError),
    ("ECONNREFUSED", ConnectionRefusedError),
    ("ETIMEDOUT", TCPTimedOutError),
]

#: Which `ConnectError` stands for which error number. Windows' sockets have numbers of their own.
errnoMapping: dict[int, type[ConnectError]] = {
    getattr(errno, prefix + name): kind
    for name, kind in _CODES
    for prefix in ("", "WSA")
    if hasattr(errno, prefix + name)
}


# What Windows' proactor loop raises has the system's own code, and an `errno` that tells nothing.
_WINDOWS_CODES: dict[int, type[ConnectError]] = {
    121: TCPTimedOutError,
    1225: ConnectionRefusedError,
    1231: NoRouteError,
    1232: NoRouteError,
}


def getConnectError(e: BaseException | Iterable[Any]) -> ConnectError:
    """The `ConnectError` for an `OSError`, or for a pair of error number and text.

    The exception given becomes the cause of the one returned. What has no number is
    carried whole, in place of the text.
    """
    given: Iterable[Any] = e.args if isinstance(e, BaseException) else e
    code = getattr(e, "winerror", None)
    if isinstance(e, OSError) and code in _WINDOWS_CODES:
        refused = _WINDOWS_CODES[code](e.errno, e.strerror)
        refused.__cause__ = e
        return refused
    try:
        number, text = given
    except ValueError:
        found = ConnectError(string=e)
    else:
        resolving = isinstance(e, socket.gaierror)
        kind = UnknownHostError if resolving else errnoMapping.get(number, ConnectError)
        found = kind(number, text)
    if isinstance(e, BaseException):
        found.__cause__ = e
    return found


class ConnectionClosed(Exception):
    """A connection is over: the parent of every reason why."""


class ConnectionLost(ConnectionClosed):
    """The connection ended without a proper goodbye: a reset, a cable pulled, a peer gone."""

    MESSAGE = "Connection to the other side was lost in a non-clean fashion"
    __str__ = _told


class ConnectionAborted(ConnectionLost):
    """This side called `abortConnection`."""

    MESSAGE = "Connection was aborted locally using ITCPTransport.abortConnection"


class ConnectionDone(ConnectionClosed):
    """The connection was closed in good order, by either side."""

    MESSAGE = "Connection was closed cleanly"
    __str__ = _told


class FileDescriptorOverrun(ConnectionLost):
    """Descriptors were passed over a UNIX socket without enough bytes to carry them."""

    MESSAGE = "A mis-use of IUNIXTransport.sendFileDescriptor caused the connection to be closed"


class ConnectionFdescWentAway(ConnectionLost):
    """The connection's file descriptor was closed by somebody else."""

    MESSAGE = "The connection's file descriptor went away"


class AlreadyCalled(ValueError):
    """The call has run and can't be cancelled or moved any more."""

    MESSAGE = "Tried to cancel an already-called event"
    __str__ = _told


class AlreadyCancelled(ValueError):
    """The call has been cancelled before."""

    MESSAGE = "Tried to cancel an already-cancelled event"
    __str__ = _told


class ProcessDone(ConnectionDone):
    """A child process exited with 0. `status` is what the operating system reported."""

    MESSAGE = "A process has ended without apparent errors"

    def __init__(self, status: Any) -> None:
        super().__init__("process finished with exit code 0")
        self.exitCode = 0
        self.signal = None
        self.status = status


class ProcessTerminated(ConnectionLost):
    """A child process exited with something but 0 (`exitCode`) or died of a `signal`."""

    MESSAGE = "A process has ended with a probable error condition"

    def __init__(self, exitCode: Any = None, signal: Any = None, status: Any = None) -> None:
        text = "process ended"
        if exitCode is not None:
            text += f" with exit code {exitCode}"
        if signal is not None:
            text += f" by signal {signal}"
        super().__init__(text)
        self.exitCode = exitCode
        self.signal = signal
        self.status = status

    __reduce__ = _as_it_is


class ProcessExitedAlready(Exception):
    """A signal was to be sent to a process that is gone."""


class NotConnectingError(RuntimeError):
    """`stopConnecting` was called with no attempt under way."""

    MESSAGE = "The Connector was not connecting when it was asked to stop connecting"
    __str__ = _told


class NotListeningError(RuntimeError):
    """`stopListening` was called on a port that does not listen."""

    MESSAGE = "The Port was not listening when it was asked to stop listening"
    __str__ = _told


class ReactorNotRunning(RuntimeError):
    """The reactor was asked to stop, or to do what takes a running one, and does not run."""


class ReactorNotRestartable(RuntimeError):
    """`run()` was called on a reactor that is stopping, and hasn't ended yet."""


class ReactorAlreadyRunning(RuntimeError):
    """`run()` was called on a reactor that runs, or inside a running loop."""


class ReactorAlreadyInstalledError(AssertionError):
    """A reactor was to be installed where there is one already."""


class ConnectingCancelledError(Exception):
    """The `Deferred` of an attempt to connect was cancelled; `address` is where it was going."""

    def __init__(self, address: Any) -> None:
        super().__init__(address)
        self.address = address


class NoProtocol(Exception):
    """A factory's `buildProtocol` answered None, so there is nobody to talk to."""


class UnsupportedAddressFamily(Exception):
    """A socket of this address family can't be used here."""


class UnsupportedSocketType(Exception):
    """A socket of this type can't be used here."""


class AlreadyListened(Exception):
    """An endpoint that can listen only once was asked to a second time."""


class InvalidAddressError(ValueError):
    """A literal IP address was needed; `address` is what came, `message` says what is wrong."""

    def __init__(self, address: Any, message: Any) -> None:
        super().__init__(address, message)
        self.address = address
        self.message = message
