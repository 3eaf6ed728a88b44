"""Socket addresses, to Twisted's objects and back."""

import socket

import pytest

from reactorlite.bridge.addresses import address_from, socket_name
from reactorlite.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress

NAMES = [
    (("192.0.2.1", 80), IPv4Address("TCP", "192.0.2.1", 80)),
    (("::1", 80, 0, 0), IPv6Address("TCP", "::1", 80)),
    (("fe80::1%lo", 80, 5, 2), IPv6Address("TCP", "fe80::1%lo", 80, 5, 2)),
    ("/tmp/socket", UNIXAddress("/tmp/socket")),
    (b"\0abstract", UNIXAddress(b"\0abstract")),
]


@pytest.mark.parametrize(("name", "address"), NAMES)
def test_address_from_a_name(name, address):
    """What `getsockname` gives becomes the address that Twisted has for it."""
    assert address_from(name) == address


@pytest.mark.parametrize(("name", "address"), NAMES)
def test_name_from_an_address(name, address):
    """And back."""
    made = socket_name(address)

    assert made == name or made == name.encode()


def test_link_of_an_address():
    """A link-local host says which link it is on, by its name, or by its number once it is gone."""
    number, link = socket.if_nameindex()[0]

    here = address_from(("fe80::1", 80, 0, number))
    gone = address_from(("fe80::1", 80, 0, 2**31 - 1))

    assert here == IPv6Address("TCP", f"fe80::1%{link}", 80, 0, number)
    assert gone.host == "fe80::1%2147483647"


def test_datagram_address():
    """The kind of an address can be told."""
    assert address_from(("192.0.2.1", 53), "UDP") == IPv4Address("UDP", "192.0.2.1", 53)


@pytest.mark.parametrize("name", ["", b"", None])
def test_unix_socket_without_a_name(name):
    """A UNIX socket that isn't bound has no name."""
    assert address_from(name) == UNIXAddress(None)


def test_what_is_no_sockets_address():
    """An address that no socket has gives None."""
    assert socket_name(HostnameAddress(b"example.com", 80)) is None
