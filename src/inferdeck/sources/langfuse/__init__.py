"""Langfuse, version 3 and 4, self-hosted or in its cloud."""
