"""Taking off the end of a log what makes it useless, and going on."""
