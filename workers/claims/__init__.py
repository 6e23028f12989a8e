"""One name, one process: who is at work under a name, and who stands by for it."""
