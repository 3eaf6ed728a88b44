"""The interfaces of reactors and their calls; `reactorlite.internet.interfaces` has them all.

Apart only because that file would be too long; see there how they are to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NewType

from reactorlite.python.components import Interface

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from socket import AddressFamily
    from typing import Protocol

    from reactorlite.internet.defer import Deferred
    from reactorlite.internet.interfaces import (
        IConnector,
        IHostnameResolver,
        IListeningPort,
        IProcessProtocol,
        IProcessTransport,
        IProtocolFactory,
        IReadDescriptor,
        IResolverSimple,
        IWriteDescriptor,
    )
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = [
    "Binding",
    "IDelayedCall",
    "IReactorCore",
    "IReactorDaemonize",
    "IReactorFDSet",
    "IReactorFromThreads",
    "IReactorInThreads",
    "IReactorMulticast",
    "IReactorPluggableNameResolver",
    "IReactorPluggableResolver",
    "IReactorProcess",
    "IReactorSSL",
    "IReactorSocket",
    "IReactorTCP",
    "IReactorThreads",
    "IReactorTime",
    "IReactorUDP",
    "IReactorUNIX",
    "IReactorUNIXDatagram",
    "IReactorWin32Events",
    "_Binding",
    "_ISupportsExitSignalCapturing",
]

# Interfaces print, and are pickled, by the name of the module that people import them from.
__name__ = "reactorlite.internet.interfaces"


class IReactorCore(Interface, Protocol):
    """Runs, stops, and tells whoever asked about both."""

    @property
    def running(self) -> bool:
        """True from the start-up events until the reactor has stopped."""

    def resolve(self, name: str, timeout: Sequence[int] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of a name; fails with `DNSLookupError`."""

    def run(self) -> None:
        """Serve until stopped; raises `ReactorAlreadyRunning` when running."""

    def stop(self) -> None:
        """Fire the shutdown events, then have `run` return.

        Raises `ReactorNotRunning` unless running.
        """

    def crash(self) -> None:
        """Have `run` return with no events fired and all as it is."""

    def iterate(self, delay: float) -> None:
        """Run one turn, waiting up to that many seconds for something to happen."""

    def fireSystemEvent(self, eventType: str) -> None:
        """Call the triggers of an event, phase by phase."""

    def addSystemEventTrigger(
        self,
        phase: str,
        eventType: str,
        callable: Callable[..., Any],
        *args: object,
        **kwargs: object,
    ) -> Any:
        """Call something `"before"`, `"during"` or `"after"` an event; answer a trigger id.

        Events are `"startup"`, `"shutdown"`, or names of the caller's own. Deferreds that
        "before" triggers return are waited for.
        """

    def removeSystemEventTrigger(self, triggerID: Any) -> None:
        """Call it no more; raises if it was removed or called already."""

    def callWhenRunning(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """Call something at start-up, or at once if that is over."""


class IReactorTime(Interface, Protocol):
    """Has a clock, and calls people at their time."""

    def seconds(self) -> float:
        """Answer the clock's time in seconds. It may start anywhere, and never goes back."""

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """Call something once that many seconds have passed, 0 or more."""

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """Answer the calls that still wait."""


class IDelayedCall(Interface, Protocol):
    """A call that waits for its time, and may be moved or given up.

    `cancel`, `delay` and `reset` raise `AlreadyCalled` or `AlreadyCancelled` once it is over.
    """

    def getTime(self) -> float:
        """Answer when it is due, in the seconds of the reactor's clock."""

    def cancel(self) -> None:
        """Give it up."""

    def delay(self, secondsLater: float) -> None:
        """Move it by that many seconds from when it was due."""

    def reset(self, secondsFromNow: float) -> None:
        """Move it to that many seconds from now."""

    def active(self) -> bool:
        """Whether it still waits."""


class IReactorFromThreads(Interface, Protocol):
    """Can be called from other threads."""

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Have something called in the reactor's thread, soon, in the order of asking."""


class IReactorInThreads(Interface, Protocol):
    """Has threads to call things in."""

    def callInThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Have something called in a thread of the pool. Its result is dropped."""


class IReactorThreads(IReactorFromThreads, IReactorInThreads, Protocol):
    """Owns a pool of threads."""

    def getThreadPool(self) -> Any:
        """Answer the pool, making it first if need be."""

    def suggestThreadPoolSize(self, size: int) -> None:
        """Let the pool have at most that many threads."""


class IReactorPluggableResolver(Interface, Protocol):
    """Lets programs look up names their own way, one IPv4 address each."""

    def installResolver(self, resolver: IResolverSimple) -> IResolverSimple:
        """Use this resolver from now on; answer the one used until now."""


class IReactorPluggableNameResolver(Interface, Protocol):
    """Lets programs look up names their own way."""

    @property
    def nameResolver(self) -> IHostnameResolver:
        """The resolver in use."""

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Use this resolver from now on; answer the one used until now."""


class IReactorTCP(Interface, Protocol):
    """Listens and connects over TCP."""

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen when the call returns; port 0 is any that is free, `""` all of IPv4.

        Raises `CannotListenError` if that can't be.
        """

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: IProtocolFactory,
        timeout: float = 30.0,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        """Start to connect, giving up after that many seconds.

        The factory, a `ClientFactory`, is told what becomes of it.
        """


class IReactorSSL(Interface, Protocol):
    """Listens and connects over TLS."""

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        timeout: float = 30.0,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        """Start to connect; the factory's protocol sees what is inside the encryption."""

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """Listen when the call returns; raises `CannotListenError` if that can't be."""


class IReactorUNIX(Interface, Protocol):
    """Listens and connects over UNIX sockets."""

    def connectUNIX(
        self,
        address: str | bytes,
        factory: IProtocolFactory,
        timeout: float = 30,
        checkPID: bool = False,
    ) -> IConnector:
        """Start to connect to the socket at a path, if asked after checking its lock file."""

    def listenUNIX(
        self,
        address: str | bytes,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort:
        """Listen at a path, if asked with a lock file beside it that outlives a crash."""


class IReactorUNIXDatagram(Interface, Protocol):
    """Exchanges datagrams over UNIX sockets."""

    def connectUNIXDatagram(
        self,
        address: str,
        protocol: Any,
        maxPacketSize: int = 8192,
        mode: int = 0o666,
        bindAddress: str | None = None,
    ) -> IListeningPort:
        """Talk to the socket at a path only."""

    def listenUNIXDatagram(
        self, address: str, protocol: Any, maxPacketSize: int = 8192, mode: int = 0o666
    ) -> IListeningPort:
        """Receive datagrams at a path."""


class IReactorUDP(Interface, Protocol):
    """Exchanges datagrams over UDP."""

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        """Give the protocol a port; raises `CannotListenError` if that can't be."""


class IReactorMulticast(Interface, Protocol):
    """Exchanges datagrams over UDP multicast."""

    def listenMulticast(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> IListeningPort:
        """Give the protocol a port, if asked one that others on this host may share."""


class IReactorSocket(Interface, Protocol):
    """Takes over sockets that something else has opened.

    Descriptors are duplicated: the caller's own stays the caller's to close.
    """

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: AddressFamily, factory: IProtocolFactory
    ) -> IListeningPort:
        """Accept connections on a socket that is bound and listens."""

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: AddressFamily, factory: IProtocolFactory
    ) -> Any:
        """Serve a socket that is connected."""

    def adoptDatagramPort(
        self,
        fileDescriptor: int,
        addressFamily: AddressFamily,
        protocol: Any,
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """Serve a datagram socket that is bound."""


class IReactorProcess(Interface, Protocol):
    """Starts child processes."""

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: str | bytes,
        args: Sequence[str | bytes],
        env: Mapping[Any, Any] | None = None,
        path: str | bytes | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool | tuple[int, int, str | bytes] = False,
        childFDs: Mapping[int, str | int] | None = None,
    ) -> IProcessTransport:
        """Start a program; the arguments begin with its name.

        `env` None is this process's environment, `path` the directory to run in. `childFDs`
        maps the child's descriptors to ours, or to `"r"` and `"w"` for a pipe we read or write.
        """


class IReactorFDSet(Interface, Protocol):
    """Watches descriptors."""

    def addReader(self, reader: IReadDescriptor) -> None:
        """Call `doRead` whenever there is something to read."""

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Call `doWrite` whenever there is room to write."""

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Watch it for reading no more; nothing happens if it wasn't."""

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Watch it for writing no more; nothing happens if it wasn't."""

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """Watch nothing more but what the reactor needs itself; answer what was watched."""

    def getReaders(self) -> list[IReadDescriptor]:
        """Answer what is watched for reading."""

    def getWriters(self) -> list[IWriteDescriptor]:
        """Answer what is watched for writing."""


class IReactorWin32Events(Interface, Protocol):
    """Watches event objects of Windows."""

    def addEvent(self, event: Any, fd: Any, action: str) -> None:
        """Call the method of that name on an object whenever an event is set."""

    def removeEvent(self, event: Any) -> None:
        """Watch the event no more."""


class IReactorDaemonize(Interface, Protocol):
    """Lives through `fork` when a program becomes a daemon."""

    def beforeDaemonize(self) -> None:
        """Get ready to be forked."""

    def afterDaemonize(self) -> None:
        """Set up again what does not survive a fork, in the child."""


class _ISupportsExitSignalCapturing(Interface, Protocol):
    """Remembers which signal stopped it, so that the process can end by it."""

    @property
    def _exitSignal(self) -> int | None:
        """The signal's number, or None."""


class _Binding:
    """Where a socket of TCP is bound, and how; it isn't changed once it is made.

    The attributes' names are what Twisted's own modules ask for: its `makeBinding` makes these.
    """

    __slots__ = ("_address", "_port", "_reuseAddress", "_reusePort")

    def __init__(
        self,
        address: str | None = None,
        port: int = 0,
        reuseAddress: bool = False,
        reusePort: bool = False,
    ) -> None:
        self._address = address
        self._port = port
        self._reuseAddress = reuseAddress
        self._reusePort = reusePort

    def _all(self) -> tuple[str | None, int, bool, bool]:
        return self._address, self._port, self._reuseAddress, self._reusePort

    def __eq__(self, other: object) -> bool:
        return self._all() == other._all() if isinstance(other, _Binding) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        options = [name for name in ("reuseAddress", "reusePort") if getattr(self, f"_{name}")]
        return " ".join([f"<binding {self._address or '*'}:{self._port}", *options]) + ">"


#: What programs may know of it: that it is one.
Binding = NewType("Binding", _Binding)
