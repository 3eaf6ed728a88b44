"""How trial finds our reporter, and how that finds its file."""

from __future__ import annotations

FILE = "REACTORLITE_CONFORMANCE_FILE"
"""The environment variable that names the file."""

PLUGIN = """
from twisted.plugin import IPlugin
from twisted.trial.itrial import IReporter
from zope.interface import implementer


@implementer(IPlugin, IReporter)
class _Offer:
    name = "Outcomes"
    description = "writes what became of each test to a file"
    longOpt = "outcomes"
    shortOpt = None
    module = "tests.conformance.reporting"
    klass = "OutcomeReporter"


offer = _Offer()
"""
"""The plug-in by which trial finds the reporter, for a directory `twisted/plugins`."""
