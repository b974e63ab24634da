"""What the user writes: one optional inferdeck.yaml, environment variables and secrets."""
