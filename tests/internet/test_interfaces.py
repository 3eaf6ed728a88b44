"""The interfaces, against Twisted's and against Twisted's own objects."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reactorlite
from reactorlite.internet import interfaces
from reactorlite.python import components

PACKAGE = Path(reactorlite.__file__).parent
OURS = sorted(
    name for name, value in vars(interfaces).items() if components.backing().is_interface(value)
)

#: An experiment of Twisted's that nothing of its own implements or asks for.
LEFT_OUT = {"IReactorTCP2"}

#: Arguments that Twisted's interfaces demand, and Twisted's reactors, and ours, do not.
LENIENT = {
    "IReactorSSL.connectSSL",
    "IReactorSocket.adoptDatagramPort",
    "IReactorUDP.listenUDP",
    "IReactorUNIXDatagram.connectUNIXDatagram",
    "IReactorUNIXDatagram.listenUNIXDatagram",
}


@pytest.fixture(scope="module")
def theirs() -> Any:
    """Twisted's interfaces."""
    return pytest.importorskip("twisted.internet.interfaces")


def names_in(module: Any) -> set[str]:
    """Name the interfaces that a module has of its own."""
    from zope.interface.interface import InterfaceClass

    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, InterfaceClass) and name != "Interface"
    }


def signature(method: Any) -> Any:
    """Tell how a method of an interface is called."""
    return (method.positional, method.required, method.varargs, method.kwargs)


def test_same_interfaces_as_twisted(theirs: Any) -> None:
    """Every interface of Twisted's that anything keeps is here, and no other."""
    assert set(OURS) == names_in(theirs) - LEFT_OUT


@pytest.mark.parametrize("name", OURS)
def test_same_shape_as_twisted(theirs: Any, name: str) -> None:
    """An interface extends and asks for what Twisted's of that name does."""
    ours, other = getattr(interfaces, name), getattr(theirs, name)

    assert [base.__name__ for base in ours.__bases__] == [b.__name__ for b in other.__bases__]
    assert set(ours.names()) == set(other.names())
    for member in ours.names():
        assert type(ours[member]) is type(other[member]), member


@pytest.mark.parametrize("name", OURS)
def test_same_arguments_as_twisted(theirs: Any, name: str) -> None:
    """A method takes what it takes at Twisted, and demands no more."""
    from zope.interface.interface import Method

    ours, other = getattr(interfaces, name), getattr(theirs, name)
    methods = [member for member in ours.names() if isinstance(ours[member], Method)]

    for member in methods:
        mine, twisteds = signature(ours[member]), signature(other[member])
        if f"{name}.{member}" in LENIENT:
            assert mine[0] == twisteds[0], member
            assert set(mine[1]) < set(twisteds[1]), member
        else:
            assert mine == twisteds, member


@pytest.mark.parametrize("name", OURS)
def test_everything_is_documented(name: str) -> None:
    """An interface and all it asks for say what they mean."""
    interface = getattr(interfaces, name)

    assert interface.__doc__
    for member in interface.names():
        assert inspect.getdoc(interface[member]), member


TWISTEDS_OWN = [
    ("IReactorCore", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorTime", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorTCP", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorSSL", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorUDP", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorMulticast", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorUNIX", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorUNIXDatagram", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorSocket", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorThreads", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorProcess", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorFDSet", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorPluggableNameResolver", "twisted.internet.selectreactor", "SelectReactor"),
    ("IReactorPluggableResolver", "twisted.internet.selectreactor", "SelectReactor"),
    ("IListeningPort", "twisted.internet.tcp", "Port"),
    ("IConnector", "twisted.internet.tcp", "Connector"),
    ("ITCPTransport", "twisted.internet.tcp", "Server"),
    ("ISystemHandle", "twisted.internet.tcp", "Server"),
    ("IConsumer", "twisted.internet.tcp", "Server"),
    ("IPushProducer", "twisted.internet.tcp", "Client"),
    ("IReadWriteDescriptor", "twisted.internet.tcp", "Client"),
    ("IHalfCloseableDescriptor", "twisted.internet.tcp", "Client"),
    ("IUNIXTransport", "twisted.internet.unix", "Server"),
    ("IUDPTransport", "twisted.internet.udp", "Port"),
    ("IMulticastTransport", "twisted.internet.udp", "MulticastPort"),
    ("IProcessTransport", "twisted.internet.process", "Process"),
    ("IDelayedCall", "twisted.internet.base", "DelayedCall"),
    ("IResolverSimple", "twisted.internet.base", "ThreadedResolver"),
    ("IProtocol", "twisted.internet.protocol", "Protocol"),
    ("IProtocolFactory", "twisted.internet.protocol", "Factory"),
    ("ILoggingContext", "twisted.internet.protocol", "Factory"),
    ("IProcessProtocol", "twisted.internet.protocol", "ProcessProtocol"),
    ("ITransport", "twisted.internet.testing", "StringTransport"),
    ("IReactorTCP", "twisted.internet.testing", "MemoryReactor"),
    ("IReactorCore", "twisted.internet.testing", "MemoryReactor"),
    ("IStreamClientEndpoint", "twisted.internet.endpoints", "TCP4ClientEndpoint"),
    ("IStreamServerEndpoint", "twisted.internet.endpoints", "TCP4ServerEndpoint"),
]


