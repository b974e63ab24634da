"""Samples to Prometheus, Mimir, Thanos or VictoriaMetrics by remote write 1.0, with a spool on disk in between."""

from inferdeck.store.remote_write.sender import Backoff
from inferdeck.store.remote_write.sink import RemoteWriteSink, RemoteWriteStats

__all__ = ["Backoff", "RemoteWriteSink", "RemoteWriteStats"]
