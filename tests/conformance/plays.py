"""Which of Twisted's documentation examples are played, with whom, and which aren't, and why."""

from __future__ import annotations

from typing import NamedTuple


class Play(NamedTuple):
    """A server to wait for, and a client; each an example's file with its arguments, or a peer."""

    folder: str
    server: tuple[str, ...] | None = None
    port: int = 0
    client: tuple[str, ...] | None = None
    stdin: str = ""


def _core(*args: object, **kw: object) -> Play:
    return Play("core/examples", *args, **kw)  # type: ignore[arg-type]  # as it stands


def _web(*args: object, **kw: object) -> Play:
    return Play("web/examples", *args, **kw)  # type: ignore[arg-type]  # as it stands


def _daemon(file: str) -> tuple[str, ...]:
    return ("twistd", "-n", "--pidfile=", "-y", file)


PLAYS = {
    # core: TCP
    "echo": _core(("echoserv.py",), 8000, ("echoclient.py",)),
    "simple": _core(("simpleserv.py",), 8000, ("simpleclient.py",)),
    "chat": _core(_daemon("chatserver.py"), 1025, ("say", "1025", "hello", "again")),
    "amp": _core(("ampserver.py",), 1234, ("ampclient.py",)),
    "long multiplication": _core(("longex.py",), 1234, ("say", "1234", "2 3 4", "5 6")),
    "long multiplication 2": _core(("longex2.py",), 1234, ("say", "1234", "2 3 4", "5 6")),
    "streaming": _core(("streaming.py",), 1234, ("say", "1234", "0")),
    "credentials": _core(("cred.py",), 4738, ("say", "4738", "USER user", "PASS pass")),
    "postfix map": _core(("postfix.py", "a", "b"), 4242, ("say", "4242", "get a", "get x")),
    "ftp": _core(("ftpserver.py",), 21, ("ftp",)),
    "pty": _core(("ptyserv.py",), 5823, ("say", "5823", "echo from the $((40+2))nd")),
    # core: perspective broker
    "pb simple": _core(("pbsimple.py",), 8789, ("pbsimpleclient.py",)),
    "pb exceptions": _core(client=("pb_exceptions.py",)),
    # core: TLS
    "echo over TLS": _core(("echoserv_ssl.py",), 8000, ("echoclient_ssl.py",)),
    "TLS with certificates": _core(
        ("ssl_clientauth_server.py",), 8000, ("ssl_clientauth_client.py",)
    ),
    "STARTTLS": _core(("starttls_server.py",), 8000, ("starttls_client.py",)),
    # core: datagrams, files, log
    "echo of datagrams": _core(("echoserv_udp.py",), 0, ("datagram", "8000", "hello")),
    "datagrams": _core(("echoserv_udp.py",), 0, ("echoclient_udp.py",)),
    "standard input": _core(client=("stdin.py",), stdin="one\ntwo\n"),
    "commands on standard input": _core(client=("stdiodemo.py",), stdin="help\nquit\n"),
    "descriptors over a UNIX socket": _core(
        ("sendfd.py", "socket", "cred.py"), 0, ("recvfd.py", "socket")
    ),
    "log": _core(client=("testlogging.py",)),
    "rotating log": _core(client=("rotatinglog.py",)),
    "bananas": _core(client=("bananabench.py",)),
    # web
    "web": _web(("web.py",), 1999, ("get", "http://127.0.0.1:1999/")),
    "httpclient": _web(("web.py",), 1999, ("httpclient.py", "http://127.0.0.1:1999/")),
    "xmlrpc": _web(
        ("xmlrpcserver.py",), 7080, ("rpc", "http://127.0.0.1:7080/", "echo", "2", "'x'")
    ),
    "xmlrpc fault": _web(("xmlrpcserver.py",), 7080, ("rpc", "http://127.0.0.1:7080/", "fail")),
    "xmlrpc deferred": _web(("xmlrpcserver.py",), 7080, ("rpc", "http://127.0.0.1:7080/", "defer")),
    "webguard": _web(("webguard.py",), 8889, ("digest", "http://127.0.0.1:8889/", "joe", "blow")),
    "proxy": _web(("proxy.py",), 8080, ("via", "http://127.0.0.1:8080", "http://127.0.0.1:9/")),
    "logging proxy": _web(
        ("logging-proxy.py",), 8080, ("via", "http://127.0.0.1:8080", "http://127.0.0.1:9/")
    ),
    "silly web": _web(("silly-web.py",), 19988, ("get", "http://127.0.0.1:19988/")),
    "resource scripts": _web(
        ("twistd", "-n", "--pidfile=", "web", "--listen=tcp:8123", "--path=."),
        8123,
        ("get", "http://127.0.0.1:8123/hello.rpy", "http://127.0.0.1:8123/fortune.rpy"),
    ),
    # conch, mail, names
    "mail": Play("mail/examples", _daemon("emailserver.tac"), 2500, ("mail", "guest", "password")),
    "host by name": Play("names/examples", client=("gethostbyname.py", "localhost")),
    "telnet": Play(
        "conch/examples", _daemon("telnet_echo.tac"), 6023, ("say", "6023", "hello", "again")
    ),
}

NOT_PLAYED = {
    "core/examples/pbbench*.py": "measures, and never ends",
    "core/examples/pbecho*.py": "fail on Twisted too: their password is text, and wants bytes",
    "core/examples/shaper.py": "fails on Twisted too: a class in it has no name",
    "web/examples/getpage.py, dlpage.py": "fail on Twisted too: getPage and downloadPage are gone",
    "core/examples/courier.py": "wants the folders of an installed Courier",
    "core/examples/dbcred.py": "wants a database",
    "core/examples/pbgtk2.py, pyuidemo.py, tkinterdemo.py, wxacceptance.py, wxdemo.py": "a screen",
    "core/examples/threadedselect": "a screen",
    "core/examples/shoutcast.py, tls_alpn_*.py": "want servers of the network",
    "web/examples/advogato.py, xmlrpcclient.py": "want servers of the network",
    "web/examples/reverse-proxy.py": "a server of the network",
    "words/examples": "want servers of the network, or a screen",
    "names/examples, the others": "want servers of the network",
    "conch/examples, the others": "a terminal; tests/hosting/test_ssh.py has servers and clients",
    "mail/examples/*.py": "want servers of the network",
    "pair/examples": "a network device of one's own",
}
