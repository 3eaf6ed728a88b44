"""The reasons for ends of connections that are ready-made: answers, and compared by identity."""

from __future__ import annotations

from reactorlite.internet import error

CONNECTION_DONE = error.ConnectionDone("Connection done")
CONNECTION_LOST = error.ConnectionLost("Connection lost")
