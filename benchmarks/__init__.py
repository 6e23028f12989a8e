"""Measures what portfold costs: each benchmark is a program, `python -m benchmarks.<name>`.

They are no tests: nothing fails for being slow. Each prints its figures, the machine they were measured on
and the figures to expect; the reader judges. `measuring/` holds what they share, `children/` the processes
they start.
"""
