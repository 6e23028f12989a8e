"""Simulation from a seed: the production coordinator, gates and flattener over a log and a network in memory.

One thread, simulated time, everything that happens chosen by one number: what breaks an invariant breaks it
again. `memory/` is the server and the way to it, `broker/` where orders go, `laws/` what must hold, `seats/`
who takes part; here lie time, what happens in it, and the runs.
"""
