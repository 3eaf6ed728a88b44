"""Endpoints from text: every kind, quoting, what is malformed, and kinds of other packages."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reactorlite
from reactorlite import Reactor
from reactorlite.internet import endpoints
from reactorlite.internet._descriptions import fields, written
from reactorlite.internet.endpoints import (
    clientFromString,
    quoteStringArgument,
    serverFromString,
)
from reactorlite.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from reactorlite.internet.protocol import Factory, Protocol
from reactorlite.internet.testing import MemoryReactor, MemoryReactorClock
from reactorlite.python.systemd import ListenFDs

FACTORY = Factory.forProtocol(Protocol)


@pytest.mark.parametrize(
    ("description", "asked"),
    [
        ("tcp:80", ("tcpServers", (80, FACTORY, 50, ""))),
        ("tcp:port=80", ("tcpServers", (80, FACTORY, 50, ""))),
        (b"tcp:80", ("tcpServers", (80, FACTORY, 50, ""))),
        ("tcp:80:127.0.0.1:7", ("tcpServers", (80, FACTORY, 7, "127.0.0.1"))),
        ("tcp:80:backlog=7:interface=127.0.0.1", ("tcpServers", (80, FACTORY, 7, "127.0.0.1"))),
        ("tcp6:80", ("tcpServers", (80, FACTORY, 50, "::"))),
        (r"tcp6:80:interface=\:\:1:backlog=7", ("tcpServers", (80, FACTORY, 7, "::1"))),
        ("unix:/a", ("unixServers", ("/a", FACTORY, 50, 0o666, True))),
        (r"unix:address=/a\:b=c", ("unixServers", ("/a:b=c", FACTORY, 50, 0o666, True))),
        (r"unix:/a\=b", ("unixServers", ("/a=b", FACTORY, 50, 0o666, True))),
        (
            "unix:/a:mode=660:backlog=7:lockfile=0",
            ("unixServers", ("/a", FACTORY, 7, 0o660, False)),
        ),
    ],
)
def test_servers(description, asked):
    """The description of a server says what is asked of the reactor."""
    reactor = MemoryReactor()

    serverFromString(reactor, description).listen(FACTORY)

    assert getattr(reactor, asked[0]) == [asked[1]]


@pytest.mark.parametrize(
    ("description", "asked"),
    [
        ("tcp:h:80", ("tcpClients", ("h", 80, 30, None))),
        (b"tcp:h:80", ("tcpClients", ("h", 80, 30, None))),
        ("tcp:host=h:port=80", ("tcpClients", ("h", 80, 30, None))),
        ("tcp:host=h:80", ("tcpClients", ("h", 80, 30, None))),
        ("tcp:h:80:timeout=7.5:bindAddress=a", ("tcpClients", ("h", 80, 7.5, ("a", 0)))),
        ("unix:/a", ("unixClients", ("/a", 30, False))),
        ("unix:path=/a:timeout=7:lockfile=1", ("unixClients", ("/a", 7, True))),
    ],
)
def test_clients(description, asked):
    """The description of a client says what is asked of the reactor."""
    reactor = MemoryReactor()

    clientFromString(reactor, description).connect(FACTORY)

    (call,) = getattr(reactor, asked[0])
    assert tuple(value for value in call if not hasattr(value, "buildProtocol")) == asked[1]


def test_what_would_be_asked():
    """What Twisted's own programs ask of a description: the reactor's method and arguments."""
    asked = endpoints._parseServer("unix:/a:mode=600", "factory")

    assert asked == ("UNIX", ("/a", "factory"), {"backlog": 50, "mode": 0o600, "wantPID": True})


def test_stdio():
    """`stdio:` describes this process' standard input and output."""
    assert isinstance(serverFromString(None, "stdio:"), endpoints.StandardIOEndpoint)


# ── what is malformed ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("description", "kind", "says"),
    [
        ("", ValueError, "Unknown endpoint type: ''"),
        ("80", ValueError, "Unknown endpoint type: '80'"),
        ("nope:1", ValueError, "Unknown endpoint type: 'nope'"),
        ("port=80", ValueError, "doesn't begin with a kind"),
        ("tcp", TypeError, "'port'.*tcp:<port>"),
        ("tcp:", ValueError, "port is a number, not ''"),
        ("tcp:x", ValueError, "port is a number, not 'x'"),
        ("tcp:-1", ValueError, "from 0 to 65535"),
        ("tcp:65536", ValueError, "from 0 to 65535"),
        ("tcp:80:backlog=x", ValueError, "backlog is a number"),
        ("tcp:80:foo=1", TypeError, "'foo'.*tcp:<port>"),
        ("tcp:80:port=81", TypeError, "'port'.*tcp:<port>"),
        ("tcp:80:backlog=1:backlog=2", ValueError, "'backlog' twice"),
        ("tcp:80:1:2:3", TypeError, "too many"),
        ("tcp:80\\", ValueError, "ends in a backslash"),
        ("tcp6:80:interface=::1", TypeError, r"'interface'.*with \\: for each colon"),
        ("unix", TypeError, "'address'.*unix:<path>"),
        ("unix:/a:mode=9", ValueError, "octal"),
        ("unix:/a:lockfile=no", ValueError, "lockfile is a number"),
        ("stdio:x", ValueError, "takes nothing"),
        ("systemd:domain=INET", ValueError, "index.*or its name"),
        ("systemd:domain=INET:index=0:name=a", ValueError, "index.*or its name"),
        ("systemd:domain=NET:index=0", ValueError, "domains INET"),
        ("systemd:domain=INET:index=x", ValueError, "index is a number"),
        ("haproxy", ValueError, "haproxy: takes"),
        ("haproxy:", ValueError, "haproxy: takes"),
        ("haproxy:nope:1", ValueError, "'nope'"),
        (None, TypeError, "description is text, not"),
        (80, TypeError, "description is text, not"),
    ],
)
def test_malformed_servers(description, kind, says):
    """What is no description of a server raises at once, and says what is wrong."""
    reactor = MemoryReactor()

    with pytest.raises(kind, match=says):
        serverFromString(reactor, description)


