"""What each widget shows: pure functions from the daemon's answers to a Widget, and the table of their contents."""
