"""Everything that knows both asyncio and Twisted's model."""
