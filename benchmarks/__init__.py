"""What portfold costs, measured: each benchmark is a program, `python -m benchmarks.<name>`.

They are no tests: nothing fails for being slow. Each prints its figures, what they were measured on, and what
to expect; the reader judges. `measuring/` is what they measure with, `children/` the processes they start.
"""
