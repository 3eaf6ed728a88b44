"""Services: who is started and stopped when, who waits for what; command lines; names."""

from __future__ import annotations

import importlib
from typing import Any

from stage import Boom, Stage, differs, scenario


def _module(api: Stage, path: str) -> Any:
    return importlib.import_module(f"{api.side}.{path}")


def _told(api: Stage, name: str, **hooks: Any) -> Any:
    """A service that records what it is told, then calls a hook."""
    base = _module(api, "application.service").Service

    class Told(base):  # type: ignore[misc,valid-type]
        def privilegedStartService(self) -> None:
            api.record("services", name, "privilegedStartService", bool(self.running))

        def startService(self) -> None:
            super().startService()
            api.record("services", name, "startService", self.parent is not None)
            hooks.get("start", lambda: None)()

        def stopService(self) -> Any:
            super().stopService()
            api.record("services", name, "stopService", self.parent is not None)
            return hooks.get("stop", lambda: None)()

    return Told()


def _raise() -> None:
    raise Boom


# ── collections ──────────────────────────────────────────────────────────────────────────


@scenario()
def services_in_order(api: Stage) -> Any:
    """All are started in order and stopped in reverse; newcomers at once; leavers are stopped."""
    service = _module(api, "application.service")
    together, late = service.MultiService(), api.defer.Deferred()
    one, two = _told(api, "one"), _told(api, "two", stop=lambda: late)
    for each in (one, two):
        each.setServiceParent(together)
    together.privilegedStartService()
    together.startService()
    _told(api, "three").setServiceParent(together)
    api.attempt("services", "disown", one.disownServiceParent)
    api.record("services", one.parent is None, one in list(together))
    api.outcome("services", "stopped", together.stopService())
    api.record("services", bool(together.running), bool(two.running))
    yield api.turn()
    late.callback(None)
    api.attempt("services", "disown", two.disownServiceParent)


@scenario()
def services_that_fail(api: Stage) -> Any:
    """What one raises at the start passes through, and at the stop holds up nobody."""
    service = _module(api, "application.service")
    together = service.MultiService()
    _told(api, "one").setServiceParent(together)
    bad = _told(api, "bad", start=_raise, stop=_raise)
    bad.setServiceParent(together)
    _told(api, "two").setServiceParent(together)
    api.attempt("services", "start", together.startService)
    api.record("services", bool(together.running))
    stopped = together.stopService()
    stopped.addCallback(lambda results: [succeeded for succeeded, _ in results])
    api.outcome("services", "stopped", stopped)
    yield api.turn()


@scenario(
    differs(
        "names",
        *("rename raises RuntimeError", "twice raises RuntimeError", "found True"),
        *("missing raises KeyError", "strange raises ValueError", "alone raises RuntimeError"),
        because="a service without a parent that is to leave it says so by a RuntimeError",
    )
)
def services_by_name(api: Stage) -> Any:
    """A name is given before there is a parent, and used once in each."""
    service = _module(api, "application.service")
    together, one, same = service.MultiService(), service.Service(), service.Service()
    for each in (one, same):
        each.setName("name")
    one.setServiceParent(together)
    api.attempt("names", "rename", one.setName, "other")
    api.attempt("names", "twice", together.addService, same)
    api.record("names", "found", together.getServiceNamed("name") is one)
    api.attempt("names", "missing", together.getServiceNamed, "nothing")
    api.attempt("names", "strange", together.removeService, service.Service())
    api.attempt("names", "alone", service.Service().disownServiceParent)
    yield api.turn()


@scenario()
def services_of_an_application(api: Stage) -> Any:
    """An application is the parent of services, and answers to interfaces."""
    service = _module(api, "application.service")
    application = service.Application("name", 1, 2)
    one = service.Service()
    one.setServiceParent(application)
    collection = service.IServiceCollection(application)
    process = service.IProcess(application)
    api.record("application", one.parent is collection, service.IService(application).name)
    api.record("application", service.IService(application) is collection, list(collection))
    api.record("application", process.uid, process.gid, process.processName)
    yield api.turn()


# ── by the reactor ───────────────────────────────────────────────────────────────────────


