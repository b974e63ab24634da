"""Ollama, on a machine or in its cloud."""
