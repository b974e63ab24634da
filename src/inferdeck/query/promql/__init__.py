"""PromQL: the language of Prometheus 3, parsed with positions and evaluated with numpy over the reader protocol."""
