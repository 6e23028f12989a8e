"""Simulation from a seed: the production coordinator, gates and flattener over a log, a clock and a network in memory.

One thread, everything that happens chosen by one number, so that whatever breaks an invariant breaks it again.
"""
