"""`inferdeck demo`: the daemon beside a simulated fleet, with a month of its past.

Three processes: the daemon with a data directory of its own, the fleet on loopback, and for some minutes one that plays
the past and hands it to the daemon through its bulk door. When the first ends, however it ends, the others do too.
"""
