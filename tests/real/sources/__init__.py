"""Our sources beside the real programs that they read."""
