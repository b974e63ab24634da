"""How things were at an earlier moment, from the history alone."""
