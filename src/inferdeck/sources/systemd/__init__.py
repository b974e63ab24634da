"""The units of systemd that a stack runs as."""
