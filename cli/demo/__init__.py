"""The demo: a whole portfolio on one machine, from the server to the strategies, living through a bad day."""
