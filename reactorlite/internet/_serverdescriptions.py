"""What the descriptions of server endpoints mean, kind by kind."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from reactorlite.internet._descriptions import (
    SERVERS,
    built,
    read,
    whole,
    written,
)
from reactorlite.internet._descriptions import (
    port as port_number,
)
from reactorlite.internet._pipeendpoints import StandardIOEndpoint
from reactorlite.internet._streamendpoints import (
    AdoptedStreamServerEndpoint,
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    UNIXServerEndpoint,
)
from reactorlite.python.components import implementer
from reactorlite.python.systemd import ListenFDs

if TYPE_CHECKING:
    from reactorlite.internet import interfaces


def serverFromString(reactor: Any, description: str | bytes) -> interfaces.IStreamServerEndpoint:
    """The server endpoint that `description` describes; see the module `endpoints`.

    Raises `ValueError` for an unknown kind of endpoint and for arguments that mean nothing,
    and `TypeError` where there are too few or too many.
    """
    parser, args, named = read(description, SERVERS, _KINDS)
    endpoint: interfaces.IStreamServerEndpoint
    endpoint = parser.parseStreamServer(reactor, *args, **named)
    return endpoint


@implementer("IStreamServerEndpointStringParser")
class _Parser:
    """Parses descriptions of one kind, `prefix`."""

    prefix: str

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the endpoint; the arguments are a description's fields."""
        return built(self._parseServer, (reactor, *args), kwargs)

    _parseServer: Any


class _TCPParser(_Parser):
    prefix = "tcp"

    def _parseServer(
        self, reactor: Any, port: str, interface: str = "", backlog: str | int = 50
    ) -> Any:
        """`tcp:<port>[:interface=<address>][:backlog=<number>]`"""
        return TCP4ServerEndpoint(reactor, port_number(port), whole("backlog", backlog), interface)


class _TCP6ServerParser(_Parser):
    prefix = "tcp6"

    def _parseServer(
        self, reactor: Any, port: str, backlog: str | int = 50, interface: str = "::"
    ) -> Any:
        r"""`tcp6:<port>[:interface=<address, with \: for each colon>][:backlog=<number>]`"""
        return TCP6ServerEndpoint(reactor, port_number(port), whole("backlog", backlog), interface)


class _UNIXParser(_Parser):
    prefix = "unix"

    def _parseServer(
        self,
        reactor: Any,
        address: str,
        mode: str = "666",
        backlog: str | int = 50,
        lockfile: str | int = 1,
    ) -> Any:
        """`unix:<path>[:mode=<octal>][:backlog=<number>][:lockfile=<0 or 1>]`"""
        return UNIXServerEndpoint(
            reactor,
            address,
            whole("backlog", backlog),
            whole("mode", mode, 8),
            bool(whole("lockfile", lockfile)),
        )


class _SSLParser(_Parser):
    prefix = "ssl"

    def _parseServer(
        self,
        reactor: Any,
        port: str,
        privateKey: str = "server.pem",
        certKey: str | None = None,
        sslmethod: str | None = None,
        interface: str = "",
        backlog: str | int = 50,
        extraCertChain: str | None = None,
        dhParameters: str | None = None,
    ) -> Any:
        """`ssl:<port>:privateKey=<file>[:certKey=<file>][:extraCertChain=<file>]…`"""
        from reactorlite.internet._certificatefiles import options_for_server

        number, waiting = port_number(port), whole("backlog", backlog)
        options = options_for_server(
            certKey or privateKey, privateKey, extraCertChain, dhParameters, sslmethod
        )
        return SSL4ServerEndpoint(reactor, number, options, waiting, interface)


class _TLSServerEndpointParser(_Parser):
    prefix = "tls"

    def _parseServer(
        self,
        reactor: Any,
        path: str,
        port: str | int = 443,
        backlog: str | int = 50,
        interface: str = "::",
    ) -> Any:
        """`tls:<directory of PEM files>[:<port>][:interface=<address>][:backlog=<number>]`"""
        from reactorlite.internet._servernames import context_by_server_name

        number, waiting = port_number(port), whole("backlog", backlog)
        return SSL4ServerEndpoint(reactor, number, context_by_server_name(path), waiting, interface)


class _StandardIOParser(_Parser):
    prefix = "stdio"

    def _parseServer(self, reactor: Any, nothing: str = "") -> Any:
        """`stdio:`"""
        if nothing:
            raise ValueError(f"stdio: takes nothing more, not {nothing!r}")
        return StandardIOEndpoint(reactor)


class _SystemdParser(_Parser):
    prefix = "systemd"

    # None until the environment is asked, which is done once.
    _sddaemon: ListenFDs | None = None

    def _parseServer(
        self, reactor: Any, domain: str, index: str | None = None, name: str | None = None
    ) -> Any:
        """`systemd:domain=<INET, INET6 or UNIX>:index=<number>`, or `name=` for `index=`"""
        if (index is None) == (name is None):
            raise ValueError("systemd: takes the index of a descriptor, or its name: one of them")
        family = getattr(socket, f"AF_{domain}", None) if domain in _DOMAINS else None
        if family is None:
            raise ValueError(f"systemd: has the domains {', '.join(_DOMAINS)}, not {domain!r}")
        number = self._by_index(index) if index is not None else self._by_name(str(name))
        return AdoptedStreamServerEndpoint(reactor, number, family)

    def _inherited(self) -> ListenFDs:
        if self._sddaemon is None:
            type(self)._sddaemon = ListenFDs.fromEnvironment()
        assert self._sddaemon is not None
        return self._sddaemon

    def _by_index(self, index: str | int) -> int:
        inherited = self._inherited().inheritedDescriptors()
        wanted = whole("index", index)
        if not 0 <= wanted < len(inherited):
            raise IndexError(
                f"there is no inherited descriptor {wanted}: {len(inherited)} were handed over"
            )
        return inherited[wanted]

    def _by_name(self, name: str) -> int:
        inherited = self._inherited().inheritedNamedDescriptors()
        if name not in inherited:
            names = ", ".join(map(repr, inherited)) or "none"
            raise KeyError(f"there is no inherited descriptor {name!r}: their names are {names}")
        return inherited[name]


_DOMAINS = ("INET", "INET6", "UNIX")


class _HAProxyParser(_Parser):
    prefix = "haproxy"

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> Any:
        """`haproxy:<another description>`, whose peers are those that a proxy tells of."""
        from reactorlite.protocols.haproxy import proxyEndpoint

        if not any(args):
            raise ValueError("haproxy: takes a description of what the proxy connects to")
        return proxyEndpoint(serverFromString(reactor, written(args, kwargs)))


_KINDS: dict[str, Any] = {
    parser.prefix: parser()
    for parser in (
        _TCPParser,
        _TCP6ServerParser,
        _UNIXParser,
        _SSLParser,
        _TLSServerEndpointParser,
        _StandardIOParser,
        _SystemdParser,
        _HAProxyParser,
    )
}
