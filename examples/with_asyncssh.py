"""asyncssh and Twisted-style code in one loop and in one coroutine.

    python examples/with_asyncssh.py

A Twisted-style client speaks with a Twisted-style server through a tunnel, whose two ends are
asyncssh's client and server. Needs `asyncssh`.
"""

import asyncssh

from reactorlite.internet.defer import Deferred
from reactorlite.internet.protocol import ClientCreator, Factory, Protocol, connectionDone
from reactorlite.internet.task import react


class Shout(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Collect(Protocol):
    def __init__(self) -> None:
        self.received, self.done = b"", Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason=connectionDone) -> None:
        self.done.callback(self.received)


class Tunnels(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False  # whoever comes may come in: it is but an example

    def connection_requested(self, host: str, port: int, *_: object) -> bool:
        return True  # and may reach whatever this machine can


async def main(reactor) -> None:
    shouting = reactor.listenTCP(0, Factory.forProtocol(Shout), interface="127.0.0.1")
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with await asyncssh.create_server(Tunnels, "127.0.0.1", 0, server_host_keys=[key]) as ssh:
        trusted = asyncssh.import_known_hosts(f"* {key.export_public_key().decode()}")
        where = ("127.0.0.1", ssh.get_port())
        async with asyncssh.connect(*where, known_hosts=trusted, config=None) as connection:
            tunnel = await connection.forward_local_port(
                "127.0.0.1", 0, "127.0.0.1", shouting.getHost().port
            )
            collect = await ClientCreator(reactor, Collect).connectTCP(
                "127.0.0.1", tunnel.get_port()
            )
            collect.transport.write(b"take an umbrella")
            collect.transport.loseWriteConnection()
            print("through the tunnel:", (await collect.done).decode())
    await shouting.stopListening()


if __name__ == "__main__":
    react(main)
