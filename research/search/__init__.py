"""Which symbols, how many at once: searches, their judgement, and the file the coordinator loads."""
