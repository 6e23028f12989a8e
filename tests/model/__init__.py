"""The model of lease, commit and failover, gone through by Spin."""
