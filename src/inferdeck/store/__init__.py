"""Where samples are kept: the protocols, the embedded store and the remote-write sink."""
