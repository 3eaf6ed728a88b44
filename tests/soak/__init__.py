"""Many connections, hostile peers and chance: what is left over, and what goes wrong.

    python -m tests.soak --help

opens, uses and closes 10,000 connections in each of the ways connections end, and prints what
is left. The ordinary tests play the same ways with few connections.
"""
