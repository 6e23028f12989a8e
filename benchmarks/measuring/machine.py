"""Names the machine and the server of a measurement, without which its figures mean nothing."""

import os
import platform
from pathlib import Path

from portfold.events.wire.bus import Bus


def machine_line() -> str:
    """Names the processor, the number of usable cores, Python and the system."""
    return f"{_processor()}, {_cores()} cores, Python {platform.python_version()}, {platform.system()}"


def load_line() -> str:
    """Names how busy the machine is with all that runs on it, the benchmark included."""
    return f"load {os.getloadavg()[0]:.1f} over the last minute"


def server_line(bus: Bus, appendfsync: str) -> str:
    """Names the server, and when it syncs a write to disk."""
    facts = bus.server()
    name, number = facts.get("server_name", "redis"), facts.get("valkey_version") or facts["redis_version"]
    return f"{name} {number} on 127.0.0.1, appendfsync {appendfsync}"


def _processor() -> str:
    """Returns the model as Linux reports it; elsewhere what Python knows, if only the architecture."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            name, _, model = line.partition(":")
            if name.strip() == "model name":
                return model.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
