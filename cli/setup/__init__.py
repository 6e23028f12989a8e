"""Set-up, done once: the configuration, completion in the shell."""
