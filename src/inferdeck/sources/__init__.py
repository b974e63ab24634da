"""One folder per watched system, and what they share: reading, parsing, repair, mapping, scheduling."""
