"""`inferdeck widget`: prints what the daemon has drawn, at little more than the cost of an empty Python.

Everything here imports the standard library alone, and what stands on the way to the daemon's socket only what an empty
Python has loaded anyway (sys, os, time) and `_socket`. So some small rules of other folders stand here once more:
where the socket is (config/places.py), the names of widgets and hosts (model/widget.py). Tests hold both equal.
"""
