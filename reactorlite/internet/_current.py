"""The one place where the library itself asks for "the current reactor".

Functions that take an optional `reactor` or `clock` fall back to it. The look-up is
deferred to the call, so that no module here needs a reactor to be imported, and so that
the answer is the reactor of the loop that runs at that moment.
"""

from __future__ import annotations

from typing import Any


def current_reactor() -> Any:
    """The reactor that `reactorlite.internet.reactor` stands for at this moment."""
    # Upwards, and the only import that is: see tests/test_layers.py.
    from reactorlite.internet.asyncioreactor import current_reactor

    return current_reactor()
