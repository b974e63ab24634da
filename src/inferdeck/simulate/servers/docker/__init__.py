"""A Docker Engine API whose containers are the processes of one host."""

from inferdeck.simulate.servers.docker.server import Docker, build

__all__ = ["Docker", "build"]
