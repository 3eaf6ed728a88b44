"""How much memory a process has. Imports nothing that `import asyncio` would, if it came first."""

import gc
import resource


def resident() -> int:
    """Count the bytes of memory that this process has resident, after a collection."""
    gc.collect()
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        # The most there ever was, in bytes on macOS: growth shows in it as well.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
