"""Addresses of servers, as people write them: below all that connects to one."""
