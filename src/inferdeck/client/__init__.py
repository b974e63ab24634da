"""The daemon's questions asked from outside."""
