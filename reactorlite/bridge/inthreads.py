"""The reactor's threads: a pool of its own, that begins and ends with it.

Not asyncio's default executor, for that also looks up names: jobs that block would leave no
thread for them.
"""

from __future__ import annotations

from asyncio import _get_running_loop
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from reactorlite.internet.defer import Deferred, succeed
from reactorlite.python import threadable
from reactorlite.python.threadpool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import ParamSpec

    from reactorlite.bridge.guest import Guard
    from reactorlite.bridge.scope import Scope

    P = ParamSpec("P")

#: How many threads a reactor has at most, unless it was suggested otherwise.
_SIZE = 10


class ReactorPool(ThreadPool):
    """A pool in whose threads the reactor it belongs to is the current one."""

    def __init__(self, size: int, as_current: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(0, size, "reactorlite.internet.reactor")
        self._as_current = as_current

    def _new_context(self) -> Context:
        with self._as_current():
            return copy_context()


class InThreads:
    """What a reactor does with threads: the part of it that keeps the pool.

    The pool is made when it is first asked for, starts when the reactor does, and ends in
    the shut-down: the jobs given before are waited for, while the loop goes on to turn.
    """

    if TYPE_CHECKING:
        _guard: Guard | None
        _scope: Scope

        @property
        def _is_started(self) -> bool: ...

        _as_current: Callable[[], AbstractContextManager[None]]

    threadpool: ThreadPool | None = None
    _pool_size = _SIZE
    _pool_is_ending = False

    def __init__(self) -> None:
        self._cancel_at_end: dict[Deferred[Any], None] = {}

    def getThreadPool(self) -> ThreadPool:
        """The pool, made now if there is none."""
        pool = self.threadpool
        if pool is None:
            pool = self.threadpool = ReactorPool(self._pool_size, self._as_current)
            if self._is_started:
                pool.start()
        return pool

    def callInThread(
        self, callable: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Call `callable` in a thread; what it returns is dropped, what it raises is logged.

        Before the reactor has started the call waits for that. `stop()` lets the jobs end
        that were given before it, while the reactor goes on; a second signal ends the wait.
        """
        self.getThreadPool().callInThread(callable, *args, **kwargs)

    def suggestThreadPoolSize(self, size: int) -> None:
        """Let there be at most `size` threads; 10 if nothing is said."""
        self.getThreadPool().adjustPoolsize(maxthreads=size)
        self._pool_size = size

    def runs_here(self) -> bool:
        """Whether it is this reactor's loop that runs in the thread this is called in."""
        loop = _get_running_loop()
        return loop is not None and loop is self._scope.loop

    def cancel_at_end(self, deferred: Deferred[Any]) -> None:
        """Cancel `deferred` if it has no result when the reactor ends.

        For what a thread waits on: the reactor in turn waits for its threads. To be called
        in the reactor's thread.
        """
        if deferred.called:
            return
        if self._pool_is_ending:
            deferred._cancel_firmly()
            return
        self._cancel_at_end[deferred] = None
        deferred.addBoth(self._forget, deferred)

    def _forget(self, result: Any, deferred: Deferred[Any]) -> Any:
        self._cancel_at_end.pop(deferred, None)
        return result

    def _start_threads(self) -> None:
        threadable.registerAsIOThread()
        self._pool_is_ending = False
        if self.threadpool is not None:
            self.threadpool.start()

    def _end_threads(self, _: object = None) -> Deferred[None]:
        """Let the jobs end; the `Deferred` fires when they have."""
        loop, pool = self._scope.loop, self.threadpool
        if pool is None or loop is None:
            return succeed(None)
        self._pool_is_ending = True
        for each in list(self._cancel_at_end):
            # Whatever the canceller raises: the thread is to go on.
            each._cancel_firmly()
        ended: Deferred[None] = Deferred()

        def jobs_are_done() -> None:
            try:
                loop.call_soon_threadsafe(ended.callback, None)
            except RuntimeError:
                # The host closed its loop without waiting for this: nobody is left to tell.
                if not loop.is_closed():
                    raise

        if not pool.stop_soon(jobs_are_done):
            if self._guard is None:
                # In turn, behind the results that the last jobs have handed over.
                jobs_are_done()
            else:
                # A host's loop goes on, and may not wait for this turn before it is closed.
                ended.callback(None)
        return ended.addCallbacks(self._threads_ended, self._threads_left, (pool,))

    def _threads_ended(self, _: None, pool: ThreadPool) -> None:
        # They have no job any more, so this takes no time; and no thread is seen afterwards.
        pool.stop()
        self.threadpool = None
        self._pool_is_ending = False

    def _stopThreadPool(self) -> None:
        """Stop the pool, blocking for its jobs, and forget it and its size.

        Trial calls this between tests, after it has suggested a size of 0.
        """
        pool, self.threadpool = self.threadpool, None
        self._pool_size = _SIZE
        if pool is not None:
            pool.stop()

    def _threads_left(self, _: object) -> None:
        self.threadpool = None
        self._pool_is_ending = False

    def _waiting_jobs(self) -> list[str]:
        """The jobs that no thread has begun, for people to read."""
        return [] if self.threadpool is None else self.threadpool.waiting_jobs()
