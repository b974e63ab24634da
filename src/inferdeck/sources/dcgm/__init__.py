"""NVIDIA's dcgm-exporter."""
