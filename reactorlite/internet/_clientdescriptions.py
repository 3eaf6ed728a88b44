"""What the descriptions of client endpoints mean, kind by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet._descriptions import (
    CLIENTS,
    built,
    by_name,
    local,
    read,
    seconds,
    whole,
)
from reactorlite.internet._descriptions import (
    port as port_number,
)
from reactorlite.internet._hostname import HostnameEndpoint
from reactorlite.internet._streamendpoints import (
    SSL4ClientEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
)
from reactorlite.internet._tlsendpoints import wrapClientTLS
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from reactorlite.internet import interfaces


def clientFromString(reactor: Any, description: str | bytes) -> interfaces.IStreamClientEndpoint:
    """The client endpoint that `description` describes; see the module `endpoints`.

    Raises `ValueError` for an unknown kind of endpoint and for arguments that mean nothing,
    and `TypeError` where there are too few or too many.
    """
    parser, args, named = read(description, CLIENTS, _KINDS)
    endpoint: interfaces.IStreamClientEndpoint
    endpoint = parser.parseStreamClient(reactor, *args, **named)
    return endpoint


@implementer("IStreamClientEndpointStringParserWithReactor")
class _Parser:
    """Parses descriptions of one kind, `prefix`."""

    prefix: str
    #: Arguments that a field without a name may stand for, though others before it have one.
    order: tuple[str, ...] = ("host", "port")

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the endpoint; the arguments are a description's fields."""
        args, kwargs = by_name(args, kwargs, self.order)
        return built(self._parseClient, (reactor, *args), kwargs)

    _parseClient: Any


class _TCPParser(_Parser):
    prefix = "tcp"

    def _parseClient(
        self,
        reactor: Any,
        host: str,
        port: str,
        *,
        timeout: str | float = 30,
        bindAddress: str | None = None,
    ) -> Any:
        """`tcp:<host>:<port>[:timeout=<seconds>][:bindAddress=<address>]`"""
        return TCP4ClientEndpoint(
            reactor, host, port_number(port), seconds(timeout), local(bindAddress)
        )


class _UNIXParser(_Parser):
    prefix = "unix"
    order = ("path",)

    def _parseClient(
        self, reactor: Any, path: str, *, timeout: str | float = 30, lockfile: str | int = 0
    ) -> Any:
        """`unix:<path>[:timeout=<seconds>][:lockfile=<0 or 1>]`"""
        return UNIXClientEndpoint(
            reactor, path, seconds(timeout), bool(whole("lockfile", lockfile))
        )


class _SSLParser(_Parser):
    prefix = "ssl"

    def _parseClient(
        self,
        reactor: Any,
        host: str,
        port: str,
        *,
        timeout: str | float = 30,
        bindAddress: str | None = None,
        certKey: str | None = None,
        privateKey: str | None = None,
        caCertsDir: str | None = None,
        hostname: str | None = None,
    ) -> Any:
        """`ssl:<host>:<port>[:hostname=<to verify>][:caCertsDir=<directory>][:privateKey=…`"""
        from reactorlite.internet._certificatefiles import options_for_client

        number, limit = port_number(port), seconds(timeout)
        options = options_for_client(hostname, certKey, privateKey, caCertsDir)
        return SSL4ClientEndpoint(reactor, host, number, options, limit, local(bindAddress))


class _TLSClientEndpointParser(_Parser):
    prefix = "tls"
    order = ("host", "port", "timeout", "bindAddress")

    def _parseClient(
        self,
        reactor: Any,
        host: str,
        port: str,
        timeout: str | float = 30,
        bindAddress: str | None = None,
        certificate: str | None = None,
        privateKey: str | None = None,
        trustRoots: str | None = None,
        endpoint: str | None = None,
    ) -> Any:
        """`tls:<host>:<port>[:timeout=<seconds>][:trustRoots=<directory>][:certificate=<file>]…`"""
        from reactorlite.internet._certificatefiles import options_verifying

        below: Any
        if endpoint is not None:
            below = clientFromString(reactor, endpoint)
        else:
            below = HostnameEndpoint(
                reactor, host, port_number(port), seconds(timeout), local(bindAddress)
            )
        return wrapClientTLS(options_verifying(host, certificate, privateKey, trustRoots), below)


_KINDS: dict[str, Any] = {
    parser.prefix: parser()
    for parser in (_TCPParser, _UNIXParser, _SSLParser, _TLSClientEndpointParser)
}
