"""A pool of threads that work off a queue of jobs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from itertools import count
from typing import Any, ParamSpec, TypeVar

from reactorlite.python import log
from reactorlite.python._deprecations import warn_of
from reactorlite.python._saying import name_of
from reactorlite.python.failure import Failure

__all__ = ["ThreadPool"]

P = ParamSpec("P")
T = TypeVar("T")


class ThreadPool:
    """Between `min` and `max` threads, made when there is work and then kept, and their jobs.

    Jobs given before `start` wait for it. The threads don't keep the process alive: a
    program that is to wait for its jobs calls `stop`. `threads` lists those there are,
    `joined` is true from `stop` on, and `started` between the two.
    """

    min = 5
    max = 20
    joined = False
    started = False

    threadFactory = threading.Thread

    def __init__(self, minthreads: int = 5, maxthreads: int = 20, name: str | None = None) -> None:
        _check_sizes(minthreads, maxthreads)
        self.min = minthreads
        self.max = maxthreads
        self.name = name
        self.threads: list[threading.Thread] = []
        self._set_up()

    def _set_up(self) -> None:
        self._lock = threading.Lock()
        self._work_or_end = threading.Condition(self._lock)
        self._next_number = count().__next__
        self._jobs: deque[_Job] = deque()
        self._idle = 0  # threads without a job, those that are just being started too
        self._leaving = 0  # how many of these were asked to leave
        self._last: list[threading.Thread] = []  # the threads that `stop` found
        self._then: Callable[[], object] | None = None

    @staticmethod
    def currentThread() -> threading.Thread:
        """The thread that calls this. Deprecated: see `threading.current_thread`."""
        warn_of(f"{__name__}.ThreadPool.currentThread", "22.1.0", "threading.current_thread")
        return threading.current_thread()

    # -- beginning and end

    def start(self) -> None:
        """Start `min` threads, and more if as many jobs wait; may be called again after `stop`."""
        with self._lock:
            self.joined = False
            self.started = True
            self._then = None
            for _ in range(min(max(self.min, len(self._jobs)), self.max) - len(self.threads)):
                self._start_thread()

    def stop(self) -> None:
        """Take no more jobs, and block until those that were given before are done.

        Raises `RuntimeError` in one of its own threads, for which it would wait for ever.
        """
        if threading.current_thread() in self.threads:
            raise RuntimeError("a thread of the pool can't stop it: it can't wait for itself")
        self._close(None)
        for thread in self._last:
            thread.join()

    def stop_soon(self, then: Callable[[], object]) -> bool:
        """As `stop`, without blocking; whether jobs are left.

        If so, the thread that does the last of them calls `then()`; else nobody does.
        """
        return self._close(then)

    def _close(self, then: Callable[[], object] | None) -> bool:
        """Take no more jobs; whether some are left, of which the last one calls `then`."""
        with self._lock:
            if not self.joined:
                self.joined = True
                if not self.started:
                    self._jobs.clear()
                self.started = False
                self._last = list(self.threads)
            busy = bool(self._jobs) or self._idle < len(self.threads)
            if busy and then is not None:
                self._then = then
            self._work_or_end.notify_all()
            return busy

    # -- jobs

    def callInThread(self, func: Callable[P, object], *args: P.args, **kw: P.kwargs) -> None:
        """Call `func(*args, **kw)` in a thread; what it returns is dropped, what it raises logged.

        It has the context (`contextvars`) of this call. After `stop` nothing happens.
        """
        self.callInThreadWithCallback(None, func, *args, **kw)

    def callInThreadWithCallback(
        self,
        onResult: Callable[[bool, Any], object] | None,
        func: Callable[P, object],
        *args: P.args,
        **kw: P.kwargs,
    ) -> None:
        """As `callInThread`, and then `onResult(True, result)` or `onResult(False, failure)`.

        That is called in the same thread.
        """
        if not callable(func):
            raise TypeError(f"a thread needs something to call, not {func!r}")
        job = _Job(self._new_context(), func, args, kw, onResult)
        with self._lock:
            if self.joined:
                return
            self._jobs.append(job)
            if not self.started:
                return
            if len(self._jobs) > self._idle and len(self.threads) < self.max:
                self._start_thread_for_job()
            self._work_or_end.notify()

    def _new_context(self) -> Context:
        """The context of a job that is given now."""
        return copy_context()

    # -- the number of threads

    def adjustPoolsize(self, minthreads: int | None = None, maxthreads: int | None = None) -> None:
        """Change `min` and `max`; threads that are too many leave when they have no job.

        Raises `AssertionError` for numbers that no pool can have.
        """
        low = self.min if minthreads is None else minthreads
        high = self.max if maxthreads is None else maxthreads
        _check_sizes(low, high)
        with self._lock:
            self.min, self.max = low, high
            if self.started:
                wanted = min(max(low, len(self.threads) + len(self._jobs) - self._idle), high)
                for _ in range(wanted - len(self.threads)):
                    self._start_thread()
            self._work_or_end.notify_all()

    def startAWorker(self) -> None:
        """Start one more thread, unless there are `max`."""
        with self._lock:
            if self.started and len(self.threads) < self.max:
                self._start_thread()

    def stopAWorker(self) -> None:
        """Let one thread end when it has no job."""
        with self._lock:
            if self._leaving < len(self.threads):
                self._leaving += 1
                self._work_or_end.notify()

    @property
    def workers(self) -> int:
        """How many threads there are."""
        return len(self.threads)

    @property
    def working(self) -> list[None]:
        """As long as there are threads with a job."""
        return [None] * (len(self.threads) - self._idle)

    @property
    def waiters(self) -> list[None]:
        """As long as there are threads without one."""
        return [None] * self._idle

    @property
    def _queue(self) -> _Waiting:
        return _Waiting(self._jobs)

    def waiting_jobs(self) -> list[str]:
        """The names of what no thread has begun, for people to read."""
        return [name_of(job.func) for job in list(self._jobs)]

    def dumpStats(self) -> None:
        """Log how many jobs and threads there are."""
        log.msg(
            f"{len(self._jobs)} jobs wait, {len(self.working)} threads work,"
            f" {self._idle} wait for a job"
        )

    # -- inside: with the lock held

    def _start_thread_for_job(self) -> None:
        try:
            self._start_thread()
        except RuntimeError:
            # The system has no more to give. Others will come to the job, if there are any.
            if not self.threads:
                self._jobs.pop()
                raise

    def _start_thread(self) -> None:
        thread = self.threadFactory(
            target=self._work, name=f"PoolThread-{self.name or id(self)}-{self._next_number()}"
        )
        thread.daemon = True
        thread.start()
        self.threads.append(thread)
        self._idle += 1

    def _has_to_leave(self) -> bool:
        if len(self.threads) > self.max and not self.joined:
            return True
        if self._jobs:
            return False
        if self._leaving:
            self._leaving -= 1
            return True
        return self.joined

    # -- inside: in a thread of the pool

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            job.do()
            del job  # while this waits for another, nothing of it is to be kept
            with self._lock:
                self._idle += 1

    def _next_job(self) -> _Job | None:
        with self._lock:
            while not self._has_to_leave():
                if self._jobs:
                    self._idle -= 1
                    return self._jobs.popleft()
                self._work_or_end.wait()
            self._idle -= 1
            self.threads.remove(threading.current_thread())
            then = None
            if not self.threads:
                then, self._then = self._then, None
        if then is not None:
            then()
        return None

    # -- pickling: a pool that waits to be started

    def __getstate__(self) -> dict[str, Any]:
        return {"min": self.min, "max": self.max, "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["min"], state["max"], state["name"])  # type: ignore[misc]  # that is its state


class _Job:
    """One call, and who is to have its result."""

    __slots__ = ("_args", "_context", "_kw", "_on_result", "func")

    def __init__(
        self,
        context: Context,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kw: dict[str, Any],
        on_result: Callable[[bool, Any], object] | None,
    ) -> None:
        self.func: Callable[..., Any] | None = func
        self._context = context
        self._args = args
        self._kw = kw
        self._on_result = on_result

    def do(self) -> None:
        """Make the call and hand the result on, or log what went wrong."""
        succeeded, result, name = self._call()
        if self._on_result is not None:
            try:
                self._context.run(self._on_result, succeeded, result)
            except BaseException:
                log.err(Failure(), "Unhandled error in what takes the result of a thread's job")
        elif not succeeded:
            log.err(result, f"Unhandled error in {name}, called in a thread")

    def _call(self) -> tuple[bool, Any, str]:
        # Nothing of the call is kept while its result is taken.
        func, args, kw = self.func, self._args, self._kw
        assert func is not None
        self.func, self._args, self._kw = None, (), {}
        try:
            return True, self._context.run(func, *args, **kw), ""
        except BaseException:
            return False, Failure(), name_of(func)


class _Waiting:
    """The jobs that wait, as a queue that can be asked for its length."""

    def __init__(self, jobs: deque[_Job]) -> None:
        self.qsize = jobs.__len__


def _check_sizes(minthreads: int, maxthreads: int) -> None:
    # Twisted's promise is an AssertionError; unlike a statement it survives `python -O`.
    if minthreads < 0:
        raise AssertionError(f"a pool can't have {minthreads} threads: minimum is negative")
    if minthreads > maxthreads:
        raise AssertionError(f"minimum is greater than maximum: {minthreads} > {maxthreads}")
