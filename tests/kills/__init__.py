"""Real processes killed with -9 wherever it could hurt, and what must hold afterwards: `make kills`."""
