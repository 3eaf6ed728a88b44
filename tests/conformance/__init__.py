"""Twisted's own test modules as judges of reactorlite, and the ledger of where it differs.

`python -m tests.conformance [MODULE ...]` runs them on reactorlite, and on Twisted with its own
asyncio reactor, and compares. The ledger, `ledger.toml`, names each test that passes there and
not here, with the reason. It needs Twisted with what its tests import (PyHamcrest).
"""
