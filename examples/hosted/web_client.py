"""Twisted's HTTP client: gets a page, some more of them at once, and posts to one.

    python -m reactorlite run examples/hosted/web_client.py URL [CERTIFICATE]

URL is one such as `https://localhost:8443/echo`, which may be posted to. Whom the certificate in
the file CERTIFICATE, or any that it has signed, belongs to is trusted; else whom the system trusts.
"""

import sys
from io import BytesIO
from pathlib import Path

from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.ssl import Certificate
from twisted.internet.task import react
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    FileBodyProducer,
    HTTPConnectionPool,
    readBody,
)
from twisted.web.http_headers import Headers


async def main(reactor, url, certificate=None):
    trusted = Certificate.loadPEM(Path(certificate).read_bytes()) if certificate else None
    pool = HTTPConnectionPool(reactor)
    agent = Agent(reactor, BrowserLikePolicyForHTTPS(trusted), pool=pool, connectTimeout=10)

    async def ask(method, body=None):
        headers = Headers({"user-agent": ["web_client.py"]})
        producer = None if body is None else FileBodyProducer(BytesIO(body))
        response = await agent.request(method, url.encode(), headers, producer)
        return response.code, await readBody(response)

    print("got", *await ask(b"GET"), flush=True)
    print("again", *await ask(b"GET"), flush=True)  # by the same connection
    code, answer = await ask(b"POST", b"x" * 100_000)
    print("posted", code, len(answer), flush=True)
    answers = await gatherResults([ensureDeferred(ask(b"GET")) for _ in range(5)])
    print("at once", len(answers), {code for code, _ in answers}, flush=True)
    await pool.closeCachedConnections()


if __name__ == "__main__":
    react(main, sys.argv[1:])
