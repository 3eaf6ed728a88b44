"""`pollreactor.install()`, for programs that choose a reactor: they get reactorlite's.

asyncio chooses what waits underneath: poll, where there is nothing better.
"""

from reactorlite.internet._onereactor import installer

__all__ = ["install"]

install = installer(__name__)
