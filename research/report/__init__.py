"""Trading days as one HTML file that needs nothing but a browser: no network, no folder beside it."""
