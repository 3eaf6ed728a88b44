"""Play scenarios on one side and print their events as JSON.

    python play.py SIDE LOOP [MODULE[:SCENARIO] ...]

SIDE is `twisted` or `reactorlite`, LOOP `asyncio` or `uvloop` (Twisted's own reactor takes no
heed of it). Each play has a process of its own, a copy of one that has imported the side and made
no reactor. Without SCENARIO, those of the module that are not `alone` are played one after the
other in one run of the reactor. For each play a line of JSON says how it went.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import logging
import os
import sys
import tempfile
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from stage import SCENARIOS, Scenario, Stage, drive

LIMIT = 100
"""Seconds after which a play shows where it hangs, and ends."""

#: What a side imports before it plays. None of them makes a reactor.
IMPORTED = {
    "twisted": ("internet.default", "internet.endpoints", "internet.task", "protocols.tls"),
    "reactorlite": ("internet.asyncioreactor", "internet.endpoints", "internet.task"),
}


class Stories:
    """The scenarios' stages, the latest of which gets what is logged."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.stage: Stage | None = None
        self.events: dict[str, dict[str, list[str]]] = {}

    def begin(self, name: str) -> Stage:
        """A fresh stage."""
        self.stage = Stage(self.side)
        self.events[name] = self.stage.events
        return self.stage

    def log(self, *event: Any) -> None:
        """Add what was logged to the story that is on."""
        if self.stage is not None:
            self.stage.record("log", *event)

    def unraisable(self, args: Any) -> None:
        """Add what could not be raised anywhere."""
        self.log("unraisable", f"{type(args.exc_value).__name__}: {args.exc_value}")


class ToStories(logging.Handler):
    """Sends what loggers of the standard library say to the story that is on."""

    def __init__(self, stories: Stories) -> None:
        super().__init__(logging.WARNING)
        self.stories = stories

    def emit(self, record: logging.LogRecord) -> None:
        """Tell an error by its exception, and everything else by its text."""
        text = record.getMessage()
        if record.name.startswith("asyncio") and text.startswith("Executing <"):
            return  # Debug mode's remark on slow machines.
        if record.name.startswith("asyncio"):
            self.stories.log("asyncio says", text)
        elif record.exc_info and record.exc_info[1] is not None:
            self.stories.log("error", record.exc_info[1])
        else:
            self.stories.log(record.levelname.lower(), text)


def listen_to_log(stories: Stories) -> None:
    """Have errors that are logged appear among the events."""
    if stories.side == "twisted":
        from twisted.python import log

        def observe(event: dict[str, Any]) -> None:
            if not event.get("isError"):
                return
            failure = event.get("failure")
            if failure is not None:
                stories.log("error", failure.type)
            elif not (text := log.textFromEventDict(event)).startswith("Unhandled error in Def"):
                # That line only announces the failure, which is an event of its own.
                stories.log("error", text)

        log.startLoggingWithObserver(observe, setStdout=False)
    for name in ("reactorlite", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(ToStories(stories))
        logger.propagate = False
    sys.unraisablehook = stories.unraisable


def choose_loop(side: str, loop: str) -> None:
    """Have reactorlite run on uvloop, by its public way."""
    if side == "reactorlite" and loop == "uvloop":
        import uvloop

        asyncioreactor = importlib.import_module("reactorlite.internet.asyncioreactor")
        asyncioreactor.install(uvloop.new_event_loop())


def play_together(stories: Stories, reactor: Any, scenarios: list[Scenario]) -> None:
    """Play scenarios one after the other in one run of the reactor."""
    waiting = iter(scenarios)

    def begin() -> None:
        scenario = next(waiting, None)
        if scenario is None:
            reactor.stop()
            return
        stage = stories.begin(scenario.name)
        stage.reactor = reactor
        result = scenario.act(stage)
        if isinstance(result, types.GeneratorType):
            drive(stage, result, lambda: end(stage))
        else:
            end(stage)

    def end(stage: Stage) -> None:
        # What nobody holds any more may have something to say.
        gc.collect()
        try:
            stage.strike()
        finally:
            # A few turns, so that what was closed is out of the next one's way.
            reactor.callLater(0.005, begin)

    reactor.callWhenRunning(begin)
    reactor.run()


def play(side: str, loop: str, module: str, only: str) -> None:
    """Play, and print the events."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    stories = Stories(side)
    listen_to_log(stories)
    choose_loop(side, loop)
    reactor: Any = importlib.import_module(f"{side}.internet.reactor")
    if side == "reactorlite":
        reactor = importlib.import_module("reactorlite.internet").reactor
    if not only:
        of_module = [s for s in SCENARIOS.values() if s.act.__module__ == module]
        play_together(stories, reactor, [s for s in of_module if not s.alone])
        print(json.dumps(stories.events))
        return
    stage = stories.begin(only)
    stage.reactor = reactor
    try:
        SCENARIOS[only].act(stage)
        gc.collect()
    finally:
        print(json.dumps(stories.events), flush=True)


def apart(act: Callable[[], None]) -> dict[str, Any]:
    """Do something in a copy of this process; how that ended, and what it wrote."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            act()
            sys.exit()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"status": status, "out": out.read(), "err": err.read()}


def main(side: str, loop: str, *plays: str) -> None:
    """Play one after the other, and tell how each went."""
    for name in IMPORTED[side]:
        with suppress(ModuleNotFoundError):  # Twisted's TLS, without pyOpenSSL
            importlib.import_module(f"{side}.{name}")
    for each in plays:
        importlib.import_module(each.partition(":")[0])
    gc.collect()
    gc.freeze()  # what is there by now need not be looked through again and again
    for each in plays:
        module, _, only = each.partition(":")
        went = apart(lambda module=module, only=only: play(side, loop, module, only))
        print(json.dumps({"play": each, **went}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