@pytest.mark.parametrize(
    ("description", "kind", "says"),
    [
        ("nope:1", ValueError, "Unknown endpoint type: 'nope'"),
        ("stdio:", ValueError, "Unknown endpoint type: 'stdio'"),
        ("tcp:h", TypeError, "'port'.*tcp:<host>:<port>"),
        ("tcp:port=80", TypeError, "'host'.*tcp:<host>"),
        ("tcp:h:x", ValueError, "port is a number"),
        ("tcp:h:80:timeout=x", ValueError, "timeout is a number of seconds"),
        ("tcp:h:80:timeout=-1", ValueError, "timeout is a number of seconds"),
        ("tcp:h:80:timeout=nan", ValueError, "timeout is a number of seconds"),
        ("tcp:h:80:7", TypeError, "too many"),
        ("unix", TypeError, "'path'.*unix:<path>"),
        ("tls:h", TypeError, "'port'.*tls:<host>:<port>"),
        ("ssl:h", TypeError, "'port'.*ssl:<host>:<port>"),
        (None, TypeError, "description is text, not"),
    ],
)
def test_malformed_clients(description, kind, says):
    """What is no description of a client raises at once, and says what is wrong."""
    with pytest.raises(kind, match=says):
        clientFromString(MemoryReactorClock(), description)


def test_unknown_kind_says_which_there_are():
    """The error for an unknown kind names the kinds, and where others come from."""
    with pytest.raises(ValueError, match="nope") as caught:
        serverFromString(None, "nope:1")

    assert "tcp6" in caught.value.__notes__[0]
    assert "reactorlite.stream_servers" in caught.value.__notes__[0]


# ── quoting ──────────────────────────────────────────────────────────────────────────────


@given(st.text())
def test_any_value_can_be_quoted(value):
    """Whatever a value is, quoted it is one field."""
    assert fields(f"k:a={quoteStringArgument(value)}:b") == (("k", "b"), {"a": value})


def test_quoted():
    """Colons and backslashes have a backslash before them."""
    assert quoteStringArgument(r"C:\temp") == r"C\:\\temp"


@given(
    st.lists(st.text().filter(lambda text: "=" not in text), min_size=1),
    st.dictionaries(
        st.text(min_size=1).filter(lambda text: not set(":=\\") & set(text)), st.text()
    ),
)
def test_fields_are_written_as_they_are_read(plain, named):
    """A description written of its fields is read as these."""
    assert fields(written(tuple(plain), named)) == (tuple(plain), named)


# ── kinds of other packages ──────────────────────────────────────────────────────────────


FAKE = """
class Parser:
    prefix = "fake"

    def parseStreamServer(self, *args, **kwargs):
        return ("server", args, kwargs)

    def parseStreamClient(self, *args, **kwargs):
        return ("client", args, kwargs)


parser = Parser()
"""


def test_kinds_from_entry_points(tmp_path, monkeypatch):
    """A package's entry points add kinds, and get the reactor and the fields."""
    about = tmp_path / "fake-1.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Name: fake\nVersion: 1\n")
    tmp_path.joinpath("fake_endpoints.py").write_text(FAKE)
    about.joinpath("entry_points.txt").write_text(
        "[reactorlite.stream_servers]\nfake = fake_endpoints:parser\n"
        "[reactorlite.stream_clients]\nfake = fake_endpoints:parser\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    server = serverFromString("reactor", "fake:one:two=three")
    client = clientFromString("reactor", "fake:one")

    assert server == ("server", ("reactor", "one"), {"two": "three"})
    assert client == ("client", ("reactor", "one"), {})


def test_own_kinds_are_parsers_too():
    """The parsers of our kinds provide the interfaces that others' do."""
    assert IStreamServerEndpointStringParser.providedBy(endpoints._SystemdParser())
    assert IStreamClientEndpointStringParserWithReactor.providedBy(
        endpoints._TLSClientEndpointParser()
    )
    assert endpoints.IStreamServerEndpointStringParser is IStreamServerEndpointStringParser


# ── inherited sockets ────────────────────────────────────────────────────────────────────


def here(**variables):
    """An environment with variables that are meant for this process."""
    return {"LISTEN_PID": str(os.getpid()), **variables}


@pytest.mark.parametrize(
    ("variables", "descriptors", "names"),
    [
        (here(LISTEN_FDS="2"), [3, 4], {}),
        (here(LISTEN_FDS="2", LISTEN_FDNAMES="a:b"), [3, 4], {"a": 3, "b": 4}),
        (here(LISTEN_FDS="2", LISTEN_FDNAMES="a"), [], {}),
        (here(LISTEN_FDS="x"), [], {}),
        (here(), [], {}),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "2"}, [], {}),
        ({"LISTEN_PID": "", "LISTEN_FDS": "2"}, [], {}),
        ({}, [], {}),
    ],
)
def test_environment(variables, descriptors, names):
    """The environment says how many descriptors there are, from 3 on, and their names."""
    inherited = ListenFDs.fromEnvironment(variables)

    assert inherited.inheritedDescriptors() == descriptors
    assert inherited.inheritedNamedDescriptors() == names


