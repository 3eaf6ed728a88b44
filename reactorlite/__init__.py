"""Twisted's programming model on asyncio's own event loop, transports and TLS.

Imports go down this table, never up, and form no cycle (`tests/test_layers.py`):

    4 front door   internet.reactor
    3 façade       internet.asyncioreactor, internet.main
    2 bridge       bridge.*
    1 semantics    internet.defer, internet.protocol, internet._futures …
    0 vocabulary   python.*, internet.error, internet.address, internet.interfaces
"""
