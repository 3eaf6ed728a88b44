"""Twisted's own test modules as judges of reactorlite, and the ledger of where it differs.

`python -m tests.conformance [MODULE ...]` runs all of them, or those that are named, on
reactorlite, and compares with what passes on Twisted with its own asyncio reactor. That is kept
in `baseline/`; in an environment unlike the one that is named there it is found anew each time.
The ledger, `ledger/`, names each test that passes there and not here, with the reason. All of it
needs `Twisted[all-non-platform]==26.10.0` and takes some minutes.
"""
