"""Lines of text that programs write: what time and level they have, which belong together, how they are shown."""
