"""On what the program runs."""

from __future__ import annotations

import os
import sys
from time import time as seconds

__all__ = ["Platform", "platform", "platformType", "seconds", "shortPythonVersion"]

#: What kind of platform `os.name` stands for.
knownPlatforms = {"nt": "win32", "posix": "posix"}


def shortPythonVersion() -> str:
    """The version of Python as text, such as "3.13.0"."""
    return "{}.{}.{}".format(*sys.version_info[:3])


class Platform:
    """A platform; unless it is told otherwise, the one that the program runs on.

    `type` is "posix", "win32", or None if it is neither.
    """

    seconds = staticmethod(seconds)

    def __init__(self, name: str | None = None, platform: str | None = None) -> None:
        self.type = knownPlatforms.get(os.name if name is None else name)
        self._platform = sys.platform if platform is None else platform

    def isKnown(self) -> bool:
        """Whether it is of a known type."""
        return self.type is not None

    def getType(self) -> str | None:
        """The type."""
        return self.type

    def isMacOSX(self) -> bool:
        """Whether it is macOS."""
        return self._platform == "darwin"

    def isWindows(self) -> bool:
        """Whether it is Windows."""
        return self.type == "win32"

    def isLinux(self) -> bool:
        """Whether it is Linux."""
        return self._platform.startswith("linux")

    def supportsThreads(self) -> bool:
        """Whether there are threads: always."""
        return True

    def supportsINotify(self) -> bool:
        """Whether `reactorlite.internet.inotify` works here."""
        return self.isLinux()


platform = Platform()
platformType = platform.getType()
