"""`iocpreactor.install()`, for programs that choose a reactor: they get reactorlite's.

asyncio chooses what waits underneath: I/O completion ports, with its proactor loop.
"""

from reactorlite.internet._onereactor import installer

__all__ = ["install"]

install = installer(__name__)
