"""The machine that inferdeck runs on, under node_exporter's names."""
