"""The embedded metric store."""
