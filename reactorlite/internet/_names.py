"""The reactor's part that looks up names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.bridge.loops import check_thread
from reactorlite.bridge.reaching import literal
from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python.components import implementer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactorlite.bridge.scope import Scope
    from reactorlite.internet import interfaces


@implementer("IReactorPluggableResolver", "IReactorPluggableNameResolver")
class Names:
    """What a reactor does with names."""

    if TYPE_CHECKING:
        _scope: Scope

    # Both are made on first use, and always stand for one another.
    _simple: Any = None
    _complex: Any = None

    # -- names

    def resolve(self, name: str, timeout: Sequence[int] = (1, 3, 11, 45)) -> Deferred[str]:
        """Look up the IPv4 address of `name`, for at most the sum of `timeout` in seconds.

        The Deferred gives it as text, at once for an address and for "", which is any; it
        fails with `DNSLookupError`, or as an installed resolver does.
        """
        known = literal(name or "0.0.0.0", 0)
        if known is not None and "." in known[1][0]:
            return succeed(known[1][0])
        check_thread(self._scope.loop, "reactor.resolve")
        return self.resolver.getHostByName(name, timeout)

    @property
    def resolver(self) -> interfaces.IResolverSimple:
        """The resolver of one address each that `resolve` asks."""
        if self._simple is None:
            self._use_the_loops()
        return self._simple  # type: ignore[no-any-return]  # whatever was installed

    @property
    def nameResolver(self) -> interfaces.IHostnameResolver:
        """The resolver of all addresses that `HostnameEndpoint` asks."""
        if self._complex is None:
            self._use_the_loops()
        return self._complex  # type: ignore[no-any-return]  # whatever was installed

    def installResolver(self, resolver: interfaces.IResolverSimple) -> interfaces.IResolverSimple:
        """Look up names by `resolver`, for `connectTCP` and endpoints too, from now on.

        Returns the resolver used until now. Raises `TypeError` for what is no resolver.
        """
        from reactorlite.bridge import resolving

        previous = self.resolver
        self._install(resolver, resolving.complex_of(resolver), resolving.by_simple(resolver))
        return previous

    def installNameResolver(
        self, resolver: interfaces.IHostnameResolver
    ) -> interfaces.IHostnameResolver:
        """Look up names by `resolver`, for `connectTCP` and endpoints too, from now on.

        Returns the resolver used until now. Raises `TypeError` for what is no resolver.
        """
        from reactorlite.bridge import resolving

        previous = self.nameResolver
        self._install(resolving.simple_of(resolver), resolver, resolving.by_complex(resolver))
        return previous

    def _install(self, simple: Any, all_of_them: Any, look_up: Any) -> None:
        from reactorlite.bridge.resolving import LoopResolver

        self._simple, self._complex, self._scope.look_up = simple, all_of_them, look_up
        if isinstance(simple, LoopResolver) or isinstance(all_of_them, LoopResolver):
            self._use_the_loops()

    def _use_the_loops(self) -> None:
        from reactorlite.bridge.resolving import LoopResolver

        self._simple = self._complex = LoopResolver(self._scope)
        self._scope.look_up = None
