"""The reactor's part that watches descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.bridge.loops import check_thread

if TYPE_CHECKING:
    from reactorlite.bridge.descriptors import Watched
    from reactorlite.bridge.scope import Scope


class Descriptors:
    """What a reactor does with descriptors: it has the loop watch them.

    These are descriptors of people's own. The reactor's ports and connections are
    transports of the loop's, which it watches by itself.
    """

    if TYPE_CHECKING:
        _scope: Scope

    _watched: Watched | None = None

    def addReader(self, reader: Any) -> None:
        """Call `reader.doRead()` whenever there is something to read at `reader.fileno()`.

        What `doRead` raises is logged. If it raises or answers an exception, the reader is
        removed, and its `connectionLost` called with that as the reason; after
        `CONNECTION_DONE` `readConnectionLost`, if it is an `IHalfCloseableDescriptor`. A
        descriptor that is closed is to be removed first. Raises `TypeError` and `ValueError`
        for what has no `fileno()` or is closed, and `NotImplementedError` on a loop that
        watches no descriptors.
        """
        check_thread(self._scope.loop, "reactor.addReader")
        self._watching().readers.add(reader)

    def addWriter(self, writer: Any) -> None:
        """Call `writer.doWrite()` whenever `writer.fileno()` has room; see `addReader`."""
        check_thread(self._scope.loop, "reactor.addWriter")
        self._watching().writers.add(writer)

    def removeReader(self, reader: Any) -> None:
        """Watch it for reading no more; nothing happens if it wasn't."""
        if self._watched is not None:
            check_thread(self._scope.loop, "reactor.removeReader")
            self._watched.readers.remove(reader)

    def removeWriter(self, writer: Any) -> None:
        """Watch it for writing no more; nothing happens if it wasn't."""
        if self._watched is not None:
            check_thread(self._scope.loop, "reactor.removeWriter")
            self._watched.writers.remove(writer)

    def getReaders(self) -> list[Any]:
        """What is watched for something to read: what `addReader` was given, ports, connections.

        A connection stands there as its transport, unless it is paused or about to end.
        """
        theirs = [] if self._watched is None else list(self._watched.readers.numbers)
        ports = [port for port in self._scope.ports if not port.disconnecting]
        reading = [each.out for each in self._scope.connections if each.reads]
        return [*theirs, *ports, *reading]

    def getWriters(self) -> list[Any]:
        """What waits for room to write: what `addWriter` was given, and transports with data."""
        theirs = [] if self._watched is None else list(self._watched.writers.numbers)
        transports = [each.out for each in self._scope.connections]
        return [*theirs, *(out for out in transports if out is not None and out.unsent)]

    def _watching(self) -> Watched:
        if self._watched is None:
            # Few programs have descriptors of their own.
            from reactorlite.bridge.descriptors import Watched

            self._watched = Watched(self._scope)
        return self._watched
