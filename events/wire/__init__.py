"""Everything that speaks to the server: connections, streams and keys, the embedded server."""