@pytest.mark.parametrize(("name", "module", "cls"), TWISTEDS_OWN)
def test_twisteds_own_classes_fit(name: str, module: str, cls: str) -> None:
    """Twisted's classes would pass for implementing our interfaces."""
    pytest.importorskip("twisted")
    verify = pytest.importorskip("zope.interface.verify")
    implementation = getattr(pytest.importorskip(module), cls)
    interface = getattr(interfaces, name)

    # Tentative: the class need not declare it. A class is not asked for attributes.
    assert verify.verifyClass(interface, implementation, tentative=True)


# ── a program's own ──────────────────────────────────────────────────────────────────────

PROGRAM = """
{imports}
from reactorlite.python.components import Adapter, Interface, implementer, registerAdapter
from reactorlite.internet.interfaces import IProtocol, IProtocolFactory, ITransport

@implementer(IProtocolFactory)
class Factory:
    def buildProtocol(self, addr): return None
    def doStart(self): pass
    def doStop(self): pass

class IShouting(ITransport):
    def shout(what): "Write in capitals."

@implementer(IShouting)
class Loud:
    pass

class Foreign:
    pass

registerAdapter(Adapter, Foreign, IProtocol)
foreign = Foreign()
print(IProtocolFactory.providedBy(Factory()), IProtocolFactory.implementedBy(Factory),
      ITransport.providedBy(Loud()), IShouting.providedBy(Factory()),
      IProtocol(foreign).original is foreign, IProtocol(3, None))
{checks}
"""


def run_program(imports: str, checks: str = "") -> str:
    """Run a program that uses interfaces, in a process of its own."""
    code = PROGRAM.format(imports=imports, checks=checks)
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_program_with_zope() -> None:
    """A program declares, extends, verifies and adapts with zope.interface."""
    pytest.importorskip("zope.interface")

    said = run_program(
        "",
        """
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject
@implementer(IProtocolFactory)
class Again(Factory): pass
verifyClass(IProtocolFactory, Again)
verifyObject(IProtocolFactory, Again())
""",
    )

    assert said == "True True True False True None"


def test_program_without_zope() -> None:
    """The same program declares, extends and adapts where there is none."""
    said = run_program("import sys; sys.modules['zope.interface'] = None")

    assert said == "True True True False True None"


def test_verify_finds_what_is_wrong() -> None:
    """A class that takes the wrong arguments does not pass for implementing."""
    verify = pytest.importorskip("zope.interface.verify")
    exceptions = pytest.importorskip("zope.interface.exceptions")

    @components.implementer(interfaces.IHalfCloseableDescriptor)
    class Wrong:
        def readConnectionLost(self) -> None:
            """Lack the reason."""

        def writeConnectionLost(self, reason: object) -> None:
            """Take it."""

    with pytest.raises(exceptions.BrokenMethodImplementation, match="readConnectionLost"):
        verify.verifyClass(interfaces.IHalfCloseableDescriptor, Wrong)


# ── how the package uses them ────────────────────────────────────────────────────────────


def declarations() -> list[tuple[str, str]]:
    """Find every interface that a module of the package declares by name."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in {"implementer", "adapted"}:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                found += [(path.name, text) for text in texts if isinstance(text, str)]
    return found


def test_declared_names_exist() -> None:
    """Every name that our modules declare or ask for is an interface."""
    unknown = [(where, name) for where, name in declarations() if name not in OURS]

    assert declarations()
    assert unknown == []


def run_time_imports(tree: ast.Module) -> set[str]:
    """Name what a module imports when it is loaded, but for checkers only."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_no_module_loads_the_interfaces() -> None:
    """Our modules never import the interfaces at run time: programs pay that who name them."""
    guilty = [
        path.name
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "porting"
        and any(
            "internet.interfaces" in name or name.startswith("zope")
            for name in run_time_imports(ast.parse(path.read_text()))
        )
    ]

    assert guilty == ["_zope.py"]


def our_classes() -> list[type]:
    """Find every class of the package."""
    names = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "reactorlite.")]
    elsewhere = () if sys.platform == "win32" else ("iocpreactor",)
    if importlib.util.find_spec("serial") is None:
        elsewhere += ("serialport",)
    modules = [
        importlib.import_module(n) for n in names if not n.endswith(("__main__", *elsewhere))
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def test_our_classes_keep_what_they_declare() -> None:
    """Each class of the package has the methods of the interfaces it declares."""
    verify = pytest.importorskip("zope.interface.verify")
    zope_interface = pytest.importorskip("zope.interface")

    verified = [
        verify.verifyClass(interface, cls)
        for cls in our_classes()
        for interface in zope_interface.implementedBy(cls)
    ]

    assert verified


def test_bindings_are_values() -> None:
    """A binding equals another of the same address, port and options, and prints them."""
    kind = interfaces._Binding
    plain, shared = kind("::1", 80), kind("::1", 80, reuseAddress=True, reusePort=True)

    assert plain == interfaces.Binding(kind("::1", 80))
    assert hash(plain) == hash(kind("::1", 80))
    assert plain != shared
    assert plain != ("::1", 80, False, False)
    assert (shared._address, shared._port) == ("::1", 80)
    assert (shared._reuseAddress, shared._reusePort) == (True, True)
    assert (plain._reuseAddress, plain._reusePort) == (False, False)
    assert [repr(kind()), repr(shared)] == [
        "<binding *:0>",
        "<binding ::1:80 reuseAddress reusePort>",
    ]
