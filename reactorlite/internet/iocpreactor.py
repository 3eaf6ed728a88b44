"""`iocpreactor.install()`, for programs that choose a reactor: they get reactorlite's.

asyncio chooses what waits underneath: I/O completion ports, with its proactor loop.
"""

import sys

from reactorlite.internet._onereactor import installer

if sys.platform != "win32":
    raise ImportError("completion ports are Windows': use `default.install()`, or none at all")

__all__ = ["install"]

install = installer(__name__)
