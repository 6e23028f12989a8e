"""`portfold flatten`: the kill switch, and the wait until all is flat."""
