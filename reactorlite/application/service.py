"""Parts of a program that are started and stopped, each by itself or all together.

    application = Application("chat")
    TCPServer(8007, factory).setServiceParent(application)

A service knows what to do when it is started and when it is stopped; a `MultiService` does the
same to those that were given to it; an `Application` is the whole program's. A file that ends in
`.tac` and has one by the name of `application` is run by `python -m reactorlite run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import Deferred, DeferredList, maybeDeferred
from reactorlite.python.components import Componentized, Interface, implementer
from reactorlite.python.reflect import accumulateClassList, namedAny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol
else:
    from reactorlite.python.components import Shape as Protocol

__all__ = [
    "Application",
    "IProcess",
    "IService",
    "IServiceCollection",
    "IServiceMaker",
    "MultiService",
    "Process",
    "Service",
    "ServiceMaker",
]


# ── interfaces ───────────────────────────────────────────────────────────────────────────


class IService(Interface, Protocol):
    """Something that is started and stopped, as a rule with all else in its parent."""

    @property
    def name(self) -> str | None:
        """What its parent finds it by, or None."""

    @property
    def running(self) -> bool:
        """Whether it was started, and not stopped since."""

    @property
    def parent(self) -> Any:
        """The collection that it is in, or None."""

    def setName(self, name: str) -> None:
        """Take a name; raises `RuntimeError` when it is in a collection already."""

    def setServiceParent(self, parent: Any) -> None:
        """Go into a collection, or what can be adapted to one, out of the one it is in.

        If the collection runs, the service is started.
        """

    def disownServiceParent(self) -> Any:
        """Leave the collection that it is in; a running one stops it, and returns its answer."""

    def privilegedStartService(self) -> None:
        """Do what takes the rights that the program will give up, such as to bind a low port.

        Called before `startService`, and not always.
        """

    def startService(self) -> None:
        """Begin."""

    def stopService(self) -> Any:
        """End; the result, if it is a `Deferred`, fires when all is done."""


class IServiceCollection(Interface, Protocol):
    """Holds services, which run when it does."""

    def getServiceNamed(self, name: str) -> Any:
        """Return the service of that name; raises `KeyError` if there is none."""

    def __iter__(self) -> Iterator[Any]:
        """Go through the services, in the order in which they came."""

    def addService(self, service: Any) -> None:
        """Take a service in, and start it if this runs.

        For services to call, from `setServiceParent`. Raises `RuntimeError` if one of that
        name is there.
        """

    def removeService(self, service: Any) -> Any:
        """Let a service go; if this runs it is stopped, and what that returns is returned.

        For services to call, from `disownServiceParent`. Raises `ValueError` if it is not there.
        """


class IProcess(Interface, Protocol):
    """As whom a program is to run."""

    @property
    def processName(self) -> str | None:
        """What the process is to be called, or None."""

    @property
    def uid(self) -> int | None:
        """The number of the user it is to run as, or None."""

    @property
    def gid(self) -> int | None:
        """The number of the group it is to run as, or None."""


class IServiceMaker(Interface, Protocol):
    """Makes a service of options on a command line."""

    @property
    def tapname(self) -> str:
        """What it is called on the command line."""

    @property
    def description(self) -> str:
        """One line that says what it makes."""

    @property
    def options(self) -> Any:
        """The class of the options, a `usage.Options`."""

    def makeService(self, options: Any) -> Any:
        """Return a service as the options say."""


# ── services ─────────────────────────────────────────────────────────────────────────────


@implementer(IService)
class Service:
    """A service that does nothing yet: subclasses extend what happens when it starts and stops."""

    name: str | None = None
    running: bool = False
    parent: Any = None

    #: Attributes that belong to this run of the program, and are neither copied nor pickled; a
    #: subclass has those that it adds.
    volatile = ["running"]

    def __getstate__(self) -> dict[str, Any]:
        left_out: list[str] = []
        accumulateClassList(type(self), "volatile", left_out)
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def setName(self, name: str) -> None:
        """Take a name; raises `RuntimeError` when it is in a collection already."""
        if self.parent is not None:
            raise RuntimeError(f"{self.name!r} is in a collection, and can't become {name!r}")
        self.name = name

    def setServiceParent(self, parent: Any) -> None:
        """Go into a collection, or an `Application`, out of the one it is in.

        If the collection runs, the service is started.
        """
        if self.parent is not None:
            self.disownServiceParent()
        # The parent may start it at once, and what starts may look at its parent.
        self.parent = IServiceCollection(parent, parent)  # type: ignore[misc, call-arg]  # adapts
        self.parent.addService(self)

    def disownServiceParent(self) -> Any:
        """Leave the collection; if that runs, stop, and return what `stopService` did.

        Raises `RuntimeError` if it is in none.
        """
        if self.parent is None:
            raise RuntimeError("this service has no parent to leave")
        result = self.parent.removeService(self)
        self.parent = None
        return result

    def privilegedStartService(self) -> None:
        """Do nothing; subclasses do here what takes rights that are given up afterwards."""

    def startService(self) -> None:
        """Note that this runs. Subclasses that extend it call this one."""
        self.running = True

    def stopService(self) -> Any:
        """Note that this doesn't run. Subclasses may return a `Deferred` for the end."""
        self.running = False


