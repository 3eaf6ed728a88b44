"""Reactors that do nothing but remember what they were asked for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NoReturn

from reactorlite.internet.address import IPv4Address, IPv6Address, UNIXAddress
from reactorlite.internet.error import UnsupportedAddressFamily
from reactorlite.internet.task import Clock
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reactorlite.internet import interfaces

__all__ = [
    "MemoryReactor",
    "MemoryReactorClock",
    "RaisingMemoryReactor",
    "SynchronousResolver",
    "_FakeConnector",
    "_FakePort",
]

_Trigger = tuple[str, str, tuple["Callable[..., object]", tuple[Any, ...], dict[str, Any]]]


@implementer("IListeningPort")
class _FakePort:
    """A port that doesn't listen, and says that it has the address it was given."""

    def __init__(self, hostAddress: Any) -> None:
        self._hostAddress = hostAddress

    def startListening(self) -> None:
        """Do nothing."""

    def stopListening(self) -> None:
        """Do nothing."""

    def getHost(self) -> Any:
        """Answer the address that was given."""
        return self._hostAddress


@implementer("IConnector")
class _FakeConnector:
    """A connector that doesn't connect. `stoppedConnecting` tells if it was to stop."""

    stoppedConnecting = False
    _disconnected = False

    def __init__(self, address: Any) -> None:
        self._address = address

    def connect(self) -> None:
        """Do nothing."""

    def stopConnecting(self) -> None:
        """Remember it."""
        self.stoppedConnecting = True

    def disconnect(self) -> None:
        """Remember it."""
        self._disconnected = True

    def getDestination(self) -> Any:
        """Answer the address that was given."""
        return self._address


