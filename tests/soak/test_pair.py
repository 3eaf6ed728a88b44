"""What holds on a connection whatever its two sides do."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import logging
import sys
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.pair import Pair, alive

LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]


class _Listening(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not text.startswith("Executing <"):  # debug mode's remark on slow machines
            self.told.append(f"{text} {record.exc_info and record.exc_info[1]!r}")


def play_pairs(loop: str, stories: int) -> None:
    """Play so many stories, and fail at the first that goes wrong, made as short as can be."""
    listening = _Listening()

    class Played(Pair):
        if loop == "uvloop":
            loop_factory = staticmethod(importlib.import_module("uvloop").new_event_loop)
        else:
            loop_factory = staticmethod(asyncio.new_event_loop)

        def teardown(self) -> None:
            super().teardown()
            told, listening.told = listening.told, []
            assert not told, self._story(told[0])

    chosen = settings(
        max_examples=stories,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    logging.getLogger().addHandler(listening)
    try:
        run_state_machine_as_test(Played, settings=chosen)
    finally:
        logging.getLogger().removeHandler(listening)


@pytest.mark.parametrize("loop", LOOPS)
def test_whatever_both_sides_do(loop: str) -> None:
    """Bytes come in order, each side is lost once and hears nothing after, nothing is left."""
    unraisable: list[Any] = []
    sys.unraisablehook, before = unraisable.append, sys.unraisablehook

    try:
        play_pairs(loop, 60)
        gc.collect()
    finally:
        sys.unraisablehook = before

    assert [args.exc_value for args in unraisable] == []
    assert alive() == []