@implementer(IServiceCollection)
class MultiService(Service):
    """A service that consists of others: they start and stop with it.

    `services` holds them in the order in which they came, `namedServices` those with names.
    """

    def __init__(self) -> None:
        self.services: list[Any] = []
        self.namedServices: dict[str, Any] = {}
        self.parent = None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.services)

    def privilegedStartService(self) -> None:
        """Have all of them do what takes rights."""
        super().privilegedStartService()
        for service in self:
            service.privilegedStartService()

    def startService(self) -> None:
        """Start all of them, in order; what one raises passes through, and ends it."""
        super().startService()
        for service in self:
            service.startService()

    def stopService(self) -> Deferred[Any]:
        """Stop all of them, the last one first.

        The `Deferred` fires when all have ended. What one raises, or fails with, is logged, and
        the others stop all the same.
        """
        super().stopService()
        return DeferredList([maybeDeferred(service.stopService) for service in self.services[::-1]])

    def getServiceNamed(self, name: str) -> Any:
        """Return the service of that name; raises `KeyError` if there is none."""
        return self.namedServices[name]

    def addService(self, service: Any) -> None:
        """Take a service in, and start it if this runs: `service.setServiceParent(this)` does so.

        Raises `RuntimeError` if one of that name is there.
        """
        if service.name is not None:
            if service.name in self.namedServices:
                raise RuntimeError(f"there is a service {service.name!r} already")
            self.namedServices[service.name] = service
        self.services.append(service)
        if self.running:
            # Too late for it to wait until the others have had their rights.
            service.privilegedStartService()
            service.startService()

    def removeService(self, service: Any) -> Any:
        """Let a service go; if this runs, stop it, and return what `stopService` does.

        `service.disownServiceParent()` does so. Raises `ValueError` if it is not there.
        """
        self.services.remove(service)
        if service.name is not None:
            del self.namedServices[service.name]
        return service.stopService() if self.running else None


# ── programs ─────────────────────────────────────────────────────────────────────────────


@implementer(IProcess)
class Process:
    """As whom a program is to run: numbers of a user and a group, None for those it has."""

    processName: str | None = None

    def __init__(self, uid: int | None = None, gid: int | None = None) -> None:
        self.uid = uid
        self.gid = gid


def Application(name: str, uid: int | None = None, gid: int | None = None) -> Any:
    """Make a program's root: give it as a parent to services.

    `IService(application)` and `IServiceCollection(application)` answer the `MultiService` in it,
    `IProcess(application)` a `Process`.
    """
    application = Componentized()
    services = MultiService()
    services.setName(name)
    application.addComponent(services, ignoreClass=1)
    application.addComponent(Process(uid, gid), ignoreClass=1)
    return application


@implementer(IServiceMaker)
class ServiceMaker:
    """Names a module with `Options` and `makeService`, which is imported when they are needed.

    For Twisted's `twistd`, which looks for those in packages; nothing here looks for them.
    """

    def __init__(self, name: str, module: str, description: str, tapname: str) -> None:
        self.name = name
        self.module = module
        self.description = description
        self.tapname = tapname

    @property
    def options(self) -> Any:
        """The module's `Options`."""
        return namedAny(self.module).Options

    @property
    def makeService(self) -> Any:
        """The module's `makeService`."""
        return namedAny(self.module).makeService
