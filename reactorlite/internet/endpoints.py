r"""Where to listen and where to connect, as objects, or as text from a command line.

    endpoint = serverFromString(reactor, "tcp:8080")
    endpoint.listen(Factory.forProtocol(Echo))

    endpoint = HostnameEndpoint(reactor, "example.com", 80)
    greeter = await connectProtocol(endpoint, Greeter())

Descriptions of servers:

    tcp:<port>[:interface=<address>][:backlog=<number>]
    tcp6:<port>[:interface=<address>][:backlog=<number>]
    ssl:<port>:privateKey=<file>[:certKey=<file>][:extraCertChain=<file>][:dhParameters=<file>]
       [:sslmethod=<name>][:interface=<address>][:backlog=<number>]
    tls:<directory of PEM files>[:<port>][:interface=<address>][:backlog=<number>]
    unix:<path>[:mode=<octal>][:backlog=<number>][:lockfile=<0 or 1>]
    systemd:domain=<INET, INET6 or UNIX>:index=<number>      or name=<name>
    stdio:
    haproxy:<another of these>

and of clients:

    tcp:<host>:<port>[:timeout=<seconds>][:bindAddress=<address>]
    ssl:<host>:<port>[:hostname=<to verify>][:caCertsDir=<directory>][:certKey=<file>]
       [:privateKey=<file>][:timeout=<seconds>][:bindAddress=<address>]
    tls:<host>:<port>[:trustRoots=<directory>][:certificate=<file>][:privateKey=<file>]
       [:endpoint=<another of these>][:timeout=<seconds>][:bindAddress=<address>]
    unix:<path>[:timeout=<seconds>][:lockfile=<0 or 1>]

A colon or a backslash in a value has a backslash before it, which `quoteStringArgument` puts
there. Packages can add kinds of their own by entry points, of the groups
`reactorlite.stream_servers` and `reactorlite.stream_clients`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet._attempts import _WrappingFactory, _WrappingProtocol
from reactorlite.internet._clientdescriptions import _TLSClientEndpointParser, clientFromString
from reactorlite.internet._descriptions import fields as _parse
from reactorlite.internet._descriptions import quoteStringArgument
from reactorlite.internet._hostname import HostnameEndpoint
from reactorlite.internet._pipeendpoints import (
    ProcessEndpoint,
    StandardErrorBehavior,
    StandardIOEndpoint,
    _ProcessEndpointTransport,
    _WrapIProtocol,
)
from reactorlite.internet._resolving import _SimpleHostnameResolver
from reactorlite.internet._serverdescriptions import (
    _StandardIOParser,
    _SystemdParser,
    _TCP6ServerParser,
    _TLSServerEndpointParser,
    serverFromString,
)
from reactorlite.internet._streamendpoints import (
    AdoptedStreamServerEndpoint,
    SSL4ClientEndpoint,
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from reactorlite.internet._tlsendpoints import (
    _TLSServerEndpoint,
    _WrapperEndpoint,
    _WrapperServerEndpoint,
    wrapClientTLS,
    wrapServerTLS,
)
from reactorlite.internet.defer import fail
from reactorlite.internet.protocol import Factory

if TYPE_CHECKING:
    from reactorlite.internet import interfaces
    from reactorlite.internet.defer import Deferred

__all__ = [
    "AdoptedStreamServerEndpoint",
    "HostnameEndpoint",
    "ProcessEndpoint",
    "SSL4ClientEndpoint",
    "SSL4ServerEndpoint",
    "StandardErrorBehavior",
    "StandardIOEndpoint",
    "TCP4ClientEndpoint",
    "TCP4ServerEndpoint",
    "TCP6ClientEndpoint",
    "TCP6ServerEndpoint",
    "UNIXClientEndpoint",
    "UNIXServerEndpoint",
    "clientFromString",
    "connectProtocol",
    "quoteStringArgument",
    "serverFromString",
    "wrapClientTLS",
    "wrapServerTLS",
]

#: Private in Twisted as well, and imported by its other modules, its plugins and its tests.
_OF_TWISTEDS = (
    _ProcessEndpointTransport,
    _SimpleHostnameResolver,
    _StandardIOParser,
    _SystemdParser,
    _TCP6ServerParser,
    _TLSClientEndpointParser,
    _TLSServerEndpoint,
    _TLSServerEndpointParser,
    _WrapIProtocol,
    _WrapperEndpoint,
    _WrapperServerEndpoint,
    _WrappingFactory,
    _WrappingProtocol,
    _parse,
)


def connectProtocol(endpoint: interfaces.IStreamClientEndpoint, protocol: Any) -> Deferred[Any]:
    """Connect one protocol, that is there already, to an endpoint.

    Returns what `endpoint.connect` returns: a Deferred that gives `protocol` when it is
    connected. It has no factory of its own. The Deferred has failed with `TypeError` if
    `protocol` is a class, or a factory.
    """
    if isinstance(protocol, type) or _is_factory(protocol):
        return fail(
            TypeError(
                f"connectProtocol() takes a protocol, not {protocol!r}: call the class, or give"
                " endpoint.connect() a factory"
            )
        )
    return endpoint.connect(_OneProtocol(protocol))


def _parseServer(description: str | bytes, factory: Any) -> Any:
    """What a server that is described asks of its reactor: "TCP" and the like, and arguments.

    Twisted's programs look at it, to tell which description they were given.
    """
    asked: list[Any] = []
    serverFromString(_Asked(), description).listen(factory).addCallback(asked.append)
    return asked[0]


class _Asked:
    """A reactor that answers with what it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: (name.removeprefix("listen"), arguments, options)


def _is_factory(protocol: Any) -> bool:
    return hasattr(protocol, "buildProtocol") and not hasattr(protocol, "makeConnection")


class _OneProtocol(Factory[Any]):
    """A factory that quietly hands out one protocol."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        """Return the protocol, as it is."""
        return self._protocol


_INTERFACES = (
    "IStreamClientEndpointStringParserWithReactor",
    "IStreamServerEndpointStringParser",
)


def __getattr__(name: str) -> Any:
    # Twisted's modules and plugins import these from here too; to make them costs, so it waits.
    if name in (
        "IStreamClientEndpointStringParserWithReactor",
        "IStreamServerEndpointStringParser",
    ):
        from reactorlite.internet import interfaces

        return getattr(interfaces, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


for _name in __all__:
    # The private modules they are written in would show in tracebacks, pickles and logs.
    globals()[_name].__module__ = __name__
