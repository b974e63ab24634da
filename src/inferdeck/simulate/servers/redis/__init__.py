"""A Redis 7.0.15 whose content is a fold of the world: a small RESP server that answers every observer."""

from inferdeck.simulate.servers.redis.server import Redis, build

__all__ = ["Redis", "build"]
