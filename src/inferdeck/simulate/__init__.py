"""A fleet in a box: one seeded model of a serving stack, servers with the real wire formats, a ledger of the truth."""
