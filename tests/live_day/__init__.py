"""A trading day in a minute or two: a live portfolio whole, real clients, fake vendors, and much trouble."""