def test_inherited_descriptors_are_values():
    """Those with the same descriptors and names are equal, and show them."""
    inherited = ListenFDs.fromEnvironment(here(LISTEN_FDS="1", LISTEN_FDNAMES=""))

    assert inherited == ListenFDs([3], [""])
    assert inherited != ListenFDs([4], [""])
    assert len({inherited, ListenFDs([3], [""])}) == 1
    assert repr(inherited) == "ListenFDs([3], ('',))"


def test_environment_is_read_once():
    """The variables are taken out: a child process isn't to take them for its own."""
    variables = here(LISTEN_FDS="1", LISTEN_FDNAMES="a", OTHER="x")

    ListenFDs.fromEnvironment(variables, start=7)

    assert variables == {"OTHER": "x"}


INHERITING = """
    import os, socket, sys
    os.environ["LISTEN_PID"] = str(os.getpid())
    from reactorlite.internet.endpoints import serverFromString
    from reactorlite.internet.testing import MemoryReactor
    for which in ("index=1", "name=web"):
        endpoint = serverFromString(None, "systemd:domain=INET:" + which)
        adopted = socket.socket(fileno=os.dup(endpoint.fileno))
        print(adopted.getsockname()[1], endpoint.addressFamily == socket.AF_INET)
        adopted.close()
    for which in ("index=2", "name=other"):
        try:
            serverFromString(None, "systemd:domain=INET:" + which)
        except (IndexError, KeyError) as exc:
            print(type(exc).__name__, "no inherited descriptor" in str(exc))
"""


@pytest.fixture
def at_their_places():
    """Starts a program as systemd does, with sockets at the descriptors 3 and on."""
    started = []

    def start(program, **sockets):
        numbers = [each.fileno() for each in sockets.values()]
        away = "".join(f"os.dup2({n}, {100 + i});" for i, n in enumerate(numbers))
        back = "".join(f"os.dup2({100 + i}, {3 + i});" for i in range(len(numbers)))
        run = "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        command = [sys.executable, "-c", f"import os, sys;{away}{back}{run}"]
        started.append(
            subprocess.Popen(
                [*command, "-c", textwrap.dedent(program)],
                env={
                    **os.environ,
                    "LISTEN_FDS": str(len(sockets)),
                    "LISTEN_FDNAMES": ":".join(sockets),
                    "PYTHONPATH": str(Path(reactorlite.__file__).parents[1]),
                },
                pass_fds=numbers,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows hands descriptors over otherwise")
def test_sockets_handed_over_by_systemd(at_their_places):
    """A process that is started as systemd starts one finds its sockets by index and by name."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        output, _ = at_their_places(INHERITING, admin=one, web=two).communicate(timeout=40)
        number = two.getsockname()[1]

    assert output.splitlines() == [
        f"{number} True",
        f"{number} True",
        "IndexError True",
        "KeyError True",
    ]


SERVING = """
    import os
    os.environ["LISTEN_PID"] = str(os.getpid())
    from reactorlite.internet import reactor
    from reactorlite.internet.endpoints import serverFromString
    from reactorlite.internet.protocol import Factory, Protocol

    class Greeting(Protocol):
        def connectionMade(self):
            self.transport.write(b"hello")
            self.transport.loseConnection()

        def connectionLost(self, reason):
            reactor.stop()

    serverFromString(reactor, "systemd:domain=INET:name=web").listen(Factory.forProtocol(Greeting))
    reactor.run()
"""


@pytest.mark.skipif(not hasattr(Reactor, "adoptStreamPort"), reason="no port is adopted yet")
def test_serving_a_socket_of_systemds(at_their_places):
    """Who connected before the server was started is served, and the server ends in order."""
    with (
        socket.create_server(("127.0.0.1", 0)) as web,
        socket.create_connection(web.getsockname(), 10) as early,
    ):
        server = at_their_places(SERVING, web=web)
        with early.makefile("rb") as answer:
            greeting = answer.read()

    assert (greeting, server.wait(30)) == (b"hello", 0)
