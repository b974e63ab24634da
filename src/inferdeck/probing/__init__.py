"""Proves where a gateway sends requests, by sending some: cases, sender, statistics, causes, reports."""