@scenario()
def services_that_listen_and_connect(api: Stage) -> Any:
    """Servers and clients do so when they start, and stop listening, and disconnect."""
    internet = _module(api, "application.internet")
    together = _module(api, "application.service").MultiService()
    served = api.actor(api.protocol.ServerFactory, "server", {})
    server = internet.TCPServer(0, served.factory, interface="127.0.0.1", reactor=api.reactor)
    server.setServiceParent(together)
    together.startService()
    number = server._port.getHost().port
    api.name(number, "SERVER")
    client = api.actor(api.protocol.ClientFactory, "client", {})
    internet.TCPClient("127.0.0.1", number, client.factory, reactor=api.reactor).setServiceParent(
        together
    )
    yield api.seen("client", "connectionMade")
    yield api.seen("server", "connectionMade")
    api.outcome("services", "stopped", together.stopService().addCallback(len))
    yield api.seen("server", "connectionLost")
    yield api.seen("client", "clientConnectionLost")


@scenario()
def timer_service(api: Stage) -> Any:
    """A timer calls from its start to its stop, again after that, and no more after an error."""
    internet, clock = _module(api, "application.internet"), _module(api, "internet.task").Clock()

    def call(number: int) -> Any:
        api.record("timer", "called", number, clock.seconds())
        return waits.pop() if waits else None

    waits: list[Any] = []
    timer = internet.TimerService(2, call, 7)
    timer.clock = clock
    timer.startService()
    clock.pump([1, 1, 1, 1])
    api.outcome("timer", "stopped", timer.stopService())
    clock.advance(10)
    waits.append(api.defer.Deferred())
    held = waits[0]
    timer.startService()
    api.outcome("timer", "stopped", timer.stopService())
    api.record("timer", "runs", bool(timer.running))
    held.callback(None)
    api.record("timer", "runs", bool(timer.running))
    broken = internet.TimerService(2, _raise)
    broken.clock = clock
    broken.startService()
    api.record("timer", "calls", len(clock.calls))
    api.outcome("timer", "stopped", broken.stopService())
    yield api.turn()


# ── clients that come back ───────────────────────────────────────────────────────────────


class _Waits:
    """A policy that records what it is asked."""

    def __init__(self, api: Stage) -> None:
        self.api = api

    def __call__(self, failures: int) -> float:
        self.api.record("policy", failures)
        return 0.01 if failures == 1 else 60


def _client(api: Stage, number: int, **options: Any) -> Any:
    """A client service of a port, with a recording factory."""
    endpoints = _module(api, "internet.endpoints")
    internet = _module(api, "application.internet")
    actor = api.actor(api.protocol.Factory, "client", {})
    endpoint = endpoints.TCP4ClientEndpoint(api.reactor, "127.0.0.1", number)
    client = internet.ClientService(endpoint, actor.factory, _Waits(api), api.reactor, **options)
    api.afterwards(client.stopService)
    return client


def _wait_for(api: Stage, client: Any, label: str, **options: Any) -> Any:
    waiting = client.whenConnected(**options)
    waiting.addCallback(lambda protocol: type(protocol).__name__)
    return api.outcome("waiting", label, waiting)


@scenario()
def client_service_comes_back(api: Stage) -> Any:
    """It connects when started, again when it is hung up, and closes when stopped."""
    server = api.server()
    client = _client(api, server.number)
    early = _wait_for(api, client, "early")
    client.startService()
    yield early
    yield api.seen("server", "connectionMade")
    server.transport.loseConnection()
    yield api.seen("client", "connectionLost")
    yield _wait_for(api, client, "again")
    yield api.seen("server", "connectionMade", 2)
    yield api.outcome("client", "stopped", client.stopService())
    yield _wait_for(api, client, "late")
    yield api.seen("server", "connectionLost", 2)


@scenario()
def client_service_that_is_refused(api: Stage) -> Any:
    """It tries again and again; those who wait may give up sooner, and do when it stops."""
    client = _client(api, api.free_port())
    soon = _wait_for(api, client, "soon", failAfterFailures=1)
    later = _wait_for(api, client, "later", failAfterFailures=2)
    for_ever = _wait_for(api, client, "for ever")
    client.startService()
    yield soon
    yield later
    yield api.outcome("client", "stopped", client.stopService())
    yield for_ever


