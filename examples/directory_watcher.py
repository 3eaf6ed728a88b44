"""Tells what happens in a directory, and in those in it, as it happens.

    python examples/directory_watcher.py [DIRECTORY]

DIRECTORY is the present one unless given. Each change is a line: what it was, and to which
file. When the directory itself is removed, the program ends; Ctrl-C ends it too. Linux only.
"""

import os
import sys

from reactorlite.internet import inotify, reactor
from reactorlite.python.filepath import FilePath

MASK = inotify.IN_WATCH_MASK & ~inotify.IN_ATTRIB


class Watcher(inotify.INotify):
    """Ends the program when there is nothing left to watch."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.root = FilePath(os.fsencode(directory))
        self.watch(self.root, MASK, autoAdd=True, recursive=True, callbacks=[self.tell])
        self.startReading()

    def tell(self, _: object, path: FilePath[bytes], mask: int) -> None:
        if path == self.root:
            name = "the directory itself"
        else:
            name = os.fsdecode(b"/".join(path.segmentsFrom(self.root)))
        print(" ".join(inotify.humanReadableMask(mask)), name, sep=": ", flush=True)
        if path == self.root and mask & inotify.IN_DELETE_SELF:
            reactor.stop()


if __name__ == "__main__":
    directory = sys.argv[1] if sys.argv[1:] else "."
    Watcher(directory)
    print("watching", directory, flush=True)
    reactor.run()
