"""What the objects of this programming model promise one another.

Each class here is read twice. A static checker sees a structural `typing.Protocol`, so that
users' classes fit as they are. At run time the same body becomes a zope.interface interface,
or the stand-in's where zope.interface is missing (see `reactorlite.python.components`): there
methods lose their `self`, and properties become attributes.

To import this module makes the interfaces, and imports zope.interface. Modules of this package
therefore import it under `TYPE_CHECKING` only, and declare what they keep by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet._reactor_interfaces import *  # noqa: F403  # all are given on
from reactorlite.python import components
from reactorlite.python.components import Interface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from reactorlite.internet.defer import Deferred
    from reactorlite.python.failure import Failure

    #: Answers, authorities and additional records of one look-up in the DNS.
    Records = tuple[list[Any], list[Any], list[Any]]
    Lookup = Callable[[str, Sequence[int] | None], Deferred[Records]]
else:
    from reactorlite.python.components import Shape as Protocol


# ── addresses and names ──────────────────────────────────────────────────────────────────


class IAddress(Interface, Protocol):
    """Where one end of a connection is. Addresses can be compared, hashed and printed."""


class IResolverSimple(Interface, Protocol):
    """Turns host names into IPv4 addresses, one each."""

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:
        """Look a name up; the Deferred gives the address as text.

        It fails with `DNSLookupError` if there is none, or once the timeouts, in seconds and
        one per attempt, are used up.
        """


class IHostResolution(Interface, Protocol):
    """One look-up on its way."""

    @property
    def name(self) -> str:
        """The name that is looked up."""

    def cancel(self) -> None:
        """Give up: what has not been reported by now never is."""


class IResolutionReceiver(Interface, Protocol):
    """Is told the addresses of a name while they are found."""

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Take the look-up that has started; always the first call."""

    def addressResolved(self, address: IAddress) -> None:
        """Take one address; called as often as there are addresses, perhaps never."""

    def resolutionComplete(self) -> None:
        """Learn that there will be no more addresses; always the last call."""


