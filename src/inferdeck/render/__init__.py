"""What the daemon draws for others: widgets for prompts, bars and panes."""
