"""Twisted's names answer with reactorlite's modules, and the rest with Twisted's."""

from __future__ import annotations

import os
import textwrap

import pytest

from tests.porting.conftest import with_twisted

SAME = """
    import importlib, sys
    for name in ("internet.defer", "internet.error", "internet.protocol", "internet.reactor",
                 "internet.asyncioreactor", "internet.main", "python.failure",
                 "internet.interfaces", "python.components"):
        theirs = importlib.import_module("twisted." + name)
        assert theirs is importlib.import_module("reactorlite." + name), name
        assert theirs is sys.modules["twisted." + name], name
        package, _, last = name.rpartition(".")
        assert getattr(sys.modules["twisted." + package], last) is theirs, name
        if name != "internet.reactor":
            assert theirs.__spec__.name == "reactorlite." + name, theirs.__spec__
"""

ECHO = """
    from twisted.internet import reactor, protocol, defer

    class Echo(protocol.Protocol):
        def dataReceived(self, data):
            self.transport.write(data)

    class Client(protocol.Protocol):
        def connectionMade(self):
            self.transport.write(b"Hello, world!")

        def dataReceived(self, data):
            print("Server said:", data.decode())
            self.transport.loseConnection()

    class Clients(protocol.ClientFactory):
        protocol = Client

        def __init__(self):
            self.done = defer.Deferred()

        def clientConnectionFailed(self, connector, reason):
            self.done.errback(reason)

        def clientConnectionLost(self, connector, reason):
            self.done.callback(reason.getErrorMessage())

    port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), interface="127.0.0.1")
    clients = Clients()
    reactor.connectTCP("127.0.0.1", port.getHost().port, clients)
    clients.done.addCallback(print).addCallback(lambda _: reactor.stop())
    reactor.run()
"""


def test_modules_are_the_same_objects(program):
    """`twisted.X` is `reactorlite.X`, in sys.modules and as an attribute of its package."""
    assert program(SAME) == (0, "", "")


def test_program_runs_unmodified(program):
    """A program that knows only Twisted's names serves and connects."""
    ended = program(ECHO)

    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "Server said: Hello, world!\nConnection was closed cleanly.\n"


def test_coroutines_run_unmodified(program):
    """Deferreds, inlineCallbacks and coroutines of such a program are reactorlite's."""
    text = """
        from twisted.internet import defer
        from twisted.python.failure import Failure

        @defer.inlineCallbacks
        def work(d):
            value = yield d
            return value + 1

        async def main():
            d = defer.Deferred()
            later = work(d)
            d.callback(1)
            try:
                await defer.fail(KeyError("x"))
            except KeyError as exc:
                return await later, Failure(exc).check(KeyError).__name__

        defer.ensureDeferred(main()).addCallback(print)
    """

    assert program(text) == (0, "(2, 'KeyError')\n", "")


def test_version_is_told(program):
    """The version is that of the installed Twisted, or else of the API that is mirrored."""
    text = """
        import twisted
        from twisted import copyright, version
        print(twisted.__version__, version.short(), version.major, version.package)
        assert copyright.version == twisted.__version__
    """

    ended = program(text)

    assert (ended.status, ended.err) == (0, "")
    number, short, major, package = ended.out.split()
    assert number == short
    assert int(major) == int(number.split(".")[0]) >= 25
    assert package.lower() == "twisted"


def test_install_from_a_program(program):
    """A program may call `install_as_twisted` itself, and again."""
    text = """
        import sys
        from reactorlite import install_as_twisted
        before = list(sys.meta_path)
        install_as_twisted()
        assert sys.meta_path == before
    """

    assert program(text) == (0, "", "")


def test_module_is_in_place_however_it_is_imported(program):
    """What is imported from a package is in `sys.modules` by the name that the program uses."""
    text = """
        import sys
        from twisted.internet import reactor
        from twisted.python import failure
        assert sys.modules["twisted.internet.reactor"] is reactor
        assert sys.modules["twisted.python.failure"] is failure
        assert sys.modules["twisted.internet"].__name__ == "twisted.internet"
    """

    assert program(text) == (0, "", "")


def test_missing_module_without_twisted(hosted):
    """A module that is Twisted's own says by its name that Twisted would have to be there."""
    ended = hosted("-", stdin="import twisted.web.server", options=("-S",))

    last = ended.err.splitlines()[-1]
    assert ended.status == 1
    assert last.startswith("ModuleNotFoundError: No module named 'twisted.web'")
    assert "pip install Twisted" in last


def test_misspelt_module(program):
    """A name that nobody has is answered with those that are near to it."""
    ended = program("import twisted.internet.defered")

    assert ended.status == 1
    assert "No module named 'twisted.internet.defered'" in ended.err
    assert "twisted.internet.defer" in ended.err.rpartition("Names near to it")[2]


def test_missing_module_can_be_caught(program):
    """A program that tries finds an ImportError with the module's name."""
    text = """
        try:
            from twisted.internet import nothing
        except ImportError as exc:
            print(type(exc).__name__)
        try:
            import twisted.internet.nothing
        except ModuleNotFoundError as exc:
            print(exc.name)
    """

    assert program(text) == (0, "ImportError\ntwisted.internet.nothing\n", "")