class IHostnameResolver(Interface, Protocol):
    """Turns host names into any number of addresses of any family."""

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Look a name up and report to the receiver.

        The addresses reported carry the port number, and are of the types asked for (all, if
        None) and fit for the transport: `"TCP"` or `"UDP"`.
        """


def _lookup(what: str) -> Any:
    def lookup(self: Any, name: str, timeout: Any) -> None:
        """Described by what is looked up."""

    lookup.__doc__ = f"Look up {what} of a name in the DNS."
    return lookup


class IResolver(IResolverSimple, Protocol):
    """Asks the DNS for records of every kind.

    A look-up's Deferred gives three lists of resource records: answers, authorities and
    additional ones. Timeouts are in seconds, one per attempt; None leaves them to the resolver.
    """

    def query(self, query: Any, timeout: Sequence[int] | None) -> Deferred[Records]:
        """Put one question, whatever its type."""

    lookupAddress: Lookup = _lookup("the IPv4 addresses (A)")
    lookupAddress6: Lookup = _lookup("the obsolete kind of IPv6 addresses (A6)")
    lookupIPV6Address: Lookup = _lookup("the IPv6 addresses (AAAA)")
    lookupMailExchange: Lookup = _lookup("the mail exchanges (MX)")
    lookupNameservers: Lookup = _lookup("the name servers (NS)")
    lookupCanonicalName: Lookup = _lookup("the canonical name (CNAME)")
    lookupMailBox: Lookup = _lookup("the mail boxes (MB)")
    lookupMailGroup: Lookup = _lookup("the members of a mail group (MG)")
    lookupMailRename: Lookup = _lookup("the renamed mail boxes (MR)")
    lookupPointer: Lookup = _lookup("the pointers (PTR)")
    lookupAuthority: Lookup = _lookup("the start of authority (SOA)")
    lookupNull: Lookup = _lookup("the null records (NULL)")
    lookupWellKnownServices: Lookup = _lookup("the well-known services (WKS)")
    lookupHostInfo: Lookup = _lookup("the host information (HINFO)")
    lookupMailboxInfo: Lookup = _lookup("the mail box information (MINFO)")
    lookupText: Lookup = _lookup("the texts (TXT)")
    lookupResponsibility: Lookup = _lookup("the responsible persons (RP)")
    lookupAFSDatabase: Lookup = _lookup("the AFS databases (AFSDB)")
    lookupService: Lookup = _lookup("the services (SRV)")
    lookupAllRecords: Lookup = _lookup("the records of every type (ANY)")
    lookupSenderPolicy: Lookup = _lookup("the sender policies (SPF)")
    lookupNamingAuthorityPointer: Lookup = _lookup("the naming authority pointers (NAPTR)")

    def lookupZone(self, name: str, timeout: Sequence[int] | None) -> Deferred[Records]:
        """Transfer a whole zone (AXFR)."""


# ── protocols and factories ──────────────────────────────────────────────────────────────


class ILoggingContext(Interface, Protocol):
    """Names itself in the log."""

    def logPrefix(self) -> str:
        """Answer a short name that tells this object's log lines from others'."""


class IProtocol(Interface, Protocol):
    """What one connection talks: receives its bytes and learns how it begins and ends."""

    def makeConnection(self, transport: ITransport) -> None:
        """Keep the transport of the new connection, then call `connectionMade`."""

    def connectionMade(self) -> None:
        """Begin; called once, before any data, with the transport in place."""

    def dataReceived(self, data: bytes) -> None:
        """Take what has arrived: never empty, and cut wherever the network cut it."""

    def connectionLost(self, reason: Failure) -> None:
        """Let go of the connection; called once, and nothing is called after it.

        The reason is `ConnectionDone` for a clean end, `ConnectionLost` for any other.
        """


class IHalfCloseableProtocol(Interface, Protocol):
    """A protocol that lives on when only one direction of its connection has ended."""

    def readConnectionLost(self) -> None:
        """Learn that the peer sends no more. What is written still reaches it."""

    def writeConnectionLost(self) -> None:
        """Learn that nothing written from now on is sent. Data may still arrive."""


class IHandshakeListener(Interface, Protocol):
    """A protocol that wants to know when TLS has been agreed upon."""

    def handshakeCompleted(self) -> None:
        """Learn that the peer is verified as far as was asked; comes before any data."""


class IFileDescriptorReceiver(Interface, Protocol):
    """A protocol to which descriptors may be sent over a UNIX socket."""

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """Take a descriptor, which is the receiver's to close from now on."""


class IProtocolFactory(Interface, Protocol):
    """Makes a protocol for each connection."""

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        """Make the protocol for a connection with that peer; None turns the peer away."""

    def doStart(self) -> None:
        """Learn that one more port or connector uses this factory."""

    def doStop(self) -> None:
        """Learn that one of them uses it no more."""


class IProtocolNegotiationFactory(Interface, Protocol):
    """A factory whose protocols can be chosen between in the TLS handshake (ALPN)."""

    def acceptableProtocols(self) -> list[bytes]:
        """Answer the names that may be agreed upon, the most wanted first."""


