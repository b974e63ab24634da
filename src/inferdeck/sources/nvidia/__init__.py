"""The NVIDIA cards of this machine through NVML, under the names of dcgm-exporter."""
