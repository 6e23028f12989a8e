"""`portfold drill`: what saves an account on a bad day, tried on a good one."""