class IProcessProtocol(Interface, Protocol):
    """What is said to and heard from a child process."""

    def makeConnection(self, process: IProcessTransport) -> None:
        """Keep the transport of the process, which has just started."""

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Take what the child wrote to one of its descriptors."""

    def childConnectionLost(self, childFD: int) -> None:
        """Learn that one of the pipes to the child is closed."""

    def processExited(self, reason: Failure) -> None:
        """Learn that the child has ended; data may still be in its pipes.

        The reason is `ProcessDone` for an exit code of 0, else `ProcessTerminated`.
        """

    def processEnded(self, reason: Failure) -> None:
        """Learn that the child has ended and all its pipes are closed; the last call."""


# ── producers and consumers ──────────────────────────────────────────────────────────────


class IProducer(Interface, Protocol):
    """Writes to a consumer until there is no more, or it is told to stop."""

    def stopProducing(self) -> None:
        """Give up for good: the consumer is gone."""


class IPushProducer(IProducer, Protocol):
    """A producer that writes of its own accord, until it is paused."""

    def pauseProducing(self) -> None:
        """Write nothing until `resumeProducing` is called."""

    def resumeProducing(self) -> None:
        """Write again. May come without a pause before it."""


class IPullProducer(IProducer, Protocol):
    """A producer that writes when it is asked."""

    def resumeProducing(self) -> None:
        """Write once, now; whoever asks comes again when there is room."""


class IConsumer(Interface, Protocol):
    """Takes data from a producer, and tells it when there is room."""

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a producer: a push producer if streaming, else a pull producer.

        A consumer has one at a time: raises `RuntimeError` for a second. One that can take
        no more data stops the producer at once.
        """

    def unregisterProducer(self) -> None:
        """Let go of the producer, which has written all it had."""

    def write(self, data: bytes) -> None:
        """Take data, even if the producer should have paused."""


# ── transports ───────────────────────────────────────────────────────────────────────────


class ITransport(Interface, Protocol):
    """A protocol's side of a connection."""

    def write(self, data: bytes) -> None:
        """Send bytes, after all that was written before; returns at once, raises no error.

        What can't be sent because the connection has ended is dropped.
        """

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send pieces of bytes one after another, as one `write` of all would."""

    def loseConnection(self) -> None:
        """Close once everything written so far has been sent.

        A registered producer is waited for first.
        """

    def getPeer(self) -> IAddress:
        """Answer the address of the other end; also after the connection has ended."""

    def getHost(self) -> IAddress:
        """Answer the address of this end; also after the connection has ended."""


class ITCPTransport(ITransport, Protocol):
    """A connection over TCP."""

    def loseWriteConnection(self) -> None:
        """End our direction once everything written so far has been sent; go on reading.

        A protocol that is `IHalfCloseableProtocol` is told when it is done.
        """

    def abortConnection(self) -> None:
        """Close at once, dropping what was not sent; the reason is `ConnectionAborted`."""

    def getTcpNoDelay(self) -> bool:
        """Whether small pieces are sent without waiting for acknowledgements."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send small pieces at once, or let the system gather them (Nagle)."""

    def getTcpKeepAlive(self) -> bool:
        """Whether the system probes a connection that has been silent for long."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Have the system probe a connection that is silent for long, or not."""

    def getHost(self) -> Any:
        """Answer the `IPv4Address` or `IPv6Address` of this end."""

    def getPeer(self) -> Any:
        """Answer the `IPv4Address` or `IPv6Address` of the other end."""


class IUNIXTransport(ITransport, Protocol):
    """A connection over a UNIX socket."""

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Send a descriptor along with the next bytes written, of which there must be some.

        It has to stay open until it is sent, and remains the caller's to close.
        """


class ITLSTransport(ITCPTransport, Protocol):
    """A TCP connection on which TLS can be started."""

    def startTLS(self, contextFactory: Any) -> None:
        """Go on encrypted: what was written before goes out plain, all after it in TLS."""


class ISSLTransport(ITCPTransport, Protocol):
    """A connection that is encrypted."""

    def getPeerCertificate(self) -> Any:
        """Answer the certificate the peer has shown, or None."""


class INegotiated(ISSLTransport, Protocol):
    """An encrypted connection whose protocol may have been agreed upon in the handshake."""

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """The name agreed upon; None if none was, or no bytes have arrived yet."""


class IProcessTransport(ITransport, Protocol):
    """Our side of a child process."""

    @property
    def pid(self) -> int | None:
        """The process's number until the child is reaped, None from then on."""

    def closeStdin(self) -> None:
        """Close the child's standard input, once all written to it has been sent."""

    def closeStdout(self) -> None:
        """Stop reading the child's standard output."""

    def closeStderr(self) -> None:
        """Stop reading the child's standard error."""

    def closeChildFD(self, descriptor: int) -> None:
        """Close our end of the pipe that the child knows by this number."""

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """Send bytes to the child's descriptor of that number; `KeyError` if it has none."""

    def loseConnection(self) -> None:
        """Close all pipes; the child itself goes on."""

    def signalProcess(self, signalID: str | int) -> None:
        """Send a signal, by number or as `"HUP"`, `"INT"`, `"KILL"`, `"STOP"`, `"TERM"` …

        Raises `ProcessExitedAlready` if the child has ended.
        """


