"""Ports for servers that tests start: below those the system gives to clients, and apart for each worker.

A server that is stopped and started again must find its port free: no other worker, and no client, takes it meanwhile.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST, OF_A_WORKER, WORKERS = 15_000, 4_000, 4


def _ports() -> itertools.chain[int]:
    """All ports of this worker, beginning anywhere, so that two runs side by side seldom meet."""
    name = os.environ.get("PYTEST_XDIST_WORKER", f"gw{WORKERS - 1}")
    first = FIRST + int(name.removeprefix("gw")) % WORKERS * OF_A_WORKER
    start = first + random.SystemRandom().randrange(OF_A_WORKER)
    return itertools.chain(range(start, first + OF_A_WORKER), range(first, start))


_unused = _ports()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that nobody uses now and nobody here was given before."""
    global _unused
    for _ in range(2):
        for port in _unused:
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        _unused = _ports()
    raise AssertionError("no port is free")
