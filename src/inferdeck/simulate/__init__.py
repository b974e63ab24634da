"""A fleet in a box: one seeded model of a serving stack, servers that speak the real wire formats, a ledger of the truth."""
