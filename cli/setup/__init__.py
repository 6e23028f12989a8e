"""What is set up once: the configuration, completion in the shell."""
