"""The one place where the library looks upwards, to what stands on asyncio.

Functions that take an optional `reactor` or `clock` fall back to "the current reactor", and the
endpoint of standard input and output needs what opens these. The look-up is deferred to the
call, so that no module here needs a reactor to be imported, and so that the answer is the
reactor of the loop that runs at that moment.
"""

from __future__ import annotations

from typing import Any


def current_reactor() -> Any:
    """The reactor that `reactorlite.internet.reactor` stands for at this moment."""
    # Upwards, which only this module may: see tests/test_layers.py.
    from reactorlite.internet.asyncioreactor import current_reactor

    return current_reactor()


def standard_io() -> Any:
    """The module `reactorlite.internet.stdio`."""
    import reactorlite.internet.stdio as stdio  # type: ignore[import-not-found,unused-ignore]

    return stdio
