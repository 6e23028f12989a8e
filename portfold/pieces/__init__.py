"""Work in pieces, done in this process, in several, or on a cluster: alike to the last bit, wherever."""