@implementer("IHostResolution")
class _Resolved:
    """A look-up that was over before it could be cancelled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> NoReturn:
        """Raise, for there is nothing to cancel."""
        raise RuntimeError(f"{self.name} was looked up already")


@implementer("IHostnameResolver")
class SynchronousResolver:
    """Finds every host at 127.0.0.1, and reports it before the call returns."""

    def resolveHostName(
        self,
        resolutionReceiver: interfaces.IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[interfaces.IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> interfaces.IHostResolution:
        """Report one IPv4 address with that port; types and semantics change nothing."""
        resolution = _Resolved(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        resolutionReceiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    """What a host is called as an address: a name stays one, in an `IPv4Address`."""
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, port)


def _anywhere(kind: Any, family: int) -> Any:
    """The address of a port that was adopted. Its number means nothing."""
    if family == socket.AF_INET:
        return IPv4Address(kind, "0.0.0.0", 1234)
    if family == socket.AF_INET6:
        return IPv6Address(kind, "::", 1234)
    raise UnsupportedAddressFamily(family)


class _Resolving:
    """Holds a name resolver, which may be exchanged."""

    def __init__(self) -> None:
        self.nameResolver: Any = SynchronousResolver()

    def installNameResolver(
        self, resolver: interfaces.IHostnameResolver
    ) -> interfaces.IHostnameResolver:
        """Use this resolver from now on; answer the one used until now."""
        previous, self.nameResolver = self.nameResolver, resolver
        return previous  # type: ignore[no-any-return]  # whatever was installed


@implementer(
    "IReactorCore",
    "IReactorTCP",
    "IReactorSSL",
    "IReactorUNIX",
    "IReactorSocket",
    "IReactorFDSet",
    "IReactorPluggableNameResolver",
)
class MemoryReactor(_Resolving):
    """A reactor for tests: no connection is ever made, and every request is remembered.

    `tcpServers`, `sslServers` and `unixServers`, `tcpClients`, `sslClients` and `unixClients`
    hold the arguments of each `listen` and `connect`, in the order of Twisted's signatures, and
    `connectors` what the latter returned; `adoptedPorts` and `adoptedStreamConnections` hold
    descriptors and what came with them. `triggers` maps phase and event to lists of calls.
    """

    def __init__(self) -> None:
        super().__init__()
        # None is Twisted's word for "crashed".
        self.running: bool | None = False
        self.hasInstalled = False
        self.hasRun = False
        self.hasStopped = False
        self.hasCrashed = False
        self.whenRunningHooks: list[Any] = []
        self.triggers: dict[str, dict[str, list[Any]]] = {}
        self.tcpClients: list[tuple[Any, ...]] = []
        self.tcpServers: list[tuple[Any, ...]] = []
        self.sslClients: list[tuple[Any, ...]] = []
        self.sslServers: list[tuple[Any, ...]] = []
        self.unixClients: list[tuple[Any, ...]] = []
        self.unixServers: list[tuple[Any, ...]] = []
        self.adoptedPorts: list[tuple[Any, ...]] = []
        self.adoptedStreamConnections: list[tuple[Any, ...]] = []
        self.connectors: list[_FakeConnector] = []
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    # -- its life

    def install(self) -> None:
        """Remember it."""
        self.hasInstalled = True

    def run(self) -> None:
        """Call what waited for the start-up, then stop."""
        self.running = True
        self.hasRun = True
        for call, args, kw in self.whenRunningHooks:
            call(*args, **kw)
        self.stop()

    def stop(self) -> None:
        """Remember it."""
        self.running = False
        self.hasStopped = True

    def crash(self) -> None:
        """Remember it."""
        self.running = None
        self.hasCrashed = True

    def callWhenRunning(self, callable: Callable[..., object], *args: object, **kw: object) -> None:
        """Call something in `run`, or at once if that was called already."""
        if self.hasRun:
            callable(*args, **kw)
        else:
            self.whenRunningHooks.append((callable, args, kw))

    def addSystemEventTrigger(
        self,
        phase: str,
        eventType: str,
        callable: Callable[..., object],
        *args: object,
        **kw: object,
    ) -> _Trigger:
        """Put a call into `triggers`, from where nobody but the test calls it."""
        call = (callable, args, kw)
        self.triggers.setdefault(phase, {}).setdefault(eventType, []).append(call)
        return phase, eventType, call

    def removeSystemEventTrigger(self, triggerID: _Trigger) -> None:
        """Take a call out of `triggers`; raises `KeyError` or `ValueError` if it isn't there."""
        phase, eventType, call = triggerID
        self.triggers[phase][eventType].remove(call)

    def fireSystemEvent(self, eventType: str) -> NoReturn:
        """Raise: no event ever happens here. The calls are in `triggers`."""
        raise NotImplementedError("a MemoryReactor fires no events: call what is in its triggers")

    def iterate(self, delay: float = 0) -> NoReturn:
        """Raise: there are no turns."""
        raise NotImplementedError("a MemoryReactor has no turns: advance a MemoryReactorClock")

    def resolve(self, name: str, timeout: Any = 10) -> NoReturn:
        """Raise: only the `nameResolver` looks names up."""
        raise NotImplementedError("a MemoryReactor resolves no names: ask its nameResolver")

    # -- sockets

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> interfaces.IListeningPort:
        """Put the arguments into `tcpServers`; return a port that is not one."""
        self.tcpServers.append((port, factory, backlog, interface))
        return _FakePort(_address(interface or "0.0.0.0", port))

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> interfaces.IConnector:
        """Put the arguments into `tcpClients`; return a connector that doesn't connect."""
        self.tcpClients.append((host, port, factory, timeout, bindAddress))
        return self._started(_address(host, port), factory)

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> interfaces.IListeningPort:
        """Put the arguments into `sslServers`; return a port that is not one."""
        self.sslServers.append((port, factory, contextFactory, backlog, interface))
        return _FakePort(_address(interface or "0.0.0.0", port))

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: Any,
        contextFactory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> interfaces.IConnector:
        """Put the arguments into `sslClients`; return a connector that doesn't connect."""
        self.sslClients.append((host, port, factory, contextFactory, timeout, bindAddress))
        return self._started(_address(host, port), factory)

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: Any = 0
    ) -> interfaces.IListeningPort:
        """Put the arguments into `unixServers`; return a port that is not one."""
        self.unixServers.append((address, factory, backlog, mode, wantPID))
        return _FakePort(UNIXAddress(address))

    def connectUNIX(
        self, address: Any, factory: Any, timeout: float = 30, checkPID: Any = 0
    ) -> interfaces.IConnector:
        """Put the arguments into `unixClients`; return a connector that doesn't connect."""
        self.unixClients.append((address, factory, timeout, checkPID))
        return self._started(UNIXAddress(address), factory)

    def _started(self, address: Any, factory: Any) -> _FakeConnector:
        connector = _FakeConnector(address)
        factory.startedConnecting(connector)
        self.connectors.append(connector)
        return connector

    def adoptStreamPort(
        self, fileno: int, addressFamily: socket.AddressFamily, factory: Any
    ) -> interfaces.IListeningPort:
        """Put the arguments into `adoptedPorts`.

        Raises `UnsupportedAddressFamily` for other families than IPv4 and IPv6.
        """
        port = _FakePort(_anywhere("TCP", addressFamily))
        self.adoptedPorts.append((fileno, addressFamily, factory))
        return port

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: socket.AddressFamily, factory: Any
    ) -> None:
        """Put the arguments into `adoptedStreamConnections`."""
        self.adoptedStreamConnections.append((fileDescriptor, addressFamily, factory))

    def adoptDatagramPort(
        self,
        fileno: int,
        addressFamily: socket.AddressFamily,
        protocol: Any,
        maxPacketSize: int = 8192,
    ) -> interfaces.IListeningPort:
        """Put the arguments into `adoptedPorts`.

        Raises `UnsupportedAddressFamily` for other families than IPv4 and IPv6.
        """
        port = _FakePort(_anywhere("UDP", addressFamily))
        self.adoptedPorts.append((fileno, addressFamily, protocol, maxPacketSize))
        return port

    # -- descriptors

    def addReader(self, reader: Any) -> None:
        """Put it into `readers`."""
        self.readers.add(reader)

    def addWriter(self, writer: Any) -> None:
        """Put it into `writers`."""
        self.writers.add(writer)

    def removeReader(self, reader: Any) -> None:
        """Take it out of `readers`; nothing happens if it isn't there."""
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        """Take it out of `writers`; nothing happens if it isn't there."""
        self.writers.discard(writer)

    def getReaders(self) -> list[Any]:
        """Answer what is in `readers`."""
        return list(self.readers)

    def getWriters(self) -> list[Any]:
        """Answer what is in `writers`."""
        return list(self.writers)

    def removeAll(self) -> list[Any]:
        """Take everything out of `readers` and `writers`; answer what it was."""
        removed = list(self.readers | self.writers)
        self.readers.clear()
        self.writers.clear()
        return removed