@scenario()
def client_service_stopped_and_started(api: Stage) -> Any:
    """Started while it stops, it connects when it is closed; stopped twice, both are told."""
    client = _client(api, api.plain_listener().number)
    client.startService()
    yield _wait_for(api, client, "first")
    api.outcome("client", "stopped", client.stopService())
    client.startService()
    yield _wait_for(api, client, "second")
    stops = [api.outcome("client", "stopped", client.stopService()) for _ in range(2)]
    yield api.defer.gatherResults(stops)


@scenario()
def client_service_prepares(api: Stage) -> Any:
    """Those who wait get the protocol when the Deferred of `prepareConnection` has fired."""
    server, ready = api.server(), api.defer.Deferred()
    client = _client(api, server.number, prepareConnection=lambda protocol: ready)
    waiting = _wait_for(api, client, "first")
    client.startService()
    yield api.seen("server", "connectionMade")
    yield api.seen("client", "connectionMade")
    api.record("waiting", "not yet")
    ready.callback("of no account")
    yield waiting
    yield client.stopService()
    yield api.seen("server", "connectionLost")


@scenario(
    differs("log", because="Twisted's is upset by the end of a connection that it has given up")
)
def client_service_fails_to_prepare(api: Stage) -> Any:
    """A connection that can't be prepared has failed, as those hear who wait."""

    def prepare(protocol: Any) -> None:
        protocol.transport.abortConnection()  # which Twisted leaves to the program
        raise Boom

    client = _client(api, api.plain_listener().number, prepareConnection=prepare)
    soon = _wait_for(api, client, "soon", failAfterFailures=1)
    client.startService()
    yield soon
    yield api.seen("client", "connectionLost")
    yield api.turn()


# ── command lines and names ──────────────────────────────────────────────────────────────


LINES = [
    "",
    "-v add",
    "-vp1 a -f x y",
    "--verb --port=2 remove",
    "-p x add",
    "--port",
    "--nothing",
    "-v nothing",
    "add --force=1",
    "add -- -f",
    "-u a --user b add",
]


@scenario()
def command_lines(api: Stage) -> Any:
    """The same lines are read the same, and refused the same."""
    usage = _module(api, "python.usage")

    class Add(usage.Options):  # type: ignore[misc,name-defined]
        optFlags = [["force", "f", "Whatever happens."]]

        def parseArgs(self, *names: str) -> None:
            self["names"] = names

        def postOptions(self) -> None:
            api.record("lines", "post", "add")

    class Remove(usage.Options):  # type: ignore[misc,name-defined]
        def parseArgs(self, name: str) -> None:
            self["name"] = name

    class Main(usage.Options):  # type: ignore[misc,name-defined]
        optFlags = [["verbose", "v", "Say more."]]
        optParameters = [["port", "p", 80, "Where.", int], ["host", None, "h", "Whom."]]
        subCommands = [["add", "a", Add, "Put there."], ["remove", None, Remove, "Take away."]]
        users = ""

        def opt_user(self, name: str) -> None:
            self.users += name

        opt_u = opt_user

        def postOptions(self) -> None:
            api.record("lines", "post", "main", str(self.subCommand))

    for line in LINES:
        options = Main()
        api.attempt("lines", line, options.parseOptions, line.split())
        read = getattr(options, "subOptions", {})
        api.record("lines", repr(sorted(options.items())), repr(sorted(read.items())))
        api.record("lines", options.users, options.getSynopsis().partition("[")[2])
    yield api.turn()


NAMES = [
    *("json", "json.decoder", "json.decoder.JSONDecoder", "json.decoder.JSONDecoder.decode"),
    *("json.nothing", "nothing", "nothing.at.all", "", ".", "json.", "json..decoder"),
]


@scenario()
def names_of_objects(api: Stage) -> Any:
    """The same names stand for the same objects, and the same don't."""
    reflect = _module(api, "python.reflect")
    for name in NAMES:
        try:
            found = reflect.namedAny(name)
        except Exception as error:
            api.record("names", repr(name), "raises", error)
        else:
            api.record("names", repr(name), reflect.fullyQualifiedName(found))
    yield api.turn()
