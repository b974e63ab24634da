"""What is pushed to us."""
