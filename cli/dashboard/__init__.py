"""`portfold dashboard`: a page that is always open, in a browser or on a phone, and metrics for machines."""
