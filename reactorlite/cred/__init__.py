"""Who may come in, and what they then have before them: portals, checkers and credentials."""
