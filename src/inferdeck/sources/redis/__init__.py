"""Redis and Valkey, read with INFO under redis_exporter's names."""
