"""The composition root: builds every layer, runs it, stops it. Nothing imports it but the command line."""
