"""Protocols, Deferreds and the reactor; module paths mirror `twisted.internet`."""
