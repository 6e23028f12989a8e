"""Several real servers on this machine: a primary with replicas and Sentinels, and a cluster."""
