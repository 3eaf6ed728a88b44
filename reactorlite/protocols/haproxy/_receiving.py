"""Between a proxy's connection and the application's protocol."""

from __future__ import annotations

from typing import Any

from reactorlite.protocols.haproxy._header import Header, InvalidProxyHeader, header_in
from reactorlite.protocols.policies import ProtocolWrapper, WrappingFactory
from reactorlite.python import log


class BehindProxy(ProtocolWrapper):
    """Takes the header off, and answers with the addresses in it."""

    _header: Header | None = None

    def __init__(self, factory: Any, wrappedProtocol: Any) -> None:
        super().__init__(factory, wrappedProtocol)
        self._begun = b""

    def dataReceived(self, data: bytes) -> None:
        """Pass on what follows the header; close where there is none."""
        if self._header is not None:
            self.wrappedProtocol.dataReceived(data)
        elif not self.disconnecting:
            self._read_header(self._begun + data)

    def _read_header(self, data: bytes) -> None:
        try:
            self._header = header = header_in(data)
        except InvalidProxyHeader as exc:
            log.msg(f"No PROXY header from {self.transport.getPeer()}: {exc}")
            self.loseConnection()
            return
        self._begun = data if header is None else b""
        if header is not None and len(data) > header.size:
            self.wrappedProtocol.dataReceived(data[header.size :])

    def getPeer(self) -> Any:
        """The client, as the header tells, or else the proxy."""
        told = self._header.peer if self._header is not None else None
        return self.transport.getPeer() if told is None else told

    def getHost(self) -> Any:
        """Where the client connected to, as the header tells, or else this end."""
        told = self._header.host if self._header is not None else None
        return self.transport.getHost() if told is None else told


class BehindProxyFactory(WrappingFactory[BehindProxy]):
    """Puts a `BehindProxy` before each protocol."""

    protocol = BehindProxy
