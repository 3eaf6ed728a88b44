"""Endpoints around endpoints: TLS over whatever carries a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import Deferred
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactorlite.internet import interfaces


@implementer("IStreamClientEndpoint")
class _WrapperEndpoint:
    """A client endpoint whose protocols speak through those of a wrapping factory.

    `wrapperFactory` makes the factory, of the application's.
    """

    def __init__(
        self,
        wrappedEndpoint: interfaces.IStreamClientEndpoint,
        wrapperFactory: Callable[[Any], Any],
    ) -> None:
        self._wrappedEndpoint = wrappedEndpoint
        self._wrapperFactory = wrapperFactory

    def connect(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Connect; the Deferred gives the application's protocol."""
        going = self._wrappedEndpoint.connect(self._wrapperFactory(protocolFactory))
        return going.addCallback(lambda outer: outer.wrappedProtocol)


@implementer("IStreamServerEndpoint")
class _WrapperServerEndpoint:
    """A server endpoint whose protocols speak through those of a wrapping factory."""

    def __init__(
        self,
        wrappedEndpoint: interfaces.IStreamServerEndpoint,
        wrapperFactory: Callable[[Any], Any],
    ) -> None:
        self._wrappedEndpoint = wrappedEndpoint
        self._wrapperFactory = wrapperFactory

    def listen(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Listen; the Deferred gives the port."""
        return self._wrappedEndpoint.listen(self._wrapperFactory(protocolFactory))


@implementer("IStreamServerEndpoint")
class _TLSServerEndpoint:
    """A server endpoint whose connections speak TLS, as `connectionCreator` says."""

    def __init__(
        self, endpoint: interfaces.IStreamServerEndpoint, connectionCreator: Any, clock: Any = None
    ) -> None:
        self.endpoint = endpoint
        self.connectionCreator = connectionCreator
        self.clock = clock

    def listen(self, protocolFactory: interfaces.IProtocolFactory) -> Deferred[Any]:
        """Listen; the Deferred gives the port."""
        return self.endpoint.listen(
            _speaking_tls(self.connectionCreator, False, protocolFactory, self.clock)
        )


def wrapClientTLS(
    connectionCreator: Any,
    wrappedEndpoint: interfaces.IStreamClientEndpoint,
    clock: interfaces.IReactorTime | None = None,
) -> interfaces.IStreamClientEndpoint:
    """A client endpoint that speaks TLS over what `wrappedEndpoint` connects to.

    `connectionCreator` is what `optionsForClientTLS` makes, or an `ssl.SSLContext`.
    """
    return _WrapperEndpoint(
        wrappedEndpoint,
        lambda factory: _speaking_tls(connectionCreator, True, factory, clock),
    )


def wrapServerTLS(
    connectionCreator: Any,
    wrappedEndpoint: interfaces.IStreamServerEndpoint,
    clock: interfaces.IReactorTime | None = None,
) -> interfaces.IStreamServerEndpoint:
    """A server endpoint that speaks TLS with whoever connects to `wrappedEndpoint`.

    `connectionCreator` is a `CertificateOptions`, or an `ssl.SSLContext`.
    """
    return _TLSServerEndpoint(wrappedEndpoint, connectionCreator, clock)


def _speaking_tls(creator: Any, is_client: bool, factory: Any, clock: Any) -> Any:
    from reactorlite.protocols.tls import TLSMemoryBIOFactory

    return TLSMemoryBIOFactory(creator, is_client, factory, clock)
