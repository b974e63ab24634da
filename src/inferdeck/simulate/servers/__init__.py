"""One module per program of the fleet: what it counts is a fold of the event log; it speaks its real wire format."""
