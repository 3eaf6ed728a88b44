"""What takes Twisted programs over: `python -m reactorlite run`, and the import finder under it.

Aside of the layers: the modules here import the standard library and each other, and find the
rest of reactorlite, and Twisted where that is installed, by name.
"""

from __future__ import annotations

from reactorlite.porting.finder import install_as_twisted

__all__ = ["install_as_twisted"]
