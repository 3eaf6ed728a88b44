"""Endpoints that are no sockets: a child process, and this one's standard input and output."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reactorlite.internet import error
from reactorlite.internet.address import _ProcessAddress
from reactorlite.internet.defer import Deferred, execute
from reactorlite.internet.protocol import ProcessProtocol
from reactorlite.internet.stdio import PipeAddress, StandardIO
from reactorlite.python import log
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

if TYPE_CHECKING:
    from reactorlite.internet import interfaces


@implementer("IStreamServerEndpoint")
class StandardIOEndpoint:
    """The standard input and output of this process, for one connection."""

    _stdio: Any = StandardIO

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listen(self, stdioProtocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect a protocol to them; the Deferred gives the transport, a `StandardIO`."""
        return execute(self._open, stdioProtocolFactory)

    def _open(self, factory: Any) -> Any:
        protocol = factory.buildProtocol(PipeAddress())
        if protocol is None:
            raise error.NoProtocol
        return self._stdio(protocol, reactor=self._reactor)


class StandardErrorBehavior(enum.Enum):
    """What becomes of what a child process writes to its standard error."""

    LOG = "log"
    DROP = "drop"


@implementer("IStreamClientEndpoint")
class ProcessEndpoint:
    """A child process, which each `connect` starts: its input and output are the stream.

    The arguments are those of `spawnProcess`. `errFlag` says what becomes of its standard
    error: it is logged, or dropped.
    """

    def __init__(
        self,
        reactor: Any,
        executable: str | bytes,
        args: Sequence[str | bytes] = (),
        env: Mapping[Any, Any] | None = {},  # as `spawnProcess` has it, never changed
        path: str | bytes | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: Any = 0,
        childFDs: Mapping[int, int | str] | None = None,
        errFlag: StandardErrorBehavior = StandardErrorBehavior.LOG,
    ) -> None:
        self._reactor = reactor
        self._executable = executable
        self._args = args
        self._env = env
        self._path = path
        self._uid = uid
        self._gid = gid
        self._usePTY = usePTY
        self._childFDs = childFDs
        self._errFlag = errFlag
        self._spawnProcess = reactor.spawnProcess

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Start the process; the Deferred gives the protocol, or fails as `spawnProcess` does."""
        return execute(self._spawn, protocolFactory)

    def _spawn(self, factory: Any) -> Any:
        protocol = factory.buildProtocol(_ProcessAddress())
        if protocol is None:
            raise error.NoProtocol
        self._spawnProcess(
            _WrapIProtocol(protocol, self._executable, self._errFlag),
            self._executable,
            self._args,
            self._env,
            self._path,
            self._uid,
            self._gid,
            self._usePTY,
            self._childFDs,
        )
        return protocol


class _WrapIProtocol(ProcessProtocol):
    """Makes of a process' pipes the stream of a protocol."""

    def __init__(self, proto: Any, executable: str | bytes, errFlag: StandardErrorBehavior) -> None:
        self.protocol = proto
        self.executable = executable
        self.errFlag = errFlag

    def makeConnection(self, process: Any) -> None:
        """Connect the protocol."""
        self.transport = _ProcessEndpointTransport(process)
        self.protocol.makeConnection(self.transport)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass on what the process puts out; log, or drop, its errors."""
        if childFD == 1:
            self.protocol.dataReceived(data)
        elif childFD == 2 and self.errFlag is StandardErrorBehavior.LOG:
            log.msg(
                format="Process %(executable)r wrote stderr unhandled by %(protocol)s: %(data)s",
                executable=self.executable,
                protocol=self.protocol,
                data=data,
            )

    def processEnded(self, reason: Failure) -> None:
        """Tell the protocol: it is done, or for any other exit lost."""
        how = reason.value
        done = isinstance(how, error.ProcessDone) and how.status == 0
        kind = error.ConnectionDone if done else error.ConnectionLost
        ended = kind(*how.args)
        ended.__cause__ = how
        self.protocol.connectionLost(Failure(ended))


@implementer("ITransport", "IConsumer", "IPushProducer")
class _ProcessEndpointTransport:
    """A process' pipes as one stream."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def write(self, data: bytes) -> None:
        """Send to the process' standard input."""
        self._process.writeToChild(0, data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send all of `data` to the process' standard input."""
        self._process.writeToChild(0, b"".join(data))

    def loseConnection(self) -> None:
        """Close all pipes, once what was written has been sent."""
        self._process.loseConnection()

    def getPeer(self) -> Any:
        """The process, of which there is nothing to tell."""
        return self._process.getPeer()

    def getHost(self) -> Any:
        """This side, of which there is nothing to tell."""
        return self._process.getHost()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` fill the process' standard input."""
        self._process.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let go of the producer."""
        self._process.unregisterProducer()

    def pauseProducing(self) -> None:
        """Take nothing from the process until `resumeProducing`."""
        self._process.pauseProducing()

    def resumeProducing(self) -> None:
        """Take what the process puts out again."""
        self._process.resumeProducing()

    def stopProducing(self) -> None:
        """Take nothing from the process any longer."""
        self._process.stopProducing()
