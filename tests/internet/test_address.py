"""Addresses: values that look and compare as Twisted's do."""

import copy
import os
import pickle
import weakref

import pytest

from reactorlite.internet import address
from reactorlite.internet.interfaces import IAddress

MADE = [
    ("IPv4Address", ("TCP", "127.0.0.1", 80)),
    ("IPv4Address", ("UDP", "127.0.0.1", 80)),
    ("IPv4Address", ("TCP", "127.0.0.1", 81)),
    ("IPv6Address", ("TCP", "::1", 80)),
    ("IPv6Address", ("UDP", "fe80::1", 80, 5, "eth0")),
    ("HostnameAddress", (b"example.com", 443)),
    ("UNIXAddress", ("/no/such/socket",)),
    ("UNIXAddress", (b"/no/such/socket",)),
    ("UNIXAddress", ("relative",)),
    ("UNIXAddress", (b"not-utf-8-\xff",)),
    ("UNIXAddress", ("",)),
    ("UNIXAddress", (None,)),
    ("UNIXAddress", (b"\0abstract",)),
]
SORTED = [made for made in MADE if made[0] != "UNIXAddress"]


def make(module, made):
    """One of the addresses above, of either module."""
    name, args = made
    return getattr(module, name)(*args)


@pytest.fixture(scope="module")
def theirs():
    """Twisted's module, where Twisted is installed."""
    return pytest.importorskip("twisted.internet.address")


@pytest.mark.parametrize("made", MADE, ids=repr)
def test_looks_as_in_twisted(made, theirs):
    """An address prints as Twisted's does, and has the same fields."""
    ours, other = make(address, made), make(theirs, made)

    assert repr(ours) == repr(other)
    assert {name: getattr(ours, name) for name in vars(other)} == vars(other)


@pytest.mark.parametrize("two", MADE, ids=repr)
@pytest.mark.parametrize("one", MADE, ids=repr)
def test_compares_as_in_twisted(one, two, theirs):
    """Two addresses are equal, and unequal, when Twisted's are."""
    equal = make(theirs, one) == make(theirs, two)

    assert (make(address, one) == make(address, two)) is equal
    assert (make(address, one) != make(address, two)) is not equal


@pytest.mark.parametrize("two", SORTED, ids=repr)
@pytest.mark.parametrize("one", SORTED, ids=repr)
def test_sorts_as_in_twisted(one, two, theirs):
    """Addresses of one class sort by their fields; those of two don't sort."""
    assert order(address, one, two) == order(theirs, one, two)


def order(module, one, two):
    """How two addresses sort, if they do."""
    a, b = make(module, one), make(module, two)
    try:
        return a < b, a <= b, a > b, a >= b
    except TypeError:
        return "not sorted"


@pytest.mark.parametrize("made", MADE, ids=repr)
def test_equal_addresses_hash_alike(made):
    """Equal addresses are one key of a dictionary."""
    assert len({make(address, made), make(address, made)}) == 1


@pytest.mark.parametrize("name", ["IPv4Address", "IPv6Address"])
@pytest.mark.parametrize("type", ["SCTP", b"TCP", None, ["TCP"]])
def test_other_types_are_refused(name, type):
    """The type is "TCP" or "UDP", and the error shows what came instead."""
    with pytest.raises(ValueError, match="'type'") as caught:
        getattr(address, name)(type, "::1", 1)

    assert repr(type) in str(caught.value)


def test_made_by_keywords():
    """Fields may be given by name, in any order."""
    made = address.IPv6Address(port=80, host="::1", type="TCP", scopeID="eth0")

    assert made == address.IPv6Address("TCP", "::1", 80, 0, "eth0")


def test_matched_by_position():
    """`match` takes an address apart in the order of its fields."""
    match address.IPv4Address("TCP", "127.0.0.1", 80):
        case address.IPv4Address("TCP", host, port):
            taken = (host, port)

    assert taken == ("127.0.0.1", 80)


def test_a_subclass_is_another_kind_of_address():
    """An address equals only those of its own class."""

    class Other(address.IPv4Address):
        pass

    made = Other("TCP", "127.0.0.1", 80)

    assert made != address.IPv4Address("TCP", "127.0.0.1", 80)
    assert made == Other("TCP", "127.0.0.1", 80)
    assert repr(made).endswith("Other(type='TCP', host='127.0.0.1', port=80)")


@pytest.mark.parametrize("other", [None, 80, ("TCP", "127.0.0.1", 80)])
def test_no_address_is_equal_to_anything_else(other):
    """An address is not equal to what is no address."""
    for made in MADE:
        assert make(address, made) != other


def test_a_link_is_the_file_it_leads_to(tmp_path):
    """Two names of one file are one address."""
    (tmp_path / "socket").touch()
    os.symlink(tmp_path / "socket", tmp_path / "link")
    one = address.UNIXAddress(str(tmp_path / "socket"))
    two = address.UNIXAddress(str(tmp_path / "link"))

    assert one == two
    assert hash(one) == hash(two)


def test_two_files_are_two_addresses(tmp_path):
    """Files that both exist and differ are different addresses."""
    for name in ("one", "two"):
        (tmp_path / name).touch()

    one, two = (address.UNIXAddress(str(tmp_path / name)) for name in ("one", "two"))

    assert one != two


def test_a_path_is_a_name(tmp_path):
    """A path object does for a UNIX address, as text and bytes do."""
    assert address.UNIXAddress(tmp_path).name == os.fsencode(tmp_path)


def test_a_number_is_no_name():
    """A UNIX address needs a name, or None."""
    with pytest.raises(TypeError):
        address.UNIXAddress(3)


def test_unix_addresses_do_not_sort():
    """UNIX addresses have no order."""
    with pytest.raises(TypeError):
        address.UNIXAddress("a") < address.UNIXAddress("b")  # noqa: B015  # raising is the point


@pytest.mark.parametrize("duplicate", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("made", MADE, ids=repr)
def test_copies_are_equal(made, duplicate):
    """A copied or unpickled address equals the first."""
    first = make(address, made)

    assert duplicate(first) == first


@pytest.mark.parametrize("made", [*MADE, ("_ProcessAddress", ())], ids=repr)
def test_says_that_it_is_an_address(made):
    """Every address provides `IAddress`."""
    assert IAddress.providedBy(make(address, made))


def test_can_be_watched():
    """An address can be weakly referred to, as any object of Twisted's can."""
    made = address.IPv4Address("TCP", "127.0.0.1", 80)

    assert weakref.ref(made)() is made
