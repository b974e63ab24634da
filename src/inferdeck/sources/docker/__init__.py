"""Docker, and Podman, which speaks its API."""