class IUDPTransport(Interface, Protocol):
    """A datagram protocol's side of a UDP port."""

    def write(self, packet: bytes, addr: tuple[str, int] | None) -> None:
        """Send one datagram; the address is left out when the port is connected.

        Names are not resolved: the host has to be an IP address.
        """

    def connect(self, host: str, port: int) -> None:
        """Talk to this address only, and be told when it refuses; `RuntimeError` if twice."""

    def getHost(self) -> Any:
        """Answer the `IPv4Address` or `IPv6Address` that the port is bound to."""

    def stopListening(self) -> Deferred[None] | None:
        """Close the port; the Deferred fires when it is closed."""

    def setBroadcastAllowed(self, enabled: bool) -> None:
        """Allow sending to broadcast addresses, or not."""

    def getBroadcastAllowed(self) -> bool:
        """Whether sending to broadcast addresses is allowed."""


class IMulticastTransport(IUDPTransport, Protocol):
    """A UDP port that can join multicast groups."""

    def getOutgoingInterface(self) -> str | int:
        """Answer the interface that multicast datagrams leave by."""

    def setOutgoingInterface(self, addr: str | int) -> Deferred[Any]:
        """Have multicast datagrams leave by this interface."""

    def getLoopbackMode(self) -> bool:
        """Whether this host receives what it sends to a group."""

    def setLoopbackMode(self, mode: bool) -> None:
        """Receive on this host what it sends to a group, or not."""

    def getTTL(self) -> int:
        """Answer how many routers a multicast datagram may pass."""

    def setTTL(self, ttl: int) -> None:
        """Set how many routers a multicast datagram may pass: 0 to 255."""

    def joinGroup(self, addr: str, interface: str = "") -> Deferred[None]:
        """Receive what is sent to a group, on one interface or the system's choice."""

    def leaveGroup(self, addr: str, interface: str = "") -> Deferred[None]:
        """Receive it no more."""


class IUNIXDatagramTransport(Interface, Protocol):
    """A datagram protocol's side of a UNIX datagram socket."""

    def write(self, packet: bytes, addr: str) -> None:
        """Send one datagram to the socket at that path."""

    def getHost(self) -> Any:
        """Answer the `UNIXAddress` that the socket is bound to."""


class IUNIXDatagramConnectedTransport(Interface, Protocol):
    """The same of a socket that talks to one other only."""

    def write(self, packet: bytes) -> None:
        """Send one datagram to the other socket."""

    def getHost(self) -> Any:
        """Answer the `UNIXAddress` that this socket is bound to."""

    def getPeer(self) -> Any:
        """Answer the `UNIXAddress` of the other socket."""


class ISystemHandle(Interface, Protocol):
    """Stands on something of the operating system's."""

    def getHandle(self) -> Any:
        """Answer that thing, a socket for instance; it remains its owner's."""


# ── ports, connectors, endpoints ─────────────────────────────────────────────────────────


class IListeningPort(Interface, Protocol):
    """A port that takes connections or datagrams."""

    def startListening(self) -> None:
        """Bind and listen; raises `CannotListenError` if that can't be."""

    def stopListening(self) -> Deferred[None] | None:
        """Take no more; connections that were made live on.

        The Deferred fires when the port is closed.
        """

    def getHost(self) -> IAddress:
        """Answer the address that is listened on, with the port that was really bound."""


