"""A small page by `twisted.web`, which comes from the installed Twisted on every side.

On Twisted's own side it stands on the reactor that Twisted takes by default; on reactorlite's it
is hosted, as by `python -m reactorlite run`.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.sides import BACKLOG, HOST, PAGE, Side


def serve(side: Side, case: str, started: Callable[[int], object]) -> None:
    """Serve the page for ever, after telling the port to `started`."""
    if side.package == "reactorlite":
        from reactorlite.porting.running import choose_loop, install_as_twisted

        choose_loop("uvloop" if side.uvloop else "asyncio")
        install_as_twisted()
    from twisted.internet import reactor
    from twisted.web.resource import Resource
    from twisted.web.server import Site
    from twisted.web.static import Data

    root = Resource()
    root.putChild(b"", Data(PAGE, "text/html"))
    site = Site(root)
    site.noisy = False
    port = reactor.listenTCP(0, site, backlog=BACKLOG, interface=HOST)
    started(port.getHost().port)
    reactor.run()
