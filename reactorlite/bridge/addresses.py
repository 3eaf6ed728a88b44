"""Socket addresses as the operating system gives them, as Twisted's address objects."""

from __future__ import annotations

import socket
from typing import Any, Literal

from reactorlite.internet.address import IPv4Address, IPv6Address, UNIXAddress

#: The families that TCP and UDP run over.
IP_FAMILIES = (socket.AF_INET, socket.AF_INET6)

Address = IPv4Address | IPv6Address | UNIXAddress


def address_from(name: Any, kind: Literal["TCP", "UDP"] = "TCP") -> Address:
    """The address that `name`, a result of `getsockname` or `getpeername`, stands for.

    The shape tells the family: a pair is IPv4, four items are IPv6, and text or bytes a
    UNIX socket's path, empty for one without a name.
    """
    if isinstance(name, tuple):
        if len(name) == 2:
            return IPv4Address(kind, name[0], name[1])
        return IPv6Address(kind, _scoped(name[0], name[3]), name[1], name[2], name[3])
    return UNIXAddress(name or None)


def _scoped(host: str, scope: int) -> str:
    """`host` with its link, if it is only good on one, and can't be reached without."""
    if not scope or not host.startswith("fe80:") or "%" in host:
        return host
    try:
        return f"{host}%{socket.if_indextoname(scope)}"
    except OSError:  # the link is gone
        return f"{host}%{scope}"


def name_to_bind(family: int, host: str, port: int) -> Any:
    """What `bind` takes for `host`, an address of that family, which may name its link."""
    if family == socket.AF_INET6 and host:
        # Only the resolver knows the number of a link such as the one in "fe80::1%eth0".
        found = socket.getaddrinfo(
            host, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        return found[0][4]
    return (host, port)


def socket_name(address: Any) -> Any:
    """The reverse of `address_from`; None for an address that isn't a socket's."""
    if isinstance(address, IPv4Address):
        return (address.host, address.port)
    if isinstance(address, IPv6Address):
        return (address.host, address.port, address.flowInfo, address.scopeID)
    return address.name if isinstance(address, UNIXAddress) else None
