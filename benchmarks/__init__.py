"""What portfold costs, measured: each benchmark is a program, `python -m benchmarks.<name>`, and prints a table.

They are not tests: nothing fails for being slow, the reader judges, against the line that says what to expect.
"""
