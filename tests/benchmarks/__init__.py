"""What an operation costs: reactorlite beside raw asyncio, uvloop and Twisted.

    python -m tests.benchmarks                     everything, in four minutes
    python -m tests.benchmarks --only echo-100     one case
    python -m tests.benchmarks --quick --only close --sides raw,reactorlite

CPU time is compared, not elapsed time: elapsed time is shared with the load and with whatever
else the machine does, while the CPU time of the server's process is what the operation cost,
kernel included. A server that needs half of it serves twice as many clients on one core.

Every server runs in a process of its own. The load runs in this one: blocking sockets, buffers
made beforehand, no poll, so that it is cheaper than what it measures (its own cost is printed
too). Load and servers share one core. Rounds go over all sides in turn, so a slow moment of the
machine hits every side; the medians are compared. The children run with `-E`, so that
environment variables neither turn on debugging nor keep byte code from being stored, and with
the garbage collector as Python sets it up.

What is measured, and the bounds it must keep, are the entries of `cases.py`. The programs stand
side by side in `on_epoll.py`, `on_asyncio.py` and `on_twisted.py`; the last is played by Twisted
and by reactorlite. Sides that are not installed are left out, by name. Needs a Unix; the floor,
and `connect`, whose peer it is, need Linux.
"""
