"""TLS by what pyOpenSSL has: contexts, and connections that a program's creator makes."""

import asyncio
import ssl
from weakref import ref

import pytest

from reactorlite import Reactor
from reactorlite.internet import error
from reactorlite.internet._pyopenssl import Verifier
from reactorlite.internet.interfaces import IProtocolNegotiationFactory
from reactorlite.internet.protocol import ClientFactory, Protocol
from reactorlite.python.components import implementer
from reactorlite.python.failure import Failure

SSL = pytest.importorskip("OpenSSL.SSL", reason="what is tested is TLS by pyOpenSSL")


class Side(Protocol):
    """Notes what it receives, and what it ends for; a server echoes."""

    def __init__(self, says=b""):
        self.says = says
        self.received = b""
        self.over = asyncio.get_running_loop().create_future()

    def connectionMade(self):
        if self.says:
            self.transport.write(self.says)

    def dataReceived(self, data):
        self.received += data
        if not self.says:
            self.transport.write(data)
        elif len(self.received) == len(self.says):
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.over.set_result(reason.value)


class Made(ClientFactory):
    """A factory that makes the one protocol that it has."""

    noisy = False

    def __init__(self, side):
        self.side = side

    def buildProtocol(self, addr):
        return self.side


class Contexts:
    """A context factory."""

    def __init__(self, context):
        self.context = context

    def getContext(self):
        return self.context


class Creator:
    """A connection creator, as Twisted's are: it hears of the handshake, and may refuse."""

    def __init__(self, context, refusal=None):
        self.context = context
        self.refusal = refusal
        context.set_info_callback(self._happened)

    def clientConnectionForTLS(self, protocol):
        connection = SSL.Connection(self.context, None)
        connection.set_app_data(protocol)
        return connection

    def _happened(self, connection, where, _result):
        if where & SSL.SSL_CB_HANDSHAKE_DONE and self.refusal is not None:
            connection.get_app_data().failVerification(Failure(self.refusal))


def pyopenssl_server(certificate):
    """A server's context of pyOpenSSL's."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_chain_file(str(certificate))
    context.use_privatekey_file(str(certificate))
    return context


async def echoed(server, client, says):
    """What each side ended for, and what the client got back."""
    async with Reactor() as reactor:
        served, asked = Side(), Side(says)
        port = reactor.listenSSL(0, Made(served), server, interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, Made(asked), client)
        ends = await asyncio.wait_for(asyncio.gather(served.over, asked.over), 10)
        return ends, asked.received


@pytest.mark.parametrize("size", [5, 300_000])
def test_a_server_and_a_client_by_pyopenssl(run, certificate, size):
    """Data of any size passes both ways, and both end in order."""
    server = Contexts(pyopenssl_server(certificate))
    client = Contexts(SSL.Context(SSL.TLS_METHOD))
    says = b"x" * size

    ends, heard = run(echoed(server, client, says))

    assert heard == says
    assert [type(each) for each in ends] == [error.ConnectionDone, error.ConnectionDone]


def test_pyopenssl_speaks_with_ssl(run, certificate):
    """One side by pyOpenSSL and the other by the standard library understand one another."""
    client = ssl.create_default_context(cafile=certificate)
    client.check_hostname = False

    ends, heard = run(echoed(Contexts(pyopenssl_server(certificate)), client, b"hello"))

    assert heard == b"hello"
    assert isinstance(ends[1], error.ConnectionDone)


def test_a_failed_verification_ends_the_handshake(run, certificate):
    """pyOpenSSL's own error is what the client's protocol ends for."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: False)

    ends, heard = run(echoed(Contexts(pyopenssl_server(certificate)), Contexts(context), b"hello"))

    assert heard == b""
    assert isinstance(ends[1], SSL.Error)


def test_a_creator_may_refuse_the_peer(run, certificate):
    """What a creator tells by `failVerification` is what the client's protocol ends for."""
    refusal = ValueError("somebody else")
    creator = Creator(SSL.Context(SSL.TLS_METHOD), refusal)

    ends, heard = run(echoed(Contexts(pyopenssl_server(certificate)), creator, b"hello"))

    assert heard == b""
    assert ends[1] is refusal


def test_a_creator_s_connection_serves(run, certificate):
    """A creator that refuses nobody has the connection that it made."""
    creator = Creator(SSL.Context(SSL.TLS_METHOD))

    _, heard = run(echoed(Contexts(pyopenssl_server(certificate)), creator, b"hello"))

    assert heard == b"hello"


@implementer(IProtocolNegotiationFactory)
class Negotiating(Made):
    """A factory that speaks some protocols, the first of them best."""

    def __init__(self, side, *names):
        super().__init__(side)
        self.names = names

    def acceptableProtocols(self):
        return self.names


class Keeping(Side):
    """Keeps what was agreed upon."""

    agreed = None

    def dataReceived(self, data):
        self.agreed = self.transport.negotiatedProtocol
        super().dataReceived(data)


async def agreed(server, client, connections=1):
    """What the client agreed upon with the server, for each connection."""
    names = []
    async with Reactor() as reactor:
        serving = Negotiating(None, b"best", b"good")
        port = reactor.listenSSL(0, serving, server, interface="127.0.0.1")
        for _ in range(connections):
            serving.side, asked = Side(), Keeping(b"hello")
            asking = Negotiating(asked, b"other", b"good")
            reactor.connectSSL("127.0.0.1", port.getHost().port, asking, client)
            await asyncio.wait_for(asked.over, 10)
            names.append(asked.agreed)
    return names


def test_factories_negotiate_by_pyopenssl(run, certificate):
    """What both factories speak is agreed upon, for all connections of the one context."""
    server = Contexts(pyopenssl_server(certificate))

    names = run(agreed(server, Contexts(SSL.Context(SSL.TLS_METHOD)), connections=2))

    assert names == [b"good", b"good"]


class Asking:
    """Server's creator that lets the factory of each connection choose, as Twisted's do."""

    def __init__(self, context):
        self.context = context
        context.set_alpn_select_callback(self._choose)

    def serverConnectionForTLS(self, _protocol):
        return SSL.Connection(self.context, None)

    def _choose(self, connection, offered):
        names = connection.get_app_data().factory.wrappedFactory.acceptableProtocols()
        return next(name for name in names if name in offered)


def test_a_creator_finds_the_factory_of_its_connection(run, certificate):
    """A callback of its context finds what it made the connection for, and that its factory."""
    server = Asking(pyopenssl_server(certificate))

    names = run(agreed(server, Contexts(SSL.Context(SSL.TLS_METHOD))))

    assert names == [b"good"]


def test_a_refusal_is_the_reason_though_the_handshake_fails(run, certificate):
    """A creator that refuses a peer inside pyOpenSSL's verification is heard first."""
    refusal = ValueError("somebody else")
    context = SSL.Context(SSL.TLS_METHOD)
    creator = Creator(context)

    def verify(connection, *_):
        connection.get_app_data().failVerification(Failure(refusal))
        return False

    context.set_verify(SSL.VERIFY_PEER, verify)

    ends, _ = run(echoed(Contexts(pyopenssl_server(certificate)), creator, b"hello"))

    assert ends[1] is refusal


def test_what_a_creator_is_given_keeps_no_connection_alive():
    """No cycle of references is left when a connection is gone: a creator may keep its part."""
    user = Contexts(None)
    given = Verifier(user, wrapped=None)
    gone = ref(user)

    del user

    assert gone() is None
    assert given.refused is None
