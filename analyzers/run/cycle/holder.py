"""Who runs the cycles: one process of one machine, distinct from a later one of the same number."""

from __future__ import annotations

import os
import socket

from mlmon.elastic.node.process import ProcessIdentity


def this_process() -> str:
    """Return the name of this process: its host, its number, and when it started."""
    identity = ProcessIdentity.of(os.getpid())
    return f"{socket.gethostname()}:{identity.pid}:{identity.started}"


def has_ended(holder: str) -> bool:
    """Whether a process of this host has ended; of another host's nobody knows here."""
    host, _, rest = holder.rpartition(":")
    host, _, pid = host.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        return ProcessIdentity(int(pid), float(rest)).find() is None
    except ValueError:
        return False
