"""The coordinator as a process: who leads, what time it is, whose signs of life lapse."""