def test_private_modules_are_not_served(program):
    """The bridge and modules with an underscore have no counterpart in Twisted."""
    text = """
        for name in ("twisted.bridge", "twisted.porting", "twisted.internet._futures"):
            try:
                __import__(name)
            except ModuleNotFoundError as exc:
                print(exc.name)
    """

    assert program(text).out == "twisted.bridge\ntwisted.porting\ntwisted.internet._futures\n"


@with_twisted
def test_twisteds_endpoints_connect_by_our_reactor(hosted):
    """Twisted's own endpoints are to be had, and listen and connect with our reactor."""
    text = """
        from twisted.internet import defer, endpoints, posixbase, protocol, task, tcp
        from twisted.web import client

        class Greeting(protocol.Protocol):
            def connectionMade(self):
                self.transport.write(b"hello")
                self.transport.loseConnection()

        class Greeted(protocol.Protocol):
            def dataReceived(self, data):
                print(data)

            def connectionLost(self, reason):
                self.ended.callback(None)

        async def main(reactor):
            server = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
            port = await server.listen(protocol.Factory.forProtocol(Greeting))
            there = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
            greeted = Greeted()
            greeted.ended = defer.Deferred()
            await endpoints.connectProtocol(there, greeted)
            await greeted.ended
            await port.stopListening()

        task.react(lambda reactor: main(reactor))
    """

    assert hosted("-", stdin=textwrap.dedent(text)).out == "b'hello'\n"


@with_twisted
def test_upper_layers_stand_on_ours(hosted):
    """Twisted's own modules use reactorlite's, and its inner machinery stays its own."""
    text = (
        "from twisted.internet import abstract, base, defer\n"
        "from twisted.python import log\n"
        "from twisted.names import common\n"
        "import twisted.logger\n"
        "print(abstract.__name__, base.__name__, log.__name__, twisted.logger.__name__)\n"
        "print(common.defer.__name__, base.defer.__name__)\n"
    )

    ended = hosted("-", stdin=text)

    theirs = "twisted.internet.abstract twisted.internet.base twisted.python.log twisted.logger"
    ours = "reactorlite.internet.defer reactorlite.internet.defer"
    assert ended == (0, f"{theirs}\n{ours}\n", "")


@with_twisted
@pytest.mark.parametrize(
    "early", ["twisted.internet", "twisted.internet.defer", "twisted.python.failure"]
)
def test_installing_too_late(early, python):
    """After the first import of what is to be ours the error says what to do."""
    text = f"import {early}, reactorlite; reactorlite.install_as_twisted()"

    ended = python("-c", text)

    last = ended.err.splitlines()[-1]
    assert last.startswith("RuntimeError: install_as_twisted() comes too late")
    assert "twisted." in last
    assert "python -m reactorlite run" in last


@with_twisted
def test_installing_after_twisted_itself(python):
    """The package alone, for its version, may have been imported before."""
    text = (
        "import twisted, reactorlite; reactorlite.install_as_twisted()\n"
        "from twisted.internet import defer; print(defer.__name__)"
    )

    assert python("-c", text) == (0, "reactorlite.internet.defer\n", "")


SERVICES = """
from twisted.application import internet, service, strports
from twisted.internet import defer, protocol, reactor
from twisted.internet.endpoints import clientFromString
from twisted.python import procutils, reflect, runtime, usage
from twisted.python.components import implementer

class Options(usage.Options):
    optParameters = [["greeting", "g", "hello", "What to say."]]

@implementer(service.IServiceMaker)
class Maker:
    tapname, description, options = "greet", "Greets.", Options

    def makeService(self, options):
        served = service.MultiService()
        greeting = options["greeting"].encode()

        class Greeter(protocol.Protocol):
            def connectionMade(self):
                self.transport.write(greeting)

        factory = protocol.Factory.forProtocol(Greeter)
        internet.TCPServer(0, factory, interface="127.0.0.1").setServiceParent(served)
        return served

class Hearer(protocol.Protocol):
    def dataReceived(self, data):
        print(data.decode())
        reactor.stop()

options = Options()
options.parseOptions(["-g", "good morning"])
application = service.Application("greet")
server = Maker().makeService(options)
server.setServiceParent(application)
service.IService(application).startService()
port = list(server)[0]._port.getHost().port
endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
factory = protocol.Factory.forProtocol(Hearer)
internet.ClientService(endpoint, factory).setServiceParent(application)
stop = service.IService(application).stopService
reactor.addSystemEventTrigger("before", "shutdown", stop)
reactor.run()
print(bool(server.running), runtime.platformType, bool(procutils.which("sh")))
print(reflect.namedAny("twisted.internet.reactor") is reactor)
"""


@pytest.mark.skipif(os.name != "posix", reason="says what it runs on")
def test_services_run_unmodified(program):
    """A program of services and options runs with Twisted's own of both, and with ours."""
    ended = program(SERVICES)

    assert ended.out.splitlines()[-3:] == ["good morning", "False posix True", "True"]
    assert (ended.status, ended.err) == (0, "")
