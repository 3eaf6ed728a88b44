"""Names that ported test suites import, as in Twisted."""
