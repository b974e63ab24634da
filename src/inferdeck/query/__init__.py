"""What a face may ask, answered from the store's reader protocol and from what the runner knows."""
