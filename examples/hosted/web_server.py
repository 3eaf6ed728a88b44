"""Twisted's HTTP server, its resources and its files.

    python -m reactorlite run examples/hosted/web_server.py DIRECTORY [PLACE ...]

`/` greets, `/echo` sends back what is posted to it, `/count?to=9` counts slowly, and
`/files/` has what is in DIRECTORY. A PLACE to listen at is written as Twisted's endpoints are,
such as `tcp:8080`, `ssl:8443:privateKey=key.pem` or `unix:web.sock`; it is `tcp:8080` unless one
is given.
"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import LoopingCall, react
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data, File


class Echo(Resource):
    def render_POST(self, request):
        return request.content.read()


class Count(Resource):
    """Says numbers one by one, in chunks: how long the answer is isn't known before its end."""

    def __init__(self, reactor):
        super().__init__()
        self.reactor = reactor

    def render_GET(self, request):
        numbers = iter(range(1, int(request.args[b"to"][0]) + 1))

        def say():
            number = next(numbers, None)
            if number is None:
                counting.stop()
            else:
                request.write(b"%d\n" % number)

        counting = LoopingCall(say)
        counting.clock = self.reactor
        request.notifyFinish().addErrback(lambda gone: counting.running and counting.stop())
        counting.start(0.01).addCallback(lambda _: request._disconnected or request.finish())
        return NOT_DONE_YET


async def main(reactor, directory, *places):
    root = Resource()
    root.putChild(b"", Data(b"hello\n", "text/plain"))
    root.putChild(b"echo", Echo())
    root.putChild(b"count", Count(reactor))
    root.putChild(b"files", File(directory))
    for place in places or ["tcp:8080"]:
        port = await serverFromString(reactor, place).listen(Site(root))
        host = port.getHost()
        print("port", getattr(host, "port", None) or host.name.decode(), flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
