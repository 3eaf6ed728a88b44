"""aiohttp in coroutines that Twisted-style code runs: a client and a server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reactorlite.internet import defer
from reactorlite.internet.defer import Deferred, ensureDeferred

aiohttp = pytest.importorskip("aiohttp", reason="it is an asyncio library to be awaited")

from aiohttp import web  # noqa: E402  # once it is known to be there

Runner = Callable[[Coroutine[Any, Any, Any]], Any]


def as_generator(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Run a coroutine by yielding it to `inlineCallbacks`."""

    @defer.inlineCallbacks
    def generator() -> Any:
        return (yield coroutine)

    return generator()


@asynccontextmanager
async def site(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """A server of aiohttp's, and its address."""
    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        served = web.TCPSite(runner, "127.0.0.1", 0)
        await served.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("run", [asyncio.create_task, ensureDeferred, as_generator])
def test_a_request_of_aiohttp_s_can_be_awaited(run: Runner) -> None:
    """A session, its request and its time-out work, and a Deferred beside them."""

    async def answer(request: web.Request) -> web.Response:
        d: Deferred[str] = Deferred()
        asyncio.get_running_loop().call_later(0, d.callback, "by a Deferred")
        return web.Response(text=await d)

    async def ask(url: str) -> tuple[int, str]:
        limit = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as response:
            return response.status, await response.text()

    async def main() -> Any:
        async with site(answer) as url:
            return await run(ask(url))

    seen = asyncio.run(main())

    assert seen == (200, "by a Deferred")


def test_cancelling_a_deferred_ends_a_request() -> None:
    """The coroutine is told, and aiohttp gives up the request."""
    seen: list[Any] = []

    async def ask(url: str) -> None:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(url) as response:
                    seen.append(response.status)
            except defer.CancelledError:
                seen.append("cancelled")
                raise

    async def main() -> None:
        asked, cancelled = asyncio.Event(), asyncio.Event()

        async def answer(request: web.Request) -> web.Response:
            asked.set()
            await cancelled.wait()
            return web.Response()

        async with site(answer) as url:
            d = ensureDeferred(ask(url))
            await asked.wait()
            d.cancel()
            cancelled.set()
            with pytest.raises(defer.CancelledError):
                await d

    asyncio.run(main())

    assert seen == ["cancelled"]
