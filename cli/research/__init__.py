"""`portfold research`: what the portfolio should be, decided by the rules it will be held to."""
