"""Several reactors at once: each runs in a thread and listens on a port of its own.

    python examples/reactors_in_threads.py [NUMBER]

There are 3 unless told otherwise. In each thread, `reactorlite.internet.reactor` is the one
that runs there, so that protocols written for a single reactor need not know. Ctrl-C ends
them all.
"""

import sys
import threading

from reactorlite import Reactor
from reactorlite.internet import reactor
from reactorlite.internet.protocol import Factory, Protocol


class Counter(Protocol):
    """Tells a client where it is, and that its reactor lives."""

    def connectionMade(self) -> None:
        self.tell(1)

    def tell(self, number: int) -> None:
        self.transport.write(f"{threading.current_thread().name}: {number}\n".encode())
        if number < 3:
            reactor.callLater(0.01, self.tell, number + 1)
        else:
            self.transport.loseConnection()


def main(number: int = 3) -> None:
    threads = []
    for index in range(number):
        own = Reactor()
        port = own.listenTCP(0, Factory.forProtocol(Counter))
        print(f"reactor {index} listens on port {port.getHost().port}")
        threads.append(threading.Thread(target=own.run, name=f"reactor {index}"))
        reactor.addSystemEventTrigger("before", "shutdown", own.callFromThread, own.stop)
    # The main thread's own reactor is there for Ctrl-C, which only that thread hears.
    for thread in threads:
        reactor.callWhenRunning(thread.start)
    reactor.run()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