class MemoryReactorClock(MemoryReactor, Clock):
    """A `MemoryReactor` with a time of its own, which the test moves on by `advance`."""

    def __init__(self) -> None:
        MemoryReactor.__init__(self)
        Clock.__init__(self)


@implementer(
    "IReactorTCP",
    "IReactorSSL",
    "IReactorUNIX",
    "IReactorSocket",
    "IReactorPluggableNameResolver",
)
class RaisingMemoryReactor(_Resolving):
    """A reactor on which listening and connecting raise.

    Listening, and adopting what listens, raises `listenException`; the rest `connectException`.
    """

    def __init__(
        self,
        listenException: BaseException | None = None,
        connectException: BaseException | None = None,
    ) -> None:
        super().__init__()
        self._listenException = listenException
        self._connectException = connectException

    def _refuseToListen(self) -> NoReturn:
        raise _given(self._listenException, "listenException")

    def _refuseToConnect(self) -> NoReturn:
        raise _given(self._connectException, "connectException")

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> NoReturn:
        """Raise `listenException`."""
        self._refuseToListen()

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> NoReturn:
        """Raise `connectException`."""
        self._refuseToConnect()

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> NoReturn:
        """Raise `listenException`."""
        self._refuseToListen()

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: Any,
        contextFactory: Any,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> NoReturn:
        """Raise `connectException`."""
        self._refuseToConnect()

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: Any = 0
    ) -> NoReturn:
        """Raise `listenException`."""
        self._refuseToListen()

    def connectUNIX(
        self, address: Any, factory: Any, timeout: float = 30, checkPID: Any = 0
    ) -> NoReturn:
        """Raise `connectException`."""
        self._refuseToConnect()

    def adoptStreamPort(self, fileno: int, addressFamily: Any, factory: Any) -> NoReturn:
        """Raise `listenException`."""
        self._refuseToListen()

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: Any, factory: Any
    ) -> NoReturn:
        """Raise `connectException`."""
        self._refuseToConnect()

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: Any, protocol: Any, maxPacketSize: int = 8192
    ) -> NoReturn:
        """Raise `connectException`."""
        self._refuseToConnect()


def _given(exception: BaseException | None, name: str) -> BaseException:
    return TypeError(f"no {name} was given to raise") if exception is None else exception