class IConnector(Interface, Protocol):
    """One client connection: attempt, connection and the next attempt."""

    def stopConnecting(self) -> None:
        """Give up the attempt; raises `NotConnectingError` if there is none."""

    def disconnect(self) -> None:
        """Close the connection, or give up the attempt, whichever there is."""

    def connect(self) -> None:
        """Try (again); raises `RuntimeError` unless disconnected."""

    def getDestination(self) -> IAddress:
        """Answer the address that is connected to."""


class IStreamClientEndpoint(Interface, Protocol):
    """Somewhere to connect to."""

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the connected protocol, and gives up if cancelled."""


class IStreamServerEndpoint(Interface, Protocol):
    """Somewhere to listen."""

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; the Deferred gives the port, or fails with `CannotListenError`."""


class IStreamServerEndpointStringParser(Interface, Protocol):
    """A plugin that makes server endpoints of descriptions like `"tcp:8080"`."""

    @property
    def prefix(self) -> str:
        """The word before the first colon."""

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> IStreamServerEndpoint:
        """Make the endpoint of what follows it: `key=value` parts come as keywords."""


class IStreamClientEndpointStringParserWithReactor(Interface, Protocol):
    """A plugin that makes client endpoints of descriptions like `"tcp:example.org:80"`."""

    @property
    def prefix(self) -> str:
        """The word before the first colon."""

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> IStreamClientEndpoint:
        """Make the endpoint of what follows it: `key=value` parts come as keywords."""


# ── file descriptors ─────────────────────────────────────────────────────────────────────


class IFileDescriptor(ILoggingContext, Protocol):
    """Something with a descriptor that the reactor watches."""

    def fileno(self) -> int:
        """Answer the descriptor's number, or -1 once it is closed."""

    def connectionLost(self, reason: Failure) -> None:
        """Learn that the descriptor failed, or was found closed, and is watched no more."""


class IReadDescriptor(IFileDescriptor, Protocol):
    """A descriptor that can be watched for reading."""

    def doRead(self) -> Exception | None:
        """Read what is there; to answer an exception is to have the descriptor dropped."""


class IWriteDescriptor(IFileDescriptor, Protocol):
    """A descriptor that can be watched for writing."""

    def doWrite(self) -> Exception | None:
        """Write what can be; to answer an exception is to have the descriptor dropped."""


class IReadWriteDescriptor(IReadDescriptor, IWriteDescriptor, Protocol):
    """A descriptor that can be watched for both."""


class IHalfCloseableDescriptor(Interface, Protocol):
    """A descriptor that can end in one direction only."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """Learn that our direction has been ended."""

    def readConnectionLost(self, reason: Failure) -> None:
        """Learn that the peer has ended its direction."""


# ── TLS ──────────────────────────────────────────────────────────────────────────────────


class IOpenSSLContextFactory(Interface, Protocol):
    """Has the settings for TLS."""

    def getContext(self) -> Any:
        """Answer the context to make connections of."""


class IOpenSSLServerConnectionCreator(Interface, Protocol):
    """Makes the server's side of each TLS connection."""

    def serverConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """Make the connection object for a protocol that will carry TLS."""


class IOpenSSLClientConnectionCreator(Interface, Protocol):
    """Makes the client's side of each TLS connection."""

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """Make the connection object for a protocol that will carry TLS."""


class ICipher(Interface, Protocol):
    """A cipher for TLS."""

    @property
    def fullName(self) -> str:
        """Its whole name, in OpenSSL's spelling."""


class IAcceptableCiphers(Interface, Protocol):
    """A choice of ciphers."""

    def selectCiphers(self, availableCiphers: tuple[ICipher, ...]) -> tuple[ICipher, ...]:
        """Answer those to use of the ones there are, the most wanted first."""


# ── applications ─────────────────────────────────────────────────────────────────────────


class IServiceCollection(Interface, Protocol):
    """Holds services by name."""

    def getServiceNamed(self, serviceName: str) -> Any:
        """Answer the service of that name; raises `KeyError` if there is none."""

    def addService(self, service: Any) -> None:
        """Take a service."""

    def removeService(self, service: Any) -> None:
        """Let go of a service."""


components.come_into_being(vars())
