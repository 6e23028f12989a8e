"""`portfold status`: how are we?"""
