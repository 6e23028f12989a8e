"""Where bars come from. A new feed is one file with one class that meets `protocol.Feed`."""
